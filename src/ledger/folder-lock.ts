import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';

export interface FolderLock {
  release(): void;
}

/** What is locked, for the message and code of the error. */
const journalFolder = { code: 'JOURNAL_LOCKED', name: 'the journal' };

/**
 * Claims a folder for this process. The lock is SQLite's exclusive lock on an empty database: the operating system
 * drops it when the process ends, however it ends, so none is ever stale and no process id has to be guessed at.
 * @throws DenwabanError `code`, `JOURNAL_FOLDER_FAILED`.
 */
export function lockFolder(dir: string, { code, name } = journalFolder): FolderLock {
  const ownerPath = join(dir, 'owner');
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(dir, 'lock'), { timeout: 0 });
    lock.exec('begin exclusive');
    // Only to tell a person who holds it.
    writeFileSync(ownerPath, `${process.pid}\n`);
  } catch (error) {
    lock?.close();
    if (/locked|busy/i.test(errorMessage(error))) {
      throw new DenwabanError(code, `${name} ${dir} belongs to process ${readOwner(ownerPath)}`, {
        remedy: 'Stop that process, or give this one another DATA_DIR',
      });
    }
    throw new DenwabanError('JOURNAL_FOLDER_FAILED', `${name} ${dir} can't be locked: ${errorMessage(error)}`, {
      remedy: 'Check that the folder is writable and on a local disk with room',
      cause: error,
    });
  }
  const held = lock;
  return { release: () => held.close() };
}

function readOwner(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '(unknown)';
  }
}
