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

/** The name that was probably meant: at most three slips away, fewer for short names. */
export function nearest(written: string, known: readonly string[]): string | undefined {
  const most = Math.min(3, Math.floor(written.length / 3) + 1);
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(written.toLowerCase(), name.toLowerCase(), best ? best.distance - 1 : most);
    if (distance !== undefined) best = { name, distance };
    if (distance === 0) break;
  }
  return best?.name;
}

/** `Did you mean "x"?` where something comes near. */
export function suggestion(written: string, known: readonly string[]): string | undefined {
  const name = nearest(written, known);
  return name === undefined ? undefined : `Did you mean "${name}"?`;
}

/**
 * Letters to add, drop, change or swap with their neighbour; undefined where that is more than `most`. Only the band
 * of the table is filled in which so few slips can end.
 */
function editDistance(a: string, b: string, most: number): number | undefined {
  if (most < 0 || Math.abs(a.length - b.length) > most) return undefined;
  const width = b.length + 1;
  const table = new Uint8Array((a.length + 1) * width).fill(most + 1);
  const at = (i: number, j: number): number => table[i * width + j] ?? most + 1;
  for (let i = 0; i <= a.length; i++) {
    let least = most + 1;
    for (let j = Math.max(0, i - most); j <= Math.min(b.length, i + most); j++) {
      const isSame = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      let slips = i === 0 ? j : j === 0 ? i : at(i - 1, j - 1) + (isSame ? 0 : 1);
      if (isSwap) slips = Math.min(slips, at(i - 2, j - 2) + 1);
      if (i > 0) slips = Math.min(slips, at(i - 1, j) + 1);
      if (j > 0) slips = Math.min(slips, at(i, j - 1) + 1);
      table[i * width + j] = Math.min(slips, most + 1);
      least = Math.min(least, slips);
    }
    if (least > most) return undefined;
  }
  const distance = at(a.length, b.length);
  return distance > most ? undefined : distance;
}
