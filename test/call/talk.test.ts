import { describe, expect, test } from 'vitest';
import type { CallOrder } from '../../src/desk/call-orders.ts';
import { settle } from '../support/fake-clock.ts';
import { ring, takenOver, talking } from './fake-desk.ts';

type Talk = Awaited<ReturnType<typeof talking>>;

async function order({ h }: Talk, what: CallOrder) {
  const answer = h.service.order(h.facts[0]?.callId ?? '', what);
  await settle();
  return answer;
}
const hold = (talk: Talk, held = true) => order(talk, { type: 'hold', held });
const toNumber = (talk: Talk, number = '0355556666') =>
  order(talk, { type: 'transfer', to: { type: 'number', number } });
const toAgent = (talk: Talk, agentId = 'taro') => order(talk, { type: 'transfer', to: { type: 'agent', agentId } });
const toQueue = (talk: Talk, queueId: string) => order(talk, { type: 'transfer', to: { type: 'queue', queueId } });
const ok = { ok: true };
const refused = (reason: string) => ({ ok: false, reason });

/** The phone that rings for the transfer, ringing. */
async function target({ h }: Talk) {
  const dial = h.telephony.dials[1];
  if (!dial) throw new Error('nobody is rung');
  dial.ring();
  await settle();
  return dial;
}

/** Whoever was rung answers, and hears the whisper to its end. */
async function answered(dial: Awaited<ReturnType<typeof target>>) {
  const leg = dial.answer();
  await settle();
  if (dial.request.kind === 'agent') leg?.finishPlay();
  await settle();
  if (!leg) throw new Error('nobody answered');
  return leg;
}

const music = 'play hold.wav';
const softTone = 'play tone:v=-30;%(150,9850,523)';
const ringBack = 'play tone:%(1000,2000,400,416)';

function over({ h, leg }: Talk, outcome = 'done') {
  expect(h.events.find(({ type }) => type === 'desk-done')).toMatchObject({ outcome });
  expect(h.telephony.openLegs.filter((one) => one !== leg)).toEqual([]);
}

describe('hold', () => {
  test('the caller hears music, the agent a soft tone; they talk again; hold is no talk, on record', async () => {
    const talk = await talking();
    const { h, leg, agent, desk } = talk;
    expect(await hold(talk)).toEqual(ok);
    expect(leg.orders.slice(-2)).toEqual(['unbridge', music]);
    expect(agent.orders.at(-1)).toBe(softTone);
    expect(leg.bridgedWith).toBeUndefined();
    expect(desk.shown.at(-1)).toEqual({ held: true });
    expect(await hold(talk)).toEqual(ok);
    expect(leg.orders.filter((words) => words === music)).toHaveLength(1);
    expect(await hold(talk, false)).toEqual(ok);
    expect(leg.bridgedWith).toBe(agent);
    expect([leg.playing, agent.playing]).toEqual([undefined, undefined]);
    expect(desk.shown.at(-1)).toEqual({});
    expect(h.story(leg.legId).slice(3)).toEqual(['bridged', 'left-queue', 'unbridged', 'held', 'resumed', 'bridged']);
    // The music is nothing that the flow has played.
    expect(h.events.filter(({ type }) => type === 'play-done')).toEqual([]);
    agent.hangUp();
    await settle();
    over(talk);
  });

  test('only of a talk', async () => {
    const talk = await talking();
    talk.agent.hangUp();
    await settle();
    expect(await hold(talk)).toEqual(refused('no-such-call'));
  });

  test('the agent hangs up while the caller is held: the flow goes on, the desk knows', async () => {
    const talk = await talking();
    await hold(talk);
    talk.agent.hangUp();
    await settle();
    expect(talk.desk.told.slice(-2)).toEqual(['parted o1 done', 'leave done']);
    expect(talk.leg.orders.slice(-2)).toContain('stop');
    over(talk);
  });

  test('the agent is lost while the caller is held: back to the head of the line', async () => {
    const talk = await talking();
    await hold(talk);
    talk.agent.hangUp('media-timeout');
    await settle();
    expect(talk.desk.told.at(-1)).toBe('parted o1 agent-lost');
    expect(talk.h.events.at(-1)).toMatchObject({ type: 'desk-parted' });
  });

  test('the caller hangs up while held: the agent’s leg ends', async () => {
    const talk = await talking();
    await hold(talk);
    talk.leg.hangUp();
    await settle();
    expect(talk.agent.ended).toBe('caller-hangup');
    expect(talk.h.service.activeCalls).toBe(0);
  });

  test('they cannot be connected again: the agent’s leg ends, the caller goes to the head of the line', async () => {
    const talk = await talking();
    await hold(talk);
    talk.h.telephony.bridgesFail = true;
    expect(await hold(talk, false)).toEqual(refused('failed'));
    await settle();
    expect(talk.agent.ended).toBe('failed');
    expect(talk.desk.told.at(-1)).toBe('parted o1 agent-lost');
  });

  test('the controller dies: the next one keeps them apart, with music, and connects them when asked', async () => {
    const first = await talking();
    await hold(first);
    const talk = await takenOver(first, 'agent', { state: 'talking', offerId: 'o1', agentId: 'hanako' });
    const [leg, agent] = ['caller', 'agent'].map((kind) => talk.h.telephony.legs.find((one) => one.kind === kind));
    expect(leg?.orders).toEqual([music]);
    expect(agent?.orders).toEqual([softTone]);
    expect(talk.desk.shown).toEqual([{ held: true }]);
    const callId = talk.saved.identity.callId;
    expect(await talk.h.service.order(callId, { type: 'hold', held: false })).toEqual(ok);
    expect(leg?.bridgedWith).toBe(agent);
    leg?.hangUp();
    await settle();
    expect(talk.h.service.activeCalls).toBe(0);
  });
});

