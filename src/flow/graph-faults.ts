import { type FlowFault, flowFault, nearest } from './fault.ts';
import { type Flow, findNode, typeOf } from './flow.ts';
import { type Graph, leadingTo, loops, reachable } from './graph.ts';
import { collectMarks } from './marks.ts';

/** Faults of the ways between nodes: unreachable nodes, loops no key can leave, ends without a word. */
export function graphFaults(flow: Flow): FlowFault[] {
  const start = meant(flow, flow.start);
  if (start === undefined) return [];
  const graph = graphOf(flow);
  const reached = reachable(graph, start);
  const unreachable = graph.ids
    .filter((id) => !reached.has(id))
    .map((id) => flowFault(['nodes', id], 'unreachable', `no way leads to "${id}"`));
  return [...unreachable, ...loopFaults(flow, graph, reached), ...silentEnds(flow, graph, start)];
}

/** A misspelt target counts as the one that was meant, so that one slip is not told as five faults. */
function meant(flow: Flow, id: string): string | undefined {
  return Object.hasOwn(flow.nodes, id) ? id : nearest(id, Object.keys(flow.nodes));
}

function graphOf(flow: Flow): Graph {
  const entries = Object.entries(flow.nodes).map(([id, node]) => {
    const targets = collectMarks(typeOf(node).schema, node)
      .filter(({ mark }) => mark === 'nodeRef')
      .flatMap(({ value }) => meant(flow, String(value)) ?? []);
    return [id, targets] as const;
  });
  return { ids: Object.keys(flow.nodes), next: new Map(entries) };
}

function loopFaults(flow: Flow, graph: Graph, reached: ReadonlySet<string>): FlowFault[] {
  const isA = (id: string, property: 'asksCaller' | 'endsCall'): boolean => {
    const node = findNode(flow, id);
    return node !== undefined && typeOf(node)[property];
  };
  const withoutKeys = loops(graph, (id) => reached.has(id) && !isA(id, 'asksCaller'));
  // A node with a missing target is told for that already.
  const ends = graph.ids.filter((id) => isA(id, 'endsCall') || hasLostTarget(flow, id));
  const canEnd = leadingTo(graph, ends);
  const trapped = loops(graph, (id) => reached.has(id) && !canEnd.has(id)).filter(
    (trap) => !withoutKeys.some((loop) => loop.some((id) => trap.includes(id))),
  );
  return [...withoutKeys, ...trapped].map((loop) => {
    const [first = '', ...others] = loop;
    const circle = [first, ...others, first].join(' → ');
    return flowFault(['nodes', first], 'endless-loop', `no key leads out of the loop ${circle}`);
  });
}

function hasLostTarget(flow: Flow, id: string): boolean {
  const node = findNode(flow, id);
  if (!node) return false;
  const targets = collectMarks(typeOf(node).schema, node).filter(({ mark }) => mark === 'nodeRef');
  return targets.some(({ value }) => meant(flow, String(value)) === undefined);
}

/** Hangups that a caller can come to without having heard anything. */
function silentEnds(flow: Flow, graph: Graph, start: string): FlowFault[] {
  const isSilent = (id: string): boolean => {
    const node = findNode(flow, id);
    return node !== undefined && !typeOf(node).isHeard(node);
  };
  const unheard = [...reachable(graph, start, isSilent)].filter((id) => {
    const node = findNode(flow, id);
    return node !== undefined && typeOf(node).endsCall && isSilent(id);
  });
  return unheard.map((id) =>
    flowFault(['nodes', id], 'ends-in-silence', 'a caller can come here without having heard anything'),
  );
}
