import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/poll.ts';
import { overTcp, RawSip, rawSdp } from '../support/raw-sip.ts';
import { phoneSystem, sippAnswered, sippBye, sippInvite } from '../support/sipp.ts';
import { type System, startSystem } from '../support/system.ts';

const long = '0311110007';
const nobody = '0399999999';
let system: System;
let raw: RawSip;
let count = 0;
let callsMade = 0;

beforeAll(async () => {
  system = await startSystem({ flows: 'test/scenarios/flows' });
});
afterAll(() => system.stop());
beforeEach(async () => {
  raw = await RawSip.open(system);
});

/** After whatever a test has sent, the next caller is answered, and the record is right: this call, and none too many. */
afterEach(async () => {
  await raw.close();
  callsMade++;
  await phoneSystem(system, long, sippInvite() + sippAnswered + sippBye);
  const newest = await system.closedCall(long);
  expect(newest.legs).toEqual([expect.objectContaining({ cause: 'caller-hangup', sipStatus: 200 })]);
  const calls = await system.calls({ limit: 100 });
  expect(calls.filter((call) => call.endedAt)).toHaveLength(callsMade);
  expect(calls).toHaveLength(callsMade);
});

const names = () => ({ user: long, callId: `broken${++count}-${raw.port}`, branch: `b${count}${raw.port}` });
const invite = () => raw.request('INVITE', { ...names(), body: rawSdp });
const tagOf = (answer: string) => /^To:.*;tag=([^;\r\n]+)/m.exec(answer)?.[1] ?? '';

/** What has come is at most a refusal; and a request that is whole is answered. */
async function isRefused(what = ''): Promise<void> {
  const options = names();
  raw.send(raw.request('OPTIONS', options));
  await eventually(`an answer to OPTIONS, after ${what}`, () =>
    raw.received.find((text) => text.startsWith('SIP/2.0 200 ') && text.includes(options.callId)),
  );
  for (const answer of raw.received) {
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
    const call = names();
    raw.send(long64k(raw.request('INVITE', { ...call, user: nobody, body: rawSdp }), 63_500));
    const answer = await eventually('a final answer', () => raw.received.find((text) => /^SIP\/2\.0 [2-6]/.test(text)));
    // RFC 3261, 18.1.1: a message may be as long as a datagram; the number called is nobody's.
    expect(answer).toMatch(/^SIP\/2\.0 (400|404|413|513) /);
    raw.send(raw.request('ACK', { ...call, user: nobody, toTag: tagOf(answer) }));
    if (answer.startsWith('SIP/2.0 404')) callsMade++;
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
    const call = { ...names(), user: number };
    raw.send(raw.request('INVITE', { ...call, body: rawSdp }));
    raw.send(raw.request('ACK', { ...call, toTag: tagOf(await raw.answer(404, '1 INVITE')) }));
    callsMade++;
    const record = await system.closedCall(number);
    expect(record.legs).toEqual([expect.objectContaining({ cause: 'not-found', sipStatus: 404, answeredAt: null })]);
  });
});
