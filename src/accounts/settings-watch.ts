import type { Clock, TimerHandle } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { AccountsData } from './accounts-data.ts';
import type { AgentProfile } from './agents.ts';
import type { QueueSettings } from './queues.ts';

/** All settings of the desk, as they stand in SQL. */
export interface DeskSettings {
  agents: AgentProfile[];
  queues: QueueSettings[];
}

export interface SettingsWatch {
  /** Hands the settings on for the first time; rejects where that fails. */
  start(): Promise<void>;
  stop(): void;
}

/**
 * A transaction that began earlier may end later, and its entry then stands before the newest one. So the settings are
 * read this many times more after the last change that was seen.
 */
const readAgainTimes = 2;

/**
 * Hands agents' and queues' settings on, at the start and whenever they have changed, whoever changed them: the API on
 * another machine, or the command line. Whatever changes them is on the audit record, so one look at its newest entry
 * tells. A hand-over that fails is logged and tried again at the next look.
 */
export function watchSettings(options: {
  data: AccountsData;
  clock: Clock;
  logger: Logger;
  /** Takes the place of what was handed over before: what is missing is gone. */
  onSettings: (settings: DeskSettings) => Promise<void>;
  everyMs?: number;
}): SettingsWatch {
  const { data, clock, logger, onSettings, everyMs = 2_000 } = options;
  let timer: TimerHandle | undefined;
  let stopped = false;
  let seenSeq = -1;
  let readsLeft = 0;
  const look = async () => {
    const seq = await data.audit.newestSeq(['agent', 'queue', 'user']);
    if (seq !== seenSeq) readsLeft = 1 + readAgainTimes;
    if (readsLeft === 0) return;
    await onSettings({ agents: await data.agents.list(), queues: await data.queues.list() });
    seenSeq = seq;
    readsLeft -= 1;
  };
  const lookLater = () => {
    if (stopped) return;
    timer = clock.setTimeout(() => {
      look()
        .catch((error: unknown) => logger.warn({ err: errorMessage(error) }, 'the desk has not got its settings'))
        .finally(lookLater);
    }, everyMs);
  };
  return {
    start: async () => {
      await look();
      lookLater();
    },
    stop: () => {
      stopped = true;
      clock.clearTimeout(timer);
    },
  };
}
