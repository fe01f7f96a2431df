import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadFolder } from '../../src/cli/load.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { createTargetGuard } from '../../src/outbox/target-guard.ts';
import { createPromptChecks } from '../../src/speech/prompt-checks.ts';
import { espeakNg } from '../../src/speech/synthesizer.ts';
import { openSql, type SqlDatabase } from '../../src/store/sql/open-sql.ts';
import { createAccountsData, type SqlAccountsData } from '../../src/store/sql/sql-accounts-data.ts';
import { toneWav } from '../support/wav-files.ts';
import { cheapPasswords } from '../web/support.ts';

const root = mkdtempSync(join(tmpdir(), 'denwaban-house-'));
const folder = join(root, 'shop');
const flowFolder = join(root, 'flows');
let sql: SqlDatabase;
let data: SqlAccountsData;

beforeAll(async () => {
  mkdirSync(flowFolder);
  writeFileSync(join(flowFolder, 'float.wav'), toneWav(200, { tag: 3, bits: 32 }));
  writeFileSync(join(flowFolder, 'bad.wav'), 'no sound');
  mkdirSync(join(flowFolder, 'prompts'));
  writeFileSync(join(flowFolder, 'prompts/hold.wav'), toneWav(200));
  sql = await openSql(`sqlite:${join(root, 'test.sqlite')}`, { clock: systemClock, logger: silentLogger });
  data = createAccountsData(sql);
  await data.accounts.saveAccount({
    ...{ accountId: 'other', name: 'Other', nameReading: '', status: 'active', answeringService: 'active' },
    ...{ language: 'ja', outbound: { allow: [], deny: [] } },
  });
  await data.accounts.assignNumber({ number: '0399990000', accountId: 'other', flowId: 'others' });
});
afterAll(async () => {
  await sql.close();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  put('account.json', account());
  put('desk.json', { queues: [{ queueId: 'desk', name: 'Desk' }] });
  put('shop.json', flow({ ja: { text: 'はい、みせです。' } }));
});

const put = (name: string, content: unknown) =>
  writeFileSync(join(folder, name), Buffer.isBuffer(content) ? content : JSON.stringify(content));
const account = (number = '0311110000') => ({
  account: { accountId: 'shop', name: 'みせ', outbound: { allow: ['+813'], deny: ['+81399'] } },
  numbers: [{ number, flowId: 'shop' }],
});
const flow = (prompt: object, node?: object) => ({
  ...{ flowId: 'shop', start: 'hello' },
  nodes: {
    hello: { type: 'say', prompt, next: node ? 'node' : 'bye' },
    ...(node ? { node } : {}),
    bye: { type: 'hangup', outcome: 'completed' },
  },
});
const load = (more: { hasTrunk?: boolean; moveNumbers?: boolean } = {}) => {
  const { hasTrunk = true, ...options } = more;
  const synthesizers = [espeakNg({ language: 'ja', voice: 'ja' }), espeakNg()];
  const prompts = createPromptChecks({ flowFolder, cacheFolder: join(root, 'cache'), synthesizers });
  return loadFolder({
    ...{ folder, house: { flowFolder, prompts, hasTrunk }, data, passwords: cheapPasswords, clock: systemClock },
    ...{ actor: { kind: 'program', name: 'test' }, phoneRealm: 'denwaban' },
    targets: createTargetGuard({ allowInsecureTargets: false }),
    ...options,
  });
};
const dial = (number: string) => ({ type: 'transfer', to: { number }, done: 'bye', failed: 'bye' });
const ask = (queue: string) => ({ type: 'escalate', queue, done: 'bye', failed: 'bye' });
const kana = { ja: { text: 'はい' } };

