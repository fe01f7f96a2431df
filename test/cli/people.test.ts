import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { phoneHashes } from '../../src/accounts/phone-credentials.ts';
import { prepareFirstStart } from '../../src/cli/first-start.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { createTargetGuard } from '../../src/outbox/target-guard.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { createAccountsData, type SqlAccountsData } from '../../src/store/sql/sql-accounts-data.ts';
import { SqlAgentHistoryStore } from '../../src/store/sql/sql-agent-history-store.ts';
import { runCommand } from '../support/system.ts';
import { cheapPasswords } from '../web/support.ts';

const root = mkdtempSync(join(tmpdir(), 'denwaban-people-'));
const dataDir = join(root, 'data');
const flowFolder = resolve(import.meta.dirname, '../../flows');
const house = { flowFolder, prompts: { faultOf: async () => undefined }, hasTrunk: true };
const targets = createTargetGuard({ allowInsecureTargets: false });
afterAll(() => rmSync(root, { recursive: true, force: true }));

const run = (...args: string[]) => runCommand(args, { DATA_DIR: dataDir });
const ok = async (...args: string[]) => {
  const { code, output } = await run(...args);
  expect(code, output).toBe(0);
  return output;
};
const onData = async <T>(work: (data: SqlAccountsData) => Promise<T>): Promise<T> => {
  const sql = await openSql(`sqlite:${join(dataDir, 'denwaban.sqlite')}`, { clock: systemClock, logger: silentLogger });
  try {
    return await work(createAccountsData(sql));
  } finally {
    await sql.close();
  }
};

describe('the first start', () => {
  const prepare = () =>
    onData((data) =>
      prepareFirstStart({
        sampleFolder: join(flowFolder, 'sample'),
        house,
        data,
        passwords: cheapPasswords,
        clock: systemClock,
        phoneRealm: 'denwaban',
        targets,
      }),
    );
  let secrets: string[];
  beforeAll(async () => {
    ({ secrets } = await prepare());
  });

  it('makes an operator and the sample desk, and says every password once', async () => {
    expect(secrets.map((text) => text.replace(/password .*/, 'password …'))).toEqual([
      'sign in as admin (operator), password …',
      'sign in as hanako (agent), password …',
      'sign in as jiro (supervisor), password …',
      'sign in as sample (account), password …',
      'phone hanako-1, realm denwaban, password …',
    ]);
    expect(await prepare()).toEqual({ secrets: [] });
    const password = (index: number) => secrets[index]?.split('password ')[1] ?? '';
    await onData(async (data) => {
      const hanako = await data.users.findByLoginName('hanako');
      const hash = await data.users.passwordHashOf(hanako?.userId ?? '');
      expect((await cheapPasswords.check(password(1), hash)).correct).toBe(true);
      const hashes = phoneHashes('hanako-1', 'denwaban', password(4));
      expect(await data.phones.findForDigest('hanako-1')).toMatchObject({ agentId: hanako?.userId, ...hashes });
      expect(await data.agents.find(hanako?.userId ?? '')).toMatchObject({ queues: ['desk'], skills: { orders: 5 } });
      expect(await data.queues.find('desk')).toMatchObject({ overflow: [{ type: 'voicemail' }] });
      expect(await data.cards.find('sample')).toMatchObject({ announceReading: 'サンプルしょうかい' });
      const record = await data.audit.list({ limit: 100 });
      expect(new Set(record.map(({ actor }) => actor.name))).toEqual(new Set(['first start']));
      expect(record.map(({ action }) => action)).toContain('flow.publish');
      for (const index of [0, 1, 2, 3, 4]) expect(JSON.stringify(record)).not.toContain(password(index));
    });
  });

  it('makes no second operator where two machines start at the same moment', async () => {
    const folder = join(root, 'twice');
    const sql = await openSql(`sqlite:${join(folder, 'x.sqlite')}`, { clock: systemClock, logger: silentLogger });
    const data = createAccountsData(sql);
    const options = { sampleFolder: join(flowFolder, 'sample'), house, data, clock: systemClock, targets };
    const both = await Promise.allSettled(
      [1, 2].map(() => prepareFirstStart({ ...options, passwords: cheapPasswords, phoneRealm: 'denwaban' })),
    );
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect((await data.users.list()).map(({ loginName }) => loginName)).toEqual(['admin', 'hanako', 'jiro', 'sample']);
    await sql.close();
  });
});

