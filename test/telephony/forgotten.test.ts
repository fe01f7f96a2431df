import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair, Relay, type WatchedLeg, watch } from './harness.ts';
import type { TestPhone } from './phone.ts';

/** drachtio knows nothing of a call's dialogs any more, as after a restart: the phone and FreeSWITCH still do. */

let pair: Pair;
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());

type Talk = WatchedLeg & { phone: TestPhone };

/** A call that a second controller has taken over, by dialogs that drachtio does not know. */
async function forgotten(): Promise<{ benches: Bench[]; talk: Talk }> {
  const first = await Bench.open(pair);
  const { leg, phone } = await first.talk();
  const snapshot = structuredClone(leg.snapshot());
  await first.telephony.stop();
  snapshot.adapter['network'] = 'no-such-call;from-tag=1';
  snapshot.adapter['media'] = 'no-such-call;from-tag=2';
  const second = await Bench.open(pair, { deadlines: { probeEveryMs: 300 } });
  const events: Talk['events'] = [];
  const adopted = await second.telephony.adopt(snapshot, (event) => events.push(event));
  if (!adopted) throw new Error('not adopted');
  return { benches: [second, first], talk: { ...watch(events, adopted), phone } };
}

const close = async (benches: Bench[]) => {
  for (const bench of benches) await bench.close();
};

test('a call whose dialog drachtio has forgotten goes on, and its caller gets BYE when it ends', async () => {
  const { benches, talk } = await forgotten();
  const file = benches[0]?.tone('p', 900) ?? { file: '' };
  talk.leg.play({ playId: 'p', sounds: [file], stopOnDigit: false });
  await eventually('sound', () => talk.phone.heard.peak > 8_000);
  await eventually('that the phone was asked whether it is there', () => talk.phone.requests.includes('OPTIONS'));
  expect(await talk.event('play-done')).toMatchObject({ outcome: 'finished' });
  expect(talk.events.map(({ type }) => type)).toEqual(['play-done']);
  await talk.leg.end('system-hangup');
  await eventually('BYE at the caller', () => talk.phone.ended);
  expect(await talk.event('ended')).toMatchObject({ cause: 'system-hangup' });
  await close(benches);
});

test('the caller of such a call hangs up: we find out by asking its phone', async () => {
  const { benches, talk } = await forgotten();
  await eventually('that the phone was asked', () => talk.phone.requests.includes('OPTIONS'));
  expect(talk.events).toEqual([]);
  talk.phone.answers.set('OPTIONS', 481);
  expect(await talk.event('ended')).toMatchObject({ cause: 'caller-hangup' });
  await eventually('no leg left', () => benches[0]?.telephony.status().mediaServers[0]?.legs === 0);
  await close(benches);
});

test('a call that ends while drachtio is away: the BYE is sent as soon as drachtio is back', async () => {
  const relay = await Relay.to(pair.drachtio);
  const bench = await Bench.open(pair, { drachtio: { ...pair.drachtio, host: '127.0.0.1', port: relay.port } });
  const talk = await bench.talk();
  relay.cut(false);
  await eventually('the loss to be noticed', () => !bench.telephony.status().ready);
  await talk.leg.end('system-hangup');
  expect(await talk.event('ended')).toMatchObject({ cause: 'system-hangup' });
  expect(talk.phone.ended).toBe(false);
  relay.open = true;
  await eventually('BYE at the caller', () => talk.phone.ended);
  await bench.close();
  await relay.close();
});
