import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { errorMessage } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { type KnownCopy, knownSettingsSchema } from './known-copy.ts';

const headSchema = z.object({ readAtMs: z.int().nonnegative(), sha256: z.string(), bytes: z.int().nonnegative() });

/**
 * The copy on disk: a line that says when it was read from the database and what the rest must be like, then the rest.
 * For this user alone: it holds numbers, names and what phones register with.
 */
export class KnownFile {
  readonly #path: string;
  readonly #logger: Logger;

  constructor(path: string, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
  }

  /** Undefined where there is none, or none that can be trusted. */
  async load(): Promise<KnownCopy | undefined> {
    let bytes: Buffer;
    try {
      bytes = await readFile(this.#path);
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!isMissing) this.#refuse(errorMessage(error));
      return undefined;
    }
    const end = bytes.indexOf('\n');
    const body = bytes.subarray(end + 1);
    try {
      const head = headSchema.parse(JSON.parse(bytes.subarray(0, Math.max(0, end)).toString()));
      if (head.bytes !== body.length || head.sha256 !== hashOf(body)) throw new Error('it is torn or was changed');
      return { readAtMs: head.readAtMs, settings: knownSettingsSchema.parse(JSON.parse(body.toString())) };
    } catch (error) {
      // A zod error would repeat what stands there.
      this.#refuse(error instanceof z.ZodError ? 'it is of another version' : errorMessage(error));
      return undefined;
    }
  }

  /** Replaces it as a whole; resolves when that is on the disk. */
  async save({ readAtMs, settings }: KnownCopy): Promise<void> {
    const body = Buffer.from(JSON.stringify(settings));
    const head = JSON.stringify({ readAtMs, sha256: hashOf(body), bytes: body.length });
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const temporary = `${this.#path}.new`;
    try {
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(Buffer.concat([Buffer.from(`${head}\n`), body]));
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.#path);
      await syncFolder(dirname(this.#path));
    } catch (error) {
      // On a full disk what there is of it is in the way of others.
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
  }

  #refuse(err: string): void {
    this.#logger.warn({ err }, 'what was known of the database cannot be read from the data folder: done without');
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