describe('transfer to a number', () => {
  test('the caller hears music, the agent ring-back; answered: the two talk and the agent is in wrap-up', async () => {
    const talk = await talking();
    const { h, leg, agent, desk } = talk;
    expect(await toNumber(talk)).toEqual(ok);
    expect([leg.orders.at(-1), agent.orders.at(-1)]).toEqual([music, ringBack]);
    const dial = await target(talk);
    expect(dial.request).toMatchObject({ kind: 'transfer', toNumber: '+81355556666', fromNumber: '0312345678' });
    expect(desk.shown.at(-1)).toEqual({ transfer: { to: '0355556666', state: 'ringing' } });
    expect(await hold(talk)).toEqual(refused('busy'));
    expect(await toNumber(talk)).toEqual(refused('busy'));
    const outside = await answered(dial);
    expect(leg.bridgedWith).toBe(outside);
    expect(agent.ended).toBe('system-hangup');
    expect(desk.told.slice(-2)).toEqual(['connected o1', 'parted o1 done']);
    expect(desk.shown.at(-1)).toEqual({});
    expect(h.events.map(({ type }) => type)).not.toContain('desk-done');
    outside.hangUp();
    await settle();
    expect(desk.told.at(-1)).toBe('leave done');
    over(talk);
    expect(h.story(dial.legId).at(-1)).toBe('ended peer-hangup');
  });

  test.each([
    ['busy', 'busy'],
    ['no-answer', 'no-answer'],
    ['rejected', 'refused'],
    ['unreachable', 'failed'],
  ] as const)('%s: caller and agent are connected again, and the agent is told', async (cause, told) => {
    const talk = await talking();
    await toNumber(talk);
    (await target(talk)).fail(cause);
    await settle();
    expect(talk.leg.bridgedWith).toBe(talk.agent);
    expect(talk.leg.playing).toBeUndefined();
    expect(talk.desk.shown.at(-1)).toEqual({ transferFailed: told });
    expect(await hold(talk)).toEqual(ok);
    expect(talk.desk.shown.at(-1)).toEqual({ held: true });
  });

  test('a number that the account’s rules forbid: nothing happens', async () => {
    const talk = await talking();
    for (const number of ['0990123456', '110', 'nonsense']) {
      expect(await toNumber(talk, number)).toEqual(refused('not-allowed'));
    }
    expect(talk.h.telephony.dials).toHaveLength(1);
    expect(talk.leg.bridgedWith).toBe(talk.agent);
  });

  test('taken back: the phone stops, they talk on; without a transfer there is nothing to take back', async () => {
    const talk = await talking();
    expect(await order(talk, { type: 'cancel-transfer' })).toEqual(refused('not-talking'));
    await toNumber(talk);
    const dial = await target(talk);
    expect(await order(talk, { type: 'cancel-transfer' })).toEqual(ok);
    expect(dial.cancelled).toBe(true);
    expect(talk.leg.bridgedWith).toBe(talk.agent);
    expect(talk.desk.shown.at(-1)).toEqual({ transferFailed: 'cancelled' });
  });

  test('the agent hangs up while it rings: the caller stays with the transfer', async () => {
    const talk = await talking();
    await toNumber(talk);
    const dial = await target(talk);
    talk.agent.hangUp();
    await settle();
    expect(talk.desk.told.at(-1)).toBe('parted o1 done');
    const outside = await answered(dial);
    expect(talk.leg.bridgedWith).toBe(outside);
    talk.leg.hangUp();
    await settle();
    expect(outside.ended).toBe('caller-hangup');
    expect(talk.h.service.activeCalls).toBe(0);
  });

  test('the agent hangs up while it rings, and nobody answers: the caller is at the head of the line', async () => {
    const talk = await talking();
    await toNumber(talk);
    const dial = await target(talk);
    talk.agent.hangUp();
    await settle();
    dial.fail('no-answer');
    await settle();
    expect(talk.desk.told.slice(-2)).toEqual(['parted o1 done', 'back to head']);
    expect(talk.h.events.at(-1)).toMatchObject({ type: 'desk-parted' });
    expect(talk.h.story(talk.leg.legId).at(-1)).toBe('queued');
  });

  test('the caller hangs up while it rings: every phone stops, nothing is left', async () => {
    const talk = await talking();
    await toNumber(talk);
    const dial = await target(talk);
    talk.leg.hangUp();
    await settle();
    expect([dial.cancelled, talk.agent.ended]).toEqual([true, 'caller-hangup']);
    expect(talk.desk.told.slice(-2)).toEqual(['parted o1 caller-gone', 'leave done']);
    expect(talk.h.service.activeCalls).toBe(0);
  });

  test('the controller dies while it rings: agent and caller talk again', async () => {
    const first = await talking();
    await toNumber(first);
    await target(first);
    const talk = await takenOver(first, 'agent', { state: 'talking', offerId: 'o1', agentId: 'hanako' });
    await settle();
    const [leg, agent] = ['caller', 'agent'].map((kind) => talk.h.telephony.legs.find((one) => one.kind === kind));
    expect(leg?.bridgedWith).toBe(agent);
    expect(talk.desk.shown.at(-1)).toEqual({ transferFailed: 'failed' });
    leg?.hangUp();
    await settle();
    expect(talk.h.service.activeCalls).toBe(0);
  });

  test('the controller dies while caller and number talk: they go on', async () => {
    const first = await talking();
    await toNumber(first);
    await answered(await target(first));
    const outsideId = first.h.telephony.dials[1]?.legId ?? '';
    const talk = await takenOver(
      first,
      'nobody',
      { state: 'served', offerId: undefined, agentId: undefined },
      outsideId,
    );
    const outside = talk.h.telephony.legs.find(({ kind }) => kind === 'transfer');
    expect(outside?.ended).toBeUndefined();
    expect(talk.h.events.map(({ type }) => type)).not.toContain('desk-done');
    outside?.hangUp();
    await talk.h.clock.advance(1_100);
    expect(talk.h.events.at(-1)).toMatchObject({ type: 'desk-done', outcome: 'done' });
  });
});

