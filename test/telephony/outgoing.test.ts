import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DialAttempt, Leg, LegEvent } from '../../src/call/telephony.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { SwitchLeg } from '../../src/telephony/leg.ts';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair, watch } from './harness.ts';
import { hears, music } from './parties.ts';
import { TestPhone } from './phone.ts';

let pair: Pair;
let bench: Bench;
/** The phone behind the trunk. */
let called: TestPhone;
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());
beforeEach(async () => {
  called = await TestPhone.open();
  bench = await Bench.open(pair, { trunk: { uri: `sip:127.0.0.1:${called.port}` } });
});
afterEach(async () => {
  await bench.close();
  await called.close();
});

let dialled = 0;
function dial(
  peer: Leg | undefined,
  ringTimeoutMs = 10_000,
  onEvent: (event: LegEvent) => void = () => undefined,
  fromNumber = '0312345678',
) {
  const events: LegEvent[] = [];
  const rings: number[] = [];
  dialled += 1;
  const attempt: DialAttempt = bench.telephony.dial({
    legId: `leg_test-${process.pid}-${dialled}`,
    kind: 'transfer',
    toNumber: '0398765432',
    fromNumber,
    displayName: '桜 "歯科"',
    ringTimeoutMs,
    ...(peer ? { peer } : {}),
    onRinging: () => rings.push(performance.now()),
    onEvent: (event) => {
      events.push(event);
      onEvent(event);
    },
  });
  return { attempt, events, rings };
}

/** A caller and a called party who talk to each other. */
async function connected() {
  const caller = await bench.talk();
  const { attempt, events, rings } = dial(caller.leg);
  const outcome = await attempt.outcome;
  if (!outcome.ok) throw new Error(`not connected: ${outcome.cause}`);
  const peer = watch(events, outcome.leg);
  expect(await caller.leg.bridge(peer.leg)).toBe(true);
  return { caller, peer, rings };
}

const noLegs = () => eventually('no leg left', () => bench.telephony.status().mediaServers[0]?.legs === 0);

test('a dialled phone rings, answers, and both hear each other', async () => {
  const { caller, rings } = await connected();
  expect(rings).toHaveLength(1);
  caller.phone.voice = 0.9;
  await eventually('the phone to hear the caller', () => called.heard.peak > 1_000);
  called.voice = 0.9;
  await eventually('the caller to hear the phone', () => caller.phone.heard.peak > 1_000);
});

test('before the bridge the dialled phone hears a whisper and its key is told; the caller hears neither', async () => {
  const caller = await bench.talk();
  caller.phone.pitchHz = 500;
  called.pitchHz = 700;
  caller.leg.play(music('waiting', 1_600));
  const { attempt, events } = dial(caller.leg);
  const outcome = await attempt.outcome;
  if (!outcome.ok) throw new Error(`not connected: ${outcome.cause}`);
  const agent = watch(events, outcome.leg);
  agent.leg.play({ playId: 'whisper', sounds: [bench.tone('whisper', 3_000)], stopOnDigit: true });
  await Promise.all([hears({ phone: called }, [440], [500]), hears(caller, [1_600], [700, 440])]);
  await called.press('1');
  expect((await agent.event('digit')).digit).toBe('1');
  expect(await agent.event('play-done')).toMatchObject({ playId: 'whisper', outcome: 'stopped' });
  agent.leg.play({ playId: 'thanks', sounds: [bench.tone('thanks', 100)], stopOnDigit: false });
  await eventually('the end', () => events.some((event) => event.type === 'play-done' && event.playId === 'thanks'));
  expect(await caller.leg.bridge(agent.leg)).toBe(true);
  await Promise.all([hears({ phone: called }, [500], [440]), hears(caller, [700], [1_600])]);
  await called.press('2');
  await eventually('a key while bridged', () => events.some((event) => event.type === 'digit' && event.digit === '2'));
});

