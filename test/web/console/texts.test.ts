import { describe, expect, it } from 'vitest';
import { en } from '../../../src/web/console/texts/en.ts';
import { ja } from '../../../src/web/console/texts/ja.ts';

/** Every text with where it stands. */
function flat(texts: object, path = ''): [string, string][] {
  return Object.entries(texts).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[`${path}${key}`, value]] : flat(value, `${path}${key}.`),
  );
}

const gaps = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name).sort();

describe('the texts', () => {
  it('leave the same gaps in both languages', () => {
    const english = new Map(flat(en));
    for (const [path, text] of flat(ja))
      expect([path, ...gaps(english.get(path) ?? '')]).toEqual([path, ...gaps(text)]);
  });

  it('are none of them empty, and none in the other language', () => {
    for (const [path, text] of flat(ja)) expect(text, path).not.toBe('');
    for (const [path, text] of flat(en)) expect(text, path).toMatch(/^[^ぁ-ヿ一-龠]+$/);
  });
});