describe('a folder is loaded where callers would hear all of it', () => {
  it('with files that have to be converted, and queues that it brings itself', async () => {
    put('shop.json', flow({ ja: [{ file: 'float.wav' }, { text: 'はい、みせです。' }] }, ask('desk')));
    expect(await load()).toMatchObject({ flows: [{ flowId: 'shop', version: 1 }] });
  });

  it.each<[string, () => void, RegExp]>([
    [
      'kanji without a voice',
      () => put('shop.json', flow({ ja: { text: '受付です' } })),
      /\$\.nodes\.hello\.prompt\.ja\.text.*受付.*読み上げ/,
    ],
    ['a sign', () => put('shop.json', flow({ ja: { text: '＃をおしてください' } })), /leave out "#".*シャープ/],
    [
      'no voice for the language',
      () => put('shop.json', { ...flow({ ko: { text: 'x' } }), language: 'ko' }),
      /no installed voice speaks "ko"/,
    ],
    [
      'a file that is no sound',
      () => put('shop.json', flow({ ja: { file: 'bad.wav' } })),
      /bad\.wav is no WAV file but text.*テキスト/,
    ],
    [
      'an unknown queue',
      () => put('shop.json', flow(kana, ask('sales'))),
      /\$\.nodes\.node\.queue.*"sales".*There are desk/,
    ],
    [
      'a number not allowed',
      () => put('shop.json', flow(kana, dial('09012345678'))),
      /may not dial 09012345678.*\+813.*発信できません/,
    ],
    ['a number denied', () => put('shop.json', flow(kana, dial('0399991111'))), /may not dial 0399991111/],
    [
      'Shift_JIS',
      () => put('shop.json', Buffer.from('7b2261223a2282cd82a2227d', 'hex')),
      /not UTF-8 but Shift_JIS.*UTF-8 で保存/,
    ],
    [
      'Shift_JIS in account.json',
      () => put('account.json', Buffer.from('7b2261223a2282cd82a2227d', 'hex')),
      /account\.json: the file is not UTF-8 but Shift_JIS/,
    ],
    [
      'UTF-16',
      () => put('desk.json', Buffer.from('\uFEFF{}', 'utf16le')),
      /desk\.json: the file is not UTF-8 but UTF-16/,
    ],
    [
      'a queue message that no voice says',
      () =>
        put('desk.json', {
          queues: [{ queueId: 'desk', name: 'D', overflow: [{ type: 'message', text: { ja: '満席です' } }] }],
        }),
      /desk\.json \$\.queues\.0\.overflow\.0\.text\.ja.*満席/,
    ],
    [
      'a day that is none',
      () =>
        put('desk.json', { queues: [{ queueId: 'desk', name: 'D', hours: { open: [{ dates: ['2027-02-30'] }] } }] }),
      /there is no day "2027-02-30"/,
    ],
    [
      'a number without its flow',
      () => put('account.json', { ...account(), numbers: [{ number: '0311110000', flowId: 'none' }] }),
      /names the flow "none"/,
    ],
  ])('not with %s', async (_what, write, words) => {
    write();
    await expect(load()).rejects.toThrow(words);
  });

  it('not with a transfer that nothing could dial, nor a queue that hands on', async () => {
    put('shop.json', flow(kana, dial('0312345678')));
    expect(await load()).toBeDefined();
    await expect(load({ hasTrunk: false })).rejects.toThrow(/no trunk is set.*TRUNK_URL.*回線/);
    put('shop.json', flow(kana));
    put('desk.json', {
      queues: [{ queueId: 'desk', name: 'D', overflow: [{ type: 'transfer', number: '0312345678' }] }],
    });
    await expect(load({ hasTrunk: false })).rejects.toThrow(/overflow\.0\.number.*TRUNK_URL/);
  });

  it("not with another account's number, unless it is said so", async () => {
    put('account.json', account('03-9999-0000'));
    await expect(load()).rejects.toThrow('is assigned to the account "other"');
    expect((await data.accounts.findNumber('0399990000'))?.accountId).toBe('other');
    await load({ moveNumbers: true });
    expect((await data.accounts.findNumber('0399990000'))?.accountId).toBe('shop');
  });

  it('with a byte order mark before each file', async () => {
    for (const [name, content] of [
      ['account.json', account()],
      ['shop.json', flow(kana)],
    ] as const) {
      put(name, Buffer.from(`\uFEFF${JSON.stringify(content)}`));
    }
    expect(await load()).toBeDefined();
  });
});
