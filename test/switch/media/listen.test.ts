import { afterEach, describe, expect, it } from 'vitest';
import type { WorkerMediaEngine } from '../../../src/switch/media/engine.ts';
import { eventually } from '../../support/poll.ts';
import { amplitudeOf, connect, Phone, startEngine, tone } from './phone.ts';

let engine: WorkerMediaEngine;
let phones: Phone[];
afterEach(async () => {
  for (const phone of phones) phone.close();
  await engine.stop();
});

const pitches = [500, 700, 1_100];
const hears = (phone: Phone | undefined, voices: number[]) =>
  eventually(`${voices} Hz`, () => {
    const audio = phone?.audio(Math.max(0, phone.heard.length - 10)) ?? new Int16Array();
    return pitches.every((hz) => (voices.includes(hz) ? amplitudeOf(audio, hz) > 4_000 : amplitudeOf(audio, hz) < 600));
  });

describe.each([1, 3])('listening with %i workers', (workers) => {
  it('mixes three parties, of either law, and leaves nothing behind', async () => {
    ({ engine } = await startEngine({ workers }));
    phones = await Promise.all(pitches.map(() => Phone.open()));
    const [caller, agent, listener] = phones;
    if (agent) agent.codec = 'PCMA';
    for (const [index, legId] of ['caller', 'agent', 'listener'].entries()) {
      const phone = phones[index];
      if (phone) await connect(engine, legId, phone);
    }
    engine.bridge('caller', 'agent');
    let stopped = false;
    const voices = phones.map(async (phone, index) => {
      while (!stopped) await phone.say(tone(pitches[index] ?? 0, 100));
    });
    engine.listen('listener', 'agent', 'listen');
    await Promise.all([hears(listener, [500, 700]), hears(caller, [700]), hears(agent, [500])]);
    engine.setListenMode('listener', 'agent', 'whisper');
    await Promise.all([hears(listener, [500, 700]), hears(caller, [700]), hears(agent, [500, 1_100])]);
    engine.setListenMode('listener', 'agent', 'other');
    await Promise.all([hears(caller, [700, 1_100]), hears(agent, [500])]);
    engine.setListenMode('listener', 'agent', 'join');
    await Promise.all([hears(listener, [500, 700]), hears(caller, [700, 1_100]), hears(agent, [500, 1_100])]);
    engine.unbridge('listener');
    await Promise.all([hears(listener, []), hears(caller, [700]), hears(agent, [500])]);
    engine.listen('listener', 'agent', 'join');
    await hears(caller, [700, 1_100]);
    await engine.closeLeg('agent');
    await Promise.all([hears(listener, []), hears(caller, [])]);
    stopped = true;
    await Promise.all(voices);
    await Promise.all(['caller', 'listener'].map((legId) => engine.closeLeg(legId)));
    expect((await engine.usage()).reduce((sum, { sockets }) => sum + sockets, 0)).toBe(0);
  });

  it('at a leg that is not there nothing happens', async () => {
    ({ engine } = await startEngine({ workers }));
    phones = [await Phone.open()];
    const [phone] = phones;
    if (phone) await connect(engine, 'listener', phone);
    engine.listen('listener', 'nobody', 'join');
    engine.listen('nobody', 'listener', 'join');
    engine.listen('listener', 'listener', 'join');
    engine.setListenMode('listener', 'nobody', 'listen');
    await eventually('packets', () => (phone?.heard.length ?? 0) > 5);
  });
});
