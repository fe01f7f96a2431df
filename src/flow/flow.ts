import { z } from 'zod';
import { isTimezone } from '../kernel/time-window.ts';
import { languageRef, nodeIdPattern, nodeRef, prompt } from './marks.ts';
import type { NodeType } from './node-type.ts';
import { nodeTypes } from './nodes/index.ts';

/** Bounds of the flow language (design.md, rule 1). */
export const limits = {
  /** Characters of a flow file. */
  flowChars: 1_000_000,
  nodes: 500,
  languages: 10,
  /** Nodes entered, and keys used, within one event. */
  stepsPerEvent: 60,
  /** Nodes entered in one call. */
  stepsPerCall: 1_000,
  /** Keys kept that no node has asked for yet. */
  keysAhead: 32,
} as const;

const [firstType, ...otherTypes] = nodeTypes;

export const nodeSchema = z
  .discriminatedUnion('type', [firstType.schema, ...otherTypes.map(({ schema }) => schema)])
  .meta({ id: 'node' });

/** A flow: what a caller hears and what the keys do, as a tree of nodes. */
export const flowSchema = z.strictObject({
  $schema: z.string().max(500).optional().meta({ description: 'For editors: the path of flow.schema.json' }),
  flowId: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens'),
  title: z.string().max(200).optional(),
  language: languageRef.default('ja').meta({ description: 'In which calls begin' }),
  languages: z
    .array(languageRef)
    .min(1)
    .max(limits.languages)
    .optional()
    .meta({ description: 'All languages; every prompt must have each. Left out: only `language`' }),
  timezone: z.string().max(64).refine(isTimezone, 'a time zone like Asia/Tokyo').default('Asia/Tokyo'),
  maxCallSeconds: z.number().min(10).max(14_400).default(3_600).meta({ description: 'The call is ended after this' }),
  apology: prompt
    .optional()
    .meta({ description: 'Heard when the flow fails; left out: prompts/<language>/apology.wav' }),
  start: nodeRef,
  nodes: z
    .record(z.string().regex(nodeIdPattern, 'a node id: a letter, then letters, digits, _ or -'), nodeSchema)
    .meta({ description: 'The nodes by their ids' }),
});
export type Flow = z.output<typeof flowSchema>;
export type FlowNode = Flow['nodes'][string];

const typesByName: ReadonlyMap<string, NodeType> = new Map<string, NodeType>(
  nodeTypes.map((type) => [type.type, type]),
);

/** The definition of a node's type. @throws Error for a node that the schema has not seen. */
export function typeOf(node: { type: string }): NodeType {
  const type = typesByName.get(node.type);
  if (!type) throw new Error(`invariant broken: node type ${node.type}`);
  return type;
}

/** A node by id; undefined where there is none (also for `constructor` and the like). */
export function findNode(flow: Flow, nodeId: string): FlowNode | undefined {
  return Object.hasOwn(flow.nodes, nodeId) ? flow.nodes[nodeId] : undefined;
}

/** The languages in which the flow must be complete. */
export function languagesOf(flow: { language: string; languages?: string[] | undefined }): string[] {
  return [...new Set([flow.language, ...(flow.languages ?? [])])];
}

/** The JSON Schema of a flow file, for editors. */
export function flowJsonSchema(): unknown {
  return z.toJSONSchema(flowSchema, { io: 'input' });
}
