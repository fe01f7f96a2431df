import { afterAll, beforeAll, expect, it } from 'vitest';
import { opening } from '../support/intakes.ts';
import { card, momo, sakura, user } from '../support/people.ts';
import { type Browser, startServer, type TestServer } from './support.ts';

/** What needs attention, and what operators do about it, over real HTTP. */
let server: TestServer;
let operator: Browser;
let boss: Browser;
beforeAll(async () => {
  server = await startServer();
  await server.data.accounts.saveAccount(sakura);
  await server.data.accounts.saveAccount(momo);
  await server.data.cards.save(card('sakura', { reports: [{ outcomes: ['complaint'], send: ['office'] }] }));
  await server.data.cards.saveRules('sakura', {
    ...{ complaintsBeforeWarning: 2, complaintsSinceMs: 0, suspension: 'operator-confirms' },
  });
  for (const one of [user('hanako'), user('root', { role: 'operator' }), user('boss', { role: 'supervisor' })]) {
    await server.addUser(one);
  }
  operator = await server.browserOf(user('root', { role: 'operator' }));
  boss = await server.browserOf(user('boss', { role: 'supervisor' }));
});
afterAll(() => server.stop());

const attention = async () => (await boss.send('GET', '/attention')).body;
const put = (path: string, body: object) => operator.send('PUT', path, body);

async function report(name: string, outcome: 'complaint' | 'sales-call', accountId = 'sakura'): Promise<void> {
  const { intakes } = server;
  const { intakeId } = await intakes.open(opening({ callId: name, offerId: name, accountId }));
  await intakes.type(intakeId, 1, { outcome });
  await intakes.save(intakeId, 2, { kind: 'user', name: 'hanako' });
}

it('complaints count until an operator lets the account go on, and what they set is not undone by others’ writing', async () => {
  expect(await attention()).toEqual({ accounts: [], unfinished: [], nowhere: [], givenUp: [] });
  await report('a', 'complaint');
  expect(await attention()).toMatchObject({ accounts: [] });
  await report('b', 'complaint');
  const seen = { accountId: 'sakura', name: 'さくら歯科', complaints: 2, limit: 2 };
  expect(await attention()).toMatchObject({ accounts: [{ ...seen, answeringService: 'active' }] });
  const suspended = await put('/accounts/sakura/answering-service', { answeringService: 'suspended' });
  expect(suspended.body).toMatchObject({ status: 'active', answeringService: 'suspended' });
  expect(await attention()).toMatchObject({ accounts: [{ ...seen, answeringService: 'suspended' }] });
  const { status: _, answeringService: _s, ...written } = sakura;
  expect((await put('/accounts/sakura', written)).body).toMatchObject({ answeringService: 'suspended' });

  await put('/accounts/sakura/answering-service', { answeringService: 'active' });
  expect(await attention()).toMatchObject({ accounts: [] });
  // Rules that do not say from when complaints count leave that as it is.
  await put('/accounts/sakura/rules', { complaintsBeforeWarning: 1 });
  expect(await attention()).toMatchObject({ accounts: [] });
  const record = await operator.send('GET', '/audit?accountId=sakura&limit=50');
  for (const text of ['"answeringService":"suspended"', 'complaintsSinceMs']) expect(record.text).toContain(text);
  expect((await put('/accounts/nobody/answering-service', { answeringService: 'active' })).status).toBe(404);
});

it('shows one that was suspended by hand, whatever its complaints, so that it can go on', async () => {
  await put('/accounts/momo', { ...momo, answeringService: 'suspended' });
  expect(await attention()).toMatchObject({
    accounts: [{ accountId: 'momo', complaints: 0, answeringService: 'suspended' }],
  });
  await put('/accounts/momo', { ...momo, status: 'ended', answeringService: 'suspended' });
  expect(await attention()).toMatchObject({ accounts: [] });
});

it('names unfinished forms, reports that went nowhere, and those that were given up', async () => {
  await report('c', 'sales-call');
  await report('d', 'sales-call');
  await report('e', 'sales-call', 'momo');
  const { intakeId } = await server.intakes.open(opening({ callId: 'f', offerId: 'f' }));
  await server.data.intakes.markLeft({ intakeId, offerId: 'f' }, 1_234);
  const { outbox } = server.data;
  const nowMs = Date.now() + 60_000;
  for (;;) {
    const claim = await outbox.claim({ nowMs, leaseMs: 10_000, exceptLanes: [] });
    if (!claim) break;
    const next = { state: 'given-up', endedAtMs: nowMs } as const;
    await outbox.settle(claim, { outcome: 'refused', statusCode: 550, error: 'no such user', durationMs: 1, next });
  }
  const { unfinished, nowhere, givenUp } = (await attention()) as Record<string, object[]>;
  expect(unfinished).toEqual([
    { intakeId, accountId: 'sakura', name: 'さくら歯科', agentName: 'HANAKO', leftAtMs: 1_234 },
  ]);
  expect(nowhere).toMatchObject([
    { accountId: 'momo', outcomes: [{ outcome: 'sales-call', count: 1 }] },
    { accountId: 'sakura', outcomes: [{ outcome: 'sales-call', count: 2 }] },
  ]);
  // Both complaints of the first test.
  expect(givenUp).toMatchObject([
    { accountId: 'sakura', channel: 'mail', outboxIds: [expect.any(String), expect.any(String)] },
  ]);
});
