import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { Logger } from '../../src/kernel/logger.ts';
import { type OpenSegment, openSegmentFile } from '../../src/ledger/segment-files.ts';

/** Temporary data folders, removed together. */
export class TempFolders {
  readonly #folders: string[] = [];

  make(): string {
    const folder = mkdtempSync(join(tmpdir(), 'denwaban-ledger-'));
    this.#folders.push(folder);
    return folder;
  }

  removeAll(): void {
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  }
}

/** A logger that keeps what was said. */
export function recordingLogger(): Logger & { lines: { level: string; message: string; fields: object }[] } {
  const lines: { level: string; message: string; fields: object }[] = [];
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, message, fields });
  };
  const logger = { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { ...logger, child: () => ({ ...logger, child: () => recordingLogger() }) };
}

/** Names of the segments in a data folder, in order. */
export function segmentNames(dataDir: string): string[] {
  return readdirSync(join(dataDir, 'journal'))
    .filter((name) => /^\d+\.jsonl$/.test(name))
    .sort();
}

/** Everything in quarantine, as it stands in the file. */
export function quarantined(dataDir: string): { reason: string; raw?: string; fact?: CallFact; segment?: number }[] {
  const journal = join(dataDir, 'journal');
  if (!readdirSync(journal).includes('quarantine.jsonl')) return [];
  const text = readFileSync(join(journal, 'quarantine.jsonl'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** A disk that counts what is asked of it and can be told to fail. */
export class FaultyDisk {
  writes = 0;
  syncs = 0;
  /** Bytes that still fit; Infinity: a healthy disk. A write that does not fit gets as far as it can. */
  roomBytes = Number.POSITIVE_INFINITY;
  failSync = false;
  failTruncate = false;
  #gate: Promise<void> = Promise.resolve();

  /** Lets no fsync end until the function that it gives is called. */
  holdUp(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    return resolve;
  }

  readonly open: OpenSegment = async (path) => {
    const file = await openSegmentFile(path);
    return {
      write: async (bytes, offset) => {
        this.writes += 1;
        const fits = bytes.subarray(0, Math.min(bytes.length, this.roomBytes));
        await file.write(fits, offset);
        this.roomBytes -= fits.length;
        if (fits.length < bytes.length) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      },
      sync: async () => {
        this.syncs += 1;
        await this.#gate;
        if (this.failSync) throw Object.assign(new Error('i/o error'), { code: 'EIO' });
        await file.sync();
      },
      truncate: async (length) => {
        if (this.failTruncate) throw Object.assign(new Error('i/o error'), { code: 'EIO' });
        await file.truncate(length);
      },
      close: () => file.close(),
    };
  };
}

/** For ledgers that run on the machine's clock but must not make tests wait. */
export const fastLimits = { minCommitIntervalMs: 0, shipDelayMs: 1, firstRetryMs: 1, maxRetryMs: 4, stopFlushMs: 200 };

export { systemClock };
