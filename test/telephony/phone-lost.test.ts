import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { LegEvent } from '../../src/call/telephony.ts';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair, type WatchedLeg, watch } from './harness.ts';
import { hears } from './parties.ts';
import type { TestPhone } from './phone.ts';

/** An agent talks; the phone falls silent, or is gone. */

const times = { checkEveryMs: 100, silentMs: 400, answerMs: 400, askEveryMs: 500 };
let pair: Pair;
let bench: Bench;
let caller: WatchedLeg & { phone: TestPhone };
let agent: WatchedLeg & { phone: TestPhone };
let dialled = 0;
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());
beforeEach(async () => {
  bench = await Bench.open(pair, { phoneWatch: times });
  caller = await bench.talk();
  caller.phone.pitchHz = 500;
});
afterEach(() => bench.close());

/** An agent's phone that has answered and talks with the caller; `optionsAnswer`: what it answers when asked. */
async function talks(optionsAnswer = 200): Promise<void> {
  const phone = await bench.phone();
  phone.pitchHz = 700;
  phone.answers.set('OPTIONS', optionsAnswer);
  const events: LegEvent[] = [];
  dialled += 1;
  const { outcome } = bench.telephony.dial({
    ...{ legId: `leg_lost-${process.pid}-${dialled}`, kind: 'agent', fromNumber: '0312345678', ringTimeoutMs: 5_000 },
    phones: [
      {
        uri: `sip:agent@127.0.0.1:${phone.port}`,
        source: { transport: 'udp', address: '127.0.0.1', port: phone.port },
      },
    ],
    peer: caller.leg,
    onRinging: () => undefined,
    onEvent: (event) => events.push(event),
  });
  const dial = await outcome;
  if (!dial.ok) throw new Error(dial.cause);
  agent = { ...watch(events, dial.leg), phone };
  expect(await caller.leg.bridge(agent.leg)).toBe(true);
  await hears(caller, [700]);
}

const asked = (times = 1) =>
  eventually(
    `the phone to have been asked ${times} times`,
    () => agent.phone.requests.filter((method) => method === 'OPTIONS').length >= times,
  );

test('a phone without power is lost within seconds, and the other is parked', async () => {
  await talks();
  await asked();
  agent.phone.dead = true;
  expect((await agent.event('ended')).cause).toBe('media-lost');
  await caller.event('unbridged');
  expect(caller.phone.ended).toBe(false);
});

test('one that sends no audio but answers is not lost, and asked no more often than it is to be', async () => {
  await talks();
  await asked();
  agent.phone.mute = true;
  const from = performance.now();
  const before = agent.phone.requests.length;
  await asked(4);
  const perAsk = (performance.now() - from) / (agent.phone.requests.length - before);
  expect(perAsk).toBeGreaterThan(times.askEveryMs * 0.9);
  expect(agent.events).toEqual([]);
  agent.phone.mute = false;
  await hears(caller, [700]);
});

test('one that holds, and one that does not know the method, are not lost either', async () => {
  await talks(405);
  await asked();
  await agent.phone.renegotiate('inactive');
  agent.phone.mute = true;
  await asked(3);
  expect(agent.events.map(({ type }) => type)).toEqual(['held']);
});

test('one that knows the call no more (it was started again) is lost', async () => {
  await talks();
  await asked();
  agent.phone.answers.set('OPTIONS', 481);
  agent.phone.mute = true;
  expect((await agent.event('ended')).cause).toBe('media-lost');
});

test('one that can be heard is not asked again, whatever it would answer', async () => {
  await talks();
  await asked();
  agent.phone.answers.set('OPTIONS', 481);
  const before = caller.phone.heard.packets;
  await eventually('two seconds of talk', () => caller.phone.heard.packets > before + 100);
  expect(agent.phone.requests.filter((method) => method === 'OPTIONS')).toHaveLength(1);
  expect(agent.events).toEqual([]);
});
