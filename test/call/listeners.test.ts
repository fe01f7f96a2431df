import { expect, test } from 'vitest';
import type { SavedCall } from '../../src/call/saved-call.ts';
import type { ListenMode } from '../../src/call/telephony.ts';
import { settle } from '../support/fake-clock.ts';
import { ring, takenOver, talking, waiting } from './fake-desk.ts';
import type { Harness } from './harness.ts';

const callIdOf = (h: Harness) => h.facts[0]?.callId ?? '';
const listen = (h: Harness, agentId = 'boss', mode: ListenMode = 'listen') =>
  h.service.order(callIdOf(h), { type: 'listen', agentId, mode });
const stop = (h: Harness, agentId = 'boss') => h.service.order(callIdOf(h), { type: 'stop-listening', agentId });

/** A talk, and a supervisor whose phone rings. */
async function rings() {
  const all = await talking();
  expect(await listen(all.h)).toEqual({ ok: true });
  const boss = all.h.telephony.dials[1];
  if (!boss) throw new Error('no phone was rung');
  return { ...all, boss };
}

async function listens() {
  const all = await rings();
  all.boss.ring();
  const supervisor = all.boss.answer();
  await settle();
  if (!supervisor) throw new Error('not answered');
  return { ...all, supervisor };
}

test('the supervisor’s phone rings, hears the talk at the agent’s leg, and hangs up; it is a leg, but nobody’s talk', async () => {
  const { h, leg, agent, boss, supervisor, desk } = await listens();
  expect(boss.request).toMatchObject({ kind: 'listener', displayName: 'さくら歯科', peer: leg });
  expect(supervisor.listening).toEqual({ target: agent, mode: 'listen' });
  expect(desk.shown.at(-1)).toEqual({ listeners: [{ agentId: 'boss', mode: 'listen' }] });
  supervisor.hangUp();
  await settle();
  expect(h.story(boss.legId)).toEqual(['offered', 'ringing', 'answered', 'ended peer-hangup']);
  expect(h.facts.find(({ legId }) => legId === boss.legId)).toMatchObject({ kind: 'listener', agentId: 'boss' });
  expect(desk.shown.at(-1)).toEqual({});
  expect([leg.ended, agent.ended]).toEqual([undefined, undefined]);
});

test('meanwhile the desk offers the supervisor nobody; whoever has a caller is not rung', async () => {
  const { h, supervisor, desk } = await listens();
  expect(await listen(h, 'busy')).toEqual({ ok: false, reason: 'busy' });
  expect(h.telephony.dials).toHaveLength(2);
  supervisor.hangUp();
  await settle();
  const told = desk.told.filter((words) => words.startsWith('listens'));
  expect(told).toEqual(['listens boss', 'listens busy', 'listens no more boss']);
});

test('the caller hangs up while the desk is asked about a supervisor who is busy: the call is over', async () => {
  const { h, desk, leg } = await talking();
  const answers: (() => void)[] = [];
  desk.beforeListening = new Promise((resolve) => answers.push(resolve));
  const answer = listen(h, 'busy');
  await settle();
  leg.hangUp();
  await settle();
  answers[0]?.();
  expect(await answer).toEqual({ ok: false, reason: 'busy' });
  await settle();
  expect(h.service.activeCalls).toBe(0);
});

test('the mode is changed while it rings and while they listen; nobody is rung twice', async () => {
  const { h, boss, desk } = await rings();
  expect(await listen(h, 'boss', 'whisper')).toEqual({ ok: true });
  const supervisor = boss.answer();
  await settle();
  expect(supervisor?.listening?.mode).toBe('whisper');
  expect(await listen(h, 'boss', 'join')).toEqual({ ok: true });
  expect(supervisor?.listening?.mode).toBe('join');
  await settle();
  expect(desk.shown.map(({ listeners }) => listeners?.map(({ mode }) => mode)).slice(-2)).toEqual([
    ['whisper'],
    ['join'],
  ]);
  expect(h.telephony.dials).toHaveLength(2);
});

