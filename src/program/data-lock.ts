import type { Shutdown } from '../kernel/shutdown.ts';
import { lockFolder } from '../ledger/folder-lock.ts';

/**
 * Claims the data folder for this process, before anything in it is opened: whatever a second start touched there would
 * belong to the first. @throws DenwabanError `DATA_DIR_IN_USE`.
 */
export function lockDataDir(dataDir: string, shutdown: Shutdown): void {
  const lock = lockFolder(dataDir, { code: 'DATA_DIR_IN_USE', name: 'the data folder' });
  shutdown.add('data folder', () => lock.release());
}
