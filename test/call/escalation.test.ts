import { expect, test } from 'vitest';
import type { CallServiceOptions } from '../../src/call/service.ts';
import type { Sound } from '../../src/call/telephony.ts';
import type { Effect } from '../../src/flow/protocol.ts';
import { settle } from '../support/fake-clock.ts';
import { escalate, phone, ring, ringing, takenOver, talking, waiting } from './fake-desk.ts';
import { answeredCall, harness } from './harness.ts';

test('the desk is asked with what is known; the place is told to the flow; the wait is on record', async () => {
  const { h, leg, desk } = await waiting();
  expect(desk.requests).toEqual([
    expect.objectContaining({
      account: { accountId: 'sakura', name: 'さくら歯科', reading: 'さくらしか' },
      ...{ queueId: 'front', priority: 2, language: 'ja', learned: { order: '1234' } },
    }),
  ]);
  expect(h.events.at(-1)).toMatchObject({ type: 'desk-progress', escalationId: 'q1', position: 3 });
  desk.listener?.progress({ position: 2, estimateMs: 61_234.5 });
  await settle();
  expect(h.events.at(-1)).toMatchObject({ type: 'desk-progress', position: 2, waitMs: 61_235 });
  expect(h.story(leg.legId)).toEqual(['offered', 'answered', 'queued']);
});

test('an agent is rung in the account’s name, hears whose call it is, talks, and hangs up', async () => {
  const { h, leg, desk, dial } = await ringing();
  expect(dial.request).toMatchObject({
    ...{ kind: 'agent', phones: [phone], displayName: 'さくら歯科', fromNumber: '09012345678', ringTimeoutMs: 20_000 },
  });
  const agent = dial.answer();
  await settle();
  expect(agent?.orders).toEqual(['play tone:%(200,100,880)']);
  expect(leg.orders).toEqual([]);
  agent?.finishPlay();
  await settle();
  expect(h.events.at(-1)).toMatchObject({ type: 'desk-answered', escalationId: 'q1' });
  expect(leg.orders).toEqual(['bridge agent']);
  agent?.hangUp();
  await settle();
  expect(h.events.at(-1)).toMatchObject({ type: 'desk-done', outcome: 'done' });
  expect(desk.told).toEqual(['ringing o1', 'answered o1', 'connected o1', 'parted o1 done', 'leave done']);
  const story = ['offered', 'answered', 'queued', 'bridged', 'left-queue', 'unbridged'];
  expect(h.story(leg.legId).slice(0, 6)).toEqual(story);
  expect(h.story(dial.legId)).toEqual(['offered', 'ringing', 'answered', 'bridged', 'unbridged', 'ended peer-hangup']);
  expect(h.facts.find(({ legId }) => legId === dial.legId)).toMatchObject({ kind: 'agent', agentId: 'hanako' });
  await settle();
  expect(h.service.activeCalls).toBe(0);
});

test('the form is opened when the agent has taken the caller, with who calls and what the flow learned', async () => {
  const { opened, dial } = await ringing({ order: { pressOneToAccept: true } });
  const agent = dial.answer();
  await settle();
  expect(opened).toEqual([]);
  agent?.press('1');
  await settle();
  expect(opened).toEqual([
    {
      ...{ callId: expect.any(String), accountId: 'sakura', agentId: 'hanako', queueId: 'front', offerId: 'o1' },
      ...{ callerNumber: '09012345678', learned: { order: '1234' }, atMs: expect.any(Number) },
    },
  ]);
});

test('the caller hangs up while the agent’s phone rings: it stops at once, and the agent has missed nothing', async () => {
  const { h, leg, desk, dial } = await ringing();
  leg.hangUp();
  expect(dial.cancelled).toBe(true);
  await settle();
  expect(desk.told).toEqual(['ringing o1', 'leave abandoned']);
  expect(h.facts.findLast(({ type }) => type === 'left-queue')).toMatchObject({ reason: 'abandoned' });
  expect(h.story(dial.legId)).toEqual(['offered', 'ringing', 'ended cancelled 487']);
  expect(h.service.activeCalls).toBe(0);
});

