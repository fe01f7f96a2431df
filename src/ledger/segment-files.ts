import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The file operations that writing a journal needs; tests put a failing disk in their place. */
export interface SegmentFile {
  /** Writes all the bytes at this offset, or rejects. */
  write(bytes: Uint8Array, offset: number): Promise<void>;
  /** Resolves when everything written is on the disk. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

export type OpenSegment = (path: string) => Promise<SegmentFile>;

/** Opens a segment for writing, making it where missing. */
export const openSegmentFile: OpenSegment = async (path) => {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  return {
    write: async (bytes, offset) => {
      let done = 0;
      while (done < bytes.length) {
        done += (await file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
      }
    },
    sync: () => file.datasync(),
    truncate: (length) => file.truncate(length),
    close: () => file.close(),
  };
};

const nameDigits = 16;

/** Path of the segment whose first fact has this number. */
export function segmentPath(dir: string, first: number): string {
  return join(dir, `${String(first).padStart(nameDigits, '0')}.jsonl`);
}

/** First numbers of the segments in the folder, in order. */
export async function listSegments(dir: string): Promise<number[]> {
  const names = await readdir(dir);
  return names
    .filter((name) => /^\d{16}\.jsonl$/.test(name))
    .map((name) => Number(name.slice(0, nameDigits)))
    .sort((a, b) => a - b);
}

/** Makes names made, moved or removed in the folder survive a power cut. */
export async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
