import { expect, test } from 'vitest';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import { settle } from '../support/fake-clock.ts';
import type { FakeLeg } from '../support/fake-telephony.ts';
import { eventually } from '../support/poll.ts';
import { ring, ringing, takenOver, talking } from './fake-desk.ts';
import { FakeRoom, type Harness } from './harness.ts';

const recorded = { recordingPolicy: async () => ({ record: true, announce: false }) };
const announced = { recordingPolicy: async () => ({ record: true, announce: true }) };
const recordingsOf = (leg: FakeLeg) => [...leg.callRecordings.values()];
const onRecord = (facts: readonly CallFact[]) => facts.filter((fact) => fact.type === 'recorded');
const callIdOf = (h: Harness) => h.facts[0]?.callId ?? '';
const pause = (h: Harness, paused: boolean) => h.service.order(callIdOf(h), { type: 'recording', paused });

test('the talk is recorded from the bridge until they part, and on record with the agent', async () => {
  const { h, leg, agent, dial, desk } = await talking(recorded);
  expect(leg.orders).toEqual(['bridge agent', expect.stringMatching(/^record call call_.*-recording_.*\.wav$/)]);
  const [recording] = recordingsOf(leg);
  expect(recording?.request).toMatchObject({ stereo: true, file: expect.stringContaining('/sakura/') });
  await settle();
  expect(desk.shown.at(-1)).toEqual({ recording: 'on' });
  agent.hangUp();
  await settle();
  expect(onRecord(h.facts)).toMatchObject([
    { legId: leg.legId, agentId: 'hanako', peerLegId: dial.legId, file: recording?.request.file, durationMs: 10_000 },
  ]);
  expect(h.events.map(({ type }) => type)).not.toContain('record-done');
  expect(desk.shown.at(-1)).toEqual({});
});

test.each([
  ['the account does not want it', async () => ({ record: false, announce: true })],
  ['what it wants cannot be read', async () => Promise.reject(new Error('the database is down'))],
])('%s: nothing is recorded, and nobody waits', async (_why, recordingPolicy) => {
  const { h, leg } = await talking({ recordingPolicy });
  expect(leg.orders).toEqual(['bridge agent']);
  expect(await pause(h, true)).toEqual({ ok: false, reason: 'not-recorded' });
});

test('what the account wants is not known in time: they are connected without a recording', async () => {
  const { h, leg } = await talking({ recordingPolicy: () => new Promise(() => undefined) });
  expect(leg.orders).toEqual([]);
  await h.clock.advance(500);
  expect(leg.orders).toEqual(['bridge agent']);
});

test('announced: both hear it after the whisper, then they are connected; the next agent’s talk begins at once', async () => {
  const { h, leg, agent, desk } = await talking(announced);
  expect([leg.orders, agent.orders.at(-1)]).toEqual([['play recorded.wav'], 'play recorded.wav']);
  agent.finishPlay();
  await settle();
  expect(leg.orders).toHaveLength(1);
  leg.finishPlay();
  await settle();
  expect(leg.orders.slice(1)).toEqual(['bridge agent', expect.stringMatching(/^record call /)]);
  agent.hangUp('media-lost');
  await settle();
  desk.listener?.ring({ ...ring, offerId: 'o2', agentId: 'taro' });
  await settle();
  const second = h.telephony.dials[1]?.answer();
  await settle();
  second?.finishPlay();
  await settle();
  expect(leg.orders.slice(-2)).toEqual(['bridge agent', expect.stringMatching(/^record call /)]);
  leg.hangUp();
  await settle();
  expect(onRecord(h.facts).map((fact) => 'agentId' in fact && fact.agentId)).toEqual(['hanako', 'taro']);
  expect(h.service.activeCalls).toBe(0);
});

test('the announcement never ends: they are connected all the same', async () => {
  const { h, leg } = await talking(announced);
  await h.clock.advance(15_000);
  expect(leg.orders).toContain('bridge agent');
});

test('the caller hangs up during the announcement: all ends, and nothing was recorded', async () => {
  const { h, leg, agent } = await talking(announced);
  leg.hangUp();
  await settle();
  expect(agent.ended).toBe('caller-hangup');
  expect(onRecord(h.facts)).toEqual([]);
  expect(h.service.activeCalls).toBe(0);
});

test('the agent hangs up during the announcement: the caller waits on, and nothing was recorded', async () => {
  const { h, leg, agent, desk } = await talking(announced);
  agent.hangUp();
  await settle();
  leg.finishPlay();
  await settle();
  expect(desk.told.at(-1)).toBe('missed o1 refused');
  expect(recordingsOf(leg)).toEqual([]);
  expect(h.service.activeCalls).toBe(1);
});

