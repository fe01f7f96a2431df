import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/poll.ts';
import { RawPeer, rawOffer, tagOf } from '../support/raw-peer.ts';
import { Bench, openPair, type Pair } from './harness.ts';

/** Callers whose INVITE does not come from where their Contact says that they listen. */

let pair: Pair;
let bench: Bench;
let sends: RawPeer;
let listens: RawPeer;
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());
beforeEach(async () => {
  bench = await Bench.open(pair);
  const drachtio = { protocol: 'udp', address: '127.0.0.1', port: bench.sip.port } as const;
  [sends, listens] = [await RawPeer.open(drachtio), await RawPeer.open(drachtio)];
});
afterEach(async () => {
  for (const peer of [sends, listens]) peer.close();
  await bench.close();
});

/** A call whose Contact is `contact`, answered. */
async function answeredCall(contact: string) {
  const call = { callId: `split-${sends.port}-${bench.sip.port}`, uri: `sip:0312345678@127.0.0.1:${bench.sip.port}` };
  const invite = sends.text('INVITE', { ...call, ...rawOffer() });
  sends.send(invite.replace(/^Contact: .*$/m, `Contact: <${contact}>`));
  const incoming = await eventually('the call', () => bench.incoming[0]);
  const outcome = await incoming.answer(() => undefined);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome));
  sends.request('ACK', { ...call, toTag: tagOf(await sends.status(200, 1, '1 INVITE')) });
  return outcome.leg;
}

test('a carrier that sends from one port and listens on another gets our BYE where it listens', async () => {
  const leg = await answeredCall(`sip:carrier@127.0.0.1:${listens.port}`);
  const ended = leg.end('system-hangup');
  const bye = await listens.requested('BYE');
  expect(bye.headers.filter(([name]) => name === 'Call-ID')).toEqual([
    ['Call-ID', `split-${sends.port}-${bench.sip.port}`],
  ]);
  expect(tagOf(bye, 'To')).toBe('raw');
  listens.answer(bye, 200);
  await ended;
});

test('a phone behind NAT gets our BYE where its INVITE came from, once', async () => {
  const leg = await answeredCall('sip:phone@192.168.77.7:5062');
  const ended = leg.end('system-hangup');
  sends.answer(await sends.requested('BYE'), 200);
  await ended;
  expect(sends.requests('BYE')).toHaveLength(1);
});