test.each(['the caller', 'the phone'])(
  'a key ends the whisper, and in that moment %s is bridged with the other: both hear each other',
  async (leading) => {
    const caller = await bench.talk();
    caller.phone.pitchHz = 500;
    called.pitchHz = 700;
    let leg: Leg | undefined;
    let bridged: Promise<boolean> | undefined;
    const { attempt } = dial(caller.leg, 10_000, (event) => {
      if (event.type !== 'digit' || !leg) return;
      leg.stopPlay();
      bridged = leading === 'the caller' ? caller.leg.bridge(leg) : leg.bridge(caller.leg);
    });
    const outcome = await attempt.outcome;
    if (!outcome.ok) throw new Error(`not connected: ${outcome.cause}`);
    leg = outcome.leg;
    // What becomes of the next orders depends on the millisecond.
    for (let round = 0; round < 5; round += 1) {
      leg.play({ playId: 'whisper', sounds: [bench.tone('whisper', 3_000)], stopOnDigit: true });
      caller.leg.play(music('waiting', 1_600));
      await Promise.all([hears({ phone: called }, [440], [500]), hears(caller, [1_600], [700, 440])]);
      await called.press('1');
      expect(await eventually('the bridge', () => bridged)).toBe(true);
      await Promise.all([hears({ phone: called }, [500], [440]), hears(caller, [700], [1_600])]);
      bridged = undefined;
      expect(await caller.leg.unbridge()).toBe(true);
    }
  },
);

test('the phone hangs up: its leg ends, the caller is parked and hears prompts again', async () => {
  const { caller, peer } = await connected();
  await called.hangUp();
  expect((await peer.event('ended')).cause).toBe('peer-hangup');
  expect((await caller.event('unbridged')).peerLegId).toBe(peer.leg.legId);
  caller.leg.play({ playId: 'after', sounds: [bench.tone('after', 500)], stopOnDigit: false });
  await eventually('the caller to hear it', () => caller.phone.heard.peak > 8_000);
  expect(await caller.event('play-done')).toMatchObject({ playId: 'after', outcome: 'finished' });
  await caller.leg.end('system-hangup');
  await noLegs();
});

test('the caller hangs up: the phone is hung up at once when we end its leg', async () => {
  const { caller, peer } = await connected();
  await caller.phone.hangUp();
  await caller.event('ended');
  await peer.leg.end('caller-hangup');
  expect(called.ended).toBe(true);
  await noLegs();
});

test('a phone that leaves our BYE unanswered: the leg has ended when BYE was sent', async () => {
  const { peer } = await connected();
  called.answers.set('BYE', 0);
  const sentAtMs = systemClock.monotonicMs();
  await peer.leg.end('limit-reached');
  expect(systemClock.monotonicMs() - sentAtMs).toBeGreaterThan(1_500);
  expect((await peer.event('ended')).atMonotonicMs - sentAtMs).toBeLessThan(300);
  called.answers.set('BYE', 200);
});

test('a number dialled with the caller id withheld: the trunk is told so', async () => {
  called.onCalled = 486;
  await dial(undefined, 10_000, undefined, 'anonymous').attempt.outcome;
  expect(called.calledAs).toMatchObject({ privacy: 'id' });
  expect(called.calledAs?.from).toContain('sip:anonymous@');
});

test('we end the phone’s leg while they talk: the caller is parked again', async () => {
  const { caller, peer } = await connected();
  await peer.leg.end('limit-reached');
  expect(called.ended).toBe(true);
  await caller.event('unbridged');
  expect(caller.phone.ended).toBe(false);
  caller.leg.play({ playId: 'p', sounds: [bench.tone('p', 200)], stopOnDigit: false });
  expect(await caller.event('play-done')).toMatchObject({ outcome: 'finished' });
});

test.each([
  [486, 'busy'],
  [603, 'rejected'],
  [404, 'unreachable'],
  [480, 'no-answer'],
  [500, 'failed'],
  [488, 'failed'],
  [433, 'rejected'],
  [555, 'rejected'],
  [606, 'rejected'],
  [607, 'rejected'],
  [608, 'rejected'],
  [699, 'rejected'],
] as const)('a phone that answers %i is %s', async (status, cause) => {
  called.onCalled = status;
  expect(await dial(undefined).attempt.outcome).toEqual({ ok: false, cause, sipStatus: status });
  await noLegs();
});

