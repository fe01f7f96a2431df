import { z } from 'zod';
import { flowSchema, limits } from './flow.ts';
import { nodeTypes } from './nodes/index.ts';
import { ringSeconds } from './nodes/overflow.ts';

/** The part of JSON Schema that our schemas make. */
interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  required?: string[];
  default?: unknown;
  description?: string;
  minimum?: number;
  maximum?: number;
}

const intro = `# Flow language

Made from the node types by \`scripts/make-flow-docs.ts\`; don't edit. \`flow.schema.json\` is the same for editors: name it
in \`$schema\` and an editor completes and checks while you write. \`checkFlow\` finds what a schema can't: lost targets,
unreachable nodes, loops, missing files.

A flow is a JSON file. The call begins at \`start\` and goes from node to node until a \`hangup\`. Keys pressed before a
node asks for them are kept (${limits.keysAhead} at most) and used in order, each once. A flow has at most ${limits.nodes} nodes; a call enters
at most ${limits.stepsPerCall} nodes, and at most ${limits.stepsPerEvent} without the caller hearing something. A flow that fails while it runs plays the apology and
ends the call with the outcome \`flow-fault\`.
`;

const promptPart = `## Prompts

A prompt says what is heard in each language: \`{"ja": {"file": "prompts/ja/menu.wav"}, "en": {"text": "Press 1."}}\`. \`*\`
stands for every language without an entry of its own. A list plays one after the other. The sounds:

| sound | meaning |
|---|---|
| \`{"file": "prompts/ja/menu.wav"}\` | a WAV file (8 or 16 kHz, mono, 16 bit), relative to the flow folder |
| \`{"text": "…"}\` | spoken, where a voice for the language is installed; \`{{name}}\` stands for a variable |
| \`{"digitsOf": "name", "folder": "prompts/ja/digits"}\` | a variable read out by digits, from the files 0.wav to 9.wav |
| \`{"fileOf": "name", "folder": "prompts/ja/places", "values": ["1", "2"], "otherwise": "prompts/ja/places/more.wav"}\` | the file that the value of a variable picks: \`2\` → \`prompts/ja/places/2.wav\`; any other value, or none: \`otherwise\` |
| \`{"tone": "%(400,200,450)", "loops": 2}\` | a tone: ms on, ms off, Hz … |
| \`{"silenceMs": 500}\` | silence |
`;

const overflowPart = `## Nobody serves the caller

\`escalate\` ends in the first of these that happens:

- The account's answering service is suspended, or the queue is shut: \`closed\` at once. Who is at the desk already
  when it is suspended is served.
- An agent takes the call: \`done\` once the agent has hung up.
- The caller presses a key: \`message.goto\`, or \`callBack.goto\`. Whoever asks to be called back keeps the place in the
  queue. When the turn comes an agent's phone rings first, then the number is dialled: the digits in
  \`callBack.variable\` where it is set, otherwise the caller's own number. 110, 118 and 119, what the account's outbound
  rules forbid, and withheld numbers are refused (\`callBack.refused\`). Hanging up right after the key is
  \`call-back\` in the call log.
- The flow's own clock: after \`maxWaitSeconds\`, \`timeOut\`.
- The queue's clock, where it is shorter (its longest wait, or its limit for a queue that nobody has signed in to): the
  steps of the queue's overflow, in order, each tried when the one before could not be done. The last, \`hang-up\`, leaves
  the end to the flow: \`timeOut\` or \`noAgent\`.
- Somebody removes the queue: \`failed\`, at once.

| step of the queue | what the caller hears | then |
|---|---|---|
| \`queue\` | waits on, in the line of another queue, with the age kept, and the skills and the language asked for as far as that queue's widening says; closed, full, or nobody signed in to it for its limit: the next step | |
| \`transfer\` | ringing for ${ringSeconds} s at most, then the other party; forbidden, busy, no answer: the next step | \`done\` when that party hangs up |
| \`voicemail\` | \`message.goto\`; without one prompts/<language>/message.wav, a tone, and after the recording message-thanks.wav | the end: \`message-taken\`, \`no-message\` |
| \`callback\` | \`callBack.goto\`; without one prompts/<language>/call-back.wav. No number to call: the next step | the end: \`call-back\` |
| \`message\` | its text, in the call's language where it has one | the end: \`turned-away\` |
| \`hang-up\` | what the flow says | \`timeOut\`, \`noAgent\`, or \`failed\` |
`;

