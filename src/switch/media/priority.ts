import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/**
 * Puts the calling thread, and it alone, before the rest of the machine: a frame that waits 10 ms for a core is heard,
 * what else runs here is not. A niceness, no real-time class: media takes turns with the others, and can't starve them.
 * @returns false where the system does not allow it (not root, no CAP_SYS_NICE) or has no such thing.
 */
export function preferThisThread(): boolean {
  try {
    const threadId = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    if (!Number.isInteger(threadId) || threadId <= 0) return false;
    setPriority(threadId, constants.priority.PRIORITY_HIGHEST);
    return true;
  } catch {
    return false;
  }
}