test('the caller hangs up while they talk: the agent’s leg ends too', async () => {
  const { h, leg, desk, agent } = await talking();
  leg.hangUp();
  await settle();
  expect(agent.ended).toBe('caller-hangup');
  expect(desk.told.slice(-2)).toEqual(['parted o1 caller-gone', 'leave done']);
  expect(h.service.activeCalls).toBe(0);
});

test.each([
  ['no-answer', 'no-answer'],
  ['busy', 'refused'],
  ['rejected', 'refused'],
  ['unreachable', 'unreachable'],
  ['failed', 'unreachable', 500],
  ['failed', 'failed'],
  ['draining', 'failed'],
] as const)('a phone that is %s is a miss (%s); the caller goes on waiting', async (cause, why, status?: number) => {
  const { h, desk, dial } = await ringing();
  dial.fail(cause, status);
  await settle();
  expect(desk.told.at(-1)).toBe(`missed o1 ${why}`);
  expect(h.events.map(({ type }) => type)).not.toContain('desk-done');
  desk.listener?.ring({ ...ring, offerId: 'o2', agentId: 'taro' });
  await settle();
  expect(h.telephony.dials).toHaveLength(2);
});

test('an agent without a phone is unreachable', async () => {
  const { h, desk } = await waiting({ phones: [] });
  desk.listener?.ring(ring);
  await settle();
  expect(desk.told).toEqual(['missed o1 unreachable']);
  expect(h.telephony.dials).toEqual([]);
});

test('of several who ring the first has the caller; the others stop ringing and have missed nothing', async () => {
  const { h, desk, dial } = await ringing();
  desk.listener?.ring({ ...ring, offerId: 'o2', agentId: 'taro' });
  await settle();
  const other = h.telephony.dials[1];
  const agent = dial.answer();
  desk.listener?.stopRinging('o2');
  await settle();
  expect(other?.cancelled).toBe(true);
  agent?.finishPlay();
  await settle();
  expect(desk.told).toEqual(['ringing o1', 'answered o1', 'connected o1']);
});

test('an agent who answers too late does not get the caller', async () => {
  const { h, leg, desk, dial } = await ringing();
  desk.grants = false;
  const agent = dial.answer();
  await settle();
  expect(agent?.ended).toBe('cancelled');
  expect(leg.orders).toEqual([]);
  expect(h.events.map(({ type }) => type)).not.toContain('desk-answered');
});

test('press 1: another key does not accept, 1 does', async () => {
  const { leg, dial } = await ringing({ order: { pressOneToAccept: true } });
  const agent = dial.answer();
  await settle();
  agent?.press('5');
  agent?.finishPlay();
  await settle();
  expect(leg.orders).toEqual([]);
  agent?.press('1');
  await settle();
  expect(leg.orders).toEqual(['bridge agent']);
});

test('press 1 and nobody does (a voicemail has answered): a miss', async () => {
  const { h, desk, dial } = await ringing({ order: { pressOneToAccept: true } });
  const agent = dial.answer();
  await settle();
  agent?.finishPlay();
  await h.clock.advance(10_000);
  expect(agent?.ended).toBe('no-answer');
  expect(desk.told.at(-1)).toBe('missed o1 no-answer');
});

test('words that take too long to be spoken are waited for 1.5 s: then the tone alone; the agent can go meanwhile', async () => {
  const prompts: CallServiceOptions['prompts'] = {
    resolve: (prompt) => ('text' in prompt ? new Promise(() => undefined) : (prompt as Sound)),
  };
  const { h, leg, dial } = await ringing({ overrides: { prompts } });
  const agent = dial.answer();
  await h.clock.advance(1_400);
  expect(agent?.playing).toBeUndefined();
  await h.clock.advance(100);
  expect(agent?.playing?.sounds).toEqual([{ tone: '%(200,100,880)' }]);
  agent?.finishPlay();
  await settle();
  expect(leg.orders).toEqual(['bridge agent']);
  const other = await ringing({ overrides: { prompts } });
  other.dial.answer()?.hangUp();
  await settle();
  expect(other.desk.told.at(-1)).toBe('missed o1 refused');
});

