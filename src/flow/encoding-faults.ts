import { type FlowFault, flowFault } from './fault.ts';
import type { Path } from './marks.ts';

/** What a program writes where it could not read a character. */
const unreadable = '\uFFFD';
const faultsMax = 5;

/** Names and texts of which letters were lost on the way: read in another encoding than they were written in. */
export function encodingFaults(input: unknown): FlowFault[] {
  // Nearly always none: looked for at once, before any place is.
  if (JSON.stringify(input)?.includes(unreadable) !== true) return [];
  const faults: FlowFault[] = [];
  const look = (value: unknown, path: Path): void => {
    if (faults.length >= faultsMax) return;
    if (typeof value === 'string' && value.includes(unreadable)) faults.push(lostLetters(path));
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      const place = [...path, Array.isArray(value) ? Number(key) : key];
      if (key.includes(unreadable)) faults.push(lostLetters(place));
      look(inner, place);
    }
  };
  look(input, []);
  return faults;
}

const lostLetters = (path: Path): FlowFault =>
  flowFault(
    path,
    'bad-encoding',
    {
      en: 'letters are lost here (�): the text was not UTF-8, perhaps Shift_JIS',
      ja: '文字化けしています（�）。UTF-8 ではなく、Shift_JIS などで書かれたようです',
    },
    { en: 'Save the file as UTF-8 and send it again', ja: 'UTF-8 で保存し直してから送ってください' },
  );
