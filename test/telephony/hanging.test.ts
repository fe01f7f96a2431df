import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair, Relay } from './harness.ts';

/** The other end of a link hangs: TCP stays open and nothing is answered. Or it is gone altogether. */

let pair: Pair;
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());

const ready = (bench: Bench) => bench.telephony.status().ready;

async function behindRelay(of: 'drachtio' | 'freeswitch'): Promise<{ bench: Bench; relay: Relay; part: string }> {
  const relay = await Relay.to(pair[of]);
  const at = { host: '127.0.0.1', port: relay.port };
  const bench = await Bench.open(
    pair,
    of === 'drachtio' ? { drachtio: { ...pair.drachtio, ...at } } : { freeswitches: [{ ...pair.freeswitch, ...at }] },
  );
  return { bench, relay, part: of === 'drachtio' ? 'drachtio' : `freeswitch ${pair.freeswitch.name}` };
}

/** Freezes the link; gives how long it took until nothing new is taken. */
async function untilNoticed(bench: Bench, relay: Relay): Promise<number> {
  const beganAtMs = performance.now();
  relay.freeze(true);
  await eventually('the hang to be noticed', () => !ready(bench), { timeoutMs: 8_000 });
  return performance.now() - beganAtMs;
}

test('a FreeSWITCH that hangs for a while gets no new calls meanwhile; its calls live on', async () => {
  const { bench, relay, part } = await behindRelay('freeswitch');
  const { leg, phone, event } = await bench.talk();
  expect(bench.telephony.parts()[part]).toMatchObject({ state: 'ok', details: { legs: 1 } });
  expect(await untilNoticed(bench, relay)).toBeLessThan(5_000);
  expect(bench.telephony.parts()[part]).toMatchObject({ state: 'away', why: 'it does not answer' });
  relay.freeze(false);
  await eventually('that it is ready', () => ready(bench));
  await phone.press('4');
  expect((await event('digit')).digit).toBe('4');
  expect(phone.ended).toBe(false);
  await leg.end('system-hangup');
  await bench.close();
  await relay.close();
});

test('a FreeSWITCH that hangs for good takes its calls with it, and calls on another are not touched', async () => {
  const relay = await Relay.to(pair.freeswitch);
  const hanging = { ...pair.freeswitch, name: 'hanging', host: '127.0.0.1', port: relay.port };
  const bench = await Bench.open(pair, { freeswitches: [hanging, pair.freeswitch] });
  const both = [await bench.talk(), await bench.talk()];
  const on = (name: string) => both.find(({ leg }) => leg.snapshot().adapter['server'] === name);
  const [dies, lives] = [on('hanging'), on(pair.freeswitch.name)];
  relay.freeze(true);
  const ended = () => dies?.events.find(({ type }) => type === 'ended');
  expect(await eventually('its end', ended, { timeoutMs: 12_000 })).toMatchObject({ cause: 'media-lost' });
  await eventually('BYE at its caller', () => dies?.phone.ended);
  expect(lives?.phone.ended).toBe(false);
  const { leg } = await bench.talk();
  expect(leg.snapshot().adapter['server']).toBe(pair.freeswitch.name);
  await leg.end('system-hangup');
  await lives?.leg.end('system-hangup');
  await bench.close();
  await relay.close();
}, 30_000);

test('a FreeSWITCH that is gone has its callers hung up on at once', async () => {
  const { bench, relay } = await behindRelay('freeswitch');
  const { phone, event } = await bench.talk();
  const beganAtMs = performance.now();
  await relay.close();
  expect((await event('ended')).cause).toBe('media-lost');
  await eventually('BYE at the caller', () => phone.ended);
  expect(performance.now() - beganAtMs).toBeLessThan(2_000);
  await bench.close();
});

test('a drachtio that hangs for a while gets nothing new meanwhile; its calls live on, and their hang-ups are heard', async () => {
  const { bench, relay, part } = await behindRelay('drachtio');
  const { phone, event } = await bench.talk();
  expect(bench.telephony.parts()[part]).toEqual({ state: 'ok' });
  expect(await untilNoticed(bench, relay)).toBeLessThan(5_000);
  expect(bench.telephony.parts()[part]).toEqual({ state: 'away', why: 'it does not answer' });
  relay.freeze(false);
  await eventually('that it is ready', () => ready(bench));
  await phone.hangUp();
  expect((await event('ended')).cause).toBe('caller-hangup');
  await bench.close();
  await relay.close();
});

test('a drachtio that answers nothing for long is connected to anew', async () => {
  const { bench, relay } = await behindRelay('drachtio');
  await untilNoticed(bench, relay);
  await eventually('another connection', () => relay.accepted === 2, { timeoutMs: 12_000 });
  relay.freeze(false);
  await eventually('that it is ready', () => ready(bench), { timeoutMs: 10_000 });
  // drachtio gives calls to each of its connections in turn, also to one of which it has not read yet that it is over.
  await eventually('the old connection to be over at both ends', () => relay.connections === 1);
  const { leg } = await bench.talk();
  await leg.end('system-hangup');
  await bench.close();
  await relay.close();
}, 30_000);
