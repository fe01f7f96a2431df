/** The ways between the nodes of a flow, as far as the checker needs them. */
export interface Graph {
  /** Ids in the order of the file. */
  ids: string[];
  /** To where each node can lead. */
  next: ReadonlyMap<string, readonly string[]>;
}

/** All nodes that can be reached, the first ones included. `through`: whether the way goes on behind a node. */
export function reachable(
  graph: Graph,
  from: readonly string[],
  through = (_id: string): boolean => true,
): Set<string> {
  const seen = new Set<string>(from);
  const open = [...seen];
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
  return reachable(reversed(graph), goals);
}

/** All ways turned round. */
function reversed(graph: Graph): Graph {
  const previous = new Map<string, string[]>();
  for (const [id, targets] of graph.next) {
    for (const target of targets) {
      const before = previous.get(target);
      if (before) before.push(id);
      else previous.set(target, [id]);
    }
  }
  return { ids: graph.ids, next: previous };
}

/**
 * The loops of the part of the graph that `inside` keeps: each a set of nodes that lead to each other, in the order of
 * the file (strongly connected components, by Kosaraju's two walks).
 */
export function loops(graph: Graph, inside: (id: string) => boolean): string[][] {
  const part: Graph = {
    ids: graph.ids.filter(inside),
    next: new Map([...graph.next].map(([id, targets]) => [id, inside(id) ? targets.filter(inside) : []])),
  };
  const back = reversed(part);
  const loopOf = new Map<string, string[]>();
  for (const root of finished(part).reverse()) {
    if (loopOf.has(root)) continue;
    const members = [...reachable(back, [root], (id) => !loopOf.has(id))].filter((id) => !loopOf.has(id));
    for (const id of members) loopOf.set(id, members);
  }
  const order = new Map(part.ids.map((id, index) => [id, index]));
  const place = (id: string | undefined): number => order.get(id ?? '') ?? 0;
  return [...new Set(loopOf.values())]
    .filter(([id, other]) => other !== undefined || (id !== undefined && part.next.get(id)?.includes(id)))
    .map((members) => members.sort((a, b) => place(a) - place(b)))
    .sort(([a], [b]) => place(a) - place(b));
}

/** The nodes in the order in which a walk into the depth is done with them. */
function finished(graph: Graph): string[] {
  const seen = new Set<string>();
  const done: string[] = [];
  for (const root of graph.ids) {
    if (seen.has(root)) continue;
    seen.add(root);
    const way = [{ id: root, open: graph.next.get(root)?.values() ?? [].values() }];
    for (let here = way.at(-1); here; here = way.at(-1)) {
      const { value: next } = here.open.next();
      if (next === undefined) {
        done.push(here.id);
        way.pop();
      } else if (!seen.has(next)) {
        seen.add(next);
        way.push({ id: next, open: graph.next.get(next)?.values() ?? [].values() });
      }
    }
  }
  return done;
}
