import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './poll.ts';

/**
 * Waits until as many ringing phones can be told to stop by whoever takes their calls over: their INVITEs have left,
 * drachtio has said under which id, and that is in the private Redis of this data folder. A controller that is killed
 * earlier leaves a phone that rings until its INVITE expires.
 */
export async function invitesSaved(dataDir: string, count: number): Promise<void> {
  const path = join(dataDir, 'redis', 'redis.sock');
  if (!existsSync(path)) throw new Error(`no Redis at ${path}`);
  const redis = new Redis({ path });
  try {
    await eventually(`${count} INVITEs to be saved`, async () => {
      const saved = (await redis.hvals('denwaban:{calls}:snapshots')).join();
      return saved.match(/"invites":"[^"]/g)?.length === count;
    });
  } finally {
    redis.disconnect();
  }
}
