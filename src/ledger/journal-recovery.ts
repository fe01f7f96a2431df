import { open } from 'node:fs/promises';
import type { JournalPosition } from './journal-position.ts';
import type { Quarantine } from './quarantine.ts';

const newline = 0x0a;
const chunkBytes = 256 * 1024;

/**
 * Makes the last segment of a dead process good to write on: what follows the last newline was being written when it
 * died and was never acknowledged, so it is put in quarantine and cut off. Gives the segment's end.
 */
export async function recoverSegment(path: string, first: number, quarantine: Quarantine): Promise<JournalPosition> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    const chunk = Buffer.alloc(chunkBytes);
    let lines = 0;
    let end = 0;
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(chunk, 0, chunkBytes, at);
      if (bytesRead === 0) break;
      for (let i = chunk.indexOf(newline); i >= 0 && i < bytesRead; i = chunk.indexOf(newline, i + 1)) {
        lines += 1;
        end = at + i + 1;
      }
      at += bytesRead;
    }
    if (end < size) {
      const raw = Buffer.alloc(size - end);
      await file.read(raw, 0, raw.length, end);
      await quarantine.add([{ reason: 'torn', segment: first, offset: end, raw }]);
      await file.truncate(end);
    }
    // The dead process may have written lines whose fsync it did not live to see.
    await file.sync();
    return { segment: first, offset: end, index: first + lines };
  } finally {
    await file.close();
  }
}