describe('denwaban user, agent, queue, phone', () => {
  it('manage the desk, on record as done on the command line', async () => {
    const added = await ok('user', 'add', 'Taro', '--role', 'agent', '--name', '太郎');
    expect(added).toMatch(/^added taro \(agent\), password: ([a-z2-9]{4}-){4}[a-z2-9]{4}\n$/);
    expect(await ok('user', 'list')).toMatch(/^taro {4}agent +active +太郎$/m);
    const file = join(root, 'late.json');
    writeFileSync(file, JSON.stringify({ queueId: 'late', name: 'Late', maxWaitMs: 60_000 }));
    expect(await ok('queue', 'set', file)).toBe('queue late is set\n');
    await ok('agent', 'set', 'taro', '--queues', 'late,desk', '--skills', 'billing=3', '--languages', 'ja,en');
    await ok('agent', 'set', 'taro', '--queues', 'late');
    expect(await ok('agent', 'list')).toMatch(/^taro +active +late +ja,en +billing=3 +太郎$/m);
    const phone = await ok('phone', 'add', 'taro', '--label', 'headset');
    expect(phone).toMatch(/^user name taro-1 {2}realm denwaban {2}password \S+\n$/);
    expect(await ok('phone', 'list', 'taro')).toMatch(/^taro-1 .*headset$/m);
    await ok('phone', 'remove', 'taro', 'taro-1');
    await ok('user', 'disable', 'taro');
    expect(await ok('agent', 'list')).toMatch(/^taro +disabled/m);
    await ok('user', 'enable', 'taro');
    expect(await ok('user', 'password', 'taro')).toMatch(/^new password of taro: \S+\n$/);
    expect(await ok('audit', '--limit', '3')).toMatch(/\(command-line\) +user\.reset-password +user taro$/m);
    await onData(async (data) => {
      const { userId } = (await data.users.findByLoginName('taro')) ?? { userId: '' };
      expect(await data.agents.find(userId)).toMatchObject({ skills: { billing: 3 }, languages: ['ja', 'en'] });
    });
  }, 60_000);

  it.each([
    [['user', 'add', 'x y', '--role', 'agent'], /loginName: lower-case/],
    [['user', 'add', 'someone', '--role', 'king'], /there are operator, supervisor, agent, account/],
    [['user', 'add', 'someone', '--role', 'account'], /accountId/],
    [['user', 'disable', 'nobody'], /there is no user "nobody"/],
    [['user', 'disable', 'admin'], /last operator/],
    [['agent', 'set', 'hanako', '--queues', 'nowhere'], /there is no queue "nowhere"/],
    [['agent', 'set', 'hanako', '--skills', 'billing=11'], /skills\.billing/],
    [['queue', 'remove', 'desk'], /agent hanako names the queue "desk"/],
    [['queue', 'set', '/nonexistent.json'], /cannot be read/],
  ])('%j is refused', async (args, message) => {
    const { code, output } = await run(...args);
    expect([code, output]).toEqual([1, expect.stringMatching(message)]);
  });
});

