import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseCallArguments } from '../../src/cli/call.ts';
import { denwaban } from '../support/system.ts';

const folder = mkdtempSync(join(tmpdir(), 'denwaban-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'data'));
const run = (...args: string[]) => denwaban(args, { DATA_DIR: join(folder, 'data') });

describe('denwaban check', () => {
  it('finds the sample sound', async () => {
    const { code, output } = await run('check', 'flows/sample/main.json', 'flows/sample/closed.json');
    expect([code, output]).toEqual([0, expect.stringMatching(/flow main is sound.*\n.*flow closed is sound/)]);
  });

  it('names each fault with its JSON path and the remedy', async () => {
    const file = join(folder, 'bad.json');
    writeFileSync(
      file,
      JSON.stringify({
        flowId: 'bad',
        start: 'a',
        nodes: { a: { type: 'say', prompt: { ja: { silenceMs: 100 } }, next: 'b' } },
      }),
    );
    const { code, output } = await run('check', file);
    expect(code).toBe(1);
    expect(output).toContain('$.nodes.a.next');
    expect(output).toMatch(/remedy: /);
  });
});

describe('denwaban simulate', () => {
  it('runs a call by its script and says what is heard', async () => {
    const { code, output } = await run('simulate', 'flows/sample/main.json', 'flows/sample/calls/hours.json');
    expect(code).toBe(0);
    expect(output).toMatch(/heard .*prompts\/ja\/hours\.wav/);
    expect(output).toContain('as expected');
  });

  it('fails where the call differs from what the script expects', async () => {
    const file = join(folder, 'script.json');
    writeFileSync(
      file,
      JSON.stringify({
        dial: '0312345678',
        steps: [{ afterPrompt: 1, hangUp: true }],
        expect: { outcome: 'order-taken' },
      }),
    );
    const { code, output } = await run('simulate', 'flows/sample/main.json', file);
    expect(code).toBe(1);
    expect(output).toMatch(/outcome: expected "order-taken", was "caller-hangup"/);
  });
});

describe('a mistake on the command line', () => {
  it('in the name of a command is named, with the command that comes near', async () => {
    const { code, output } = await run('lod', 'flows/sample');
    expect(code).toBe(1);
    expect(output).toMatch(/unknown command 'lod'\n\(Did you mean load\?\)/);
    expect(output).toMatch(/remedy: .*--help/);
  });

  it('in an option is named with what helps', async () => {
    expect((await run('calls', '--sincee', '2h')).output).toMatch(/unknown option '--sincee'\n(.*\n)*remedy: .*--help/);
    expect((await run('call', 'sip:1@127.0.0.1', '--max-seconds', 'long')).output).toMatch(/whole number from 1/);
    const { code, output } = await run('user', 'add', 'x', '--role', 'boss');
    expect(code).toBe(1);
    expect(output).toContain('--role boss: there are operator, supervisor, agent, account');
  });
});

describe('denwaban load', () => {
  it('loads nothing of a folder with a fault', async () => {
    writeFileSync(
      join(folder, 'account.json'),
      JSON.stringify({ account: { accountId: 'x', name: 'X' }, numbers: [{ number: '0311112222', flowId: 'none' }] }),
    );
    rmSync(join(folder, 'script.json'), { force: true });
    const { code, output } = await run('load', folder);
    expect(code).toBe(1);
    expect(output).toMatch(/nothing was loaded/);
    expect(output).toMatch(/names the flow "none"/);
    expect(await run('calls', '--json')).toMatchObject({ code: 0, output: '[]\n' });
  });
});

describe('the arguments of denwaban call', () => {
  it('are read', () => {
    expect(parseCallArguments({ keys: '1, 12#' })).toEqual({ keys: ['1', '12#'], when: { afterPrompt: true } });
    expect(parseCallArguments({ keys: '1', at: '3.5s' })).toEqual({ keys: ['1'], when: { atMs: 3_500 } });
  });

  it.each([
    [{ keys: '1,x' }, /"x" has a character/],
    [{ at: 'soon' }, /"soon" is not a time/],
  ])('%j is refused', (options, message) => {
    expect(() => parseCallArguments(options)).toThrow(message);
  });
});
