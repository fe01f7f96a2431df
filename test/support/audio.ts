import { readFileSync, writeFileSync } from 'node:fs';
import { writeWavHeader } from '../../src/switch/media/wav.ts';

/** 16-bit samples of a WAV file (its first channel) and its rate. A header not finished yet is read as far as it goes. */
export function readWav(file: string, channel = 0): { samples: Int16Array; rateHz: number; channels: number } {
  const data = readFileSync(file);
  let offset = 12;
  let rateHz = 8000;
  let channels = 1;
  while (offset + 8 <= data.length) {
    const id = data.toString('latin1', offset, offset + 4);
    const length = data.readUInt32LE(offset + 4);
    const start = offset + 8;
    if (id === 'fmt ') {
      channels = data.readUInt16LE(start + 2);
      rateHz = data.readUInt32LE(start + 4);
    }
    if (id === 'data') {
      const end = length === 0 || start + length > data.length ? data.length : start + length;
      const frames = Math.floor((end - start) / 2 / channels);
      const samples = new Int16Array(frames);
      for (let i = 0; i < frames; i++) samples[i] = data.readInt16LE(start + (i * channels + channel) * 2);
      return { samples, rateHz, channels };
    }
    offset = start + length + (length % 2);
  }
  return { samples: new Int16Array(0), rateHz, channels };
}

/** Share of a stretch's energy that lies at a frequency: near 1 for a pure tone, near 0 for anything else. */
export function tonePurity(samples: Int16Array, frequencyHz: number, rateHz = 8000): number {
  let cosine = 0;
  let sine = 0;
  let energy = 0;
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] ?? 0;
    const phase = (2 * Math.PI * frequencyHz * i) / rateHz;
    cosine += sample * Math.cos(phase);
    sine += sample * Math.sin(phase);
    energy += sample * sample;
  }
  return energy === 0 ? 0 : (2 * (cosine * cosine + sine * sine)) / (energy * samples.length);
}

/** How long (ms, in all) a tone is heard, looking at stretches of 20 ms louder than a whisper. */
export function toneDurationMs(samples: Int16Array, frequencyHz: number, rateHz = 8000): number {
  const stretch = rateHz / 50;
  let count = 0;
  for (let start = 0; start + stretch <= samples.length; start += stretch) {
    const part = samples.subarray(start, start + stretch);
    if (rms(part) > 200 && tonePurity(part, frequencyHz, rateHz) > 0.8) count += 1;
  }
  return count * 20;
}

export function rms(samples: Int16Array): number {
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  return samples.length === 0 ? 0 : Math.sqrt(energy / samples.length);
}

/**
 * How alike the best match of `needle` within `heard` is (normalised correlation, 1 = the same but for loudness),
 * and where it begins (ms). The search is coarse to fine, on the needle's loudest 400 ms.
 */
export function findSound(heard: Int16Array, needle: Int16Array, rateHz = 8000): { likeness: number; atMs: number } {
  const length = Math.min(needle.length, Math.floor(rateHz * 0.4));
  const from = loudestStart(needle, length);
  const part = needle.subarray(from, from + length);
  let best = { likeness: 0, atMs: 0 };
  const norm = Math.sqrt(part.reduce((sum, sample) => sum + sample * sample, 0));
  for (let start = 0; start + length <= heard.length; start++) {
    let dot = 0;
    let energy = 0;
    // Every fourth sample is enough to tell where it is worth a closer look.
    for (let i = 0; i < length; i += 4) {
      const sample = heard[start + i] ?? 0;
      dot += sample * (part[i] ?? 0);
      energy += sample * sample;
    }
    if (energy === 0 || (4 * dot) / (2 * Math.sqrt(energy) * norm) < 0.6) continue;
    dot = 0;
    energy = 0;
    for (let i = 0; i < length; i++) {
      const sample = heard[start + i] ?? 0;
      dot += sample * (part[i] ?? 0);
      energy += sample * sample;
    }
    const likeness = dot / (Math.sqrt(energy) * norm);
    if (likeness > best.likeness) best = { likeness, atMs: ((start - from) * 1000) / rateHz };
  }
  return best;
}

function loudestStart(samples: Int16Array, length: number): number {
  let best = 0;
  let bestEnergy = -1;
  for (let start = 0; start + length <= samples.length; start += 400) {
    const energy = rms(samples.subarray(start, start + length));
    if (energy > bestEnergy) {
      best = start;
      bestEnergy = energy;
    }
  }
  return best;
}

/** A sine tone, 16 bit. */
export const tone = (frequency: number, durationMs: number, amplitude = 8_000, sampleRate = 8_000): Int16Array =>
  Int16Array.from({ length: (durationMs * sampleRate) / 1_000 }, (_, index) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * frequency * index) / sampleRate)),
  );

/** Writes a PCM16 WAV; the channels' samples side by side. */
export function writeWav(file: string, channels: Int16Array[], sampleRate = 8_000): string {
  const count = channels[0]?.length ?? 0;
  const data = Buffer.alloc(count * channels.length * 2);
  for (let index = 0; index < count; index++) {
    channels.forEach((samples, channel) => {
      data.writeInt16LE(samples[index] ?? 0, (index * channels.length + channel) * 2);
    });
  }
  const header = writeWavHeader(channels.length === 2 ? 2 : 1, data.length);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * channels.length * 2, 28);
  writeFileSync(file, Buffer.concat([header, data]));
  return file;
}
