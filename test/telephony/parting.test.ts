import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair } from './harness.ts';
import { toneLevel } from './phone.ts';

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

type Party = Awaited<ReturnType<Bench['talk']>>;

const loud = toneLevel / 2;
const quiet = toneLevel / 20;
const hears = (party: Party, hz: number) =>
  eventually(`${hz} Hz to be heard`, () => party.phone.hears(hz) > loud, { timeoutMs: 3_000 });
const hearsNot = (party: Party, hz: number) =>
  eventually(`${hz} Hz not to be heard`, () => party.phone.hears(hz) < quiet, { timeoutMs: 3_000 });
const music = (playId: string, hz: number) => ({
  playId,
  sounds: [{ tone: `v=-7;%(1000,0,${hz})` }],
  stopOnDigit: false,
  loop: true,
});

/** Parties who each say a tone of their own. */
async function parties(...pitches: number[]): Promise<Party[]> {
  const all: Party[] = [];
  for (const pitchHz of pitches) {
    const party = await bench.talk();
    party.phone.pitchHz = pitchHz;
    all.push(party);
  }
  return all;
}

test.each(['the leg that was bridged', 'its peer'])(
  'parted by %s: both hear their own music, and can be bridged again',
  async (by) => {
    const [a, b] = (await parties(500, 700)) as [Party, Party];
    expect(await a.leg.bridge(b.leg)).toBe(true);
    await Promise.all([hears(a, 700), hears(b, 500)]);
    expect(await (by === 'its peer' ? b : a).leg.unbridge()).toBe(true);
    a.leg.play(music('for a', 1_000));
    b.leg.play(music('for b', 1_300));
    await Promise.all([hears(a, 1_000), hears(b, 1_300), hearsNot(a, 700), hearsNot(b, 500)]);
    expect([...a.events, ...b.events]).toEqual([]);
    expect(await b.leg.bridge(a.leg)).toBe(true);
    await Promise.all([hears(a, 700), hears(b, 500), hearsNot(a, 1_000), hearsNot(b, 1_300)]);
    expect(await a.event('play-done')).toMatchObject({ playId: 'for a', outcome: 'stopped' });
    expect(a.events.concat(b.events).map((event) => event.type)).toEqual(['play-done', 'play-done']);
  },
);

test('parted and bridged with others: consult and transfer', async () => {
  const [caller, agent, expert] = (await parties(500, 700, 1_100)) as [Party, Party, Party];
  expect(await caller.leg.bridge(agent.leg)).toBe(true);
  expect(await agent.leg.unbridge()).toBe(true);
  caller.leg.play(music('hold', 1_600));
  expect(await agent.leg.bridge(expert.leg)).toBe(true);
  await Promise.all([hears(agent, 1_100), hears(expert, 700), hears(caller, 1_600), hearsNot(expert, 500)]);
  expect(await agent.leg.unbridge()).toBe(true);
  expect(await caller.leg.bridge(expert.leg)).toBe(true);
  await Promise.all([hears(caller, 1_100), hears(expert, 500), hearsNot(agent, 1_100)]);
  await agent.leg.end('peer-hangup');
  expect(await expert.leg.unbridge()).toBe(true);
  expect(caller.events.concat(expert.events).filter((event) => event.type === 'unbridged')).toEqual([]);
});

test('parting again and again, at once after the bridge, loses nobody', async () => {
  const [a, b] = (await parties(500, 700)) as [Party, Party];
  for (let round = 0; round < 5; round++) {
    expect(await a.leg.bridge(b.leg)).toBe(true);
    expect(await b.leg.unbridge()).toBe(true);
    b.leg.play({ playId: `round ${round}`, sounds: [{ silenceMs: 40 }], stopOnDigit: false });
    const done = await eventually('the end', () =>
      b.events.find((event) => event.type === 'play-done' && event.playId === `round ${round}`),
    );
    expect(done).toMatchObject({ outcome: 'finished' });
  }
  expect(await a.leg.bridge(b.leg)).toBe(true);
  await Promise.all([hears(a, 700), hears(b, 500)]);
});

test('where there is no bridge, or one has gone, there is nothing to part', async () => {
  const [a, b] = (await parties(500, 700)) as [Party, Party];
  expect(await a.leg.unbridge()).toBe(false);
  expect(await a.leg.bridge(b.leg)).toBe(true);
  await b.phone.hangUp();
  await a.event('unbridged');
  expect(await a.leg.unbridge()).toBe(false);
  expect(await b.leg.unbridge()).toBe(false);
});

test('whoever stays is told, whichever side of the bridge it was', async () => {
  const [a, b, c] = (await parties(500, 700, 900)) as [Party, Party, Party];
  expect(await a.leg.bridge(b.leg)).toBe(true);
  await a.phone.hangUp();
  expect((await b.event('unbridged')).peerLegId).toBe(a.leg.legId);
  expect(await c.leg.bridge(b.leg)).toBe(true);
  await b.phone.hangUp();
  expect((await c.event('unbridged')).peerLegId).toBe(b.leg.legId);
  c.leg.play({ playId: 'then', sounds: [{ silenceMs: 40 }], stopOnDigit: false });
  expect(await c.event('play-done')).toMatchObject({ outcome: 'finished' });
});