describe('denwaban load', () => {
  const folder = join(root, 'shop');
  const write = (file: string, content: unknown) => writeFileSync(join(folder, file), JSON.stringify(content));
  const account = { account: { accountId: 'shop', name: '店' } };
  const desk = {
    queues: [{ queueId: 'shop', name: 'Shop', overflow: [{ type: 'queue', queueId: 'desk' }] }],
    users: [{ loginName: 'momoko', displayName: '桃子', role: 'agent' }],
    agents: [{ loginName: 'momoko', queues: ['shop'], phones: ['momoko-1'] }],
  };
  beforeAll(() => mkdirSync(folder));

  it('loads card and desk, and again without new passwords', async () => {
    write('account.json', { ...account, card: { announceName: '店' }, rules: { complaintsBeforeWarning: 7 } });
    write('desk.json', desk);
    const first = await ok('load', folder);
    expect(first).toMatch(
      /^sign in as momoko \(agent\), password \S+\nphone momoko-1, realm denwaban, password \S+\n$/,
    );
    write('desk.json', { ...desk, users: [{ ...desk.users[0], displayName: '桃子さん' }] });
    expect(await ok('load', folder)).toBe('');
    await onData(async (data) => {
      expect(await data.users.findByLoginName('momoko')).toMatchObject({ displayName: '桃子さん' });
      expect(await data.cards.find('shop')).toMatchObject({ announceName: '店', accountId: 'shop' });
      expect(await data.cards.rules('shop')).toMatchObject({ complaintsBeforeWarning: 7 });
    });
  });

  it('names each fault with its place, and loads nothing', async () => {
    write('account.json', { account: { accountId: 'shop', name: '新しい店' }, card: { announceName: '', aliases: 1 } });
    write('desk.json', { queues: [{ queueId: 'Shop!', name: 'x', ringTimeoutMs: 1 }] });
    const { code, output } = await run('load', folder);
    expect(code).toBe(1);
    for (const place of [
      'account.json $.card.announceName',
      'account.json $.card.aliases',
      'desk.json $.queues.0.queueId',
      'desk.json $.queues.0.ringTimeoutMs',
    ]) {
      expect(output).toContain(place);
    }
    await onData(async (data) => expect((await data.accounts.findAccount('shop'))?.name).toBe('店'));
  });

  it('takes no card whose reports go into the house, unless the settings allow it', async () => {
    const destinations = [
      { type: 'webhook', destinationId: 'crm', url: 'https://10.0.0.5/calls' },
      { type: 'slack', destinationId: 'chat', webhookUrl: 'http://hooks.slack.com/services/T0/B0/secret-part' },
    ];
    write('account.json', { ...account, card: { announceName: '店', notes: 'new', destinations } });
    rmSync(join(folder, 'desk.json'));
    const { code, output } = await run('load', folder);
    expect(code).toBe(1);
    for (const [place, why, remedy] of [
      ['url', 'is an address that may not be reached', 'Write an https:// address'],
      ['webhookUrl', 'must begin with https://', 'that Slack gave'],
    ]) {
      const index = destinations.findIndex((one) => place !== undefined && place in one);
      expect(output).toMatch(new RegExp(`card\\.destinations\\.${index}\\.${place}: ${why}\\. .*${remedy}`));
    }
    expect(output).not.toContain('secret-part');
    const loaded = () => onData(async (data) => (await data.cards.find('shop'))?.notes);
    expect(await loaded()).toBe('');
    const inside = { ...account, card: { announceName: '店', notes: 'new', destinations: destinations.slice(0, 1) } };
    write('account.json', inside);
    const trial = { DATA_DIR: dataDir, ALLOW_INSECURE_TARGETS: 'yes' };
    expect(await runCommand(['load', folder], trial)).toMatchObject({ code: 0 });
    expect(await loaded()).toBe('new');
  });

  it('loads nothing where the last part cannot be', async () => {
    write('account.json', { account: { accountId: 'shop', name: '新しい店' } });
    write('desk.json', { ...desk, agents: [{ loginName: 'momoko', queues: ['nowhere'] }] });
    const { code, output } = await run('load', folder);
    expect([code, output]).toEqual([1, expect.stringMatching(/no queue "nowhere", named by agent momoko/)]);
    await onData(async (data) => expect((await data.accounts.findAccount('shop'))?.name).toBe('店'));
  });

  it('leaves an account suspended that is, unless the file says otherwise, which is on record', async () => {
    const load = (more: object) => {
      write('account.json', { account: { ...account.account, ...more } });
      return ok('load', folder);
    };
    const seen = () =>
      onData(async (data) => {
        const [entry] = await data.audit.list({ limit: 1, accountId: 'shop' });
        return { account: await data.accounts.findAccount('shop'), entry };
      });
    write('desk.json', {});
    await load({ status: 'suspended' });
    await load({ name: '新しい店' });
    expect(await seen()).toMatchObject({
      account: { name: '新しい店', status: 'suspended' },
      entry: { action: 'account.change', before: { name: '店' }, after: { name: '新しい店' } },
    });
    await load({ status: 'active' });
    expect(await seen()).toMatchObject({
      account: { name: '店', status: 'active' },
      entry: { action: 'account.change', before: { status: 'suspended' }, after: { status: 'active' } },
    });
  }, 60_000);
});

describe('denwaban agent history', () => {
  it('says what an agent did when, and who asked for it', async () => {
    const atMs = Date.now() - 3_600_000;
    await ok('user', 'add', 'rin', '--role', 'agent');
    const sql = await openSql(`sqlite:${join(dataDir, 'denwaban.sqlite')}`, {
      clock: systemClock,
      logger: silentLogger,
    });
    const { userId: agentId } = (await createAccountsData(sql).users.findByLoginName('rin')) ?? { userId: '' };
    const { userId: byUserId } = (await createAccountsData(sql).users.findByLoginName('jiro')) ?? { userId: '' };
    const blank = { agentId, from: 'offline', reason: '', callId: undefined, byUserId: undefined } as const;
    await new SqlAgentHistoryStore(sql).add([
      { ...blank, changeId: '1-000001', state: 'available', atMs: atMs - 7_200_000 },
      { ...blank, changeId: '2-000000', state: 'talking', atMs, callId: 'call_1' },
      { ...blank, changeId: '2-000001', state: 'break', reason: '昼休み', atMs: atMs + 65_500, byUserId },
    ]);
    await sql.close();
    const text = await ok('agent', 'history', 'rin', '--since', '2h');
    expect(text.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['at', 'state', 'seconds', 'reason', 'set by', 'call'],
      [new Date(atMs).toISOString(), 'talking', '65.5', 'call_1'],
      [new Date(atMs + 65_500).toISOString(), 'break', '(now)', '昼休み', 'jiro'],
      [''],
    ]);
    const json: unknown = JSON.parse(await ok('agent', 'history', 'rin', '--json', '--limit', '2'));
    expect(json).toMatchObject([
      { state: 'talking', forMs: 65_500, callId: 'call_1' },
      { state: 'break', by: 'jiro', byUserId, reason: '昼休み' },
    ]);
    const { code, output } = await run('agent', 'history', 'nobody');
    expect([code, output]).toEqual([1, expect.stringMatching(/there is no user "nobody"/)]);
  }, 60_000);
});
