import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';
import { baseMs, fact, offered } from '../support/facts.ts';
import { momo, sakura, user } from '../support/people.ts';
import { type Answer, type Browser, errorCode, startServer, type TestServer } from './support.ts';

let server: TestServer;
let operator: Browser;
let account: Browser;
beforeAll(async () => {
  server = await startServer();
  for (const one of [sakura, momo]) await server.data.accounts.saveAccount(one);
  const [root, own] = [
    user('root', { role: 'operator' }),
    user('sakura-san', { role: 'account', accountId: 'sakura' }),
  ];
  for (const one of [root, own]) await server.addUser(one);
  operator = await server.browserOf(root);
  account = await server.browserOf(own);
});
afterAll(() => server.stop());

const ok = (answer: Answer) => {
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
};

describe('the call log by HTTP', () => {
  const ids = async (browser: Browser, query = '') =>
    (ok(await browser.send('GET', `/calls${query}`))['calls'] as { callId: string }[]).map(({ callId }) => callId);
  const leg = { legId: 'talk-caller' };
  beforeAll(() =>
    new SqlFactStore(server.database).append([
      offered('talk', { atMs: baseMs + 5_000 }),
      fact('talk', 2, { type: 'digits', ...leg, nodeId: 'pin', digits: '987654' }),
      fact('talk', 3, {
        ...{ type: 'offered', legId: 'talk-boss', kind: 'listener', direction: 'outbound', from: '0312345678', to: '' },
        agentId: 'user_boss',
      }),
      fact('talk', 5, {
        type: 'recorded',
        ...leg,
        recordingId: 'rec',
        file: '/srv/data/recordings/r.wav',
        durationMs: 9,
      }),
      fact('talk', 4, { type: 'ended', ...leg, cause: 'caller-hangup', sipStatus: 487 }),
      offered('same-1', { atMs: baseMs }),
      offered('same-2', { atMs: baseMs }),
      offered('others', { atMs: baseMs + 1_000, accountId: 'momo' }),
    ]),
  );

  it('is paged through, newest first, and none is left out', async () => {
    expect(await ids(operator)).toEqual(['talk', 'others', 'same-2', 'same-1']);
    const paged: string[] = [];
    for (let last: string[] = await ids(operator, '?limit=1'); last.length > 0; ) {
      paged.push(...last);
      last = await ids(operator, `?limit=1&before=${last.at(-1)}`);
    }
    expect(paged).toEqual(['talk', 'others', 'same-2', 'same-1']);
    expect(await ids(operator, '?accountId=momo')).toEqual(['others']);
    expect(errorCode(await operator.send('GET', '/calls?before=none'))).toBe('NOT_FOUND');
  });

  it('tells what became of a call, and not what the caller pressed', async () => {
    const { text, body } = await operator.send('GET', '/calls?limit=1');
    expect(body).toMatchObject({
      calls: [
        {
          ...{ callId: 'talk', accountId: 'sakura', from: '+819012345678', to: '+81312345678', flow: 'main' },
          ...{ offeredAt: '2026-01-05T01:00:05.000Z', answeredAt: null, outcome: 'abandoned' },
          legs: [{ legId: 'talk-caller', cause: 'caller-hangup', sipStatus: 487 }, { kind: 'listener' }],
        },
      ],
    });
    expect(text).not.toContain('987654');
  });

  it('is an account’s own for the account, without those who listened in', async () => {
    expect(await ids(account, '?accountId=momo')).toEqual(['talk', 'same-2', 'same-1']);
    expect(errorCode(await account.send('GET', '/calls?before=others'))).toBe('NOT_FOUND');
    const { text } = await account.send('GET', '/calls');
    expect(text).not.toMatch(/listener|boss|momo|987654/);
    // Nor where files lie on the server.
    expect(text).toContain('"file":"r.wav"');
    expect(text).not.toContain('/srv/');
  });

  it('is followed by a record that does not tell the account who listened in, over pages of nothing else', async () => {
    const actor = { kind: 'user' as const, userId: 'user_boss', role: 'supervisor' as const, name: 'boss' };
    const entry = async (action: string) =>
      server.data.audit.append({
        atMs: baseMs,
        actor,
        action,
        subject: { kind: 'call', id: 'talk', accountId: 'sakura' },
      });
    await entry('call.hold');
    for (const action of ['call.listen', 'call.listen-end', 'call.listen']) await entry(action);
    const actions = async (browser: Browser) =>
      (ok(await browser.send('GET', '/audit?limit=1&accountId=sakura'))['entries'] as { action: string }[]).map(
        ({ action }) => action,
      );
    expect(await actions(operator)).toEqual(['call.listen']);
    expect(await actions(account)).toEqual(['call.hold']);
  });
});
