import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Intake } from '../../src/desk/intake.ts';
import { opening } from '../support/intakes.ts';
import { card, momo, sakura, user } from '../support/people.ts';
import { type Browser, errorCode, startServer, type TestServer } from './support.ts';

/** The form of a call over real HTTP, as the agent's page uses it. */
let server: TestServer;
let browser: Browser;
let boss: Browser;
let opened: Intake;

beforeAll(async () => {
  server = await startServer();
  await server.data.accounts.saveAccount(sakura);
  await server.data.accounts.saveAccount(momo);
  await server.data.cards.save(card('sakura', { emergency: { number: '09012345678', afterRequests: 2 } }));
  await server.addUser(user('hanako'));
  await server.addUser(user('boss', { role: 'supervisor' }));
  browser = await server.browserOf(user('hanako'));
  boss = await server.browserOf(user('boss', { role: 'supervisor' }));
});
afterAll(() => server.stop());
beforeEach(async () => {
  const { db } = server.database;
  await db.deleteFrom('reports').execute();
  await db.deleteFrom('intakes').execute();
  opened = await server.intakes.open(opening());
});

const patch = (version: number, form: object) =>
  browser.send('PATCH', `/intakes/${opened.intakeId}`, { version, form });
const save = (version: number) => browser.send('POST', `/intakes/${opened.intakeId}/save`, { version });

it('an agent finds the form with card, caller and what the flow learned', async () => {
  const { body, text } = await browser.send('GET', '/agents/user_hanako/intake');
  expect(body).toMatchObject({
    ...{ intakeId: opened.intakeId, callId: 'call_1', version: 1, state: 'open' },
    account: { name: 'さくら歯科', nameReading: 'さくらしか' },
    card: { announceName: 'さくら歯科 本院', persons: [{ personId: 'sato' }] },
    caller: { number: '+819011112222' },
    earlierCalls: [],
    learned: { order: '1234' },
    form: { phoneNumber: '+819011112222', outcome: null, urgency: 'normal' },
    hints: { directTransferRequests: 0, complaints: 0, warnings: [] },
  });
  expect(text).not.toMatch(/emergency|09012345678|office@|hooks/);
});

it('the emergency number comes with the answer to the request that makes it tellable', async () => {
  const first = await patch(1, { outcome: 'direct-transfer-request' });
  expect(first.body).toEqual({ version: 2, hints: expect.objectContaining({ directTransferRequests: 1 }) });
  expect(first.text).not.toContain('09012345678');
  const second = await patch(2, { directTransferRequests: 2 });
  expect(second.body).toMatchObject({ version: 3, hints: { emergencyNumber: '09012345678' } });
});

it('two windows: the later one is told how it stands, and nothing is undone', async () => {
  await patch(1, { callerName: '山田' });
  const late = await patch(1, { business: '見積もり' });
  expect([late.status, errorCode(late)]).toEqual([409, 'INTAKE_CHANGED']);
  expect(late.body).toMatchObject({
    current: { version: 2, state: 'open', form: { callerName: '山田', business: '' } },
  });
  expect((await patch(2, { business: '見積もり' })).body).toMatchObject({ version: 3 });
});

it('refuses what is no form, and says where', async () => {
  for (const form of [{ outcome: 'nonsense' }, { callerName: 'x'.repeat(201) }, { surprise: 1 }]) {
    expect([(await patch(1, form)).status, (await server.intakes.find(opened.intakeId))?.version]).toEqual([400, 1]);
  }
  const unfit = await save(1);
  expect([unfit.status, errorCode(unfit)]).toEqual([400, 'INTAKE_UNFIT']);
  expect(unfit.body).toMatchObject({ error: { path: 'form.outcome' } });
});

it('the text to read back, in both languages', async () => {
  await patch(1, {
    ...{ callerName: '山田太郎', company: 'みどり商事', forWhom: 'sato', business: '見積もりの件' },
    ...{ callBack: 'wanted', callBackWhen: '明日の午前中', urgency: 'urgent' },
  });
  const text = async (language: string) =>
    (await browser.send('GET', `/intakes/${opened.intakeId}/text?language=${language}`)).body.text;
  expect(await text('ja')).toBe(
    [
      '復唱いたします。',
      'みどり商事の山田太郎様でいらっしゃいますね。',
      'お電話番号は、090-1111-2222。',
      '佐藤宛てでございますね。',
      'ご用件は、「見積もりの件」。',
      '折り返しのお電話を、明日の午前中にご希望。',
      'お急ぎとのこと。',
      '以上でお間違いございませんでしょうか。',
    ].join('\n'),
  );
  expect(await text('en')).toBe(
    'Let me read that back. You are 山田太郎 of みどり商事. Your number is 090-1111-2222. Your call is for 佐藤. Your message: "見積もりの件". You would like to be called back: 明日の午前中. It is urgent. Is that right?',
  );
});

