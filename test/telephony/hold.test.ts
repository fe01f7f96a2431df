import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { SwitchLeg } from '../../src/telephony/leg.ts';
import { Bench, openPair, type Pair } from './harness.ts';
import { hears, music, type Party, parties } from './parties.ts';

let pair: Pair;
let bench: Bench;
let caller: Party;
let agent: Party;
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());
beforeEach(async () => {
  bench = await Bench.open(pair);
  [caller, agent] = await parties(bench, 500, 700);
  await set(agent, 'hold_music', 'tone_stream://v=-7;%(1000,0,1300);loops=-1');
  expect(await caller.leg.bridge(agent.leg)).toBe(true);
  await Promise.all([hears(caller, [700]), hears(agent, [500])]);
});
afterEach(() => bench.close());

/** Sets a variable of a party's channel on the media server. */
async function set({ leg }: Party, name: string, value: string): Promise<void> {
  if (!(leg instanceof SwitchLeg)) throw new Error('not a leg of this telephony');
  expect(await leg.server.api(`uuid_setvar ${leg.legId} ${name} ${value}`)).toMatch(/^\+OK/);
}

test.each(['sendonly', 'inactive'])(
  'a phone that holds (%s): the other hears music until it is back',
  async (direction) => {
    expect((await agent.phone.renegotiate(direction)).status).toBe(200);
    expect((await agent.event('held')).held).toBe(true);
    await hears(caller, [1_300], [700]);
    const before = agent.events.length;
    expect((await agent.phone.renegotiate('sendrecv')).status).toBe(200);
    expect((await agent.event('held', before)).held).toBe(false);
    await Promise.all([hears(caller, [700], [1_300]), hears(agent, [500])]);
    expect(caller.events).toEqual([]);
  },
);

test.each(['the one who was bridged', 'its peer'])(
  'the one who holds hangs up, being %s: the other is parked',
  async (who) => {
    const [holds, waits] = who === 'its peer' ? [agent, caller] : [caller, agent];
    await set(holds, 'hold_music', 'tone_stream://v=-7;%(1000,0,1300);loops=-1');
    await holds.phone.renegotiate('sendonly');
    await hears(waits, [1_300], [500, 700]);
    await holds.phone.hangUp();
    await waits.event('unbridged');
    await hears(waits, [], [1_300, 500, 700]);
    waits.leg.play({ playId: 'then', sounds: [{ silenceMs: 60 }], stopOnDigit: false });
    expect(await waits.event('play-done')).toMatchObject({ playId: 'then', outcome: 'finished' });
  },
);

test('parted while one holds: whoever waits hears what is played, and the other is back when bridged again', async () => {
  await agent.phone.renegotiate('sendonly');
  await hears(caller, [1_300], [700]);
  expect(await caller.leg.unbridge()).toBe(true);
  caller.leg.play(music('ours', 1_600));
  await hears(caller, [1_600], [1_300]);
  await agent.phone.renegotiate('sendrecv');
  expect(await caller.leg.bridge(agent.leg)).toBe(true);
  await Promise.all([hears(caller, [700], [1_300, 1_600]), hears(agent, [500])]);
});
