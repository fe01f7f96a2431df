import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair } from './harness.ts';
import { hears, type Party, parties } from './parties.ts';

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

/** Two who talk: 500 Hz and 700 Hz. */
async function talk(): Promise<[Party, Party]> {
  const [one, other] = await parties(bench, 500, 700);
  expect(await one.leg.bridge(other.leg)).toBe(true);
  await Promise.all([hears(one, [700]), hears(other, [500])]);
  return [one, other];
}

describe('a re-INVITE without an offer', () => {
  test('holds and resumes by the answer in its ACK', async () => {
    const [one, other] = await talk();
    const held = await one.phone.renegotiateOfferless((sdp) => sdp.replace('sendrecv', 'sendonly'));
    expect(held).toMatchObject({ status: 200, message: { body: expect.stringContaining('m=audio') } });
    expect((await one.event('held')).held).toBe(true);
    await hears(other, [], [500]);
    await one.phone.renegotiateOfferless();
    await eventually('the one who held to be back', () =>
      one.events.some((event) => event.type === 'held' && !event.held),
    );
    await Promise.all([hears(one, [700]), hears(other, [500])]);
  });

  test('moves the audio to the port that its ACK names', async () => {
    const [one, other] = await talk();
    await one.phone.moveAudio();
    await one.phone.renegotiateOfferless();
    await Promise.all([hears(one, [700]), hears(other, [500])]);
  });

  test.each([
    ['no answer', () => ''],
    ['an answer without a codec of ours', (sdp: string) => sdp.replace('0 101', '9').replace('0 PCMU', '9 G722')],
    ['an answer with audio on port 0', (sdp: string) => sdp.replace(/m=audio \d+/, 'm=audio 0')],
    ['something else than an answer', () => 'v=1\r\n'],
  ])('%s in its ACK leaves the talk as it was', async (_what, answer) => {
    const [one, other] = await talk();
    expect((await one.phone.renegotiateOfferless(answer)).status).toBe(200);
    // Done with once another change is taken.
    await eventually('another change', async () => (await one.phone.renegotiate('sendrecv')).status === 200);
    await Promise.all([hears(one, [700]), hears(other, [500])]);
    expect(one.events.filter(({ type }) => type === 'ended')).toEqual([]);
  });
});

describe('a re-INVITE that cannot be taken', () => {
  test.each([
    ['another codec', (sdp: string) => sdp.replace('0 101', '9').replace('0 PCMU', '9 G722'), 305],
    ['audio on port 0', (sdp: string) => sdp.replace(/m=audio \d+/, 'm=audio 0'), 399],
    ['SRTP without keys', (sdp: string) => sdp.replace('RTP/AVP', 'RTP/SAVP'), 302],
    ['an address by IPv6', (sdp: string) => sdp.replace('c=IN IP4 127.0.0.1', 'c=IN IP6 ::1'), 301],
    ['no audio', (sdp: string) => sdp.replace('m=audio', 'm=video'), 304],
  ])('%s: 488 says why, and the talk goes on at full pace', async (_what, change, code) => {
    const [one, other] = await talk();
    one.phone.describe = change;
    const answer = await one.phone.renegotiate('sendrecv');
    expect(answer.status).toBe(488);
    expect(answer.message.header('Warning')).toMatch(new RegExp(`^${code} `));
    const before = one.phone.heard.packets;
    const startedAtMs = performance.now();
    await eventually('half a second of audio', () => one.phone.heard.packets - before >= 25, { timeoutMs: 3_000 });
    expect(performance.now() - startedAtMs).toBeLessThan(900);
    await Promise.all([hears(one, [700]), hears(other, [500])]);
  });
});
