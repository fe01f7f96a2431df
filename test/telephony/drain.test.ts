import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair, Relay } from './harness.ts';
import { TestPhone } from './phone.ts';

/** Two controllers on one drachtio, of which one drains. */
let pair: Pair;
let called: TestPhone;
const opened: Bench[] = [];
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());
beforeEach(async () => {
  called = await TestPhone.open();
});
afterEach(async () => {
  for (const bench of opened.splice(0)) await bench.close();
  await called.close();
});

async function open(more: Parameters<typeof Bench.open>[1] = {}): Promise<Bench> {
  const bench = await Bench.open(pair, { trunk: { uri: `sip:127.0.0.1:${called.port}` }, ...more });
  opened.push(bench);
  return bench;
}

/** Some calls one after the other, each taken (and refused, for brevity) by one of the controllers. */
async function callsTakenBy(bench: Bench, other: Bench): Promise<[number, number]> {
  const before = [bench.incoming.length, other.incoming.length] as const;
  for (let round = 0; round < 4; round++) {
    const taken = bench.incoming.length + other.incoming.length;
    const phone = await bench.phone();
    phone.startCall('0312345678', bench.sip);
    await eventually('the call', () => phone.status || bench.incoming.length + other.incoming.length > taken);
    for (const call of [...bench.incoming, ...other.incoming]) call.reject(486);
    await eventually('the answer', () => phone.status);
  }
  return [bench.incoming.length - before[0], other.incoming.length - before[1]];
}

test('new calls go to the other controller; calls in progress stay, with keys, prompts and either hang-up', async () => {
  const leaving = await open();
  const { phone, leg, event } = await leaving.talk();
  const staying = await open();
  leaving.telephony.drain();
  expect(await callsTakenBy(leaving, staying)).toEqual([0, 4]);
  leg.play({ playId: 'p', sounds: [leaving.tone('still', 3_000)], stopOnDigit: true });
  await phone.press('5');
  expect((await event('digit')).digit).toBe('5');
  expect((await event('play-done')).outcome).toBe('stopped');
  expect((await phone.request('INFO')).status).toBe(200);
  expect(await phone.hangUp()).toBe(200);
  expect((await event('ended')).cause).toBe('caller-hangup');
});

test('a dial that has just begun is carried through; a new one is refused', async () => {
  const leaving = await open();
  const staying = await open();
  const dial = (legId: string) =>
    leaving.telephony.dial({
      ...{ legId, kind: 'transfer', toNumber: '0398765432', fromNumber: '0312345678', ringTimeoutMs: 10_000 },
      ...{ onRinging: () => undefined, onEvent: () => undefined },
    });
  const begun = dial(`leg_drain-${process.pid}-1`);
  leaving.telephony.drain();
  const late = dial(`leg_drain-${process.pid}-2`);
  expect(await late.outcome).toEqual({ ok: false, cause: 'draining' });
  const outcome = await begun.outcome;
  expect(outcome.ok).toBe(true);
  expect(await callsTakenBy(leaving, staying)).toEqual([0, 4]);
  if (outcome.ok) await outcome.leg.end('system-hangup');
});

test('a call in progress goes on to be connected: whom it dials is dialled, and new calls go to the other one', async () => {
  const leaving = await open();
  const { phone, leg, event } = await leaving.talk();
  const staying = await open();
  leaving.telephony.drain();
  called.pitchHz = 700;
  const { outcome } = leaving.telephony.dial({
    ...{ legId: `leg_going-${process.pid}`, kind: 'transfer', toNumber: '0398765432' },
    ...{ fromNumber: '0312345678', ringTimeoutMs: 10_000, peer: leg },
    ...{ onRinging: () => undefined, onEvent: () => undefined },
  });
  const dialled = await outcome;
  if (!dialled.ok) throw new Error(`not connected: ${dialled.cause}`);
  expect(await leg.bridge(dialled.leg)).toBe(true);
  await eventually('the caller to hear the phone', () => phone.hears(700) > 500);
  await dialled.leg.end('system-hangup');
  expect(await callsTakenBy(leaving, staying)).toEqual([0, 4]);
  expect(await phone.hangUp()).toBe(200);
  expect((await event('ended')).cause).toBe('caller-hangup');
});

test('one that drains while drachtio is away takes no calls when it is back', async () => {
  const relay = await Relay.to(pair.drachtio);
  const leaving = await open({ drachtio: { ...pair.drachtio, host: '127.0.0.1', port: relay.port } });
  const staying = await open();
  relay.cut(false);
  await eventually('the loss', () => !leaving.telephony.status().ready);
  leaving.telephony.drain();
  relay.open = true;
  const { phone, leg } = await staying.talk();
  expect(await phone.hangUp()).toBe(200);
  await leg.end('system-hangup');
  await eventually('the connection', () => relay.connections > 0, { timeoutMs: 15_000 });
  expect((await callsTakenBy(leaving, staying))[0]).toBe(0);
  await opened.shift()?.close();
  await relay.close();
});