test.each(['rings', 'listens'] as const)(
  'told to stop while the phone %s: that leg ends, and no other',
  async (stage) => {
    const { h, leg, agent, boss } = stage === 'rings' ? await rings() : await listens();
    expect(await stop(h)).toEqual({ ok: true });
    await settle();
    expect(h.story(boss.legId).at(-1)).toBe(stage === 'rings' ? 'ended cancelled 487' : 'ended system-hangup');
    expect([leg.ended, agent.ended]).toEqual([undefined, undefined]);
    expect(await stop(h)).toEqual({ ok: true });
  },
);

test.each(['rings', 'listens'] as const)(
  'the agent hangs up while the supervisor’s phone %s: it ends',
  async (stage) => {
    const { h, agent, boss } = stage === 'rings' ? await rings() : await listens();
    agent.hangUp();
    await settle();
    expect(h.story(boss.legId).at(-1)).toMatch(stage === 'rings' ? /^ended cancelled/ : /^ended system-hangup/);
    expect(h.telephony.openDials).toEqual([]);
    await settle();
    expect(h.service.activeCalls).toBe(0);
  },
);

test('the caller hangs up: everybody’s leg ends and the call is closed', async () => {
  const { h, leg, boss } = await listens();
  leg.hangUp();
  await settle();
  expect(h.story(boss.legId).at(-1)).toMatch(/^ended /);
  expect(h.telephony.openLegs).toEqual([]);
  expect(h.service.activeCalls).toBe(0);
});

test('the agent’s phone is lost: the listener ends, and listens to the next agent when asked to', async () => {
  const { h, agent, desk, supervisor } = await listens();
  agent.hangUp('media-lost');
  await settle();
  expect(supervisor.ended).toBeDefined();
  expect(await listen(h)).toEqual({ ok: false, reason: 'not-talking' });
  desk.listener?.ring({ ...ring, offerId: 'o2', agentId: 'taro' });
  await settle();
  const second = h.telephony.dials.at(-1)?.answer();
  await settle();
  second?.finishPlay();
  await settle();
  expect(await listen(h)).toEqual({ ok: true });
  const again = h.telephony.dials.at(-1)?.answer();
  await settle();
  expect(again?.listening?.target).toBe(second);
});

test('a phone that does not answer: the leg is on record, and it can be tried again', async () => {
  const { h, boss } = await rings();
  boss.fail('busy', 486);
  await settle();
  expect(h.story(boss.legId)).toEqual(['offered', 'ended busy 486']);
  expect(await listen(h)).toEqual({ ok: true });
  expect(h.telephony.dials).toHaveLength(3);
});

test('refused: nobody talks; the agent’s own talk; without a phone; more than three', async () => {
  const waits = await waiting();
  expect(await listen(waits.h)).toEqual({ ok: false, reason: 'not-talking' });
  const { h } = await talking();
  expect(await listen(h, 'hanako')).toEqual({ ok: false, reason: 'not-allowed' });
  const answers = await Promise.all(['a', 'b', 'c', 'd'].map((agentId) => listen(h, agentId)));
  expect(answers).toEqual([{ ok: true }, { ok: true }, { ok: true }, { ok: false, reason: 'full' }]);
  const noPhone = await talking({ phonesOf: async (agentId) => (agentId === 'hanako' ? undefined : []) });
  expect(await listen(noPhone.h)).toEqual({ ok: false, reason: 'no-phone' });
});

test('taken over while a supervisor listens: their leg is hung up, the talk goes on and can be listened to again', async () => {
  const first = await listens();
  await first.h.clock.advance(50);
  const saved = [...first.h.states.saved.values()][0]?.snapshot.state as SavedCall;
  expect(saved.listeners).toEqual([{ legId: first.boss.legId, leg: expect.anything() }]);
  const { h } = await takenOver(first, 'agent', { state: 'talking', offerId: 'o1', agentId: 'hanako' });
  expect(h.story(first.boss.legId)).toEqual(['ended controller-lost']);
  expect(await listen(h)).toEqual({ ok: true });
  const again = h.telephony.dials[0]?.answer();
  await settle();
  expect(again?.listening?.target.legId).toBe(first.dial.legId);
});
