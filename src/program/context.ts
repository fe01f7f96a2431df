import type { Passwords } from '../accounts/passwords.ts';
import type { Config } from '../config.ts';
import type { HealthBoard } from '../kernel/health.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Shutdown } from '../kernel/shutdown.ts';

/** What every part is started with. */
export interface ProgramContext {
  config: Config;
  passwords: Passwords;
  logger: Logger;
  /** Each part puts its end here the moment it runs. */
  shutdown: Shutdown;
  /** Each part says here how it is. */
  board: HealthBoard;
  /** The program cannot go on: it stops, and says why. */
  onLost(why: string): void;
}