it('saved: the account reads its report, another account does not, and nothing changes any more', async () => {
  await patch(1, { outcome: 'sales-call', business: 'コピー機' });
  const { body } = await save(2);
  expect(body).toEqual({ reportIds: [expect.stringMatching(/^report_/)], deliveries: 1 });
  expect((await browser.send('GET', `/intakes/${opened.intakeId}`)).body).toMatchObject({ deliveries: 1 });
  expect((await save(2)).body).toEqual(body);
  expect(errorCode(await patch(3, { business: 'x' }))).toBe('INTAKE_SAVED');
  const reader = async (accountId: string) => {
    const one = user(`${accountId}-san`, { role: 'account', accountId });
    await server.addUser(one);
    return server.browserOf(one);
  };
  const [own, other] = [await reader('sakura'), await reader('momo')];
  expect((await own.send('GET', '/reports')).body).toMatchObject({
    reports: [{ accountId: 'sakura', complete: true, outcome: 'sales-call', fields: { business: 'コピー機' } }],
  });
  expect((await own.send('GET', '/accounts/sakura/outcomes')).body).toEqual({ outcomes: { 'sales-call': 1 } });
  expect((await other.send('GET', '/reports?accountId=sakura')).body).toEqual({ reports: [] });
});

it('a supervisor sees what nobody saved, and can finish it', async () => {
  expect((await boss.send('GET', '/intakes')).body).toEqual({ intakes: [] });
  await server.data.intakes.markLeft(opened, 1);
  expect((await boss.send('GET', '/intakes')).body).toMatchObject({
    intakes: [{ intakeId: opened.intakeId, agentId: 'user_hanako', leftAtMs: 1 }],
  });
  const form = { outcome: 'other' };
  expect((await boss.send('PATCH', `/intakes/${opened.intakeId}`, { version: 1, form })).status).toBe(200);
  expect((await boss.send('POST', `/intakes/${opened.intakeId}/save`, { version: 2 })).status).toBe(200);
  expect((await boss.send('GET', '/intakes')).body).toEqual({ intakes: [] });
});

it('a supervisor who types into an agent’s form is on record, once for each form', async () => {
  const changes = async () =>
    (await server.data.audit.list({ limit: 100 })).filter(
      ({ action, subject }) => action === 'intake.change' && subject.id === opened.intakeId,
    );
  await patch(1, { callerName: '山田' });
  const rewrite = (version: number, callerName: string) =>
    boss.send('PATCH', `/intakes/${opened.intakeId}`, { version, form: { callerName } });
  expect((await rewrite(1, '山')).status).toBe(409);
  expect(await changes()).toEqual([]);
  for (const [version, name] of [...'田中さま'].entries()) {
    expect((await rewrite(version + 2, name)).status).toBe(200);
  }
  expect(await changes()).toEqual([
    expect.objectContaining({
      actor: { kind: 'user', userId: 'user_boss', role: 'supervisor', name: 'boss', address: '127.0.0.1' },
      subject: { kind: 'case', id: opened.intakeId, accountId: 'sakura' },
      after: { callId: 'call_1', agentId: 'user_hanako' },
    }),
  ]);
});

it('typed into after it was reported as incomplete: both find it again', async () => {
  await server.data.intakes.markLeft(opened, 1);
  expect(await server.intakes.reportIncomplete(opened.intakeId, opened.changedAtMs)).toBe(true);
  expect((await boss.send('GET', '/intakes')).body).toEqual({ intakes: [] });
  expect((await browser.send('GET', '/agents/user_hanako/intake')).status).toBe(404);
  expect((await patch(2, { business: '見積もり' })).body).toMatchObject({ version: 3 });
  expect((await boss.send('GET', '/intakes')).body).toMatchObject({
    intakes: [{ intakeId: opened.intakeId, state: 'open', leftAtMs: 1, form: { business: '見積もり' } }],
  });
  expect((await browser.send('GET', '/agents/user_hanako/intake')).body).toMatchObject({ intakeId: opened.intakeId });
});
