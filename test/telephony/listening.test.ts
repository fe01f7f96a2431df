import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair } from './harness.ts';
import { hears, music, type Party, parties } from './parties.ts';

let pair: Pair;
let bench: Bench;
let caller: Party;
let agent: Party;
let supervisor: Party;
/** Their voices. */
const [ofCaller, ofAgent, ofSupervisor] = [500, 700, 1_100];
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());
beforeEach(async () => {
  bench = await Bench.open(pair);
  [caller, agent, supervisor] = await parties(bench, ofCaller, ofAgent, ofSupervisor);
  expect(await caller.leg.bridge(agent.leg)).toBe(true);
  await Promise.all([hears(caller, [ofAgent]), hears(agent, [ofCaller])]);
});
afterEach(() => bench.close());

const supervisorHearsBoth = () => hears(supervisor, [ofCaller, ofAgent], [ofSupervisor]);
const nobodyHearsTheSupervisor = () =>
  Promise.all([hears(caller, [ofAgent], [ofSupervisor]), hears(agent, [ofCaller], [ofSupervisor])]);

test('a listener hears both and is not heard', async () => {
  expect(await supervisor.leg.listen(agent.leg, 'listen')).toBe(true);
  await supervisorHearsBoth();
  await nobodyHearsTheSupervisor();
  supervisor.leg.stopListening();
  expect((await supervisor.event('listen-done')).targetLegId).toBe(agent.leg.legId);
  await hears(supervisor, [], [ofCaller, ofAgent]);
  await nobodyHearsTheSupervisor();
});

test('whisper is heard by the agent only, join by both, and the mode can be changed at any time', async () => {
  expect(await supervisor.leg.listen(agent.leg, 'whisper')).toBe(true);
  const whispers = async () => {
    await Promise.all([hears(agent, [ofCaller, ofSupervisor]), hears(caller, [ofAgent], [ofSupervisor])]);
    await supervisorHearsBoth();
  };
  await whispers();
  expect(await supervisor.leg.listen(agent.leg, 'join')).toBe(true);
  await Promise.all([hears(agent, [ofCaller, ofSupervisor]), hears(caller, [ofAgent, ofSupervisor])]);
  await supervisorHearsBoth();
  expect(await supervisor.leg.listen(agent.leg, 'listen')).toBe(true);
  await nobodyHearsTheSupervisor();
  expect(await supervisor.leg.listen(agent.leg, 'whisper')).toBe(true);
  await whispers();
  expect(supervisor.events).toEqual([]);
});

test('joined from the start, and listening at the caller’s leg: the same seen from the other side', async () => {
  expect(await supervisor.leg.listen(caller.leg, 'join')).toBe(true);
  await Promise.all([hears(agent, [ofCaller, ofSupervisor]), hears(caller, [ofAgent, ofSupervisor])]);
  await supervisorHearsBoth();
  expect(await supervisor.leg.listen(caller.leg, 'whisper')).toBe(true);
  await Promise.all([hears(agent, [ofCaller], [ofSupervisor]), hears(caller, [ofAgent, ofSupervisor])]);
});

test('the listener hears on through hold, and the next talk of the same agent', async () => {
  expect(await supervisor.leg.listen(agent.leg, 'listen')).toBe(true);
  await supervisorHearsBoth();
  expect(await agent.leg.unbridge()).toBe(true);
  agent.leg.play(music('hold', 1_600));
  await hears(supervisor, [ofAgent, 1_600], [ofCaller]);
  expect(await agent.leg.bridge(caller.leg)).toBe(true);
  await supervisorHearsBoth();
});

test('what the talking parties do ends: the listener is told and can go on', async () => {
  expect(await supervisor.leg.listen(agent.leg, 'join')).toBe(true);
  await supervisorHearsBoth();
  await agent.phone.hangUp();
  expect((await supervisor.event('listen-done')).targetLegId).toBe(agent.leg.legId);
  await caller.event('unbridged');
  expect(await supervisor.leg.bridge(caller.leg)).toBe(true);
  await Promise.all([hears(supervisor, [ofCaller]), hears(caller, [ofSupervisor])]);
});

test('the listener hangs up: the others talk on', async () => {
  expect(await supervisor.leg.listen(agent.leg, 'join')).toBe(true);
  await hears(caller, [ofAgent, ofSupervisor]);
  await supervisor.phone.hangUp();
  expect((await supervisor.event('ended')).cause).toBe('caller-hangup');
  await nobodyHearsTheSupervisor();
});

test('a prompt or a bridge ends the listening', async () => {
  expect(await supervisor.leg.listen(agent.leg, 'listen')).toBe(true);
  supervisor.leg.play(music('own', 1_600));
  await hears(supervisor, [1_600], [ofCaller, ofAgent]);
  expect(supervisor.events.map((event) => event.type)).toEqual(['listen-done']);
  expect(await supervisor.leg.listen(caller.leg, 'listen')).toBe(true);
  await supervisorHearsBoth();
  expect(await supervisor.leg.bridge(agent.leg)).toBe(true);
  await Promise.all([hears(supervisor, [ofAgent], [ofCaller]), hears(agent, [ofSupervisor], [ofCaller])]);
});

test('keys of the listener change nothing; those pressed afterwards are told', async () => {
  expect(await supervisor.leg.listen(agent.leg, 'listen')).toBe(true);
  await supervisor.phone.press('3*');
  await supervisorHearsBoth();
  await nobodyHearsTheSupervisor();
  supervisor.leg.stopListening();
  await supervisor.event('listen-done');
  await supervisor.phone.press('7');
  const digits = () => supervisor.events.flatMap((event) => (event.type === 'digit' ? [event.digit] : []));
  await eventually('the key', () => digits().includes('7'));
  expect(digits()).not.toContain('3');
});

test('two listeners at once, each in a mode of their own', async () => {
  const [second] = await parties(bench, 1_600);
  expect(await supervisor.leg.listen(agent.leg, 'listen')).toBe(true);
  expect(await second.leg.listen(agent.leg, 'whisper')).toBe(true);
  await Promise.all([hears(agent, [ofCaller, 1_600], [ofSupervisor]), hears(caller, [ofAgent], [1_600, ofSupervisor])]);
  await Promise.all([supervisorHearsBoth(), hears(second, [ofCaller, ofAgent])]);
});

test('a leg that has gone, that is bridged, or of its own kind is not listened at', async () => {
  expect(await caller.leg.listen(supervisor.leg, 'listen')).toBe(false);
  expect(await supervisor.leg.listen(supervisor.leg, 'listen')).toBe(false);
  await agent.phone.hangUp();
  await agent.event('ended');
  expect(await supervisor.leg.listen(agent.leg, 'listen')).toBe(false);
});
