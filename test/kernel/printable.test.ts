import { expect, it } from 'vitest';
import { printable, withoutControls } from '../../src/kernel/printable.ts';
import { createLogger } from '../../src/logger.ts';

// Clears the screen, colours, sets a title, writes over what stands there, CSI in one byte, right to left.
const forged = 'a\u001b[2Jb\u001b]0;x\u0007c\rd\u009b31me\u202ef\u007f';

it('what a terminal obeys is written out; lines, tabs, Japanese and signs stay', () => {
  expect(printable(forged)).toBe('a\\u001b[2Jb\\u001b]0;x\\u0007c\\u000dd\\u009b31me\\u202ef\\u007f');
  const plain = '一行目\n二行目\t👨‍👩‍👧 ①';
  expect(printable(plain)).toBe(plain);
  expect(withoutControls(forged)).toBe('a[2Jb]0;xcd31mef');
  expect(withoutControls('一\r\n二')).toBe('一\n二');
});

it('JSON says the same as before', () => {
  expect(JSON.parse(printable(JSON.stringify({ forged })))).toEqual({ forged });
});

it('nothing of it comes into the log', () => {
  const lines: string[] = [];
  createLogger('info', { write: (line) => void lines.push(line) }).info({ userAgent: forged }, 'seen');
  expect(lines.join('')).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ userAgent: forged, msg: 'seen' });
});
