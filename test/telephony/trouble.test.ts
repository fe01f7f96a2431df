import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LegEvent } from '../../src/call/telephony.ts';
import { eventually } from '../support/poll.ts';
import { freePort, sippMediaPort } from '../support/ports.ts';
import { Bench, openEmbedded, openPair, type Pair, Relay, type WatchedLeg, watch } from './harness.ts';
import { TestPhone } from './phone.ts';

let pair: Pair;
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());

/** A telephony whose way to FreeSWITCH's event socket tests can cut. */
async function behindRelay(linkGraceMs: number): Promise<{ bench: Bench; relay: Relay }> {
  const relay = await Relay.to(pair.freeswitch);
  const bench = await Bench.open(pair, {
    freeswitches: [{ ...pair.freeswitch, host: '127.0.0.1', port: relay.port }],
    deadlines: { linkGraceMs },
  });
  return { bench, relay };
}

const ready = (bench: Bench) => bench.telephony.status().ready;

test('the event link is lost and comes back: calls live on and can be driven again', async () => {
  const { bench, relay } = await behindRelay(10_000);
  const { leg, phone, events, event } = await bench.talk();
  leg.play({ playId: 'p', sounds: [bench.tone('p', 1_500)], stopOnDigit: true });
  await eventually('sound', () => phone.heard.peak > 8_000);
  relay.cut(true);
  await eventually('the loss to be noticed', () => !ready(bench));
  await eventually('the link to be back', () => ready(bench));
  expect(phone.ended).toBe(false);
  expect(await event('play-done')).toMatchObject({ playId: 'p', outcome: 'finished' });
  await phone.press('4');
  expect((await event('digit')).digit).toBe('4');
  await leg.end('system-hangup');
  expect(events.filter(({ type }) => type === 'ended')).toHaveLength(1);
  await bench.close();
  await relay.close();
});

test('the event link stays away: every leg ends with media-lost and its caller gets BYE', async () => {
  const { bench, relay } = await behindRelay(500);
  const { leg, phone, event } = await bench.talk();
  leg.play({ playId: 'p', sounds: [bench.tone('p', 9_000)], stopOnDigit: false });
  relay.cut(false);
  expect((await event('ended')).cause).toBe('media-lost');
  expect(await event('play-done')).toMatchObject({ outcome: 'leg-ended' });
  await eventually('BYE at the caller', () => phone.ended);
  await leg.end('system-hangup');
  await bench.close();
  await relay.close();
});

test('while no media server is ready a call gets 503, and is answered again afterwards', async () => {
  const { bench, relay } = await behindRelay(500);
  relay.cut(false);
  await eventually('the loss to be noticed', () => !ready(bench));
  const { phone, call } = await bench.ring();
  expect(await call.answer(() => undefined)).toEqual({ ok: false, cause: 'media-lost', sipStatus: 503 });
  await eventually('503 at the caller', () => phone.status === 503);
  relay.open = true;
  await eventually('the link to be back', () => ready(bench), { timeoutMs: 10_000 });
  const { leg } = await bench.talk();
  await leg.end('system-hangup');
  await bench.close();
  await relay.close();
});

test('the link to drachtio is lost and comes back: calls live on, new ones come, hang-ups are found out', async () => {
  const relay = await Relay.to(pair.drachtio);
  const bench = await Bench.open(pair, {
    drachtio: { ...pair.drachtio, host: '127.0.0.1', port: relay.port },
    deadlines: { probeEveryMs: 300 },
  });
  const [stays, leaves] = [await bench.talk(), await bench.talk()];
  relay.cut(true);
  await eventually('the loss to be noticed', () => !ready(bench));
  await eventually('the link to be back', () => ready(bench));
  stays.leg.play({ playId: 'p', sounds: [bench.tone('p', 300)], stopOnDigit: false });
  expect(await stays.event('play-done')).toMatchObject({ outcome: 'finished' });
  await leaves.phone.hangUp();
  expect((await leaves.event('ended')).cause).toBe('caller-hangup');
  await stays.leg.end('system-hangup');
  await eventually('BYE at the caller', () => stays.phone.ended);
  const { leg } = await bench.talk();
  await leg.end('system-hangup');
  await bench.close();
  await relay.close();
});

