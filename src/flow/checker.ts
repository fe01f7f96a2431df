import { z } from 'zod';
import { contentFaults } from './content-faults.ts';
import { type FlowFault, flowFault } from './fault.ts';
import { type Flow, type FlowNode, flowSchema, limits, nodeSchema, typeOf } from './flow.ts';
import { graphFaults } from './graph-faults.ts';
import { duplicateKeys, jsonSyntaxFault } from './json-text.ts';
import type { Path } from './marks.ts';
import { shapeFaults, valueAt } from './shape-faults.ts';

export type { FlowFault, FlowFaultCode } from './fault.ts';

export interface CheckOptions {
  /** Whether a prompt file is there; the path is relative to the flow folder. */
  fileExists: (path: string) => boolean;
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
    return refuse([flowFault(['nodes'], 'too-large', `${count} nodes; at most ${limits.nodes} are allowed`)]);
  }
  const parsed = flowSchema.safeParse(input);
  const faults = parsed.success ? [] : shapeFaults(parsed.error.issues, input, (path) => fieldsAt(input, path));
  // Zod drops this name without a word.
  if (typeof nodesFound === 'object' && nodesFound !== null && Object.hasOwn(nodesFound, '__proto__')) {
    faults.push(flowFault(['nodes', '__proto__'], 'bad-key', '"__proto__" can\'t be the id of a node'));
  }
  const nodes = parsed.success ? new Map(Object.entries(parsed.data.nodes)) : soundNodes(nodesFound);
  const languages = declaredLanguages(input);
  faults.push(...contentFaults(input, nodes, languages, options, faultsMax));
  if (parsed.success && faults.length < faultsMax) faults.push(...graphFaults(parsed.data));
  return parsed.success && faults.length === 0 ? { ok: true, flow: parsed.data } : refuse(faults);
}

/** Checks a flow file's text: also that it is JSON, not too long, and names nothing twice. */
export function checkFlowText(text: string, options: CheckOptions): CheckResult {
  if (text.length > limits.flowChars) {
    return refuse([flowFault([], 'too-large', `${text.length} characters; at most ${limits.flowChars} are allowed`)]);
  }
  const syntaxFault = jsonSyntaxFault(text);
  if (syntaxFault) return refuse([syntaxFault]);
  const twice = duplicateKeys(text);
  const result = checkFlow(JSON.parse(text), options);
  if (twice.length === 0) return result;
  return refuse([...twice, ...(result.ok ? [] : result.faults)]);
}

function refuse(faults: FlowFault[]): CheckResult {
  return { ok: false, faults: faults.slice(0, faultsMax) };
}

function soundNodes(found: unknown): Map<string, FlowNode> {
  if (typeof found !== 'object' || found === null) return new Map();
  const sound = Object.entries(found).flatMap(([id, node]) => {
    const parsed = nodeSchema.safeParse(node);
    return parsed.success ? [[id, parsed.data] as const] : [];
  });
  return new Map(sound);
}

const languagePart = z.object({ language: z.string().default('ja'), languages: z.array(z.string()).default([]) });

function declaredLanguages(input: unknown): string[] {
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
