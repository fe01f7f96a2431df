import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair } from './harness.ts';

let pair: Pair;
let bench: Bench;
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());
beforeEach(async () => {
  bench = await Bench.open(pair);
});
afterEach(() => bench.close());

const legs = () => bench.telephony.status().mediaServers[0]?.legs;

test('a call is offered with its numbers, answered, hears a prompt to its end, and is ended with BYE', async () => {
  const { leg, phone, event } = await bench.talk();
  expect(bench.incoming[0]).toMatchObject({ fromNumber: '+81901112222', toNumber: '+81312345678', legId: leg.legId });
  leg.play({ playId: 'p', sounds: [bench.tone('hello', 600), { silenceMs: 100 }], stopOnDigit: false });
  await eventually('sound', () => phone.heard.peak > 8_000);
  expect(await event('play-done')).toMatchObject({ playId: 'p', outcome: 'finished' });
  await leg.end('system-hangup');
  expect(phone.ended).toBe(true);
  expect((await event('ended')).cause).toBe('system-hangup');
  expect(legs()).toBe(0);
});

test('the caller hangs up: ended once, and nothing is left on the media server', async () => {
  const { phone, event, events, leg } = await bench.talk();
  leg.play({ playId: 'p', sounds: [bench.tone('long', 5_000)], stopOnDigit: false });
  expect(await phone.hangUp()).toBe(200);
  expect((await event('ended')).cause).toBe('caller-hangup');
  expect(events.map(({ type }) => type)).toEqual(['play-done', 'ended']);
  leg.play({ playId: 'late', sounds: [bench.tone('late', 100)], stopOnDigit: false });
  await leg.end('system-hangup');
  expect(events).toHaveLength(2);
  expect(legs()).toBe(0);
});

test('keys arrive in order and once, during a prompt, after it, and within one that no key stops', async () => {
  const { phone, leg, events, event } = await bench.talk();
  leg.play({ playId: 'menu', sounds: [bench.tone('menu', 4_000)], stopOnDigit: true });
  await eventually('sound', () => phone.heard.peak > 8_000);
  await phone.press('12');
  expect(await event('play-done')).toMatchObject({ playId: 'menu', outcome: 'stopped' });
  await phone.press('#');
  leg.play({ playId: 'news', sounds: [bench.tone('news', 700)], stopOnDigit: false });
  await phone.press('90');
  await eventually('the prompt to end by itself', () => events.filter(({ type }) => type === 'play-done').length === 2);
  expect(events.findLast((one) => one.type === 'play-done')).toMatchObject({ playId: 'news', outcome: 'finished' });
  const digits = events.flatMap((one) => (one.type === 'digit' ? [one.digit] : []));
  expect(digits.join('')).toBe('12#90');
});

test('keys sent as INFO arrive as keys', async () => {
  const { phone, event } = await bench.talk();
  const answer = await phone.request('INFO', 'Signal=7\r\nDuration=160\r\n', 'application/dtmf-relay');
  expect(answer.status).toBe(200);
  expect((await event('digit')).digit).toBe('7');
});

test('a prompt replaced, one stopped, one missing: each ends once with its own outcome', async () => {
  const { leg, events, event } = await bench.talk();
  leg.play({ playId: 'a', sounds: [bench.tone('a', 5_000)], stopOnDigit: false });
  leg.play({ playId: 'b', sounds: [bench.tone('b', 5_000)], stopOnDigit: true });
  leg.stopPlay();
  leg.play({ playId: 'c', sounds: [{ file: join(bench.folder, 'nowhere.wav') }], stopOnDigit: false });
  await eventually('all three', () => events.filter(({ type }) => type === 'play-done').length === 3);
  expect(events.map((one) => (one.type === 'play-done' ? `${one.playId} ${one.outcome}` : one.type))).toEqual([
    'a stopped',
    'b stopped',
    'c not-found',
  ]);
  leg.play({ playId: 'd', sounds: [bench.tone('d', 100)], stopOnDigit: false });
  expect(await event('play-done', 3)).toMatchObject({ playId: 'd', outcome: 'finished' });
});

test('hold music goes on until it is stopped', async () => {
  const { phone, leg, events, event } = await bench.talk();
  leg.play({ playId: 'moh', sounds: [bench.tone('moh', 300)], stopOnDigit: false, loop: true });
  await eventually('more than one round', () => phone.heard.packets > 60);
  expect(events).toEqual([]);
  leg.stopPlay();
  expect(await event('play-done')).toMatchObject({ outcome: 'stopped' });
});