test('the link to drachtio is lost in the middle of an answer: no leg is left', async () => {
  const relay = await Relay.to(pair.drachtio);
  const bench = await Bench.open(pair, { drachtio: { ...pair.drachtio, host: '127.0.0.1', port: relay.port } });
  const { call } = await bench.ring();
  const answering = call.answer(() => undefined);
  relay.cut(true);
  expect((await answering).ok).toBe(false);
  await eventually('no leg left', () => bench.telephony.status().mediaServers[0]?.legs === 0);
  await bench.close();
  await relay.close();
});

test('of several media servers the one that cannot be reached is left out', async () => {
  const dead = { ...pair.freeswitch, name: 'dead', port: await freePort() };
  const bench = await Bench.open(pair, { freeswitches: [dead, pair.freeswitch] });
  const { leg } = await bench.talk();
  expect(bench.telephony.status().mediaServers).toEqual([
    { name: 'dead', ready: false, legs: 0 },
    { name: pair.freeswitch.name, ready: true, legs: 1 },
  ]);
  await leg.end('system-hangup');
  await bench.close();
});

test('the only media server is out of ports for one call: the next call that it can take is answered', async () => {
  const port = sippMediaPort();
  const narrow = await openEmbedded(port, port + 1);
  const bench = await Bench.open(narrow);
  const first = await bench.talk();
  const { phone, call } = await bench.ring();
  expect(await call.answer(() => undefined)).toEqual({ ok: false, cause: 'media-lost', sipStatus: 503 });
  await eventually('503 at the caller', () => phone.status === 503);
  await first.leg.end('system-hangup');
  const { leg } = await bench.talk();
  await leg.end('system-hangup');
  await bench.close();
  await narrow.stop();
});

test('a FreeSWITCH or drachtio that is not there: start fails with words that name it', async () => {
  const nowhere = await freePort();
  const deadlines = { connectMs: 300 };
  const noMedia = Bench.open(pair, { freeswitches: [{ ...pair.freeswitch, port: nowhere }], deadlines });
  await expect(noMedia).rejects.toThrow(`no FreeSWITCH is ready (${pair.freeswitch.host}:${nowhere})`);
  const noSip = Bench.open({ ...pair, drachtio: { ...pair.drachtio, port: nowhere } }, { deadlines });
  await expect(noSip).rejects.toThrow(`drachtio at ${pair.drachtio.host}:${nowhere}`);
});

test('a wrong event-socket password is told as such', async () => {
  const warnings: object[] = [];
  const logger = { debug: () => undefined, info: () => undefined, error: () => undefined };
  const warn = (fields: object) => warnings.push(fields);
  const listening = { ...logger, warn, child: () => listening };
  const wrong = [{ ...pair.freeswitch, password: 'wrong' }];
  const opening = Bench.open(pair, { freeswitches: wrong, deadlines: { connectMs: 300 }, logger: listening });
  await expect(opening).rejects.toThrow('no FreeSWITCH is ready');
  expect(JSON.stringify(warnings)).toContain('the password was refused');
});

/** A second controller that takes over what the first, which then vanishes without a word, has saved. */
async function takenOver(first: Bench, legs: WatchedLeg[]) {
  const snapshots = legs.map(({ leg }) => structuredClone(leg.snapshot()));
  await first.telephony.stop();
  const second = await Bench.open(pair, { deadlines: { probeEveryMs: 300 } });
  const adopted = await Promise.all(
    snapshots.map(async (snapshot) => {
      const events: LegEvent[] = [];
      const leg = await second.telephony.adopt(snapshot, (event) => events.push(event));
      if (!leg) throw new Error('not adopted');
      return watch(events, leg);
    }),
  );
  return { second, adopted };
}

test('an adopted call can be driven: prompts, keys, and BYE to the caller', async () => {
  const first = await Bench.open(pair);
  const talk = await first.talk();
  const { second, adopted } = await takenOver(first, [talk]);
  const [taken] = adopted;
  if (!taken) throw new Error('nothing was adopted');
  taken.leg.play({ playId: 'p', sounds: [second.tone('p', 4_000)], stopOnDigit: true });
  await eventually('sound', () => talk.phone.heard.peak > 8_000);
  await talk.phone.press('6');
  expect((await taken.event('digit')).digit).toBe('6');
  expect(await taken.event('play-done')).toMatchObject({ outcome: 'stopped' });
  await taken.leg.end('system-hangup');
  await eventually('BYE at the caller', () => talk.phone.ended);
  await second.close();
  await first.close();
});

