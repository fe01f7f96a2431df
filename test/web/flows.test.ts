import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flow, momo, sakura, user } from '../support/people.ts';
import { type Answer, type Browser, errorCode, startServer, type TestServer } from './support.ts';

let server: TestServer;
let operator: Browser;
beforeAll(async () => {
  server = await startServer();
  for (const one of [sakura, momo]) await server.data.accounts.saveAccount(one);
  await server.addUser(user('root', { role: 'operator' }));
  operator = await server.browserOf(user('root', { role: 'operator' }));
});
afterAll(() => server.stop());

const ok = (answer: Answer) => {
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
};

describe('flows by HTTP', () => {
  const check = async (body: object) => ok(await operator.send('POST', '/flows/check', body));
  const publish = (accountId: string, flowId: string, body: object) =>
    operator.send('PUT', `/accounts/${accountId}/flows/${flowId}`, body);
  const unsound = flow('main', {
    start: 'say',
    nodes: { say: { type: 'say', prompt: { ja: { silenceMs: 100 } }, next: 'b' } },
  });

  it('are checked without being published: each fault has its place and its remedy', async () => {
    expect(await check(flow('main'))).toEqual({ sound: true, faults: [] });
    expect(await check(unsound)).toMatchObject({
      sound: false,
      faults: expect.arrayContaining([
        expect.objectContaining({ path: '$.nodes.say.next', remedy: expect.any(String) }),
      ]),
    });
    const missing = { end: { type: 'hangup', prompt: { ja: { file: 'prompts/ja/none.wav' } } } };
    expect(JSON.stringify(await check(flow('main', { nodes: missing })))).toContain('prompts/ja/none.wav');
    expect(await server.data.flows.listFlows()).toEqual([]);
  });

  it('are published in versions, on record; calls find the newest, and every version can be read', async () => {
    expect(ok(await publish('sakura', 'main', flow('main')))).toEqual({ flowId: 'main', version: 1 });
    expect(ok(await publish('sakura', 'main', flow('main')))).toEqual({ flowId: 'main', version: 1 });
    expect(ok(await publish('sakura', 'main', flow('main', { title: '新しい' })))).toEqual({
      flowId: 'main',
      version: 2,
    });
    expect(ok(await operator.send('GET', '/accounts/sakura/flows'))).toEqual({
      flows: [{ flowId: 'main', accountId: 'sakura', version: 2, publishedAtMs: expect.any(Number) }],
    });
    expect(ok(await operator.send('GET', '/flows/main'))).toMatchObject({
      version: 2,
      definition: { title: '新しい' },
    });
    const first = ok(await operator.send('GET', '/flows/main?version=1'));
    expect(first).toMatchObject({ version: 1, definition: { start: 'end' } });
    expect(JSON.stringify(first)).not.toContain('新しい');
    expect(errorCode(await operator.send('GET', '/flows/main?version=3'))).toBe('NOT_FOUND');
    const entries = await server.data.audit.list({ limit: 10, accountId: 'sakura' });
    expect(entries.filter(({ action }) => action === 'flow.publish').map(({ after }) => after)).toEqual([
      { version: 2 },
      { version: 1 },
    ]);
  });

  it('that are not sound, or another account’s, are not published', async () => {
    await publish('sakura', 'main', flow('main'));
    const before = await server.data.flows.listFlows();
    const refused = await publish('sakura', 'main', unsound);
    expect([refused.status, errorCode(refused)]).toEqual([400, 'FLOW_INVALID']);
    expect(refused.body).toMatchObject({
      error: { path: expect.stringMatching(/^\$\.nodes\.say/), remedy: expect.any(String) },
    });
    expect(errorCode(await publish('momo', 'main', flow('main', { title: 'taken' })))).toBe('FLOW_OF_ANOTHER_ACCOUNT');
    expect(errorCode(await publish('nobody', 'new', flow('new')))).toBe('ACCOUNT_UNKNOWN');
    expect(errorCode(await publish('sakura', 'other', flow('main')))).toBe('INPUT_INVALID');
    expect(await server.data.flows.listFlows()).toEqual(before);
  });
});
