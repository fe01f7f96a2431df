/** WAV files as other programs write them. */

export interface WavForm {
  /** 1 PCM, 3 float, 6 A-law, 7 µ-law, 0x55 MP3 … */
  tag?: number;
  bits?: number;
  channels?: number;
  rateHz?: number;
  /** Written into the header of the sound; left out: its length. */
  dataSize?: number;
  /** Chunks before and behind the sound. */
  before?: Buffer[];
  behind?: Buffer[];
  /** RIFF, RF64 … */
  kind?: string;
}

/** A chunk with its name and length; an odd one gets its byte. */
export function chunk(id: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, 0, 'latin1');
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
}

/** A LIST chunk as ffmpeg and GStreamer write it: words, which sound like a click. */
export const listChunk = chunk('LIST', Buffer.from('INFOISFT\x0e\0\0\0Lavf59.27.100\0'));

/** A tone of 400 Hz at half level, `ms` long, in the form wanted. */
export function toneWav(ms: number, form: WavForm = {}): Buffer {
  const { tag = 1, bits = 16, channels = 1, rateHz = 8_000, before = [], behind = [], kind = 'RIFF' } = form;
  const frames = Math.round((ms * rateHz) / 1_000);
  const width = bits / 8;
  const data = Buffer.alloc(frames * channels * width);
  for (let frame = 0; frame < frames; frame++) {
    const sample = 0.5 * Math.sin((2 * Math.PI * 400 * frame) / rateHz);
    for (let channel = 0; channel < channels; channel++) {
      write(data, (frame * channels + channel) * width, tag, bits, sample);
    }
  }
  const format = Buffer.alloc(16);
  format.writeUInt16LE(tag, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(rateHz, 4);
  format.writeUInt32LE(rateHz * channels * width, 8);
  format.writeUInt16LE(channels * width, 12);
  format.writeUInt16LE(bits, 14);
  const sound = chunk('data', data);
  if (form.dataSize !== undefined) sound.writeUInt32LE(form.dataSize, 4);
  const body = Buffer.concat([Buffer.from('WAVE'), ...before, chunk('fmt ', format), sound, ...behind]);
  const head = Buffer.alloc(8);
  head.write(kind, 0, 'latin1');
  head.writeUInt32LE(kind === 'RIFF' ? body.length : 0xffffffff, 4);
  return Buffer.concat([head, body]);
}

/** RF64: the lengths stand in a chunk of their own. */
export function rf64Wav(ms: number): Buffer {
  const dataBytes = ms * 16;
  const sizes = Buffer.alloc(28);
  sizes.writeBigUInt64LE(BigInt(dataBytes + 80), 0);
  sizes.writeBigUInt64LE(BigInt(dataBytes), 8);
  return toneWav(ms, { kind: 'RF64', before: [chunk('ds64', sizes)], dataSize: 0xffffffff, behind: [listChunk] });
}

function write(data: Buffer, at: number, tag: number, bits: number, sample: number): void {
  if (tag === 3 && bits === 32) data.writeFloatLE(sample, at);
  else if (tag === 3) data.writeDoubleLE(sample, at);
  else if (bits === 8 && tag === 1) data.writeUInt8(Math.round(sample * 127) + 128, at);
  else if (bits === 8) data.writeUInt8(tag === 6 ? alaw(sample) : mulaw(sample), at);
  else if (bits <= 32) data.writeIntLE(Math.round(sample * (2 ** (bits - 1) - 1)), at, bits / 8);
}

function mulaw(sample: number): number {
  const size = Math.min(32_635, Math.round(Math.abs(sample) * 32_767)) + 0x84;
  const exponent = Math.max(0, Math.floor(Math.log2(size)) - 7);
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | ((size >> (exponent + 3)) & 15)) & 0xff;
}

function alaw(sample: number): number {
  const size = Math.min(32_767, Math.round(Math.abs(sample) * 32_767));
  const exponent = size < 256 ? 0 : Math.floor(Math.log2(size)) - 7;
  const mantissa = (size >> (exponent === 0 ? 4 : exponent + 3)) & 15;
  return ((sample < 0 ? 0 : 0x80) | (exponent << 4) | mantissa) ^ 0x55;
}
