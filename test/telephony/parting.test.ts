import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair } from './harness.ts';
import { hears, music, parties } from './parties.ts';

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

test.each(['the leg that was bridged', 'its peer'])(
  'parted by %s: both hear their own music, and can be bridged again',
  async (by) => {
    const [a, b] = await parties(bench, 500, 700);
    expect(await a.leg.bridge(b.leg)).toBe(true);
    await Promise.all([hears(a, [700]), hears(b, [500])]);
    expect(await (by === 'its peer' ? b : a).leg.unbridge()).toBe(true);
    a.leg.play(music('for a', 1_000));
    b.leg.play(music('for b', 1_300));
    await Promise.all([hears(a, [1_000], [700]), hears(b, [1_300], [500])]);
    expect([...a.events, ...b.events]).toEqual([]);
    expect(await b.leg.bridge(a.leg)).toBe(true);
    await Promise.all([hears(a, [700], [1_000]), hears(b, [500], [1_300])]);
    expect(await a.event('play-done')).toMatchObject({ playId: 'for a', outcome: 'stopped' });
    expect(a.events.concat(b.events).map((event) => event.type)).toEqual(['play-done', 'play-done']);
  },
);

test('parted and bridged with others: consult and transfer', async () => {
  const [caller, agent, expert] = await parties(bench, 500, 700, 1_100);
  expect(await caller.leg.bridge(agent.leg)).toBe(true);
  expect(await agent.leg.unbridge()).toBe(true);
  caller.leg.play(music('hold', 1_600));
  expect(await agent.leg.bridge(expert.leg)).toBe(true);
  await Promise.all([hears(agent, [1_100]), hears(expert, [700], [500]), hears(caller, [1_600])]);
  expect(await agent.leg.unbridge()).toBe(true);
  expect(await caller.leg.bridge(expert.leg)).toBe(true);
  await Promise.all([hears(caller, [1_100]), hears(expert, [500]), hears(agent, [], [1_100])]);
  await agent.leg.end('peer-hangup');
  expect(await expert.leg.unbridge()).toBe(true);
  expect(caller.events.concat(expert.events).filter((event) => event.type === 'unbridged')).toEqual([]);
});

test('parting again and again, at once after the bridge, loses nobody', async () => {
  const [a, b] = await parties(bench, 500, 700);
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
  await Promise.all([hears(a, [700]), hears(b, [500])]);
});

test('where there is no bridge, or one has gone, there is nothing to part', async () => {
  const [a, b] = await parties(bench, 500, 700);
  expect(await a.leg.unbridge()).toBe(false);
  expect(await a.leg.bridge(b.leg)).toBe(true);
  await b.phone.hangUp();
  await a.event('unbridged');
  expect(await a.leg.unbridge()).toBe(false);
  expect(await b.leg.unbridge()).toBe(false);
});

test('whoever stays is told, whichever side of the bridge it was', async () => {
  const [a, b, c] = await parties(bench, 500, 700, 900);
  expect(await a.leg.bridge(b.leg)).toBe(true);
  await a.phone.hangUp();
  expect((await b.event('unbridged')).peerLegId).toBe(a.leg.legId);
  expect(await c.leg.bridge(b.leg)).toBe(true);
  await b.phone.hangUp();
  expect((await c.event('unbridged')).peerLegId).toBe(b.leg.legId);
  c.leg.play({ playId: 'then', sounds: [{ silenceMs: 40 }], stopOnDigit: false });
  expect(await c.event('play-done')).toMatchObject({ outcome: 'finished' });
});
