import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkFlow, checkFlowText } from '../../src/flow/checker.ts';
import { limits } from '../../src/flow/flow.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
const fileExists = (path: string) => existsSync(join('flows', path));
const read = (...path: string[]) => readFileSync(join(fixtures, ...path), 'utf8');

describe('good flows', () => {
  const files = readdirSync(join(fixtures, 'good')).map((name) => join(fixtures, 'good', name));
  for (const file of [...files, 'flows/sample/main.json', 'flows/sample/closed.json']) {
    it(`${file.split('/').at(-1)} is accepted`, () => {
      expect(checkFlowText(readFileSync(file, 'utf8'), { fileExists })).toMatchObject({ ok: true });
    });
  }

  it('come out with every standard value filled in', () => {
    const result = checkFlowText(read('good', 'smallest.json'), { fileExists });
    expect(result).toMatchObject({
      ok: true,
      flow: { language: 'ja', timezone: 'Asia/Tokyo', nodes: { bye: { outcome: 'completed' } } },
    });
  });

  it('are accepted again when they come back from the store', () => {
    const once = checkFlowText(readFileSync('flows/sample/main.json', 'utf8'), { fileExists });
    const stored: unknown = once.ok ? JSON.parse(JSON.stringify(once.flow)) : undefined;
    expect(checkFlow(stored, { fileExists })).toEqual(once);
  });
});

describe('bad flows are refused, each fault named with its path', () => {
  const names = readdirSync(join(fixtures, 'bad')).filter((name) => !name.endsWith('.faults.json'));
  it.each(names)('%s', (name) => {
    const result = checkFlowText(read('bad', name), { fileExists });
    const expected: { path: string; code: string; remedy?: string }[] = JSON.parse(
      read('bad', `${name.replace(/\.\w+$/, '')}.faults.json`),
    );
    const found = result.ok ? [] : result.faults;
    const order = (a: { path: string; code: string }, b: { path: string; code: string }) =>
      `${a.path} ${a.code}`.localeCompare(`${b.path} ${b.code}`);
    expect(found.map(({ path, code }) => ({ path, code })).sort(order)).toEqual(
      expected.map(({ path, code }) => ({ path, code })).sort(order),
    );
    for (const { path, remedy } of expected) {
      if (remedy !== undefined) expect(found.find((fault) => fault.path === path)?.remedy).toBe(remedy);
    }
    for (const fault of found) {
      expect(fault.message).not.toBe('');
      expect(fault.remedy).not.toBe('');
    }
  });
});

describe('limits', () => {
  const bye = { type: 'hangup', prompt: { ja: { text: 'x' } } };

  it('refuses more nodes than the limit, and takes as many', () => {
    const menus = (count: number) => {
      const chain = Array.from({ length: count - 1 }, (_unused, index) => {
        const next = index === count - 2 ? 'bye' : `n${index + 1}`;
        return [`n${index}`, { type: 'say', prompt: { ja: { text: 'x' } }, next }] as const;
      });
      return { flowId: 'many', start: 'n0', nodes: { ...Object.fromEntries(chain), bye } };
    };
    expect(checkFlow(menus(limits.nodes), { fileExists })).toMatchObject({ ok: true });
    expect(checkFlow(menus(limits.nodes + 1), { fileExists })).toMatchObject({
      ok: false,
      faults: [{ path: '$.nodes', code: 'too-large' }],
    });
  });

  it('refuses a text that is too long before it reads it', () => {
    const result = checkFlowText(' '.repeat(limits.flowChars + 1), { fileExists });
    expect(result).toMatchObject({ ok: false, faults: [{ path: '$', code: 'too-large' }] });
  });

  it('names a bounded number of faults', () => {
    const nodes = Object.fromEntries(Array.from({ length: 400 }, (_unused, index) => [`n${index}`, { type: 'x' }]));
    const result = checkFlow({ flowId: 'many', start: 'n0', nodes }, { fileExists });
    expect(result.ok ? 0 : result.faults.length).toBe(200);
  });

  it('is quick also with a flow that is made to be slow', () => {
    const name = (index: number) => `${'n'.repeat(56)}${String(index).padStart(5, '0')}`;
    const ids = Array.from({ length: limits.nodes }, (_unused, index) => name(index));
    const flow = (target: (node: number, index: number) => string) => ({
      flowId: 'slow',
      start: name(0),
      nodes: Object.fromEntries(
        ids.map((id, node) => {
          const cases = Array.from({ length: 50 }, (_unused, index) => ({
            when: { dialled: [String(index)] },
            goto: target(node, index),
          }));
          return [id, { type: 'branch', cases, otherwise: name(0) }];
        }),
      ),
    });
    // Processor time: time on the wall would tell how busy the machine is.
    const before = process.cpuUsage();
    const woven = checkFlow(
      flow((node, index) => name((node * 7 + index) % limits.nodes)),
      { fileExists },
    );
    expect(woven).toMatchObject({ ok: false, faults: [{ code: 'endless-loop' }] });
    expect(
      checkFlow(
        flow((node, index) => name(10_000 + node * 50 + index)),
        { fileExists },
      ).ok,
    ).toBe(false);
    const { user, system } = process.cpuUsage(before);
    // What grows with the square of the nodes would take minutes.
    expect((user + system) / 1_000).toBeLessThan(15_000);
  }, 60_000);

  it.each([null, undefined, 3, 'text', [], true])('refuses %s without an exception', (input) => {
    expect(checkFlow(input, { fileExists }).ok).toBe(false);
  });
});
