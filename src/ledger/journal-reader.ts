import { type FileHandle, open } from 'node:fs/promises';
import type { CallFact } from '../kernel/call-fact.ts';
import type { Journal } from './journal.ts';
import { decodeLine, maxLineBytes } from './journal-line.ts';
import { isBefore, type JournalPosition } from './journal-position.ts';
import type { Quarantined } from './quarantine.ts';

const newline = 0x0a;
/** Read at once; any good line fits. */
const chunkBytes = 2 * maxLineBytes;

/** Some lines of the journal, in order. */
export interface JournalBatch {
  facts: CallFact[];
  corrupt: Quarantined[];
  /** Where to read on. */
  next: JournalPosition;
}

/** True when everything that is on disk lies before this place. */
export function isAtEnd(journal: Journal, position: JournalPosition): boolean {
  return !isBefore(position, journal.end);
}

/**
 * Reads at most `maxFacts` from here on, within one segment; from a segment's end it goes on to the next one. No facts
 * and no corrupt lines: all is read. Memory is bounded by the size of one chunk.
 */
export async function readJournal(journal: Journal, from: JournalPosition, maxFacts: number): Promise<JournalBatch> {
  let position = from;
  for (;;) {
    const end = journal.end;
    if (!isBefore(position, end)) return { facts: [], corrupt: [], next: { ...position, index: end.index } };
    const segment = journal.segments.find((first) => first >= position.segment) ?? end.segment;
    if (segment !== position.segment) position = { segment, offset: 0, index: segment };
    const isLast = segment === end.segment;
    const { chunk, size } = await readChunk(journal.pathOf(segment), position.offset, isLast ? end.offset : undefined);
    if (chunk.length > 0) {
      const batch = parseChunk(chunk, position, maxFacts, position.offset + chunk.length >= size);
      if (isLast && !isBefore(batch.next, end)) batch.next.index = end.index;
      return batch;
    }
    const next = journal.segments.find((first) => first > segment);
    if (next === undefined) return { facts: [], corrupt: [], next: position };
    position = { segment: next, offset: 0, index: next };
  }
}

/** Where to read from: the checkpoint where it fits what is on disk, else the oldest segment (replay is harmless). */
export async function startPosition(
  journal: Journal,
  checkpoint: JournalPosition | undefined,
): Promise<JournalPosition> {
  const first = journal.segments[0];
  if (first === undefined) return journal.end;
  const oldest = { segment: first, offset: 0, index: first };
  if (!checkpoint || !journal.segments.includes(checkpoint.segment)) return oldest;
  if (isBefore(journal.end, checkpoint)) return oldest;
  if (checkpoint.offset === 0) return checkpoint;
  const { chunk } = await readChunk(journal.pathOf(checkpoint.segment), checkpoint.offset - 1, checkpoint.offset);
  return chunk[0] === newline ? checkpoint : oldest;
}

async function readChunk(path: string, offset: number, until?: number): Promise<{ chunk: Buffer; size: number }> {
  const file = await open(path, 'r');
  try {
    const size = until ?? (await file.stat()).size;
    const chunk = Buffer.alloc(Math.max(0, Math.min(chunkBytes, size - offset)));
    return { chunk: chunk.subarray(0, await readFully(file, chunk, offset)), size };
  } finally {
    await file.close();
  }
}

async function readFully(file: FileHandle, into: Buffer, offset: number): Promise<number> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

function parseChunk(chunk: Buffer, from: JournalPosition, maxFacts: number, toSegmentEnd: boolean): JournalBatch {
  const facts: CallFact[] = [];
  const corrupt: Quarantined[] = [];
  let at = 0;
  let lines = 0;
  const quarantine = (end: number) => {
    const offset = from.offset + at;
    corrupt.push({ reason: 'corrupt', segment: from.segment, offset, raw: Buffer.from(chunk.subarray(at, end)) });
  };
  while (at < chunk.length && facts.length < maxFacts) {
    const end = chunk.indexOf(newline, at);
    if (end < 0) {
      // The rest of a line, unless no line can be this long or nothing follows it.
      if (at > 0 && !toSegmentEnd) break;
      quarantine(chunk.length);
      at = chunk.length;
      break;
    }
    const fact = decodeLine(chunk.subarray(at, end));
    if (fact) facts.push(fact);
    else quarantine(end);
    at = end + 1;
    lines += 1;
  }
  const next = { segment: from.segment, offset: from.offset + at, index: from.index + lines };
  return { facts, corrupt, next };
}