/** The reference page of the flow language, in Markdown. */
export function flowReference(): string {
  const flow = schemaOf(flowSchema);
  const nodes = nodeTypes.map(({ type, summary, schema }) => {
    const { properties = {}, ...rest } = schemaOf(schema);
    const { type: _type, note: _note, ...fields } = properties;
    return `## ${type}\n\n${summary}\n\n${table({ ...rest, properties: fields })}`;
  });
  const { nodes: _nodes, ...flowFields } = flow.properties ?? {};
  const list = nodeTypes.map(({ type, summary }) => `| [${type}](#${type}) | ${summary} |`).join('\n');
  const top = `## The file\n\n${table({ ...flow, properties: flowFields })}\n\`nodes\`: the nodes by their ids. Every node has a \`type\` and may have a \`note\` for people.\n`;
  const types = `## Node types\n\n| type | |\n|---|---|\n${list}\n`;
  return [intro, top, promptPart, types, ...nodes, overflowPart].join('\n');
}

/** Schemas shared by several fields stay references, so that a table names them instead of repeating them. */
function schemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input' }) as JsonSchema;
}

function table(schema: JsonSchema): string {
  const rows = fieldRows(schema, schema.$defs ?? {}, '');
  return ['| field | value | standard | |', '|---|---|---|---|', ...rows, ''].join('\n');
}

function fieldRows(schema: JsonSchema, shared: Record<string, JsonSchema>, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const isRequired = schema.required?.includes(name) ?? false;
    const standard = isRequired ? '**required**' : field.default === undefined ? '' : code(field.default);
    const description = field.description ?? (field.$ref ? shared[refName(field)]?.description : undefined) ?? '';
    const row = `| \`${prefix}${name}\` | ${kind(field)} | ${standard} | ${cell(description)} |`;
    return [row, ...nested(field).flatMap(([inner, path]) => fieldRows(inner, shared, `${prefix}${name}${path}.`))];
  });
}

/** The objects inside a field, with the path to them. */
function nested(field: JsonSchema): [JsonSchema, string][] {
  if (field.properties) return [[field, '']];
  if (field.items?.properties) return [[field.items, '[]']];
  if (typeof field.additionalProperties === 'object' && field.additionalProperties.properties) {
    return [[field.additionalProperties, '.<key>']];
  }
  return (field.anyOf ?? []).filter((option) => option.properties).map((option) => [option, '']);
}

const refName = (field: JsonSchema): string => field.$ref?.split('/').at(-1) ?? '';

const refKinds: Record<string, string> = {
  nodeRef: 'node id',
  prompt: '[prompt](#prompts)',
  language: 'language code',
  assignments: 'object: variable to value',
  dialNumber: 'number',
  setsVariable: 'variable',
  readsVariable: 'variable',
  dialsVariable: 'variable',
};

/** What may stand in a field, in a word or two. */
function kind(field: JsonSchema): string {
  if (field.$ref) return refKinds[refName(field)] ?? refName(field);
  if (field.enum) return field.enum.map(code).join(', ');
  if (field.anyOf)
    return field.anyOf.every((option) => option.properties) ? 'one of' : field.anyOf.map(kind).join(' or ');
  if (field.type === 'array') return field.items?.properties ? 'list' : `list of ${kind(field.items ?? {})}`;
  if (field.type === 'string') return 'text';
  if (field.type === 'object') return 'object';
  if (field.type === 'boolean') return 'true, false';
  return `${field.minimum ?? ''} to ${field.maximum ?? ''}`;
}

const code = (value: unknown): string => `\`${JSON.stringify(value)}\``;
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
