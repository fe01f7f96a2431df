import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/poll.ts';
import { overTcp, RawPeer, rawOffer, tagOf } from '../support/raw-peer.ts';
import { phoneSystem, sippAnswered, sippBye, sippInvite } from '../support/sipp.ts';
import { type System, startSystem } from '../support/system.ts';

const long = '0311110007';
const nobody = '0399999999';
let system: System;
let raw: RawPeer;
let count = 0;
let callsMade = 0;

beforeAll(async () => {
  system = await startSystem({ flows: 'test/scenarios/flows' });
});
afterAll(() => system.stop());
beforeEach(async () => {
  raw = await RawPeer.open({ protocol: 'udp', address: system.sipHost, port: system.sipPort });
});

/** After whatever a test has sent, the next caller is answered, and the record is right: this call, and none too many. */
afterEach(async () => {
  raw.close();
  callsMade++;
  await phoneSystem(system, long, sippInvite() + sippAnswered + sippBye);
  const newest = await system.closedCall(long);
  expect(newest.legs).toEqual([expect.objectContaining({ cause: 'caller-hangup', sipStatus: 200 })]);
  const calls = await system.calls({ limit: 100 });
  expect(calls.filter((call) => call.endedAt)).toHaveLength(callsMade);
  expect(calls).toHaveLength(callsMade);
});

/** A request of its own. */
const names = (number = long) => {
  const id = `${raw.port}-${++count}`;
  return { uri: system.uri(number), callId: `broken-${id}`, branch: `z9hG4bK-broken-${id}` };
};
const invite = () => raw.text('INVITE', { ...names(), ...rawOffer() });

/** What has come is at most a refusal; and a request that is whole is answered. */
async function isRefused(what = ''): Promise<void> {
  const options = names();
  raw.request('OPTIONS', options);
  await eventually(`an answer to OPTIONS, after ${what}`, () =>
    raw.received.find(({ message, raw: text }) => message.status === 200 && text.includes(options.callId)),
  );
  for (const { raw: answer } of raw.received) {
    if (!answer.includes('OPTIONS')) expect(answer, what).toMatch(/^SIP\/2\.0 (4|5)\d\d /);
  }
}

const viaTcp = (message: string) => message.replace('SIP/2.0/UDP', 'SIP/2.0/TCP');
const long64k = (message: string, bytes: number) =>
  message.replace('Max-Forwards', `X-Long: ${'x'.repeat(bytes)}\r\nMax-Forwards`);

/** How an INVITE is broken, one way after the other. */
const breaks: Record<string, (message: string) => string> = {
  'no Call-ID': (message) => message.replace(/^Call-ID:.*\r\n/m, ''),
  'no CSeq': (message) => message.replace(/^CSeq:.*\r\n/m, ''),
  'no From': (message) => message.replace(/^From:.*\r\n/m, ''),
  'no To': (message) => message.replace(/^To:.*\r\n/m, ''),
  'no Via': (message) => message.replace(/^Via:.*\r\n/m, ''),
  'a CSeq of another method': (message) => message.replace('CSeq: 1 INVITE', 'CSeq: 1 BYE'),
  'a CSeq that is no number': (message) => message.replace('CSeq: 1 INVITE', 'CSeq: first INVITE'),
  'a Content-Length beyond the end': (message) => message.replace(/Content-Length: \d+/, 'Content-Length: 9999'),
  'a Content-Length that is no number': (message) => message.replace(/Content-Length: \d+/, 'Content-Length: much'),
  'a negative Content-Length': (message) => message.replace(/Content-Length: \d+/, 'Content-Length: -1'),
  'another version': (message) => message.replace(' SIP/2.0', ' SIP/3.0'),
  'its end missing': (message) => message.slice(0, 150),
  'the look of an answer': (message) => message.replace(/^INVITE .*\r\n/, 'SIP/2.0 200 OK\r\n'),
};

describe('broken and over-long messages', () => {
  it('an INVITE that is broken, whichever way, is no call', async () => {
    for (const [what, breakIt] of Object.entries(breaks)) {
      raw.send(breakIt(invite()));
      await isRefused(what);
    }
  });

  it('datagrams of garbage are dropped', async () => {
    raw.send(randomBytes(1_200), randomBytes(3), new Uint8Array(500), '', '\r\n\r\n', ' ');
    raw.send('GET / HTTP/1.1\r\nHost: denwaban\r\n\r\n', 'INVITE', 'SIP/2.0 200 OK\r\n\r\n');
    await isRefused();
  });

  it('a header of nearly 64 KB in a datagram is refused or passed over', async () => {
    const call = names(nobody);
    raw.send(long64k(raw.text('INVITE', { ...call, ...rawOffer() }), 63_500));
    const answer = await eventually('a final answer', () =>
      raw.received.find(({ message }) => (message.status ?? 0) >= 200),
    );
    // RFC 3261, 18.1.1: a message may be as long as a datagram; the number called is nobody's.
    expect([400, 404, 413, 513]).toContain(answer.message.status);
    raw.request('ACK', { ...call, toTag: tagOf(answer.message) });
    if (answer.message.status === 404) callsMade++;
  });

  it('a header of 64 KB, and one without end, by TCP are refused', async () => {
    expect(await overTcp(system, long64k(viaTcp(invite()), 65_536))).not.toMatch(/^SIP\/2\.0 2/m);
    await overTcp(system, `INVITE sip:${long}@127.0.0.1 SIP/2.0\r\nX-Long: ${'x'.repeat(1_000_000)}`);
    await isRefused();
  });

  it('a stream that cannot be followed, by TCP, is closed or passed over', async () => {
    const broken = viaTcp(invite()).replace(/Content-Length: \d+/, 'Content-Length: much');
    const garbage = [randomBytes(5_000), 'GET / HTTP/1.1\r\nHost: denwaban\r\n\r\n', '\r\n'.repeat(5_000), broken];
    for (const bytes of garbage) expect(await overTcp(system, bytes, 300)).not.toMatch(/^SIP\/2\.0 2/m);
    await isRefused();
  });

  it('a number of 200 digits is not found, and is on record', async () => {
    const number = '9'.repeat(200);
    const call = names(number);
    raw.request('INVITE', { ...call, ...rawOffer() });
    raw.request('ACK', { ...call, toTag: tagOf(await raw.status(404, 1, '1 INVITE')) });
    callsMade++;
    const record = await system.closedCall(number);
    expect(record.legs).toEqual([expect.objectContaining({ cause: 'not-found', sipStatus: 404, answeredAt: null })]);
  });
});
