import type { Path } from './marks.ts';

/** The same in English and Japanese. */
export interface Words {
  en: string;
  ja: string;
}

/** A fault of a flow file, for the person who writes it. */
export interface FlowFault {
  /** JSON path: `$.nodes.menu.choices["1"].goto`. */
  path: string;
  code: FlowFaultCode;
  /** What was written and why it can't be. */
  message: string;
  /** What would be right. */
  remedy: string;
  ja: { message: string; remedy: string };
}

/** Every code with its remedy, unless a fault knows a better one. */
const remedies = {
  'not-json': { en: 'Correct the JSON at this place', ja: 'この位置の JSON を直してください' },
  'bad-encoding': {
    en: 'Save the file as UTF-8 and load it again',
    ja: 'ファイルを UTF-8 で保存し直してから読み込んでください',
  },
  'too-large': { en: 'Split the flow into several', ja: 'フローを複数に分けてください' },
  'duplicate-key': {
    en: 'Keep one of the two: the first would be lost',
    ja: 'どちらか一つだけ残してください（先の方は失われます）',
  },
  'bad-shape': {
    en: 'Write what flows/REFERENCE.md says belongs here',
    ja: 'flows/REFERENCE.md にある形で書いてください',
  },
  'bad-value': {
    en: 'Give a value within the bounds that flows/REFERENCE.md names',
    ja: 'flows/REFERENCE.md にある範囲の値を書いてください',
  },
  'bad-key': { en: 'Rename it', ja: '名前を変えてください' },
  'missing-field': { en: 'Add the field', ja: 'この項目を加えてください' },
  'unknown-field': { en: 'Remove the field, or correct its name', ja: 'この項目を消すか、名前を直してください' },
  'unknown-type': {
    en: 'Use one of the node types of flows/REFERENCE.md',
    ja: 'flows/REFERENCE.md にあるノードの種類を使ってください',
  },
  'missing-target': {
    en: 'Name a node that exists, or add this one',
    ja: '実在するノードの名前を書くか、このノードを加えてください',
  },
  'ends-in-silence': {
    en: 'Name the node that follows; a call ends in a hangup node that the caller has heard something before',
    ja: '次のノードを書いてください。通話は、何かを聞かせた後の hangup ノードで終わります',
  },
  unreachable: {
    en: 'Lead to it from another node, or remove it',
    ja: 'ほかのノードからつなぐか、このノードを消してください',
  },
  'never-taken': {
    en: 'Put it before the case that covers it, narrow that one, or remove it',
    ja: '先にすべて当てはまる条件より前に置くか、そちらを絞るか、消してください',
  },
  'endless-loop': {
    en: 'Put a menu or a collect node into the loop from which a key leads out of it, or end in a hangup node',
    ja: 'キーで抜けられる menu か collect を入れるか、hangup ノードで終えてください',
  },
  'forbidden-number': {
    en: 'A flow never dials 110, 118 or 119: tell the caller to dial it',
    ja: '110・118・119 へは発信しません。かけ直すよう案内してください',
  },
  'bad-number': {
    en: 'Write digits, with + for an international number',
    ja: '数字で書いてください（国際番号は + から）',
  },
  'number-not-allowed': {
    en: "Add its prefix to the account's outbound.allow, or dial another number",
    ja: '契約者の outbound.allow に先頭の番号を加えるか、別の番号にしてください',
  },
  'no-trunk': {
    en: 'Set TRUNK_URL to the carrier or PBX that outgoing calls go to, or take a message instead',
    ja: 'TRUNK_URL に発信先の回線（PBX）を設定するか、伝言を受けるようにしてください',
  },
  'unknown-queue': {
    en: 'Add the queue first, or correct its name',
    ja: '先に待ち行列を作るか、名前を直してください',
  },
  'missing-file': {
    en: 'Put the WAV file there (see flows/prompts/README.md), or correct the name',
    ja: 'WAV ファイルをそこに置くか、名前を直してください（flows/prompts/README.md）',
  },
  'unplayable-file': {
    en: 'Put a WAV file of 16 bit there',
    ja: '16 ビット PCM の WAV ファイルを置いてください',
  },
  'unspeakable-text': {
    en: 'Write it as it is said, or use a WAV file',
    ja: '読み上げるとおりに書くか、WAV ファイルを使ってください',
  },
  'unsafe-path': {
    en: 'Name a file inside the flow folder, without .. and without a leading /',
    ja: 'フローのフォルダの中のファイルを、.. や先頭の / なしで書いてください',
  },
  'missing-language': {
    en: 'Add the prompt in this language, or under "*" for any language',
    ja: 'この言語のプロンプトを加えるか、全言語用に "*" で書いてください',
  },
  'unknown-language': {
    en: 'Add the language to `languages`, or correct it',
    ja: '`languages` に加えるか、言語を直してください',
  },
  'unknown-variable': {
    en: 'Set the variable in a menu or collect node, or correct its name',
    ja: 'menu か collect でこの変数を設定するか、名前を直してください',
  },
} as const;
export type FlowFaultCode = keyof typeof remedies;

/** A fault at a place. */
export function flowFault(path: Path, code: FlowFaultCode, message: Words, remedy: Words = remedies[code]): FlowFault {
  return {
    ...{ path: jsonPath(path), code, message: message.en, remedy: remedy.en },
    ja: { message: message.ja, remedy: remedy.ja },
  };
}

/** A fault on one line for a terminal or a log, each language once. */
export function faultLine({ path, message, remedy, ja }: FlowFault): string {
  return `${path}: ${message}. ${remedy} / ${ja.message}。${ja.remedy}`;
}

/** What was written, as it stands in JSON; long values cut off. */
export function written(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
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
export function suggestion(written: string, known: readonly string[]): Words | undefined {
  const name = nearest(written, known);
  return name === undefined ? undefined : { en: `Did you mean "${name}"?`, ja: `「${name}」ではありませんか` };
}

/** The names there are, where none comes near: a few of them. */
export function choiceOf(known: readonly string[]): Words | undefined {
  if (known.length === 0) return undefined;
  const few = known.slice(0, 10).join(', ');
  return { en: `There are ${few}`, ja: `使えるのは ${few} です` };
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
