import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { createAccountsData, type SqlAccountsData } from '../../src/store/sql/sql-accounts-data.ts';
import { card, momo, sakura } from '../support/people.ts';
import { runCommand } from '../support/system.ts';

/** Accounts, their numbers and cards on the command line. Sakura has a flow and a number, momo a flow. */
const dataDir = mkdtempSync(join(tmpdir(), 'denwaban-accounts-cli-'));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

const run = (...args: string[]) => runCommand(args, { DATA_DIR: dataDir });
const ok = async (...args: string[]) => {
  const { code, output, stdout } = await run(...args);
  expect(code, output).toBe(0);
  return stdout;
};
const onData = async <T>(work: (data: SqlAccountsData) => Promise<T>): Promise<T> => {
  const sql = await openSql(`sqlite:${join(dataDir, 'denwaban.sqlite')}`, { clock: systemClock, logger: silentLogger });
  try {
    return await work(createAccountsData(sql));
  } finally {
    await sql.close();
  }
};
const file = (content: unknown): string => {
  const path = join(dataDir, 'card.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};

let seen = 0;
/** What has come onto the record since this was last asked. */
const recorded = () =>
  onData(async ({ audit }) => {
    const entries = (await audit.list({ limit: 100 })).filter(({ seq }) => seq > seen).reverse();
    seen = entries.at(-1)?.seq ?? seen;
    expect(entries.every(({ actor }) => actor.kind === 'command-line')).toBe(true);
    return entries.map(({ action, subject }) => `${action} ${subject.id} (${subject.accountId})`);
  });

beforeAll(() =>
  onData(async ({ accounts, flows }) => {
    for (const account of [sakura, momo]) await accounts.saveAccount(account);
    for (const [flowId, accountId] of [
      ['sakura-main', 'sakura'],
      ['sakura-late', 'sakura'],
      ['momo-main', 'momo'],
    ] as const) {
      await flows.publish({ flowId, accountId, definition: {}, atMs: 1 });
    }
    await accounts.assignNumber({ number: '0311110001', accountId: 'sakura', flowId: 'sakura-main' });
  }),
);

describe('denwaban account', () => {
  it('lists and shows accounts', async () => {
    expect(await ok('account', 'list')).toMatch(/^momo +active +ja +桃屋$/m);
    expect(JSON.parse(await ok('account', 'list', '--json'))).toEqual([momo, sakura]);
    const shown = await ok('account', 'show', 'sakura');
    expect(shown).toMatch(/^name +さくら歯科 \(さくらしか\)$/m);
    expect(shown).toMatch(/^number +\+81311110001 → sakura-main$/m);
    expect(JSON.parse(await ok('account', 'show', 'sakura', '--json'))).toMatchObject({
      account: sakura,
      numbers: [{ number: '+81311110001', flowId: 'sakura-main' }],
      rules: { complaintsBeforeWarning: 3 },
    });
  }, 60_000);

  it('suspends and resumes one, on record, and leaves one that has ended alone', async () => {
    expect(await ok('account', 'suspend', 'sakura')).toBe('sakura is suspended\n');
    expect(await ok('account', 'suspend', 'sakura')).toBe('sakura is suspended already\n');
    expect(await onData(({ accounts }) => accounts.findAccount('sakura'))).toEqual({ ...sakura, status: 'suspended' });
    expect(await ok('account', 'resume', 'sakura')).toBe('sakura is active\n');
    expect(await onData(({ accounts }) => accounts.findAccount('sakura'))).toEqual(sakura);
    expect(await recorded()).toEqual(['account.change sakura (sakura)', 'account.change sakura (sakura)']);
    await onData(({ accounts }) => accounts.saveAccount({ ...momo, status: 'ended' }));
    expect(await run('account', 'resume', 'momo')).toMatchObject({
      code: 1,
      output: expect.stringMatching(/contract of "momo" has ended.*\n?.*new application/),
    });
    await onData(({ accounts }) => accounts.saveAccount(momo));
    expect(await recorded()).toEqual([]);
  }, 60_000);
});

describe('denwaban number', () => {
  it('gives, lists and takes away numbers; one of another account moves only where that is said', async () => {
    const assign = (...more: string[]) => ['number', 'assign', '03-1111-0002', ...more];
    const toSakura = ['--account', 'sakura', '--flow', 'sakura-main'];
    expect(await ok(...assign(...toSakura))).toBe('number +81311110002 → sakura-main (sakura)\n');
    await ok(...assign('--account', 'sakura', '--flow', 'sakura-late'));
    const toMomo = ['--account', 'momo', '--flow', 'momo-main'];
    const refused = await run(...assign(...toMomo));
    expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('is assigned to the account "sakura"')]);
    expect(refused.output).toContain('Add --move');
    expect(await ok('number', 'list')).toMatch(/^\+81311110002 +sakura +sakura-late$/m);
    await ok(...assign(...toMomo, '--move'));
    expect(JSON.parse(await ok('number', 'list', '--account', 'momo', '--json'))).toEqual([
      { number: '+81311110002', accountId: 'momo', flowId: 'momo-main' },
    ]);
    expect(await ok('number', 'release', '0311110002')).toBe('+81311110002 is assigned to nobody\n');
    expect(await onData(({ accounts }) => accounts.findNumber('0311110002'))).toBeUndefined();
    expect(await recorded()).toEqual([
      'number.assign +81311110002 (sakura)',
      'number.assign +81311110002 (sakura)',
      'number.release +81311110002 (sakura)',
      'number.assign +81311110002 (momo)',
      'number.release +81311110002 (momo)',
    ]);
  }, 60_000);
});

