import { chmodSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { chmod, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { DenwabanError, errorMessage } from './kernel/errors.ts';

/** For commands, which work on what there is. @throws DenwabanError `DATA_DIR_MISSING`, `DATA_DIR_UNWRITABLE`. */
export function requireDataDir(dataDir: string): void {
  if (!existsSync(dataDir)) {
    throw new DenwabanError('DATA_DIR_MISSING', `there is no data folder ${dataDir}`, {
      remedy: 'Set DATA_DIR to the folder that the service runs on; scripts/start makes it at the first start',
    });
  }
  prepareDataDir(dataDir);
}

/** Makes the data folder where it is missing. @throws DenwabanError `DATA_DIR_UNWRITABLE`. */
export function prepareDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    // Personal data: nobody else on this machine looks in. A folder that is another's cannot be changed.
    if (isOwn(dataDir)) chmodSync(dataDir, 0o700);
    // A name of its own: several processes may look at once.
    const probe = join(dataDir, `.writable-${process.pid}`);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    throw new DenwabanError(
      'DATA_DIR_UNWRITABLE',
      `the data folder ${dataDir} cannot be written: ${errorMessage(error)}`,
      {
        remedy: 'Set DATA_DIR to a folder that this user may write, or correct its permissions',
      },
    );
  }
}

/** A folder that many share, such as /tmp, is told by its sticky bit: to close it would shut everybody else out. */
const stickyBit = 0o1000;

function isOwn(path: string): boolean {
  const { uid, mode } = statSync(path);
  if ((mode & stickyBit) !== 0) return false;
  const own = process.getuid?.();
  return own === 0 || uid === own;
}

/** What denwaban makes in the data folder. What else lies there is somebody else's, and stays as it is. */
const madeByUs = /^(journal|known|prompts|recordings|redis|owner|lock|denwaban\.sqlite)/;

/**
 * Takes files and folders that were made before from the view of others: recordings, Redis, spoken prompts, database. In
 * the background: there may be very many. Links are not followed. Gives how many could not be changed.
 */
export function tightenModes(dataDir: string): Promise<number> {
  return narrowAll(dataDir, (name) => madeByUs.test(name));
}

async function narrowAll(folder: string, isMeant: (name: string) => boolean): Promise<number> {
  let failures = 0;
  const narrow = (path: string, mode: number) =>
    chmod(path, mode).catch(() => {
      failures += 1; // Gone meanwhile, or another's: counted, and told by the caller.
    });
  for await (const entry of await opendir(folder)) {
    if (!isMeant(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      await narrow(path, 0o700);
      failures += await narrowAll(path, () => true).catch(() => 1);
    } else if (entry.isFile()) await narrow(path, 0o600);
  }
  return failures;
}
