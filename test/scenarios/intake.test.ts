import { createHmac } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MailServer, type Receiver, startMailServer, startReceiver } from '../outbox/harness.ts';
import { toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { DeskAgent, ownPassword, type PrintedSecrets, readSecrets } from '../support/desk-agent.ts';
import { eventually } from '../support/poll.ts';
import { postgresOf } from '../support/scenario-database.ts';
import { startOwnSwitch } from '../support/switch.ts';
import { denwaban, type System, startSystem } from '../support/system.ts';
import { type Answer, Browser } from '../web/support.ts';

/** A call is answered on a real phone, its form is filled in piece by piece, and the account has its report. */
const people = '0322220001';
const cleanUps: (() => unknown)[] = [];
let mail: MailServer;
let webhook: Receiver;
let dataDir: string;
let environment: Record<string, string>;
let secrets: PrintedSecrets;
let system: System;

beforeEach(async () => {
  mail = await startMailServer();
  cleanUps.push(() => mail.close());
  webhook = await startReceiver();
  cleanUps.push(() => webhook.close());
  dataDir = mkdtempSync(join(tmpdir(), 'denwaban-data-'));
  cleanUps.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const own = await startOwnSwitch();
  cleanUps.push(() => own.stop());
  const sending = { SMTP_URL: `smtp://127.0.0.1:${mail.port}`, MAIL_FROM: '電話番 <desk@denwaban.example>' };
  // As in production: PostgreSQL.
  const database = { DATABASE_URL: await postgresOf(dataDir) };
  environment = { ...own.environment, ...sending, ...database, ALLOW_INSECURE_TARGETS: 'yes' };
  const loaded = await denwaban(['load', prepareFolder()], { ...environment, DATA_DIR: dataDir });
  expect(loaded).toMatchObject({ code: 0 });
  secrets = readSecrets(loaded.output);
  system = await startController();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** The desk of the other scenarios, with a card whose reports go to the servers of this test. */
function prepareFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-flows-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  cpSync('test/scenarios/desk', folder, { recursive: true });
  const change = (name: string, more: (old: { users: object[] }) => object) => {
    const old = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    writeFileSync(join(folder, name), JSON.stringify({ ...old, ...more(old) }));
  };
  const card = {
    announceName: 'さくら歯科',
    persons: [{ personId: 'sato', name: '佐藤' }],
    destinations: [
      { type: 'mail', destinationId: 'office', address: 'office@sakura.example' },
      { type: 'webhook', destinationId: 'crm', url: webhook.url },
      { type: 'mail', destinationId: 'complaints', address: 'boss@sakura.example' },
    ],
    reports: [{ send: ['office', 'crm'] }, { outcomes: ['complaint'], send: ['complaints'] }],
  };
  change('account.json', () => ({ card }));
  const more = [{ loginName: 'clinic-san', displayName: '院長', role: 'account', accountId: 'clinic' }];
  change('desk.json', ({ users }) => ({ users: [...users, ...more] }));
  return folder;
}

async function startController(): Promise<System> {
  const started = await startSystem({ dataDir, environment });
  cleanUps.push(async () => {
    if (!started.program.exited()) await started.stop();
  });
  return started;
}

/** Killed without a word, and started again on the same data. */
async function crash(): Promise<void> {
  system.program.child.kill('SIGKILL');
  await system.program.exit;
  system = await startController();
}

async function browserOf(loginName: string): Promise<Browser> {
  const browser = new Browser(system.httpUrl);
  const { status } = await browser.login(loginName, await ownPassword(system, secrets, loginName));
  expect(status).toBe(200);
  return browser;
}

/** The same browser after the server has come back elsewhere: its session is as it was. */
const again = (browser: Browser) => new Browser(system.httpUrl, browser.cookie);

async function answeredCall(): Promise<{ phone: Baresip; agent: DeskAgent; browser: Browser }> {
  const agent = await DeskAgent.start(system, secrets, 'hanako', { toneHz: 880, answer: true });
  cleanUps.push(() => agent.phone.stop());
  await agent.want('available');
  const phone = await Baresip.start({ user: '0901111222', toneHz: 440 });
  cleanUps.push(() => phone.stop());
  phone.dial(system.uri(people));
  await phone.heardOf('CALL_ESTABLISHED');
  await eventually('the caller to hear the agent', () => toneDurationMs(phone.heard(), 880) > 600, {
    timeoutMs: 15_000,
  });
  return { phone, agent, browser: await browserOf('hanako') };
}

interface Form {
  intakeId: string;
  version: number;
  state: string;
  form: Record<string, unknown>;
}

const formOf = (browser: Browser, agentId: string) =>
  eventually('the form', async () => {
    const answer = await browser.send('GET', `/agents/${agentId}/intake`);
    return answer.status === 200 ? (answer.body as unknown as Form) : undefined;
  });

async function type(browser: Browser, { intakeId }: Form, version: number, form: object): Promise<number> {
  const answer = await browser.send('PATCH', `/intakes/${intakeId}`, { version, form });
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return Number(answer.body.version);
}

const save = (browser: Browser, { intakeId }: Form, version: number): Promise<Answer> =>
  browser.send('POST', `/intakes/${intakeId}/save`, { version });

describe('the form of a call', () => {
  it('is filled in piece by piece, survives a killed server, is saved, and the report arrives', async () => {
    const { phone, agent, browser } = await answeredCall();
    const reader = await browserOf('clinic-san');
    const secret = String((await reader.send('POST', '/accounts/clinic/webhook-secret')).body.secret);
    const opened = await formOf(browser, agent.agentId);
    expect(opened).toMatchObject({ version: 1, state: 'open', form: { phoneNumber: '+81901111222', outcome: null } });
    let version = 1;
    for (const callerName of ['山', '山田', '山田太郎']) version = await type(browser, opened, version, { callerName });
    version = await type(browser, opened, version, { company: 'みどり商事', business: '見積もりの件' });

    await crash();
    const after = again(browser);
    const kept = await formOf(after, agent.agentId);
    expect(kept).toMatchObject({ intakeId: opened.intakeId, version, state: 'open' });
    expect(kept.form).toMatchObject({ callerName: '山田太郎', company: 'みどり商事', business: '見積もりの件' });

    const rest = {
      forWhom: 'sato',
      callBack: 'wanted',
      callBackWhen: '明日の午前',
      urgency: 'urgent',
      outcome: 'message',
    };
    version = await type(after, kept, version, rest);
    const { body } = await after.send('GET', `/intakes/${kept.intakeId}/text?language=ja`);
    expect(body.text).toContain('みどり商事の山田太郎様でいらっしゃいますね。');
    phone.hangUp();
    await phone.heardOf('CALL_CLOSED');
    const saved = await save(after, kept, version);
    expect(saved.body).toEqual({ reportIds: [expect.stringMatching(/^report_/)], deliveries: 2 });
    const [reportId] = saved.body.reportIds as string[];

    await eventually('the mail', () => mail.mails.length > 0, { timeoutMs: 10_000 });
    expect(mail.mails.map(({ to }) => to)).toEqual([['office@sakura.example']]);
    expect(mail.mails[0]?.raw).toContain(`<${reportId}.1@denwaban.example>`);
    await eventually('the webhook', () => webhook.received.length > 0, { timeoutMs: 10_000 });
    const [{ headers, body: sent } = { headers: {} as IncomingHttpHeaders, body: '' }] = webhook.received;
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${sent}`;
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
    const signature = `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
    expect(String(headers['webhook-signature']).split(' ')).toContain(signature);
    expect(JSON.parse(sent)).toMatchObject({
      type: 'report',
      data: {
        subject: '【至急】みどり商事 山田太郎様よりお電話（伝言）',
        text: expect.stringContaining('折り返し: 希望（明日の午前）'),
        fields: {
          ...{ reportId, complete: true, outcome: 'message', urgency: 'urgent', business: '見積もりの件' },
          caller: { name: '山田太郎', phoneNumber: '+81901111222', lineNumber: '+81901111222' },
          forWhom: { personId: 'sato', name: '佐藤' },
        },
      },
    });
    expect((await again(reader).send('GET', '/reports')).body).toMatchObject({
      reports: [{ reportId, complete: true }],
    });
  }, 120_000);

  it('saved, and the server is killed at that moment: the report arrives all the same', async () => {
    await webhook.close();
    await mail.close();
    const { phone, agent, browser } = await answeredCall();
    const opened = await formOf(browser, agent.agentId);
    const version = await type(browser, opened, 1, { outcome: 'complaint', business: '待たされた' });
    phone.hangUp();
    expect((await save(browser, opened, version)).status).toBe(200);
    await crash();
    await webhook.listen();
    await eventually('the webhook', () => webhook.received.length > 0, { timeoutMs: 40_000, everyMs: 100 });
    expect(JSON.parse(webhook.received[0]?.body ?? '')).toMatchObject({ data: { fields: { outcome: 'complaint' } } });
    expect((await save(again(browser), opened, version)).body).toEqual({
      reportIds: [expect.any(String)],
      deliveries: 3,
    });
  }, 120_000);

  it('that nobody has saved when wrap-up ends is on the supervisor’s list; its agent can still finish it', async () => {
    const { phone, agent, browser } = await answeredCall();
    const boss = await browserOf('boss');
    const opened = await formOf(browser, agent.agentId);
    const unfinished = async () => (await boss.send('GET', '/intakes')).body.intakes as Form[];
    const version = await type(browser, opened, 1, { callerName: '山田' });
    expect(await unfinished()).toEqual([]);
    phone.hangUp();
    await agent.reaches('available');
    const [left] = await eventually(
      'the list',
      async () => ((await unfinished()).length > 0 ? unfinished() : undefined),
      {
        timeoutMs: 20_000,
        everyMs: 100,
      },
    );
    expect(left).toMatchObject({ intakeId: opened.intakeId, form: { callerName: '山田' } });
    expect((await formOf(browser, agent.agentId)).intakeId).toBe(opened.intakeId);
    const last = await type(browser, opened, version, { outcome: 'wrong-number' });
    expect((await save(browser, opened, last)).status).toBe(200);
    expect(await unfinished()).toEqual([]);
  }, 120_000);
});
