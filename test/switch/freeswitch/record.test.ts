import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mountSmallDisk } from '../../support/small-disk.ts';
import { amplitudeOf, type Phone, readWavFile, tone, writeWav } from '../media/phone.ts';
import { callIn, closeWorld, EventSocket, press, startWorld, type World } from './support.ts';

let world: World;
let events: EventSocket;
const folder = mkdtempSync(join(tmpdir(), 'denwaban-freeswitch-'));
const prompt = writeWav(join(folder, 'prompt.wav'), [tone(600, 300)]);

beforeAll(async () => {
  world = await startWorld();
  events = await EventSocket.open(world);
});
afterAll(async () => {
  await closeWorld(world);
  rmSync(folder, { recursive: true, force: true });
});

/** Says the same again and again until told to stop. */
function keepTalking(phone: Phone, samples: Int16Array): () => Promise<void> {
  let stopped = false;
  const talking = (async () => {
    while (!stopped) await phone.say(samples);
  })();
  return () => {
    stopped = true;
    return talking;
  };
}

describe('recording', () => {
  it('records what the caller says until a key', async () => {
    const { uuid, phone } = await callIn(world, events);
    await events.execute(uuid, 'set', 'playback_terminators=#');
    const file = join(folder, 'said.wav');
    const id = events.executeLater(uuid, 'record', `${file} 10 200 5`);
    await events.wait('the begin', 'RECORD_START', (event) => event['Unique-ID'] === uuid);
    await phone.say(tone(500, 400));
    press(phone, '#');
    const done = await events.completion(id);
    expect(done['variable_playback_terminator_used']).toBe('#');
    const recordedMs = Number(done['variable_record_ms']);
    expect(recordedMs).toBeGreaterThan(300);
    expect(done['variable_record_seconds']).toBe(String(Math.floor(recordedMs / 1000)));
    expect(events.find('RECORD_STOP', (event) => event['Unique-ID'] === uuid)?.['Record-File-Path']).toBe(file);
    expect(amplitudeOf(readWavFile(file)[0] ?? new Int16Array(), 500)).toBeGreaterThan(2_000);
  });

  it('ends after silence, at the limit, and by a break', async () => {
    const { uuid, phone } = await callIn(world, events);
    const stopTalking = keepTalking(phone, tone(0, 100));
    const silent = await events.execute(uuid, 'record', `${join(folder, 'silence.wav')} 10 200 1`);
    expect(silent['variable_silence_hits_exhausted']).toBe('true');
    const limited = await events.execute(uuid, 'record', `${join(folder, 'limit.wav')} 1`);
    expect(Number(limited['variable_record_ms'])).toBeGreaterThanOrEqual(900);
    const broken = events.executeLater(uuid, 'record', `${join(folder, 'break.wav')} 10`);
    await events.wait('it', 'RECORD_START', (event) => event['Record-File-Path']?.endsWith('break.wav') === true);
    await events.api(`uuid_break ${uuid}`);
    expect(Number((await events.completion(broken))['variable_record_ms'])).toBeLessThan(900);
    await stopTalking();
  });

  it('a file that cannot be written ends the call, as in FreeSWITCH', async () => {
    const { uuid } = await callIn(world, events);
    events.executeLater(uuid, 'record', `${prompt}/no/such.wav 1`);
    const hangup = await events.wait('the end', 'CHANNEL_HANGUP', (event) => event['Unique-ID'] === uuid);
    expect(hangup['Hangup-Cause']).toBe('DESTINATION_OUT_OF_ORDER');
  });

  it('a disk that fills in the middle ends the recording, not the call, as in FreeSWITCH', async () => {
    const disk = mountSmallDisk(40);
    try {
      const { uuid, phone } = await callIn(world, events);
      const stopTalking = keepTalking(phone, tone(500, 100));
      const done = await events.execute(uuid, 'record', `${join(disk.folder, 'said.wav')} 20`);
      expect([done['Answer-State'], done['variable_playback_terminator_used']]).toEqual(['answered', undefined]);
      expect(done['variable_silence_hits_exhausted']).not.toBe('true');
      expect(Number(done['variable_record_ms'])).toBeGreaterThan(1_000);
      await stopTalking();
    } finally {
      disk.unmount();
    }
  });

  it('records both directions in the background', async () => {
    const { uuid, phone } = await callIn(world, events);
    const file = join(folder, 'session.wav');
    await events.execute(uuid, 'set', 'RECORD_STEREO=true');
    expect(await events.api(`uuid_record ${uuid} start ${file}`)).toBe('+OK Success\n');
    // FreeSWITCH records nothing before the caller's audio has begun to come.
    const stopTalking = keepTalking(phone, tone(1_000, 100));
    await events.execute(uuid, 'playback', prompt);
    await events.execute(uuid, 'playback', prompt);
    await stopTalking();
    expect(await events.api(`uuid_record ${uuid} stop ${file}`)).toBe('+OK Success\n');
    const stop = await events.wait('the end', 'RECORD_STOP', (event) => event['Record-File-Path'] === file);
    const [said = new Int16Array(), heard = new Int16Array()] = readWavFile(file);
    expect(amplitudeOf(said, 1_000)).toBeGreaterThan(amplitudeOf(said, 600) * 5);
    expect(amplitudeOf(heard, 600)).toBeGreaterThan(amplitudeOf(heard, 1_000) * 5);
    expect(Number(stop['variable_record_ms'])).toBeGreaterThan(200);
    expect(await events.api(`uuid_record ${uuid} stop ${file}`)).toBe('-ERR Cannot stop record session!\n');
  });

  it('puts silence into a masked recording', async () => {
    const { uuid, phone } = await callIn(world, events);
    const file = join(folder, 'with a gap.wav');
    const noFile = '-ERR Cannot mask recording session!\n';
    expect(await events.api(`uuid_record ${uuid} mask '${file}'`)).toBe(noFile);
    expect(await events.api(`uuid_record ${uuid} start '${file}'`)).toBe('+OK Success\n');
    await phone.say(tone(1_000, 1_000));
    expect(await events.api(`uuid_record ${uuid} mask '${file}'`)).toBe('+OK Success\n');
    await phone.say(tone(1_000, 1_000));
    expect(await events.api(`uuid_record ${uuid} unmask '${file}'`)).toBe('+OK Success\n');
    await phone.say(tone(1_000, 1_000));
    expect(await events.api(`uuid_record ${uuid} stop '${file}'`)).toBe('+OK Success\n');
    await events.wait('the end', 'RECORD_STOP', (event) => event['Record-File-Path'] === file);
    const [said = new Int16Array()] = readWavFile(file);
    const strengths = Array.from({ length: Math.floor(said.length / 800) }, (_, index) =>
      amplitudeOf(said.subarray(index * 800, (index + 1) * 800), 1_000),
    );
    const silent = strengths.filter((strength) => strength < 50).length;
    expect(silent).toBeGreaterThanOrEqual(8);
    expect(silent).toBeLessThanOrEqual(12);
    expect(strengths.filter((strength) => strength > 2_000).length).toBeGreaterThanOrEqual(16);
    expect(await events.api(`uuid_record ${uuid} unmask '${file}'`)).toBe('-ERR Cannot unmask recording session!\n');
  });

  it('refuses a recording in the background that cannot be written', async () => {
    const { uuid } = await callIn(world, events);
    for (const file of ['/proc/denwaban/no.wav', folder]) {
      expect(await events.api(`uuid_record ${uuid} start ${file}`)).toBe('-ERR Cannot record session!\n');
    }
  });

  it('is complete when the caller hung up in the middle', async () => {
    const { uuid, phone, dialog } = await callIn(world, events);
    const file = join(folder, 'hung-up.wav');
    const id = events.executeLater(uuid, 'record', `${file} 10`);
    await events.wait('the begin', 'RECORD_START', (event) => event['Unique-ID'] === uuid);
    await phone.say(tone(500, 200));
    dialog.request({ method: 'BYE' });
    expect(await events.completion(id)).toMatchObject({ 'Hangup-Cause': 'NORMAL_CLEARING' });
    await events.wait('all', 'CHANNEL_DESTROY', (event) => event['Unique-ID'] === uuid);
    expect(existsSync(file)).toBe(true);
    expect(amplitudeOf(readWavFile(file)[0] ?? new Int16Array(), 500)).toBeGreaterThan(1_000);
  });
});
