import type { Codec } from './api.ts';

/** G.711 (ITU-T G.711) by table: one byte a sample, 8,000 samples a second. */

export const samplesPerMs = 8;
/** Samples, and G.711 bytes, of a 20 ms frame. */
export const frameSamples = 160;

/** The byte that decodes to (nearly) zero: what is sent when there is nothing to say. */
export const silenceByte: Readonly<Record<Codec, number>> = { PCMU: 0xff, PCMA: 0xd5 };

function decodeUlaw(code: number): number {
  const inverted = ~code & 0xff;
  const magnitude = ((((inverted & 0x0f) << 3) + 0x84) << ((inverted >> 4) & 7)) - 0x84;
  return inverted & 0x80 ? -magnitude : magnitude;
}

function encodeUlaw(sample: number): number {
  const magnitude = Math.min(Math.abs(sample), 32_635) + 0x84;
  const exponent = 31 - Math.clz32(magnitude) - 7;
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff;
}

function decodeAlaw(code: number): number {
  const toggled = code ^ 0x55;
  const exponent = (toggled >> 4) & 7;
  const step = ((toggled & 0x0f) << 4) + 8;
  const magnitude = exponent === 0 ? step : (step + 0x100) << (exponent - 1);
  return toggled & 0x80 ? magnitude : -magnitude;
}

function encodeAlaw(sample: number): number {
  // Negative samples are mirrored around -0.5, so that -1 … -16 fall in the same step as 0 … 15.
  const magnitude = Math.min(sample < 0 ? ~sample : sample, 32_767) >> 4;
  const exponent = magnitude < 32 ? (magnitude >> 4) & 1 : 31 - Math.clz32(magnitude) - 3;
  const mantissa = exponent <= 1 ? magnitude & 0x0f : (magnitude >> (exponent - 1)) & 0x0f;
  return ((sample < 0 ? 0 : 0x80) | (exponent << 4) | mantissa) ^ 0x55;
}

const bySample = (encode: (sample: number) => number) =>
  Uint8Array.from({ length: 65_536 }, (_, index) => encode((index << 16) >> 16));
const byCode = (decode: (code: number) => number) => Int16Array.from({ length: 256 }, (_, code) => decode(code));

const toLinear: Record<Codec, Int16Array> = { PCMU: byCode(decodeUlaw), PCMA: byCode(decodeAlaw) };
const fromLinear: Record<Codec, Uint8Array> = { PCMU: bySample(encodeUlaw), PCMA: bySample(encodeAlaw) };
const toOther: Record<Codec, Uint8Array> = {
  PCMU: Uint8Array.from(toLinear.PCMU, (sample) => encodeAlaw(sample)),
  PCMA: Uint8Array.from(toLinear.PCMA, (sample) => encodeUlaw(sample)),
};

/** The 256 linear 16-bit samples of a codec's codes. */
export const decodeTable = (codec: Codec): Int16Array => toLinear[codec];
/** Codes by `sample & 0xffff`. */
export const encodeTable = (codec: Codec): Uint8Array => fromLinear[codec];

/** Encodes `count` samples into `target` from `targetStart`. */
export function encode(
  codec: Codec,
  samples: Int16Array,
  target: Uint8Array,
  targetStart = 0,
  count = samples.length,
): void {
  const table = fromLinear[codec];
  for (let index = 0; index < count; index++) {
    target[targetStart + index] = table[(samples[index] ?? 0) & 0xffff] ?? 0;
  }
}

/** Decodes `count` bytes of `source` from `sourceStart` into `samples` from 0. */
export function decode(
  codec: Codec,
  source: Uint8Array,
  samples: Int16Array,
  sourceStart = 0,
  count = samples.length,
): void {
  const table = toLinear[codec];
  for (let index = 0; index < count; index++) samples[index] = table[source[sourceStart + index] ?? 0] ?? 0;
}

/** Turns G.711 of `from` into the other law in place, where it is not `to` already. */
export function transcode(from: Codec, to: Codec, bytes: Uint8Array, start: number, end: number): void {
  if (from === to) return;
  const table = toOther[from];
  for (let index = start; index < end; index++) bytes[index] = table[bytes[index] ?? 0] ?? 0;
}
