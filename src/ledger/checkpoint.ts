import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { JournalPosition } from './journal-position.ts';
import { syncFolder } from './segment-files.ts';

const positionSchema = z.object({
  segment: z.int().positive(),
  offset: z.int().nonnegative(),
  index: z.int().positive(),
});

/** How far the journal is in the store, on disk. A lost or broken one costs sending again, which is harmless. */
export class Checkpoint {
  readonly #dir: string;
  readonly #path: string;
  readonly #logger: Logger;

  constructor(dir: string, logger: Logger) {
    this.#dir = dir;
    this.#path = join(dir, 'checkpoint.json');
    this.#logger = logger;
  }

  async load(): Promise<JournalPosition | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw new DenwabanError('JOURNAL_FOLDER_FAILED', `${this.#path} can't be read: ${errorMessage(error)}`, {
        remedy: 'Check the rights on DATA_DIR, and the disk',
        cause: error,
      });
    }
    try {
      return positionSchema.parse(JSON.parse(text));
    } catch {
      this.#logger.warn(
        { bytes: text.length },
        'the checkpoint is unreadable: all facts in the journal are sent again',
      );
      return undefined;
    }
  }

  /** Replaces it as a whole; resolves when that is on the disk. */
  async save(position: JournalPosition): Promise<void> {
    const temporary = `${this.#path}.new`;
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.write(JSON.stringify(position));
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
    await syncFolder(this.#dir);
  }
}