test('a recording ends by its key, with its length, as a file', async () => {
  const { phone, leg, event } = await bench.talk();
  phone.voice = 0.5;
  const file = join(bench.folder, 'message.wav');
  leg.record({ recordingId: 'r', file, maxDurationMs: 20_000, silenceMs: 0, stopKeys: '#' });
  const startedAt = performance.now();
  await eventually('a second of it', () => existsSync(file) && performance.now() - startedAt > 1_000);
  await phone.press('#');
  const done = await event('record-done');
  expect(done).toMatchObject({ recordingId: 'r', outcome: 'key' });
  expect(done.durationMs).toBeGreaterThan(800);
  await eventually('the file to be complete', () => statSync(file).size > 12_000);
});

test('a recording ends at its limit, and by hanging up', async () => {
  const { phone, leg, event, events } = await bench.talk();
  const record = (recordingId: string) =>
    leg.record({
      recordingId,
      file: join(bench.folder, `${recordingId}.wav`),
      maxDurationMs: 500,
      silenceMs: 0,
      stopKeys: '',
    });
  record('short');
  expect(await event('record-done')).toMatchObject({ recordingId: 'short', outcome: 'limit' });
  record('gone');
  await phone.hangUp();
  await event('ended');
  expect(events.at(-2)).toMatchObject({ type: 'record-done', recordingId: 'gone', outcome: 'leg-ended' });
});

test('a caller who gives up before the answer: cancelled, and no leg is left', async () => {
  const { phone, call } = await bench.ring();
  let cancelled = 0;
  call.onCancelled(() => {
    cancelled += 1;
  });
  phone.cancel();
  expect(await eventually('487', () => phone.status)).toBe(487);
  expect(cancelled).toBe(1);
  expect(await call.answer(() => undefined)).toEqual({ ok: false, cause: 'cancelled', sipStatus: 487 });
  call.reject(486);
  expect(legs()).toBe(0);
});

test('a caller who gives up while being answered: no leg is left, whoever was first', async () => {
  for (let round = 0; round < 5; round++) {
    const { phone, call } = await bench.ring();
    const answering = call.answer(() => undefined);
    phone.cancel();
    const outcome = await answering;
    if (outcome.ok) await phone.hangUp();
    await eventually('no leg left', () => legs() === 0);
  }
});

test('an INVITE without an offer gets ours, and the answer in its ACK is used', async () => {
  const { phone, leg, event } = await bench.talk({ offerless: true });
  leg.play({ playId: 'p', sounds: [bench.tone('hello', 600)], stopOnDigit: true });
  await eventually('sound', () => phone.heard.peak > 8_000);
  await phone.press('3');
  expect((await event('digit')).digit).toBe('3');
  await phone.hangUp();
  expect((await event('ended')).cause).toBe('caller-hangup');
  expect(legs()).toBe(0);
});

test('refusals reach the caller with status and Retry-After', async () => {
  const { phone, call } = await bench.ring();
  call.reject(503, { retryAfterSeconds: 2 });
  expect(await eventually('the refusal', () => phone.status)).toBe(503);
});

test('hold and resume are answered with FreeSWITCH’s SDP; REFER and unknown methods are not', async () => {
  const { phone } = await bench.talk();
  const held = await phone.renegotiate('sendonly');
  expect(held.status).toBe(200);
  expect(held.message.body).toMatch(/a=(recvonly|inactive)/);
  const resumed = await phone.renegotiate('sendrecv');
  expect(resumed.message.body).not.toMatch(/a=(recvonly|inactive)/);
  expect((await phone.request('REFER')).status).toBe(603);
  expect((await phone.request('MESSAGE')).status).toBe(405);
  expect((await phone.request('UPDATE')).status).toBe(200);
});

test('draining refuses new calls with 503, once drachtio knows, and leaves those in progress alone', async () => {
  const { phone, leg, event } = await bench.talk();
  bench.telephony.drain();
  await eventually('503', async () => {
    const late = await bench.phone();
    const before = bench.incoming.length;
    late.startCall('0312345678', bench.sip);
    await eventually('an answer', () => late.status || bench.incoming.length > before);
    for (const onItsWay of bench.incoming.slice(before)) onItsWay.reject(486);
    return (await eventually('the answer', () => late.status)) === 503;
  });
  expect(bench.telephony.status().ready).toBe(false);
  leg.play({ playId: 'p', sounds: [bench.tone('still', 100)], stopOnDigit: false });
  await event('play-done');
  expect(phone.ended).toBe(false);
  await leg.end('system-hangup');
});