test('nobody picks up: no-answer at the ring time-out, and the ringing stops', async () => {
  called.onCalled = 'ring';
  const { attempt, rings } = dial(undefined, 600);
  expect(await attempt.outcome).toMatchObject({ ok: false, cause: 'no-answer' });
  expect(rings).toHaveLength(1);
  await eventually('CANCEL at the phone', () => called.requests.includes('CANCEL'));
  await noLegs();
});

test('a dial that is cancelled stops ringing within 200 ms', async () => {
  called.onCalled = 'ring';
  const { attempt, rings } = dial(undefined);
  await eventually('ringing', () => rings.length > 0);
  const cancelledAt = performance.now();
  attempt.cancel();
  await eventually('CANCEL at the phone', () => called.requests.includes('CANCEL'), { everyMs: 5 });
  expect(performance.now() - cancelledAt).toBeLessThan(200);
  expect(await attempt.outcome).toMatchObject({ ok: false, cause: 'cancelled' });
  await noLegs();
});

test('cancelled at any moment, even while the phone picks up: nothing is left', async () => {
  called.onCalled = 'ring';
  for (const waitMs of [0, 3, 8, 15, 30]) {
    const phone = await TestPhone.open();
    phone.onCalled = 200;
    const own = await Bench.open(pair, { trunk: { uri: `sip:127.0.0.1:${phone.port}` } });
    const before = bench;
    bench = own;
    const { attempt } = dial(undefined);
    const cancelAt = performance.now() + waitMs;
    await eventually('the moment', () => performance.now() >= cancelAt, { everyMs: 1 });
    attempt.cancel();
    const outcome = await attempt.outcome;
    if (outcome.ok) await outcome.leg.end('cancelled');
    await noLegs();
    const called200 = phone.requests.includes('ACK');
    await eventually('the phone to be free', () => !called200 || phone.ended || phone.requests.includes('CANCEL'));
    bench = before;
    await own.close();
    await phone.close();
  }
});

test('without a trunk, or while draining, nothing is dialled', async () => {
  const plain = await Bench.open(pair);
  const request = {
    legId: 'leg_no-trunk',
    kind: 'transfer' as const,
    ...{ toNumber: '0398765432', fromNumber: '0312345678', ringTimeoutMs: 1_000 },
    onRinging: () => undefined,
    onEvent: () => undefined,
  };
  expect(await plain.telephony.dial(request).outcome).toEqual({ ok: false, cause: 'unreachable' });
  await plain.close();
  bench.telephony.drain();
  expect(await dial(undefined).attempt.outcome).toEqual({ ok: false, cause: 'draining' });
});

test('where another controller shares the drachtio, a dial still comes to the one that dials', async () => {
  const other = await Bench.open(pair);
  for (let round = 0; round < 4; round++) {
    const outcome = await dial(undefined).attempt.outcome;
    expect(outcome).toMatchObject({ ok: true });
    if (outcome.ok) await outcome.leg.end('system-hangup');
    await called.close();
    called = await TestPhone.open();
    const next = await Bench.open(pair, { trunk: { uri: `sip:127.0.0.1:${called.port}` } });
    await bench.close();
    bench = next;
  }
  expect(other.incoming).toEqual([]);
  await other.close();
});

test('an INVITE that names a leg but does not come from a media server is a call like any other', async () => {
  called.onCalled = 'ring';
  const { attempt, rings } = dial(undefined);
  await eventually('ringing', () => rings.length > 0);
  const stranger = await bench.phone();
  stranger.extraHeaders = [`X-Leg: ${attempt.legId}`];
  stranger.startCall('0312345678', bench.sip);
  await eventually('it to be offered', () => bench.incoming.length === 1);
  bench.incoming[0]?.reject(480);
  attempt.cancel();
  await attempt.outcome;
});

test('a call that a media server makes of itself is not ours', async () => {
  const { leg } = await bench.talk();
  if (!(leg instanceof SwitchLeg)) throw new Error('not a leg of this telephony');
  const { result } = leg.server.background(
    `originate {originate_timeout=5}sofia/drachtio_mrf/intruder@127.0.0.1:${bench.sip.port} &park()`,
  );
  expect(await result).toMatch(/^-ERR/);
  expect(bench.incoming).toHaveLength(1);
});