test('an agent who hangs up during the whisper has refused', async () => {
  const { h, leg, desk, dial } = await ringing();
  const agent = dial.answer();
  await settle();
  agent?.hangUp();
  await settle();
  expect(desk.told.at(-1)).toBe('missed o1 refused');
  // The music goes on: nobody has taken the caller.
  expect(h.events.map(({ type }) => type)).not.toContain('desk-answered');
  expect(leg.orders).toEqual([]);
});

test('the agent is lost while they talk: the caller waits again, at the head of the line', async () => {
  const { h, leg, desk, agent } = await talking();
  agent.hangUp('media-timeout');
  await settle();
  expect(desk.told.at(-1)).toBe('parted o1 agent-lost');
  expect(h.events.at(-1)).toMatchObject({ type: 'desk-parted' });
  expect(leg.ended).toBeUndefined();
  expect(h.story(leg.legId).at(-1)).toBe('queued');
  desk.listener?.ring({ ...ring, offerId: 'o2', agentId: 'taro' });
  await settle();
  expect(h.telephony.dials).toHaveLength(2);
});

test('they cannot be connected: the agent’s leg ends, the caller waits on', async () => {
  const { h, desk, dial } = await ringing();
  h.telephony.bridgesFail = true;
  const agent = dial.answer();
  await settle();
  agent?.finishPlay();
  await settle();
  expect(agent?.ended).toBe('failed');
  expect(desk.told.at(-1)).toBe('missed o1 failed');
  expect(h.events.at(-1)).toMatchObject({ type: 'desk-parted' });
});

test.each([
  ['closed', 'closed', 'closed'],
  ['suspended', 'closed', 'suspended'],
  ['full', 'full', 'full'],
  ['unknown-queue', 'failed', 'failed'],
] as const)('a desk that says %s: the flow is told, and why is on record', async (refusal, outcome, reason) => {
  const { h } = await waiting({ refusal });
  expect(h.events.find(({ type }) => type === 'desk-done')).toMatchObject({ outcome });
  expect(h.facts.find(({ type }) => type === 'left-queue')).toMatchObject({ reason });
});

test('without a desk at all the flow is told so', async () => {
  const h = await harness({ script: (event) => (event.type === 'started' ? [escalate] : []) });
  await answeredCall(h);
  await settle();
  expect(h.events.at(-1)).toMatchObject({ type: 'desk-done', outcome: 'failed' });
});

test('the caller leaves for a message: phones stop, the desk knows', async () => {
  const leave: Effect = { type: 'leave-desk', escalationId: 'q1', why: 'message' };
  const { h, leg, desk, dial } = await ringing({
    script: (event) => (event.type === 'started' ? [escalate] : event.type === 'digit' ? [leave] : []),
  });
  leg.press('1');
  await settle();
  expect(dial.cancelled).toBe(true);
  expect(desk.told.at(-1)).toBe('leave message');
  leg.hangUp();
  await settle();
  expect(h.service.activeCalls).toBe(0);
  expect(desk.told.filter((words) => words.startsWith('leave'))).toHaveLength(1);
});

test('the service stops: the phone that rings stops too', async () => {
  const { h, dial } = await ringing();
  await h.service.stop({ deadlineMs: 1_000 });
  expect(dial.cancelled).toBe(true);
  expect(h.telephony.openLegs).toEqual([]);
});

