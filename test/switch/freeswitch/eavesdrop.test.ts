import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decode } from '../../../src/switch/media/g711.ts';
import { eventually } from '../../support/poll.ts';
import { amplitudeOf, tone } from '../media/phone.ts';
import { type Caller, callIn, closeWorld, EventSocket, press, startWorld, type World } from './support.ts';

let world: World;
let events: EventSocket;
let a: Caller;
let b: Caller;
let listener: Caller;
let stopTalking: () => Promise<unknown>;
beforeAll(async () => {
  world = await startWorld();
  events = await EventSocket.open(world);
});
afterAll(() => closeWorld(world));
beforeEach(async () => {
  [a, b, listener] = [await callIn(world, events), await callIn(world, events), await callIn(world, events)];
  await events.api(`uuid_bridge ${a.uuid} ${b.uuid}`);
  await events.wait('the bridge', 'CHANNEL_BRIDGE', (event) => event['Unique-ID'] === a.uuid);
  let stopped = false;
  const voices = [a, b, listener].map(async ({ phone }, index) => {
    while (!stopped) await phone.say(tone(pitches[index] ?? 0, 100));
  });
  stopTalking = () => {
    stopped = true;
    return Promise.all(voices);
  };
});
afterEach(async () => {
  await stopTalking();
  await events.api('hupall');
});

/** Voices of a, b and the listener. */
const pitches = [500, 700, 1_100];

/** Waits until the last 200 ms that a party has heard are of these voices only. */
const hears = (party: Caller, voices: number[]) =>
  eventually(`${voices} Hz`, () => {
    // Put together as they came: a real FreeSWITCH begins a new timeline now and then.
    const packets = party.phone.heard.filter(({ payloadType }) => payloadType === 0).slice(-10);
    const audio = new Int16Array(packets.length * 160);
    decode('PCMU', Buffer.concat(packets.map(({ payload }) => payload)), audio);
    return pitches.every((hz) => (voices.includes(hz) ? amplitudeOf(audio, hz) > 4_000 : amplitudeOf(audio, hz) < 600));
  });

/** Starts to listen at b; gives the id of what runs. */
async function listen(app: string, extra = ''): Promise<string> {
  const id = events.executeLater(listener.uuid, app, b.uuid, extra);
  const bug = await events.wait('the begin', 'MEDIA_BUG_START', (event) => event['Unique-ID'] === b.uuid);
  expect(bug).toMatchObject({ 'Media-Bug-Function': 'eavesdrop', 'Media-Bug-Target': b.uuid });
  return id;
}

const command = (keys: string) =>
  events.command(`sendevent COMMAND\nunique-id: ${listener.uuid}\neavesdrop-command: ${keys}`);

describe('eavesdrop', () => {
  it('hears both, and is heard as its keys say', async () => {
    const id = await listen('eavesdrop');
    await Promise.all([hears(listener, [500, 700]), hears(a, [700]), hears(b, [500])]);
    press(listener.phone, '2');
    await Promise.all([hears(a, [700]), hears(b, [500, 1_100])]);
    press(listener.phone, '1');
    await Promise.all([hears(a, [700, 1_100]), hears(b, [500])]);
    press(listener.phone, '3');
    await Promise.all([hears(a, [700, 1_100]), hears(b, [500, 1_100]), hears(listener, [500, 700])]);
    press(listener.phone, '0');
    await Promise.all([hears(a, [700]), hears(b, [500])]);
    press(listener.phone, '*');
    expect((await events.completion(id))['Application-Response']).toBe('_none_');
    await events.wait('the end', 'MEDIA_BUG_STOP', (event) => event['Unique-ID'] === b.uuid);
    await hears(listener, []);
  });

  it('obeys sendevent where its keys are switched off, and variables from the start', async () => {
    const set = 'eavesdrop_enable_dtmf=false;eavesdrop_whisper_bleg=true';
    await events.api(`uuid_setvar_multi ${listener.uuid} ${set}`);
    const id = await listen('eavesdrop', 'event-lock: true');
    await Promise.all([hears(a, [700]), hears(b, [500, 1_100])]);
    press(listener.phone, '0*');
    expect(await command('3')).toMatch(/^\+OK /);
    await Promise.all([hears(a, [700, 1_100]), hears(b, [500, 1_100])]);
    const from = events.events.length;
    const next = events.executeLater(listener.uuid, 'playback', 'silence_stream://20');
    await events.api(`uuid_break ${listener.uuid}`);
    await hears(listener, [500, 700]);
    expect(await command('*')).toMatch(/^\+OK /);
    await events.completion(id);
    await events.completion(next);
    expect(events.story(listener.uuid, from).slice(0, 2)).toEqual([
      'CHANNEL_EXECUTE_COMPLETE eavesdrop',
      'CHANNEL_EXECUTE playback',
    ]);
  });

  it('ends with its target, with a transfer, and at once where there is none', async () => {
    const ended = await listen('eavesdrop');
    b.dialog.request({ method: 'BYE' });
    await events.completion(ended);
    await events.execute(listener.uuid, 'eavesdrop', b.uuid);
    await events.execute(listener.uuid, 'eavesdrop', listener.uuid);
    const id = events.executeLater(listener.uuid, 'eavesdrop', a.uuid);
    await events.wait('the begin', 'MEDIA_BUG_START', (event) => event['Unique-ID'] === a.uuid);
    await hears(listener, [500]);
    expect(await events.api(`uuid_park ${listener.uuid}`)).toBe('+OK\n');
    await events.completion(id);
    await hears(listener, []);
  });
});

describe('three_way', () => {
  it('is heard by both', async () => {
    await listen('three_way');
    await Promise.all([hears(a, [700, 1_100]), hears(b, [500, 1_100]), hears(listener, [500, 700])]);
    listener.dialog.request({ method: 'BYE' });
    await Promise.all([hears(a, [700]), hears(b, [500])]);
  });
});