test('an adopted call that hears endless music hears what is ordered instead', async () => {
  const first = await Bench.open(pair);
  const talk = await first.talk();
  talk.leg.play({ playId: 'm', sounds: [first.tone('m', 3_000, 6_000)], stopOnDigit: false, loop: true });
  await eventually('music', () => talk.phone.heard.peak > 4_000);
  const { second, adopted } = await takenOver(first, [talk]);
  adopted[0]?.leg.play({ playId: 'p', sounds: [second.tone('p', 400, 20_000)], stopOnDigit: false });
  await eventually('the prompt', () => talk.phone.heard.peak > 15_000, { timeoutMs: 2_000 });
  expect(await adopted[0]?.event('play-done')).toMatchObject({ playId: 'p', outcome: 'finished' });
  await adopted[0]?.leg.end('system-hangup');
  await second.close();
  await first.close();
});

test('the caller of an adopted call hangs up: nobody is told, but we find out', async () => {
  const first = await Bench.open(pair);
  const talk = await first.talk();
  const { second, adopted } = await takenOver(first, [talk]);
  await talk.phone.hangUp();
  expect((await adopted[0]?.event('ended'))?.cause).toBe('caller-hangup');
  expect(second.telephony.status().mediaServers[0]?.legs).toBe(0);
  await second.close();
  await first.close();
});

test('a talk goes on through a take-over, and the adopted legs can be ended', async () => {
  const called = await TestPhone.open();
  const first = await Bench.open(pair, { trunk: { uri: `sip:127.0.0.1:${called.port}` } });
  const caller = await first.talk();
  const events: LegEvent[] = [];
  const outcome = await first.telephony.dial({
    legId: `leg_adopt-${process.pid}`,
    ...{ kind: 'transfer', toNumber: '0398765432', fromNumber: '0312345678', ringTimeoutMs: 5_000, peer: caller.leg },
    onRinging: () => undefined,
    onEvent: (event) => events.push(event),
  }).outcome;
  if (!outcome.ok) throw new Error(outcome.cause);
  const peer = watch(events, outcome.leg);
  await caller.leg.bridge(peer.leg);
  const { second, adopted } = await takenOver(first, [caller, peer]);
  called.voice = 0.9;
  await eventually('the caller still to hear the phone', () => caller.phone.heard.peak > 1_000);
  await adopted[1]?.leg.end('system-hangup');
  await eventually('BYE at the phone', () => called.ended);
  await adopted[0]?.event('unbridged');
  await adopted[0]?.leg.end('system-hangup');
  await eventually('BYE at the caller', () => caller.phone.ended);
  await second.close();
  await first.close();
  await called.close();
});

test('a leg that no longer exists is not adopted', async () => {
  const bench = await Bench.open(pair);
  const { leg } = await bench.talk();
  const snapshot = leg.snapshot();
  await leg.end('system-hangup');
  const gone = () => bench.telephony.adopt(snapshot, () => undefined);
  expect(await eventually('the channel to be gone', async () => (await gone()) === undefined)).toBe(true);
  await bench.close();
});

test('two who talk are parted by the controller that has taken them over', async () => {
  const first = await Bench.open(pair);
  const [a, b] = [await first.talk(), await first.talk()];
  expect(await a.leg.bridge(b.leg)).toBe(true);
  const { second, adopted } = await takenOver(first, [a, b]);
  const [one, other] = adopted;
  if (!one || !other) throw new Error('not both were adopted');
  expect(await other.leg.unbridge()).toBe(true);
  expect(await other.leg.unbridge()).toBe(false);
  for (const { leg, event } of [one, other]) {
    leg.play({ playId: 'apart', sounds: [{ silenceMs: 60 }], stopOnDigit: false });
    expect(await event('play-done')).toMatchObject({ outcome: 'finished' });
  }
  await second.close();
  await first.close();
});