test('it is paused and goes on as asked, which shows; before and after the talk there is nothing to pause', async () => {
  const { h, leg, agent, desk } = await talking(recorded);
  expect(await pause(h, true)).toEqual({ ok: true });
  expect(await pause(h, true)).toEqual({ ok: true });
  expect(desk.shown.at(-1)).toEqual({ recording: 'paused' });
  expect(recordingsOf(leg)[0]?.paused).toBe(true);
  expect(await pause(h, false)).toEqual({ ok: true });
  expect(desk.shown.at(-1)).toEqual({ recording: 'on' });
  expect(leg.orders.slice(2)).toEqual(['pause recording', 'resume recording']);
  agent.hangUp('media-lost');
  await settle();
  expect(await pause(h, true)).toEqual({ ok: false, reason: 'not-recorded' });
  const waits = await ringing(recorded);
  expect(await pause(waits.h, true)).toEqual({ ok: false, reason: 'not-recorded' });
});

test('it cannot be written: on record as a fault, and they talk on', async () => {
  const { h, leg } = await talking(recorded);
  const [id = ''] = leg.callRecordings.keys();
  leg.finishCallRecording(id, 'failed', 0);
  await eventually('it on record', () => onRecord(h.facts).length === 1);
  expect(onRecord(h.facts)).toMatchObject([{ agentId: 'hanako', durationMs: 0, incomplete: 'missing' }]);
  expect(h.facts.findLast(({ type }) => type === 'fault')).toMatchObject({ message: 'the talk could not be recorded' });
  expect(leg.ended).toBeUndefined();
});

test('the disk fills while they talk: what fits is kept and on record as cut short; there is none of the next talk', async () => {
  const room = new FakeRoom();
  const { h, leg, agent, desk } = await talking({ ...announced, overrides: { recordingRoom: room } });
  agent.finishPlay();
  leg.finishPlay();
  await settle();
  room.fill();
  await eventually('it on record', () => onRecord(h.facts).length === 1);
  expect([leg.orders.at(-1), leg.ended]).toEqual(['stop recording', undefined]);
  expect(onRecord(h.facts)).toMatchObject([{ agentId: 'hanako', durationMs: 10_000, incomplete: 'cut-short' }]);
  expect(desk.shown.at(-1)).toEqual({});
  agent.hangUp('media-lost');
  await settle();
  desk.listener?.ring({ ...ring, offerId: 'o2', agentId: 'taro' });
  await settle();
  h.telephony.dials[1]?.answer();
  await settle();
  h.telephony.dials[1]?.leg?.finishPlay();
  await settle();
  expect(leg.orders.at(-1)).toBe('bridge agent');
  expect(onRecord(h.facts).at(-1)).toMatchObject({ agentId: 'taro', durationMs: 0, incomplete: 'missing' });
});

test('taken over while they talk: it can be paused, and its end is on record once', async () => {
  const { h, desk } = await takenOver(await talking(recorded), 'agent', {
    ...{ state: 'talking', offerId: 'o1', agentId: 'hanako' },
  });
  const [leg] = h.telephony.legs;
  if (!leg) throw new Error('no caller');
  expect(desk.shown.at(-1)).toEqual({ recording: 'on' });
  expect(await pause(h, true)).toEqual({ ok: true });
  expect(desk.shown.at(-1)).toEqual({ recording: 'paused' });
  leg.hangUp();
  await settle();
  expect(onRecord(h.facts)).toMatchObject([{ agentId: 'hanako' }]);
  expect(h.service.activeCalls).toBe(0);
});

test('taken over while Redis is away: the desk hears of the talk once it is back, also of one that is over', async () => {
  const found = { state: 'talking', offerId: 'o1', agentId: 'hanako' } as const;
  const { h, desk } = await takenOver(await talking(recorded), 'agent', found, undefined, { resumesFail: 4 });
  expect(desk.shown).toEqual([]);
  await h.clock.advance(4_000);
  expect(desk.shown.at(-1)).toEqual({ recording: 'on' });
  const late = await takenOver(await talking(recorded), 'agent', found, undefined, { resumesFail: 4 });
  late.h.telephony.legs.find(({ kind }) => kind === 'agent')?.hangUp();
  await late.h.clock.advance(4_000);
  expect(late.desk.told).toEqual(['leave abandoned']);
});

test('taken over, and the agent has gone meanwhile: the recording is ended', async () => {
  const { h } = await takenOver(await talking(recorded), 'nobody', {
    ...{ state: 'talking', offerId: 'o1', agentId: 'hanako' },
  });
  expect(h.telephony.legs[0]?.orders).toEqual(['stop recording']);
  expect(onRecord(h.facts)).toMatchObject([{ agentId: 'hanako' }]);
});

test('taken over, and the caller has gone meanwhile: the recording is on record all the same', async () => {
  const first = await talking(recorded);
  const { h } = await takenOver(first, 'nobody', undefined, undefined, { callerGone: true });
  await eventually('the record to be closed', () => h.states.saved.size === 0 && h.facts.length > 3);
  expect(onRecord(h.facts)).toMatchObject([{ agentId: 'hanako', legId: first.leg.legId }]);
  expect(h.facts.map(({ type }) => type)).toEqual(['taken-over', 'recorded', 'ended', 'ended']);
});
