import type { Path } from './marks.ts';

/** A fault of a flow file, for the person who writes it. */
export interface FlowFault {
  /** JSON path: `$.nodes.menu.choices["1"].goto`. */
  path: string;
  code: FlowFaultCode;
  message: string;
  /** What to do about it. */
  remedy: string;
}

/** Every code with its remedy, unless a fault knows a better one. */
const remedies = {
  'not-json': 'Correct the JSON at this place',
  'too-large': 'Split the flow into several',
  'duplicate-key': 'Keep one of the two: the first would be lost',
  'bad-shape': 'Write what flows/REFERENCE.md says belongs here',
  'bad-value': 'Give a value within the bounds that flows/REFERENCE.md names',
  'bad-key': 'Rename it',
  'missing-field': 'Add the field',
  'unknown-field': 'Remove the field, or correct its name',
  'unknown-type': 'Use one of the node types of flows/REFERENCE.md',
  'missing-target': 'Name a node that exists, or add this one',
  'ends-in-silence':
    'Name the node that follows; a call ends in a hangup node that the caller has heard something before',
  unreachable: 'Lead to it from another node, or remove it',
  'endless-loop':
    'Put a menu or a collect node into the loop from which a key leads out of it, or end in a hangup node',
  'forbidden-number': 'A flow never dials 110, 118 or 119: tell the caller to dial it',
  'bad-number': 'Write digits, with + for an international number',
  'missing-file': 'Put the WAV file there (see flows/prompts/README.md), or correct the name',
  'unsafe-path': 'Name a file inside the flow folder, without .. and without a leading /',
  'missing-language': 'Add the prompt in this language, or under "*" for any language',
  'unknown-language': 'Add the language to `languages`, or correct it',
  'unknown-variable': 'Set the variable in a menu or collect node, or correct its name',
} as const;
export type FlowFaultCode = keyof typeof remedies;

/** A fault at a place. */
export function flowFault(path: Path, code: FlowFaultCode, message: string, remedy?: string): FlowFault {
  return { path: jsonPath(path), code, message, remedy: remedy ?? remedies[code] };
}

/** `['nodes', 'menu', 'choices', '1']` → `$.nodes.menu.choices["1"]`. */
export function jsonPath(path: Path): string {
  const parts = path.map((part) => {
    if (typeof part === 'number') return `[${part}]`;
    return /^[A-Za-z_$][\w$-]*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`;
  });
  return `$${parts.join('')}`;
}

/** The name that was probably meant. */
export function nearest(written: string, known: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(written.length / 3) + 1);
  const ranked = known
    .map((name) => ({ name, distance: editDistance(written.toLowerCase(), name.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.name;
}

/** `Did you mean "x"?` where something comes near. */
export function suggestion(written: string, known: readonly string[]): string | undefined {
  const name = nearest(written, known);
  return name === undefined ? undefined : `Did you mean "${name}"?`;
}

/** Letters to add, drop, change or swap with their neighbour. */
function editDistance(a: string, b: string): number {
  // Ids are short; what is not can't be a slip of one.
  if (a.length > 64 || b.length > 64) return a === b ? 0 : 64;
  const rows = [Array.from({ length: b.length + 1 }, (_unused, index) => index)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const change = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? at(i - 2, j - 2) + 1 : change;
      row.push(Math.min(change, swap, at(i - 1, j) + 1, at(i, j - 1) + 1));
    }
  }
  return at(a.length, b.length);
}
