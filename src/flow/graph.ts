/** The ways between the nodes of a flow, as far as the checker needs them. */
export interface Graph {
  /** Ids in the order of the file. */
  ids: string[];
  /** To where each node can lead. */
  next: ReadonlyMap<string, readonly string[]>;
}

/** All nodes that can be reached, the first one included. `through`: whether the way goes on behind a node. */
export function reachable(graph: Graph, from: string, through: (id: string) => boolean = () => true): Set<string> {
  const seen = new Set<string>([from]);
  const open = [from];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (!through(id)) continue;
    for (const target of graph.next.get(id) ?? []) {
      if (seen.has(target)) continue;
      seen.add(target);
      open.push(target);
    }
  }
  return seen;
}

/** All nodes from which one of `goals` can be reached. */
export function leadingTo(graph: Graph, goals: readonly string[]): Set<string> {
  const previous = new Map<string, string[]>();
  for (const [id, targets] of graph.next) {
    for (const target of targets) previous.set(target, [...(previous.get(target) ?? []), id]);
  }
  const back: Graph = { ids: graph.ids, next: previous };
  return new Set(goals.flatMap((goal) => [...reachable(back, goal)]));
}

/**
 * The loops of the part of the graph that `inside` keeps: each a set of nodes that lead to each other, in the order of
 * the file. The graph is small (500 nodes), so plain reachability does.
 */
export function loops(graph: Graph, inside: (id: string) => boolean): string[][] {
  const part: Graph = {
    ids: graph.ids.filter(inside),
    next: new Map([...graph.next].map(([id, targets]) => [id, inside(id) ? targets.filter(inside) : []])),
  };
  const reach = new Map(part.ids.map((id) => [id, reachableAfter(part, id)]));
  const done = new Set<string>();
  const found: string[][] = [];
  for (const id of part.ids) {
    if (done.has(id) || !reach.get(id)?.has(id)) continue;
    const loop = part.ids.filter((other) => reach.get(id)?.has(other) && reach.get(other)?.has(id));
    for (const member of loop) done.add(member);
    found.push(loop);
  }
  return found;
}

/** What can be reached by at least one way on. */
function reachableAfter(graph: Graph, from: string): Set<string> {
  return new Set((graph.next.get(from) ?? []).flatMap((target) => [...reachable(graph, target)]));
}
