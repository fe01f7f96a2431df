import { z } from 'zod';
import { branchFaults } from './branch-faults.ts';
import { contentFaults } from './content-faults.ts';
import { encodingFaults } from './encoding-faults.ts';
import { type FlowFault, flowFault, type Words } from './fault.ts';
import { type Flow, type FlowNode, flowSchema, limits, nodeSchema, typeOf } from './flow.ts';
import { graphFaults } from './graph-faults.ts';
import type { HouseFacts } from './house-facts.ts';
import { duplicateKeys, jsonSyntaxFault } from './json-text.ts';
import type { Path } from './marks.ts';
import { shapeFaults, valueAt } from './shape-faults.ts';

export type { FlowFault, FlowFaultCode } from './fault.ts';

export interface CheckOptions {
  /** Whether a prompt file is there; the path is relative to the flow folder. */
  fileExists: (path: string) => boolean;
  /** What only the house knows; what it leaves out is not checked. */
  house?: HouseFacts;
  /** A flow that was published before: what has been refused only since then is let by, since calls wait for it. */
  isStored?: boolean;
}

export type CheckResult = { ok: true; flow: Flow } | { ok: false; faults: FlowFault[] };

const faultsMax = 200;

/**
 * Checks a flow (parsed JSON). A flow that is not `ok` must not be loaded (design.md, rule 6). Every fault is named,
 * as far as the shape lets one look.
 */
export function checkFlow(input: unknown, options: CheckOptions): CheckResult {
  const nodesFound = valueAt(input, ['nodes']);
  const count = typeof nodesFound === 'object' && nodesFound !== null ? Object.keys(nodesFound).length : 0;
  if (count > limits.nodes) {
    return refuse([tooLarge(['nodes'], count, limits.nodes, { en: 'nodes', ja: 'ノード' })]);
  }
  const parsed = flowSchema.safeParse(input);
  const faults = parsed.success ? [] : shapeFaults(parsed.error.issues, input, (path) => fieldsAt(input, path));
  // Zod drops this name without a word.
  if (typeof nodesFound === 'object' && nodesFound !== null && Object.hasOwn(nodesFound, '__proto__')) {
    faults.push(
      flowFault(['nodes', '__proto__'], 'bad-key', {
        en: '"__proto__" can\'t be the id of a node',
        ja: '「__proto__」はノードの名前にできません',
      }),
    );
  }
  const nodes = parsed.success ? new Map(Object.entries(parsed.data.nodes)) : soundNodes(nodesFound);
  const languages = declaredLanguages(input);
  faults.push(...contentFaults(input, nodes, languages, options, faultsMax));
  if (!options.isStored) faults.push(...encodingFaults(input));
  if (parsed.success && faults.length < faultsMax) faults.push(...graphFaults(parsed.data));
  if (!options.isStored) faults.push(...branchFaults(nodes, faultsMax - faults.length));
  return parsed.success && faults.length === 0 ? { ok: true, flow: parsed.data } : refuse(faults);
}

/** Checks a flow file's text: also that it is JSON, not too long, and names nothing twice. */
export function checkFlowText(text: string, options: CheckOptions): CheckResult {
  if (text.length > limits.flowChars) {
    return refuse([tooLarge([], text.length, limits.flowChars, { en: 'characters', ja: '文字' })]);
  }
  const syntaxFault = jsonSyntaxFault(text);
  if (syntaxFault) return refuse([syntaxFault]);
  const twice = duplicateKeys(text);
  const result = checkFlow(JSON.parse(text), options);
  if (twice.length === 0) return result;
  return refuse([...twice, ...(result.ok ? [] : result.faults)]);
}

function tooLarge(path: Path, count: number, most: number, unit: Words): FlowFault {
  const words = {
    en: `${count} ${unit.en}; at most ${most} are allowed`,
    ja: `${count} ${unit.ja}あります（最大 ${most} ${unit.ja}）`,
  };
  return flowFault(path, 'too-large', words);
}

function refuse(faults: FlowFault[]): CheckResult {
  return { ok: false, faults: faults.slice(0, faultsMax) };
}

/** Nodes of a right form, by their ids: also of a flow that is not sound as a whole. */
export function soundNodes(found: unknown): Map<string, FlowNode> {
  if (typeof found !== 'object' || found === null) return new Map();
  const sound = Object.entries(found).flatMap(([id, node]) => {
    const parsed = nodeSchema.safeParse(node);
    return parsed.success ? [[id, parsed.data] as const] : [];
  });
  return new Map(sound);
}

const languagePart = z.object({ language: z.string().default('ja'), languages: z.array(z.string()).default([]) });

/** The languages that a flow is to be complete in. */
export function declaredLanguages(input: unknown): string[] {
  const { success, data } = languagePart.safeParse(input);
  return success ? [...new Set([data.language, ...data.languages])] : [];
}

/** The names that fields may have at a place: of the flow, or of the node there. */
function fieldsAt(input: unknown, path: Path): string[] {
  if (path.length === 0) return Object.keys(flowSchema.shape);
  const type = valueAt(input, [...path.slice(0, 2), 'type']);
  if (path.length !== 2 || typeof type !== 'string')
    return ['goto', 'tries', 'prompt', 'file', 'text', 'set', 'setLanguage'];
  return Object.keys(typeOf({ type }).schema.shape);
}
