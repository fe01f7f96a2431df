import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/poll.ts';
import { amplitudeOf, tone } from '../media/phone.ts';
import { type Caller, callIn, closeWorld, EventSocket, noChannels, press, startWorld, type World } from './support.ts';

let world: World;
let events: EventSocket;
beforeAll(async () => {
  world = await startWorld();
  events = await EventSocket.open(world);
});
afterAll(() => closeWorld(world));

async function bridged(): Promise<[Caller, Caller]> {
  const a = await callIn(world, events);
  const b = await callIn(world, events);
  expect(await events.api(`uuid_bridge ${a.uuid} ${b.uuid}`)).toBe(`+OK ${b.uuid}\n`);
  await events.wait('the bridge', 'CHANNEL_BRIDGE', (event) => event['Unique-ID'] === a.uuid);
  return [a, b];
}

const since = (from: number, uuid: string) => events.namesOf(uuid, from);

describe('uuid_bridge', () => {
  it('lets both hear each other, and says so', async () => {
    const [a, b] = await bridged();
    const bridge = events.find('CHANNEL_BRIDGE', (event) => event['Unique-ID'] === a.uuid);
    expect(bridge).toMatchObject({
      'Bridge-A-Unique-ID': a.uuid,
      'Bridge-B-Unique-ID': b.uuid,
      'Other-Leg-Unique-ID': b.uuid,
      variable_bridge_uuid: b.uuid,
    });
    const [heardA, heardB] = [a.phone.heard.length, b.phone.heard.length];
    await Promise.all([a.phone.say(tone(500, 400)), b.phone.say(tone(1_100, 400))]);
    const [toA, toB] = [a.phone.audio(heardA), b.phone.audio(heardB)];
    expect(amplitudeOf(toA, 1_100)).toBeGreaterThan(1_000);
    expect(amplitudeOf(toB, 500)).toBeGreaterThan(1_000);
    expect(amplitudeOf(toA, 500)).toBeLessThan(300);
    expect(await events.api('show calls count')).toBe('\n1 total.\n');
    await events.api('hupall');
    await noChannels(world);
  });

  it('passes keys on, and tells of them', async () => {
    const [a, b] = await bridged();
    press(a.phone, '4');
    await events.wait('the key', 'DTMF', (event) => event['Unique-ID'] === a.uuid && event['DTMF-Digit'] === '4');
    await eventually('it at the other', () => b.phone.heard.some(({ payloadType }) => payloadType === 101));
  });

  it('parks the one who stays again', async () => {
    const [a, b] = await bridged();
    const from = events.events.length;
    b.dialog.request({ method: 'BYE' });
    await eventually('the park', () => since(from, a.uuid).at(-1) === 'CHANNEL_PARK');
    expect(since(from, a.uuid)).toEqual(['CHANNEL_UNBRIDGE', 'CHANNEL_PARK']);
    expect(await events.execute(a.uuid, 'playback', 'silence_stream://40')).toMatchObject({
      'Application-Response': 'FILE PLAYED',
    });
    const c = await callIn(world, events);
    expect(await events.api(`uuid_bridge ${c.uuid} ${a.uuid}`)).toBe(`+OK ${a.uuid}\n`);
    await events.wait('the next bridge', 'CHANNEL_BRIDGE', (event) => event['Unique-ID'] === c.uuid);
    const later = events.events.length;
    c.dialog.request({ method: 'BYE' });
    await eventually('the park', () => since(later, a.uuid).includes('CHANNEL_PARK'));
    expect(since(later, c.uuid)).toContain('CHANNEL_UNBRIDGE');
  });

  it('hangs up the one who stays where park_after_bridge says no', async () => {
    const [a, b] = await bridged();
    await events.api(`uuid_setvar ${b.uuid} park_after_bridge false`);
    a.dialog.request({ method: 'BYE' });
    const hangup = await events.wait('the end', 'CHANNEL_HANGUP', (event) => event['Unique-ID'] === b.uuid);
    expect(hangup['Hangup-Cause']).toBe('NORMAL_CLEARING');
    await eventually('BYE', () => b.requests.some(({ method }) => method === 'BYE'));
  });

  it('stops what both do', async () => {
    const a = await callIn(world, events);
    const b = await callIn(world, events);
    const id = events.executeLater(a.uuid, 'playback', 'silence_stream://60000');
    await events.wait('the begin', 'PLAYBACK_START', (event) => event['Unique-ID'] === a.uuid);
    await events.api(`uuid_bridge ${a.uuid} ${b.uuid}`);
    expect(await events.completion(id)).toMatchObject({ 'Application-Response': 'PLAYBACK ERROR' });
    await events.wait('the bridge', 'CHANNEL_BRIDGE', (event) => event['Unique-ID'] === a.uuid);
  });

  it.each(['a', 'b'] as const)(
    'what %s is to play while the bridge is being made fails at once, and they hear each other',
    async (which) => {
      const legs = { a: await callIn(world, events), b: await callIn(world, events) };
      const { a, b } = legs;
      await events.api(`uuid_bridge ${a.uuid} ${b.uuid}`);
      const played = await events.execute(legs[which].uuid, 'playback', 'silence_stream://600000');
      expect(played).toMatchObject({ 'Application-Response': 'PLAYBACK ERROR', 'Channel-State': 'CS_EXECUTE' });
      await events.wait('the bridge', 'CHANNEL_BRIDGE', (event) => event['Unique-ID'] === a.uuid);
      const [heardA, heardB] = [a.phone.heard.length, b.phone.heard.length];
      await Promise.all([a.phone.say(tone(500, 300)), b.phone.say(tone(1_100, 300))]);
      expect(amplitudeOf(a.phone.audio(heardA), 1_100)).toBeGreaterThan(1_000);
      expect(amplitudeOf(b.phone.audio(heardB), 500)).toBeGreaterThan(1_000);
    },
  );

  it('can be left by uuid_park and uuid_transfer, by one or both', async () => {
    const [a, b] = await bridged();
    let from = events.events.length;
    expect(await events.api(`uuid_park ${a.uuid}`)).toBe('+OK\n');
    await eventually('both parked', () => [a, b].every(({ uuid }) => since(from, uuid).at(-1) === 'CHANNEL_PARK'));
    await events.api(`uuid_bridge ${a.uuid} ${b.uuid}`);
    await eventually('the bridge', () => since(from, a.uuid).includes('CHANNEL_BRIDGE'));
    from = events.events.length;
    expect(await events.api(`uuid_transfer ${a.uuid} -both park inline`)).toBe('+OK\n');
    await eventually('both parked', () => [a, b].every(({ uuid }) => since(from, uuid).at(-1) === 'CHANNEL_PARK'));
    expect(since(from, b.uuid)).toContain('CHANNEL_EXECUTE');
  });

  it('a command on a bridged leg is heard by it, and the bridge goes on', async () => {
    const [a, b] = await bridged();
    const done = await events.execute(a.uuid, 'playback', 'silence_stream://60');
    expect(done['Application-Response']).toBe('FILE PLAYED');
    const heard = b.phone.heard.length;
    await a.phone.say(tone(700, 300));
    expect(amplitudeOf(b.phone.audio(heard), 700)).toBeGreaterThan(1_000);
  });

  it('refuses what is no channel, or is over', async () => {
    const a = await callIn(world, events);
    expect(await events.api(`uuid_bridge ${a.uuid} nosuch`)).toBe('-ERR Invalid uuid\n');
    expect(await events.api(`uuid_bridge nosuch ${a.uuid}`)).toBe('-ERR Invalid uuid\n');
  });

  it('one who hangs up while the bridge is being made leaves the other parked', async () => {
    const a = await callIn(world, events);
    const b = await callIn(world, events);
    const from = events.events.length;
    events.socket.write(`api uuid_bridge ${a.uuid} ${b.uuid}\n\napi uuid_kill ${b.uuid}\n\n`);
    await eventually('the park', () => since(from, a.uuid).at(-1) === 'CHANNEL_PARK');
    expect(await events.execute(a.uuid, 'playback', 'silence_stream://40')).toMatchObject({
      'Application-Response': 'FILE PLAYED',
    });
  });
});
