import { frameSamples } from './g711.ts';

/** WAV files: reading the header of what is played, writing that of what is recorded. */

export const wavHeaderBytes = 44;
/** Longest stretch of leading chunks (LIST, fact, …) that is searched for `fmt ` and `data`. */
export const wavSearchBytes = 64 * 1024;

export type WavEncoding = 'pcm16' | 'PCMA' | 'PCMU';

export interface WavFormat {
  encoding: WavEncoding;
  channels: 1 | 2;
  sampleRate: number;
  dataStart: number;
  dataBytes: number;
}

const encodings: Record<number, { encoding: WavEncoding; bits: number }> = {
  1: { encoding: 'pcm16', bits: 16 },
  6: { encoding: 'PCMA', bits: 8 },
  7: { encoding: 'PCMU', bits: 8 },
};
const extensible = 0xfffe;

/**
 * Reads the header from the first bytes of a file of `fileBytes`. A data length of 0 or beyond the end (a writer that
 * crashed, or streams) means: to the end of the file.
 * @returns undefined when it is no WAV, or one of a kind that is not played.
 */
export function parseWavHeader(head: Buffer, fileBytes: number): WavFormat | undefined {
  if (head.length < 12 || head.toString('latin1', 0, 4) !== 'RIFF' || head.toString('latin1', 8, 12) !== 'WAVE') {
    return undefined;
  }
  let format: Omit<WavFormat, 'dataStart' | 'dataBytes'> | undefined;
  let offset = 12;
  while (offset + 8 <= head.length) {
    const id = head.toString('latin1', offset, offset + 4);
    const size = head.readUInt32LE(offset + 4);
    const start = offset + 8;
    if (id === 'data') {
      const rest = Math.max(0, fileBytes - start);
      return format && { ...format, dataStart: start, dataBytes: size === 0 ? rest : Math.min(size, rest) };
    }
    if (id === 'fmt ' && start + 16 <= head.length) {
      format = parseFormat(head.subarray(start, start + size));
      if (!format) return undefined;
    }
    offset = start + size + (size & 1);
  }
  return undefined;
}

function parseFormat(chunk: Buffer): Omit<WavFormat, 'dataStart' | 'dataBytes'> | undefined {
  const tag = chunk.readUInt16LE(0);
  const kind = encodings[tag === extensible && chunk.length >= 26 ? chunk.readUInt16LE(24) : tag];
  const channels = chunk.readUInt16LE(2);
  const sampleRate = chunk.readUInt32LE(4);
  if (!kind || chunk.readUInt16LE(14) !== kind.bits) return undefined;
  if (sampleRate < 8_000 || sampleRate > 48_000) return undefined;
  if (channels !== 1 && channels !== 2) return undefined;
  return { encoding: kind.encoding, channels, sampleRate };
}

/** The 44-byte header of an 8 kHz PCM16 file holding `dataBytes` of samples. */
export function writeWavHeader(channels: 1 | 2, dataBytes: number): Buffer {
  const sampleRate = frameSamples * 50;
  const header = Buffer.alloc(wavHeaderBytes);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + dataBytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * channels * 2, 28);
  header.writeUInt16LE(channels * 2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(dataBytes, 40);
  return header;
}
