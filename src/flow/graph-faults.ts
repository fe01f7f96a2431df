import { type FlowFault, flowFault, nearest } from './fault.ts';
import { type Flow, findNode, typeOf } from './flow.ts';
import { type Graph, leadingTo, loops, reachable } from './graph.ts';
import { collectMarks } from './marks.ts';

/** Faults of the ways between nodes: unreachable nodes, loops no key can leave, ends without a word. */
export function graphFaults(flow: Flow): FlowFault[] {
  const meant = targetFinder(Object.keys(flow.nodes));
  const start = meant(flow.start);
  if (start === undefined) return [];
  const graph = graphOf(flow, meant);
  const reached = reachable(graph, [start]);
  const unreachable = graph.ids
    .filter((id) => !reached.has(id))
    .map((id) =>
      flowFault(['nodes', id], 'unreachable', { en: `no way leads to "${id}"`, ja: `「${id}」へ進む道がありません` }),
    );
  return [...unreachable, ...loopFaults(flow, graph, reached), ...silentEnds(flow, graph, start)];
}

/** A node by what was written: a misspelt target counts as the one that was meant, so one slip is not told as five. */
function targetFinder(ids: string[]): (written: string) => string | undefined {
  const known = new Map<string, string | undefined>(ids.map((id) => [id, id]));
  return (written) => {
    if (!known.has(written)) known.set(written, nearest(written, ids));
    return known.get(written);
  };
}

interface FlowGraph extends Graph {
  /** Nodes with a target that nothing comes near: told as that, not as a loop too. */
  lost: string[];
}

function graphOf(flow: Flow, meant: (written: string) => string | undefined): FlowGraph {
  const lost: string[] = [];
  const entries = Object.entries(flow.nodes).map(([id, node]) => {
    const written = collectMarks(typeOf(node).schema, node).filter(({ mark }) => mark === 'nodeRef');
    const targets = written.map(({ value }) => meant(String(value)));
    if (targets.includes(undefined)) lost.push(id);
    return [id, targets.filter((target) => target !== undefined)] as const;
  });
  return { ids: Object.keys(flow.nodes), next: new Map(entries), lost };
}

/** Nodes of a loop that are named. */
const shownMax = 10;

function loopFaults(flow: Flow, graph: FlowGraph, reached: ReadonlySet<string>): FlowFault[] {
  const isA = (id: string, property: 'asksCaller' | 'endsCall'): boolean => {
    const node = findNode(flow, id);
    return node !== undefined && typeOf(node)[property];
  };
  const withoutKeys = loops(graph, (id) => reached.has(id) && !isA(id, 'asksCaller'));
  const ends = [...graph.lost, ...graph.ids.filter((id) => isA(id, 'endsCall'))];
  const canEnd = leadingTo(graph, ends);
  const trapped = loops(graph, (id) => reached.has(id) && !canEnd.has(id)).filter(
    (trap) => !withoutKeys.some((loop) => loop.some((id) => trap.includes(id))),
  );
  return [...withoutKeys, ...trapped].map((loop) => {
    const [first = '', ...others] = loop;
    const shown = others.length > shownMax ? [...others.slice(0, shownMax), '…'] : others;
    const circle = [first, ...shown, first].join(' → ');
    return flowFault(['nodes', first], 'endless-loop', {
      en: `no key leads out of the loop ${circle}`,
      ja: `${circle} の繰り返しから抜けるキーがありません`,
    });
  });
}

/** Hangups that a caller can come to without having heard anything. */
function silentEnds(flow: Flow, graph: Graph, start: string): FlowFault[] {
  const isSilent = (id: string): boolean => {
    const node = findNode(flow, id);
    return node !== undefined && !typeOf(node).isHeard(node);
  };
  const unheard = [...reachable(graph, [start], isSilent)].filter((id) => {
    const node = findNode(flow, id);
    return node !== undefined && typeOf(node).endsCall && isSilent(id);
  });
  return unheard.map((id) =>
    flowFault(['nodes', id], 'ends-in-silence', {
      en: 'a caller can come here without having heard anything',
      ja: '発信者が何も聞かないまま、ここで通話が終わることがあります',
    }),
  );
}
