import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DenwabanError, errorMessage } from './kernel/errors.ts';

/** Makes the data folder where it is missing. @throws DenwabanError `DATA_DIR_UNWRITABLE`. */
export function prepareDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true });
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
