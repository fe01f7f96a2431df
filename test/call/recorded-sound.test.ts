import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { inspectRecording } from '../../src/call/recorded-sound.ts';

const folder = mkdtempSync(join(tmpdir(), 'denwaban-sound-'));
const file = join(folder, 'a.wav');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A WAV of 8 kHz, 16 bit, whose header says `stated` bytes of sound; with a chunk before the sound, as some write it. */
function write(samples: number[], { stated = samples.length * 2, list = Buffer.alloc(0) } = {}): void {
  const head = Buffer.alloc(36);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(28 + list.length + 8 + stated, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  for (const [at, value] of [
    [16, 16],
    [24, 8_000],
    [28, 16_000],
  ] as const) {
    head.writeUInt32LE(value, at);
  }
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const) {
    head.writeUInt16LE(value, at);
  }
  const data = Buffer.alloc(8 + samples.length * 2);
  data.write('data', 0, 'latin1');
  data.writeUInt32LE(stated, 4);
  samples.forEach((sample, index) => {
    data.writeInt16LE(sample, 8 + index * 2);
  });
  writeFileSync(file, Buffer.concat([head, list, data]));
}

const tone = (count: number, peak: number) =>
  Array.from({ length: count }, (_, index) => Math.round(peak * Math.sin((index * 2 * Math.PI * 440) / 8_000)));
const silence = (count: number, noise = 0) => Array.from({ length: count }, (_, index) => (index % 2 ? noise : -noise));

it.each([
  ['soft speech after a long silence', [...silence(80_000), ...tone(1_600, 700)], false],
  ['the noise of a line', silence(80_000, 90), true],
  ['what A-law makes of nothing', silence(8_000, 8), true],
  ['a click', [...silence(8_000), ...tone(160, 20_000), ...silence(8_000)], true],
  ['nothing', [], true],
])('%s: silent %s', async (_, samples, isSilent) => {
  write(samples);
  expect(await inspectRecording(file)).toMatchObject({ isSilent, durationMs: samples.length / 8 });
});

it('a header whose writer died is put right, so that everything plays the file', async () => {
  const list = Buffer.from('LIST\x04\x00\x00\x00INFO', 'latin1');
  for (const stated of [0, 0xffff_ff00]) {
    write(tone(16_000, 5_000), { stated, list });
    expect(await inspectRecording(file)).toMatchObject({ durationMs: 2_000, isSilent: false });
    const bytes = readFileSync(file);
    expect([bytes.readUInt32LE(4), bytes.readUInt32LE(36 + list.length + 4)]).toEqual([bytes.length - 8, 32_000]);
  }
});

it('a file that is not there, or is no recording, is none', async () => {
  expect(await inspectRecording(join(folder, 'none.wav'))).toBeUndefined();
  writeFileSync(file, 'no sound');
  expect(await inspectRecording(file)).toBeUndefined();
});
