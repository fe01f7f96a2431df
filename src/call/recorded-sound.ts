import { type FileHandle, open } from 'node:fs/promises';

/** What is in a recording's file. */
export interface RecordedSound {
  bytes: number;
  durationMs: number;
  /** Nobody says anything in it. */
  isSilent: boolean;
}

const headerSearchBytes = 4_096;
const chunkBytes = 65_536;
const windowMs = 20;
/** Of 32,768: what a line or a codec adds to silence stays below it, and speech does not. */
const silencePeak = 256;
/** So much sound in all is a click. */
const clickWindows = 5;

interface Layout {
  /** Where the length of the sound stands, and where the sound begins. */
  lengthAt: number;
  dataStart: number;
  bytesPerSecond: number;
  statedBytes: number;
}

/**
 * Looks into a recording (PCM, 16 bit). A header that says nothing true of the length, because whoever wrote it died, is
 * put right first, so that everything plays it. Undefined: there is no such file here, or it is no recording.
 */
export async function inspectRecording(file: string): Promise<RecordedSound | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r+');
    const { size } = await handle.stat();
    const layout = await layoutOf(handle);
    if (!layout) return undefined;
    const dataBytes = Math.max(0, size - layout.dataStart);
    if (layout.statedBytes === 0 || layout.statedBytes > dataBytes) await putRight(handle, layout, size);
    return {
      bytes: size,
      durationMs: Math.round((dataBytes * 1_000) / layout.bytesPerSecond),
      isSilent: await isSilent(handle, layout, size),
    };
  } catch {
    return undefined; // Not there, or on another machine's disk.
  } finally {
    await handle?.close();
  }
}

async function layoutOf(handle: FileHandle): Promise<Layout | undefined> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(headerSearchBytes), 0, headerSearchBytes, 0);
  const head = buffer.subarray(0, bytesRead);
  if (head.toString('latin1', 0, 4) !== 'RIFF' || head.toString('latin1', 8, 12) !== 'WAVE') return undefined;
  let bytesPerSecond = 0;
  for (let at = 12; at + 8 <= head.length; ) {
    const id = head.toString('latin1', at, at + 4);
    const size = head.readUInt32LE(at + 4);
    if (id === 'fmt ' && at + 24 <= head.length) {
      if (head.readUInt16LE(at + 22) !== 16) return undefined;
      bytesPerSecond = head.readUInt32LE(at + 16);
    }
    if (id === 'data') {
      if (bytesPerSecond === 0) return undefined;
      return { lengthAt: at + 4, dataStart: at + 8, bytesPerSecond, statedBytes: size };
    }
    at += 8 + size + (size & 1);
  }
  return undefined;
}

async function putRight(handle: FileHandle, { lengthAt, dataStart }: Layout, size: number): Promise<void> {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(size - dataStart);
  await handle.write(length, 0, 4, lengthAt);
  length.writeUInt32LE(size - 8);
  await handle.write(length, 0, 4, 4);
}

async function isSilent(handle: FileHandle, { dataStart, bytesPerSecond }: Layout, size: number): Promise<boolean> {
  const windowBytes = Math.max(2, Math.floor((bytesPerSecond * windowMs) / 2_000) * 2);
  const chunk = Buffer.alloc(Math.max(1, Math.floor(chunkBytes / windowBytes)) * windowBytes);
  let loudWindows = 0;
  for (let at = dataStart; at < size; at += chunk.length) {
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, at);
    for (let from = 0; from < bytesRead; from += windowBytes) {
      if (peakOf(chunk, from, Math.min(from + windowBytes, bytesRead)) > silencePeak) loudWindows += 1;
      if (loudWindows > clickWindows) return false;
    }
    if (bytesRead < chunk.length) break;
  }
  return true;
}

function peakOf(samples: Buffer, from: number, to: number): number {
  let peak = 0;
  for (let at = from; at + 2 <= to; at += 2) peak = Math.max(peak, Math.abs(samples.readInt16LE(at)));
  return peak;
}
