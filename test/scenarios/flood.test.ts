import { afterAll, beforeAll, expect, it } from 'vitest';
import { header } from '../../src/kernel/sip/message.ts';
import { eventually } from '../support/poll.ts';
import { RawPeer, rawOffer, tagOf } from '../support/raw-peer.ts';
import { denwaban, type System, startSystem } from '../support/system.ts';

/** One address sends ten times what is taken; callers from elsewhere are served all the same. */
const number = '0311110007';
const perSecond = 10;
const seconds = 4;
let system: System;
beforeAll(async () => {
  system = await startSystem({
    flows: 'test/scenarios/flows',
    environment: { MAX_CALLS_PER_SECOND: String(perSecond), MAX_CALLS: '30' },
  });
});
afterAll(() => system.stop());

const open = (address: string) =>
  RawPeer.open({ protocol: 'udp', address: system.sipHost, port: system.sipPort }, address);
let count = 0;
function invite(peer: RawPeer, callId = `flood-${process.pid}-${++count}`): string {
  peer.send(peer.text('INVITE', { uri: system.uri(number), callId, branch: `z9hG4bK${callId}`, ...rawOffer() }));
  return callId;
}

/** Calls, hangs up once answered; says whether it was. */
async function isServed(peer: RawPeer): Promise<boolean> {
  const callId = invite(peer);
  const answers = () =>
    peer.received.map(({ message }) => message).filter((message) => header(message, 'Call-ID') === callId);
  // As every phone does: a datagram may be lost, above all in a flood.
  const again = setInterval(() => {
    if (answers().length === 0) invite(peer, callId);
  }, 500);
  const final = () => answers().find(({ status = 0 }) => status >= 200);
  const answer = await eventually('a final answer', final, { timeoutMs: 20_000 }).finally(() => clearInterval(again));
  if (answer.status !== 200) return false;
  const uri = /<([^>]*)>/.exec(header(answer, 'Contact') ?? '')?.[1] ?? '';
  peer.send(peer.text('ACK', { uri, callId, toTag: tagOf(answer) }));
  peer.send(peer.text('BYE', { uri, callId, toTag: tagOf(answer), cseq: 2 }));
  return true;
}

/** How many of an honest caller's calls, two a second, are answered. */
async function servedOf(caller: RawPeer): Promise<number> {
  const calls: Promise<boolean>[] = [];
  for (let call = 0; call < seconds * 2; call++) {
    calls.push(isServed(caller));
    await new Promise((done) => setTimeout(done, 500));
  }
  return (await Promise.all(calls)).filter(Boolean).length;
}

it('one source floods: honest callers are served as without, and what was refused can be looked up', async () => {
  const [flooder, honest] = [await open('127.0.0.9'), await open('127.0.0.1')];
  const without = await servedOf(honest);
  const flood = setInterval(() => {
    for (let call = 0; call < perSecond; call++) invite(flooder);
  }, 100);
  const during = await servedOf(honest).finally(() => clearInterval(flood));
  expect(without).toBe(seconds * 2);
  expect(during).toBeGreaterThanOrEqual(0.95 * without);
  const refused = await eventually(
    'the refusals on record',
    async () => {
      const { stdout } = await denwaban(['refusals', '--json'], system.environment);
      const minutes = JSON.parse(stdout) as { cause: string; count: number; sources: { address: string }[] }[];
      const ofFlood = minutes.filter(
        ({ cause, sources }) => cause === 'overload' && sources[0]?.address === '127.0.0.9',
      );
      const sum = ofFlood.reduce((total, one) => total + one.count, 0);
      return sum > perSecond * seconds ? ofFlood : undefined;
    },
    { timeoutMs: 30_000, everyMs: 1_000 },
  );
  expect(refused[0]).toMatchObject({ sipStatus: 503, method: 'INVITE', sourceClass: 'stranger' });
  flooder.close();
  honest.close();
});
