import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type CallOrder,
  type CallOrderResult,
  type OrderedCall,
  orderDone,
  orderRefusals,
  orderRefused,
} from '../../src/desk/call-orders.ts';
import { card, sakura, user } from '../support/people.ts';
import { type Browser, errorCode, startServer, type TestServer } from './support.ts';

/** What the controllers would be sent, and what they answer. */
const given: { callId: string; order: CallOrder }[] = [];
let found: OrderedCall | undefined;
let answer: CallOrderResult;
/** What happens while the order is under way. */
let onOrder: () => Promise<void>;
let server: TestServer;
let agent: Browser;
let supervisor: Browser;

beforeAll(async () => {
  server = await startServer({
    callOrders: {
      find: async () => found,
      send: async (callId, order) => {
        given.push({ callId, order });
        await onOrder();
        return answer;
      },
    },
  });
  const [hanako, boss] = [user('hanako'), user('boss', { role: 'supervisor' })];
  await server.data.accounts.saveAccount(sakura);
  await server.data.cards.save(card('sakura', { persons: [person('sato', '0312345678'), person('ito')] }));
  for (const one of [hanako, boss]) await server.addUser(one);
  agent = await server.browserOf(hanako);
  supervisor = await server.browserOf(boss);
});
afterAll(() => server.stop());
beforeEach(() => {
  given.length = 0;
  found = { accountId: 'sakura', state: 'talking', agentId: 'user_hanako' };
  answer = orderDone;
  onOrder = async () => undefined;
});

const person = (personId: string, number?: string) => ({
  ...{ personId, name: personId },
  ...(number === undefined ? {} : { number }),
});
const newest = async () => (await server.data.audit.list({ limit: 1 }))[0];

describe('orders to calls by HTTP', () => {
  it.each([
    ['POST', 'hold', { held: true }, { type: 'hold', held: true }, 'call.hold', { held: true }],
    ['DELETE', 'transfer', undefined, { type: 'cancel-transfer' }, 'call.transfer-cancel', undefined],
    ['POST', 'recording', { paused: true }, { type: 'recording', paused: true }, 'call.recording', { paused: true }],
    ['POST', 'end', undefined, { type: 'end' }, 'call.end', undefined],
  ])('%s %s', async (method, what, body, order, action, after) => {
    const { status, body: told } = await agent.send(method, `/desk/calls/call_1/${what}`, body);
    expect([status, told]).toEqual([200, { done: true }]);
    expect(given).toEqual([{ callId: 'call_1', order }]);
    const entry = await newest();
    expect(entry?.actor).toMatchObject({ userId: 'user_hanako', role: 'agent' });
    expect(entry).toMatchObject({ action, subject: { kind: 'call', id: 'call_1', accountId: 'sakura' } });
    expect(entry?.after).toEqual(after);
  });

  it.each([
    ['move', { queueId: 'q', first: true }, { type: 'move', queueId: 'q', first: true }, 'call.move'],
    ['listen', { mode: 'join' }, { type: 'listen', agentId: 'user_boss', mode: 'join' }, 'call.listen'],
  ])('a supervisor: %s', async (what, body, order, action) => {
    expect((await supervisor.send('POST', `/desk/calls/call_1/${what}`, body)).status).toBe(200);
    expect(given).toEqual([{ callId: 'call_1', order }]);
    expect(await newest()).toMatchObject({ action, actor: { userId: 'user_boss' } });
  });

  it('a transfer: to an agent, a queue, a number, and a person of the account’s card', async () => {
    const transfer = (to: object) => agent.send('POST', '/desk/calls/call_1/transfer', { to });
    for (const to of [
      { type: 'agent', agentId: 'user_taro' },
      { type: 'queue', queueId: 'billing' },
      { type: 'number', number: '0398765432' },
    ]) {
      expect((await transfer(to)).status).toBe(200);
      expect(given.at(-1)?.order).toEqual({ type: 'transfer', to });
    }
    expect((await transfer({ type: 'person', personId: 'sato' })).status).toBe(200);
    expect(given.at(-1)?.order).toEqual({ type: 'transfer', to: { type: 'number', number: '0312345678' } });
    expect(await newest()).toMatchObject({ after: { to: { type: 'person', personId: 'sato' } } });
    given.length = 0;
    expect(errorCode(await transfer({ type: 'person', personId: 'ito' }))).toBe('CALL_ORDER_FORBIDDEN');
    expect(errorCode(await transfer({ type: 'person', personId: 'nobody' }))).toBe('NOT_FOUND');
    expect(errorCode(await transfer({ type: 'house' }))).toBe('INPUT_INVALID');
    expect(given).toEqual([]);
  });

  it('an order that is refused has an error of its own, and the record says that it was not done', async () => {
    const told: Record<string, string> = {};
    for (const reason of orderRefusals) {
      answer = orderRefused(reason);
      const refused = await supervisor.send('POST', '/desk/calls/call_1/hold', { held: true });
      told[reason] = `${refused.status} ${errorCode(refused)}`;
      const [outcome, asked] = await server.data.audit.list({ limit: 2 });
      expect(asked).toMatchObject({ action: 'call.hold', subject: { accountId: 'sakura' }, after: { held: true } });
      expect(outcome).toMatchObject({ action: 'call.hold', subject: { id: 'call_1' }, after: { outcome: reason } });
    }
    expect(told).toEqual({
      'no-such-call': '404 NOT_FOUND',
      'not-talking': '409 CALL_NOT_TALKING',
      'not-waiting': '409 CALL_NOT_WAITING',
      'not-allowed': '409 CALL_ORDER_FORBIDDEN',
      busy: '409 CALL_BUSY',
      'no-phone': '409 PHONE_NOT_REGISTERED',
      'unknown-queue': '404 QUEUE_UNKNOWN',
      full: '409 QUEUE_FULL',
      closed: '409 QUEUE_CLOSED',
      'not-recorded': '409 CALL_NOT_RECORDED',
      failed: '409 CALL_ORDER_FAILED',
      unanswered: '503 CALL_UNANSWERED',
    });
  });

  it('an order is on record before it is sent, so that whoever dies meanwhile leaves it there', async () => {
    let recorded: unknown;
    onOrder = async () => {
      recorded = (await newest())?.action;
      throw new Error('the process dies');
    };
    expect((await supervisor.send('POST', '/desk/calls/call_1/end')).status).toBe(500);
    expect([recorded, (await newest())?.action]).toEqual(['call.end', 'call.end']);
  });

  it('an agent orders about the call on which they talk, and no other', async () => {
    for (const other of [
      undefined,
      { accountId: 'sakura', state: 'talking', agentId: 'user_taro' },
      { accountId: 'sakura', state: 'answered', agentId: 'user_hanako' },
    ] as const) {
      found = other;
      expect(errorCode(await agent.send('POST', '/desk/calls/call_1/end'))).toBe('NOT_FOUND');
    }
    expect(given).toEqual([]);
  });
});