describe('denwaban card', () => {
  it('shows a card without its secrets, and takes it back changed with them', async () => {
    expect(await ok('card', 'set', file(card('sakura')))).toBe('the card of sakura is set\n');
    const shown = await ok('card', 'show', 'sakura');
    expect(shown).not.toContain('secret-part');
    await ok('card', 'set', file({ ...JSON.parse(shown), notes: '変更' }));
    expect(await onData(({ cards }) => cards.find('sakura'))).toEqual(card('sakura', { notes: '変更' }));
    expect(await recorded()).toEqual(['card.add sakura (sakura)', 'card.change sakura (sakura)']);
  }, 60_000);

  it('names each fault with its place and what to do, and changes nothing', async () => {
    const { destinations, ...rest } = card('sakura');
    const refusal = async (content: unknown) => {
      const { code, output } = await run('card', 'set', file(content));
      expect(code).toBe(1);
      return output;
    };
    const inside = { type: 'webhook', destinationId: 'crm', url: 'https://192.168.0.9/' };
    const other = { type: 'slack', destinationId: 'chat', webhookUrl: 'http://hooks.slack.com/T0/secret-part' };
    const targets = await refusal({ ...rest, reports: [], destinations: [inside, other] });
    expect(targets).toMatch(/\$\.destinations\.0\.url: is an address that may not be reached\. Write an https:/);
    expect(targets).toMatch(/\$\.destinations\.1\.webhookUrl: must begin with https:\/\/\. Write the https:/);
    expect(targets).not.toContain('secret-part');
    const shape = await refusal({ ...rest, announceName: '', destinations, reports: [{ send: ['nowhere'] }] });
    expect(shape).toContain('$.announceName: ');
    expect(await refusal({ ...rest, destinations, reports: [{ send: ['nowhere'] }] })).toContain(
      '$.reports.0.send: no destination "nowhere"',
    );
    expect(await refusal('{ not json')).toMatch(/cannot be read.*\n?.*Name a file of valid JSON/);
    expect(await recorded()).toEqual([]);
  }, 60_000);
});

it.each([
  [['account', 'show', 'nobody'], /there is no account "nobody".*\n?.*denwaban account list/],
  [['number', 'assign', '03-(x)!', '--account', 'sakura', '--flow', 'sakura-main'], /not a phone number/],
  [['number', 'assign', '0311110009', '--account', 'nobody', '--flow', 'x'], /there is no account "nobody"/],
  [
    ['number', 'assign', '0311110009', '--account', 'sakura', '--flow', 'momo-main'],
    /has no flow "momo-main".*\n?.*sakura-late/,
  ],
  [['number', 'release', '0311110009'], /\+81311110009 is assigned to nobody.*\n?.*number list/],
  [['card', 'show', 'momo'], /"momo" has no card.*\n?.*card set/],
])('%j is refused with what to do', async (args, message) => {
  const { code, output } = await run(...args);
  expect([code, output]).toEqual([1, expect.stringMatching(message)]);
  expect(await recorded()).toEqual([]);
});
