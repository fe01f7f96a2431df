import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  decodeWav,
  encodeWav,
  join as joined,
  type Pcm,
  resampled,
  speechLevel,
  telephoneWav,
} from '../../src/speech/audio.ts';

function tone(frequency: number, sampleRate: number, seconds: number, amplitude = 0.5): Pcm {
  const samples = Float32Array.from(
    { length: Math.round(sampleRate * seconds) },
    (_unused, index) => amplitude * Math.sin((2 * Math.PI * frequency * index) / sampleRate),
  );
  return { sampleRate, samples };
}

/** Strength of one frequency (Goertzel), 1 = a full-scale sine of it. */
function strength({ sampleRate, samples }: Pcm, frequency: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / sampleRate);
  let [before, last] = [0, 0];
  for (const sample of samples) [before, last] = [last, sample + coefficient * last - before];
  return (2 * Math.sqrt(Math.max(0, last ** 2 + before ** 2 - coefficient * last * before))) / samples.length;
}

const rest = (sampleRate: number, seconds: number): Pcm => ({
  sampleRate,
  samples: new Float32Array(Math.round(sampleRate * seconds)),
});

describe('resampling to 8 kHz', () => {
  it.each([48_000, 22_050, 16_000])('from %i Hz keeps speech and keeps out what would fold', (rate) => {
    const speech = resampled(tone(1_000, rate, 1), 8_000);
    expect(speech.samples.length).toBe(8_000);
    expect(strength(speech, 1_000)).toBeCloseTo(0.5, 2);
    // 5 kHz would come out as 3 kHz.
    const above = resampled(tone(5_000, rate, 1), 8_000);
    expect(strength(above, 3_000)).toBeLessThan(0.005);
  });
});

describe('a WAV file', () => {
  it('comes back as it was written', () => {
    const sound = tone(440, 8_000, 0.1);
    const read = decodeWav(encodeWav(sound));
    expect(read.sampleRate).toBe(8_000);
    expect(read.samples.length).toBe(sound.samples.length);
    const worst = Math.max(...read.samples.map((sample, index) => Math.abs(sample - (sound.samples[index] ?? 0))));
    expect(worst).toBeLessThan(0.0001);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('hello, this is no sound at all')],
    ['a header alone', Buffer.from(encodeWav(tone(440, 8_000, 0.1))).subarray(0, 20)],
  ])('of %s is refused', (_what, bytes) => {
    expect(() => decodeWav(bytes)).toThrow('not a readable WAV');
  });

  it('with an open length, as a program writes it to a pipe, is read to its end', () => {
    const bytes = Buffer.from(encodeWav(tone(440, 8_000, 0.1)));
    bytes.writeUInt32LE(0xffffffff, 40);
    expect(decodeWav(bytes).samples.length).toBe(800);
  });
});

describe('speech for the telephone', () => {
  it.each([0.02, 0.2, 0.9])('has one level, whatever it was (%f), and silence around it is cut off', (amplitude) => {
    const sound = joined([rest(16_000, 1), tone(500, 16_000, 1, amplitude), rest(16_000, 2)], 0);
    const made = decodeWav(telephoneWav(sound));
    expect(made.sampleRate).toBe(8_000);
    expect(speechLevel(made)).toBeGreaterThan(-18.6);
    expect(speechLevel(made)).toBeLessThan(-17.4);
    expect(made.samples.length / 8_000).toBeGreaterThan(0.99);
    expect(made.samples.length / 8_000).toBeLessThan(1.25);
  });

  it('holds peaks back instead of clipping them', () => {
    const samples = tone(500, 8_000, 1, 0.1).samples.map((sample, index) => (index % 800 < 10 ? sample * 9 : sample));
    const made = decodeWav(telephoneWav({ sampleRate: 8_000, samples }));
    expect(Math.max(...made.samples.map(Math.abs))).toBeLessThan(0.96);
  });

  it('does not turn silence into noise', () => {
    const made = decodeWav(telephoneWav(rest(8_000, 1)));
    expect(Math.max(...made.samples.map(Math.abs))).toBe(0);
  });
});

describe('the prompts that come with denwaban', () => {
  const texts: Record<string, Record<string, string>> = JSON.parse(readFileSync('flows/prompts/prompts.json', 'utf8'));
  const wavs = readdirSync('flows/prompts', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.wav'),
  );

  it('are there for every text in every language, and no others', () => {
    const named = Object.entries(texts).flatMap(([language, entries]) =>
      Object.keys(entries).map((name) => `${language}/${name}.wav`),
    );
    expect(wavs.sort()).toEqual([...named, 'hold.wav'].sort());
    const [ja, en] = [texts['ja'] ?? {}, texts['en'] ?? {}];
    expect(Object.keys(ja).sort()).toEqual(Object.keys(en).sort());
  });

  it.each(wavs.filter((name) => name !== 'hold.wav'))('%s is 8 kHz, mono, 16 bit, at the level of speech', (name) => {
    const bytes = readFileSync(join('flows/prompts', name));
    expect([bytes.readUInt16LE(20), bytes.readUInt16LE(22), bytes.readUInt32LE(24), bytes.readUInt16LE(34)]).toEqual([
      1, 1, 8_000, 16,
    ]);
    const sound = decodeWav(bytes);
    expect(sound.samples.length).toBeGreaterThan(8_000 * 0.3);
    expect(speechLevel(sound)).toBeGreaterThan(-19);
    expect(speechLevel(sound)).toBeLessThan(-17);
  });

  it('are small', () => {
    const bytes = wavs.reduce((sum, name) => sum + statSync(join('flows/prompts', name)).size, 0);
    expect(bytes).toBeLessThan(6_000_000);
  });
});