test('taken over while waiting: the caller keeps the place and is offered again', async () => {
  const { h, desk } = await takenOver(await waiting(), 'nobody', {
    ...{ state: 'waiting', offerId: undefined, agentId: undefined },
  });
  desk.listener?.ring({ ...ring, offerId: 'o2' });
  await settle();
  expect(h.telephony.dials[0]?.request).toMatchObject({ kind: 'agent', displayName: 'さくら歯科' });
});

test('taken over after the queue has overflowed into another: the record and the form say so', async () => {
  const first = await waiting();
  const told = { state: 'waiting', queueId: 'evening', offerId: undefined, agentId: undefined } as const;
  const { h, desk, opened } = await takenOver(first, 'nobody', told);
  expect(queuesOnRecord(first.h)).toEqual(['queued front']);
  expect(queuesOnRecord(h)).toEqual(['left-queue front', 'queued evening']);
  desk.listener?.ring(ring);
  await settle();
  h.telephony.dials[0]?.ring();
  await settle();
  const agent = h.telephony.dials[0]?.answer();
  await settle();
  agent?.finishPlay();
  await settle();
  expect(opened).toMatchObject([{ queueId: 'evening', offerId: 'o1' }]);
});

test('taken over while a phone rings: that phone is let go', async () => {
  const first = await ringing();
  const { h, saved } = await takenOver(first, 'agent', { state: 'waiting', offerId: undefined, agentId: undefined });
  expect(saved.desk?.agents).toHaveLength(1);
  expect(h.telephony.legs.find(({ kind }) => kind === 'agent')?.ended).toBe('controller-lost');
  expect(h.story(first.dial.legId)).toEqual(['ended controller-lost']);
});

test('taken over while they talk: they go on, and the end is told as ever', async () => {
  const { h, desk } = await takenOver(await talking(), 'agent', { state: 'talking', offerId: 'o1', agentId: 'hanako' });
  const agent = h.telephony.legs.find(({ kind }) => kind === 'agent');
  expect(agent?.ended).toBeUndefined();
  agent?.hangUp();
  await h.clock.advance(1_500);
  expect(desk.told).toEqual(['parted o1 done', 'leave done']);
  expect(h.events.at(-1)).toMatchObject({ type: 'desk-done', outcome: 'done' });
});

test('taken over while they talk: the form is opened (again), in case the first controller could not', async () => {
  const found = { state: 'talking', offerId: 'o1', agentId: 'hanako' } as const;
  const { opened } = await takenOver(await talking(), 'agent', found);
  expect(opened).toEqual([expect.objectContaining({ offerId: 'o1', agentId: 'hanako', learned: { order: '1234' } })]);
});

test('taken over, and the agent has gone meanwhile: the caller is back at the head of the line', async () => {
  const { h, desk, opened } = await takenOver(await talking(), 'nobody', {
    state: 'talking',
    offerId: 'o1',
    agentId: 'hanako',
  });
  expect(opened).toMatchObject([{ offerId: 'o1', agentId: 'hanako' }]);
  expect(desk.told).toEqual(['parted o1 agent-lost']);
  expect(h.events.at(-1)).toMatchObject({ type: 'desk-parted' });
});

const queuesOnRecord = (h: Awaited<ReturnType<typeof waiting>>['h']) =>
  h.facts.flatMap((fact) =>
    fact.type === 'queued' || fact.type === 'left-queue' ? `${fact.type} ${fact.queueId}` : [],
  );

test('the queue overflows into another: the record says where the caller waits now', async () => {
  const { h, leg, desk } = await waiting();
  for (let told = 0; told < 2; told++) desk.listener?.movedTo('evening');
  await settle();
  expect(desk.told).toEqual([]);
  expect(h.story(leg.legId)).toEqual(['offered', 'answered', 'queued', 'left-queue', 'queued']);
  expect(queuesOnRecord(h)).toEqual(['queued front', 'left-queue front', 'queued evening']);
  desk.listener?.overflow({ type: 'hang-up' }, 'no-agent');
  await settle();
  expect(h.events.find(({ type }) => type === 'desk-done')).toMatchObject({ outcome: 'no-agent' });
});
