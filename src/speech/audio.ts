import type { Pcm } from './wav.ts';

export { decodeWav, type Pcm } from './wav.ts';

/** Level of speech on the telephone, in dB below full scale (RMS of the parts that are not silent). */
const speechLevelDb = -18;
/** Below this a stretch of 20 ms counts as silence. */
const silenceDb = -50;
const peakMax = 0.95;
/** Left in front and behind when silence is cut off. */
const marginMs = 80;

/** A WAV file of 16-bit PCM. */
export function encodeWav({ sampleRate, samples }: Pcm): Uint8Array {
  const bytes = Buffer.alloc(44 + samples.length * 2);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(36 + samples.length * 2, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(sampleRate, 24);
  bytes.writeUInt32LE(sampleRate * 2, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(samples.length * 2, 40);
  samples.forEach((sample, index) => {
    bytes.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), 44 + index * 2);
  });
  return bytes;
}

/** Speech as the telephone wants it: 8 kHz mono WAV, silence around it cut off, at one level. */
export function telephoneWav(sound: Pcm): Uint8Array {
  return encodeWav(levelled(trimmed(resampled(sound, 8_000))));
}

/** The sounds one after the other, with a pause between. All have the rate of the first. */
export function join(parts: readonly Pcm[], pauseMs: number): Pcm {
  const [first, ...others] = parts;
  if (!first) return { sampleRate: 8_000, samples: new Float32Array(0) };
  const { sampleRate } = first;
  const pause = Math.round((sampleRate * pauseMs) / 1000);
  const length = parts.reduce((sum, { samples }) => sum + samples.length, others.length * pause);
  const samples = new Float32Array(length);
  let at = 0;
  for (const part of [first, ...others.map((other) => resampled(other, sampleRate))]) {
    samples.set(part.samples.subarray(0, length - at), at);
    at += part.samples.length + pause;
  }
  return { sampleRate, samples };
}

/** Another sample rate, by a windowed sinc that keeps out what the new rate can't carry. */
export function resampled({ sampleRate, samples }: Pcm, toRate: number): Pcm {
  if (sampleRate === toRate) return { sampleRate, samples };
  const step = sampleRate / toRate;
  // A little under half the lower rate, so that the filter's slope lies below the fold.
  const cutoff = 0.94 * Math.min(1, 1 / step);
  const reach = Math.ceil(16 / cutoff);
  const result = new Float32Array(Math.floor(samples.length / step));
  // The same few places between two samples come again and again; calls wait while this runs.
  const weightsAt = new Map<number, Float64Array>();
  for (let index = 0; index < result.length; index++) {
    const between = (index * sampleRate) % toRate;
    const weights = weightsAt.get(between) ?? sincWeights(between / toRate, reach, cutoff);
    weightsAt.set(between, weights);
    const start = Math.floor((index * sampleRate) / toRate) - reach;
    let sum = 0;
    for (let tap = Math.max(0, -start); tap < weights.length && start + tap < samples.length; tap++) {
      sum += (weights[tap] ?? 0) * (samples[start + tap] ?? 0);
    }
    result[index] = sum;
  }
  return { sampleRate: toRate, samples: result };
}

/** Of the samples from `reach` before a point to `reach` after it, where the point lies `between` past a sample. */
function sincWeights(between: number, reach: number, cutoff: number): Float64Array {
  const weights = Float64Array.from({ length: 2 * reach + 2 }, (_, tap) =>
    kernel((tap - reach - between) * cutoff, 16),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => (sum === 0 ? 0 : weight / sum));
}

/** Hann-windowed sinc, `half` zero crossings to each side. */
function kernel(x: number, half: number): number {
  if (Math.abs(x) >= half) return 0;
  if (x === 0) return 1;
  return (Math.sin(Math.PI * x) / (Math.PI * x)) * (0.5 + 0.5 * Math.cos((Math.PI * x) / half));
}

function rms(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length === 0 ? 0 : Math.sqrt(sum / samples.length);
}

const decibel = (amplitude: number): number => 20 * Math.log10(Math.max(amplitude, 1e-9));

/** Stretches of 20 ms, and whether each can be heard. */
function stretches({ sampleRate, samples }: Pcm): { samples: Float32Array; start: number; heard: boolean }[] {
  const size = Math.round(sampleRate / 50);
  return Array.from({ length: Math.ceil(samples.length / size) }, (_unused, index) => {
    const part = samples.subarray(index * size, (index + 1) * size);
    return { samples: part, start: index * size, heard: decibel(rms(part)) > silenceDb };
  });
}

function trimmed(sound: Pcm): Pcm {
  const heard = stretches(sound).filter((stretch) => stretch.heard);
  const first = heard[0];
  const last = heard.at(-1);
  if (!first || !last) return sound;
  const margin = Math.round((sound.sampleRate * marginMs) / 1000);
  const samples = sound.samples.slice(Math.max(0, first.start - margin), last.start + last.samples.length + margin);
  return { sampleRate: sound.sampleRate, samples };
}

/** RMS of what can be heard, in dB below full scale. */
export function speechLevel(sound: Pcm): number {
  const heard = stretches(sound).filter((stretch) => stretch.heard);
  const power = heard.reduce((sum, { samples }) => sum + rms(samples) ** 2, 0) / Math.max(1, heard.length);
  return decibel(Math.sqrt(power));
}

/** Speech at the telephone's level; the rare peak above is rounded off. */
function levelled(sound: Pcm): Pcm {
  const gain = 10 ** ((speechLevelDb - speechLevel(sound)) / 20);
  return { sampleRate: sound.sampleRate, samples: sound.samples.map((sample) => softLimit(sample * gain)) };
}

function softLimit(sample: number): number {
  const knee = 0.7;
  const size = Math.abs(sample);
  if (size <= knee) return sample;
  const room = peakMax - knee;
  return Math.sign(sample) * (knee + room * Math.tanh((size - knee) / room));
}