describe('transfer to another agent', () => {
  test('rung in the account’s name; hears for whom; has the caller and a form; the first agent is in wrap-up', async () => {
    const talk = await talking();
    const { leg, agent, desk, opened } = talk;
    expect(await toAgent(talk)).toEqual(ok);
    expect([leg.orders.at(-1), agent.orders.at(-1)]).toEqual([music, ringBack]);
    const dial = await target(talk);
    expect(dial.request).toMatchObject({ kind: 'agent', displayName: 'さくら歯科' });
    expect(desk.shown.at(-1)).toEqual({ transfer: { to: 'taro', state: 'ringing' } });
    const taro = dial.answer();
    await settle();
    expect(taro?.orders).toEqual(['play tone:%(200,100,880)']);
    expect(leg.playing).toBeDefined();
    expect(opened).toHaveLength(1);
    taro?.finishPlay();
    await settle();
    expect(leg.bridgedWith).toBe(taro);
    expect(agent.ended).toBe('system-hangup');
    expect(desk.told.slice(-4)).toEqual(['hand to taro', 'ringing t1', 'answered t1', 'connected t1']);
    expect(opened.at(-1)).toMatchObject({ offerId: 't1', agentId: 'taro' });
    expect(await hold(talk)).toEqual(ok);
    expect(taro?.orders.at(-1)).toBe(softTone);
    taro?.hangUp();
    await settle();
    expect(desk.told.slice(-2)).toEqual(['parted t1 done', 'leave done']);
    over(talk);
  });

  test.each(['busy', 'not-allowed'] as const)(
    'an agent who is %s: the talk goes on, a hold stays a hold',
    async (why) => {
      const talk = await talking();
      talk.desk.handOverRefusal = why;
      expect(await toAgent(talk)).toEqual(refused(why));
      expect(talk.leg.bridgedWith).toBe(talk.agent);
      await hold(talk);
      expect(await toAgent(talk)).toEqual(refused(why));
      expect(talk.leg.playing).toBeDefined();
      expect(await hold(talk, false)).toEqual(ok);
    },
  );

  test('an agent who does not answer, or whom the desk withdraws: back to the one before', async () => {
    const talk = await talking();
    await toAgent(talk);
    (await target(talk)).fail('no-answer');
    await settle();
    expect(talk.desk.told.at(-1)).toBe('missed t1 no-answer');
    expect(talk.leg.bridgedWith).toBe(talk.agent);
    expect(talk.desk.shown.at(-1)).toEqual({ transferFailed: 'no-answer' });
    const other = await talking();
    await toAgent(other);
    other.desk.listener?.stopRinging('t1');
    await settle();
    expect(other.h.telephony.dials[1]?.cancelled).toBe(true);
    expect(other.leg.bridgedWith).toBe(other.agent);
  });

  test('a phone that would ring for a transfer nobody waits for any more: let go, not rung', async () => {
    const talk = await talking();
    talk.desk.listener?.ring({ ...ring, offerId: 't9', agentId: 'taro', isTransfer: true });
    await settle();
    expect(talk.desk.told.at(-1)).toBe('keep');
    expect(talk.h.telephony.dials).toHaveLength(1);
  });

  test('taken back during the whisper: the other is free, and has missed nothing', async () => {
    const talk = await talking();
    await toAgent(talk);
    const taro = (await target(talk)).answer();
    await settle();
    expect(await order(talk, { type: 'cancel-transfer' })).toEqual(ok);
    await settle();
    expect(taro?.ended).toBe('cancelled');
    expect(talk.desk.told.at(-1)).toBe('keep');
    expect(talk.leg.bridgedWith).toBe(talk.agent);
  });

  test('the first agent hangs up, then the other takes the caller', async () => {
    const talk = await talking();
    await toAgent(talk);
    const dial = await target(talk);
    talk.agent.hangUp();
    await settle();
    const taro = await answered(dial);
    expect(talk.leg.bridgedWith).toBe(taro);
    expect(talk.desk.told.slice(-3)).toEqual(['parted o1 done', 'answered t1', 'connected t1']);
    taro.hangUp('media-lost');
    await settle();
    expect(talk.desk.told.at(-1)).toBe('parted t1 agent-lost');
  });

  test('the controller dies while the other’s phone rings: it is let go, and the two talk again', async () => {
    const first = await talking();
    await toAgent(first);
    const dial = await target(first);
    const talk = await takenOver(first, 'agent', { state: 'talking', offerId: 'o1', agentId: 'hanako' });
    await settle();
    const taro = talk.h.telephony.legs.find(({ legId }) => legId === dial.legId);
    expect(taro?.ended).toBe('controller-lost');
    const leg = talk.h.telephony.legs.find(({ kind }) => kind === 'caller');
    expect(leg?.bridgedWith?.kind).toBe('agent');
    expect(talk.desk.shown.at(-1)).toEqual({ transferFailed: 'failed' });
  });
});

describe('transfer to a queue', () => {
  test('the caller waits there, at once, with its music; the agent is in wrap-up', async () => {
    const talk = await talking();
    expect(await toQueue(talk, 'billing')).toEqual(ok);
    await settle();
    expect(talk.agent.ended).toBe('system-hangup');
    expect(talk.h.events.at(-1)).toMatchObject({ type: 'desk-parted', handedOver: true });
    expect(talk.h.facts.findLast(({ type }) => type === 'queued')).toMatchObject({ queueId: 'billing' });
    expect(talk.leg.playing).toBeUndefined();
    expect(talk.desk.told.slice(-2)).toEqual(['connected o1', 'hand to queue billing']);
    expect(talk.leg.ended).toBeUndefined();
  });

  test.each(['full', 'closed'])('a queue that is %s: they talk on', async (why) => {
    const talk = await talking();
    expect(await toQueue(talk, why)).toEqual(refused(why));
    expect(talk.leg.bridgedWith).toBe(talk.agent);
    expect(talk.leg.orders).toEqual(['bridge agent']);
  });
});
