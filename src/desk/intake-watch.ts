import type { Clock } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { Rounds } from '../kernel/rounds.ts';
import type { AgentStatus, DeskStaffStore } from './desk-store.ts';
import type { Intake } from './intake.ts';
import type { IntakeStore } from './intake-store.ts';
import type { Intakes } from './intakes.ts';

export interface IntakeWatchOptions {
  intakes: Pick<Intakes, 'reportIncomplete'>;
  store: Pick<IntakeStore, 'open' | 'markLeft'>;
  desk: Pick<DeskStaffStore, 'listAgents'>;
  clock: Clock;
  logger: Logger;
  /** An intake that nobody is at is reported with what there is after so long without a key typed. */
  reportAfterMs: number;
  everyMs?: number;
}

const defaultEveryMs = 5_000;
const batch = 2_000;
/** One that could not be reported is tried again after this. */
const failedPauseMs = 600_000;
/** An intake that has just been opened may be ahead of what the desk says of its agent. */
const graceMs = 5_000;

/**
 * Finds intakes that nobody is at any more although nobody has saved them: listed for supervisors, and reported as
 * incomplete in the end, so that none is lost. Any number of processes may watch.
 */
export class IntakeWatch {
  readonly #options: IntakeWatchOptions;
  readonly #rounds: Rounds;
  readonly #notBeforeMs = new Map<string, number>();

  constructor(options: IntakeWatchOptions) {
    this.#options = options;
    const { clock, logger, everyMs = defaultEveryMs } = options;
    this.#rounds = new Rounds({
      ...{ clock, everyMs },
      work: () => this.look(),
      onFailed: (error) =>
        logger.warn({ err: errorMessage(error) }, 'intakes could not be looked through; tried again'),
    });
  }

  start(): void {
    this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** Looks once through all that are open. */
  async look(): Promise<void> {
    const { store, desk, clock, reportAfterMs } = this.#options;
    const open = await store.open({ limit: batch });
    if (open.length === 0) return;
    const agents = new Map((await desk.listAgents()).map((status) => [status.agentId, status]));
    const nowMs = clock.nowMs();
    for (const intake of open) {
      const isAtIt = isBusyWith(agents.get(intake.agentId), intake) || intake.answeredAtMs > nowMs - graceMs;
      if (isAtIt !== (intake.leftAtMs === undefined)) await store.markLeft(intake, isAtIt ? undefined : nowMs);
      if (isAtIt || intake.leftAtMs === undefined) continue;
      const quietSinceMs = Math.max(intake.leftAtMs, intake.changedAtMs);
      if (quietSinceMs <= nowMs - reportAfterMs) await this.#report(intake.intakeId, nowMs);
    }
  }

  /** One that cannot be reported does not hold up the others. */
  async #report(intakeId: string, nowMs: number): Promise<void> {
    const { intakes, logger, reportAfterMs } = this.#options;
    if ((this.#notBeforeMs.get(intakeId) ?? 0) > nowMs) return;
    try {
      await intakes.reportIncomplete(intakeId, nowMs - reportAfterMs);
      this.#notBeforeMs.delete(intakeId);
    } catch (error) {
      this.#notBeforeMs.set(intakeId, nowMs + failedPauseMs);
      logger.error({ intakeId, err: errorMessage(error) }, 'an unfinished intake could not be reported');
    }
  }
}

/** The agent talks with this caller, is about to, or wraps up. */
export function isBusyWith(status: AgentStatus | undefined, { callId }: Pick<Intake, 'callId'>): boolean {
  return status?.callId === callId;
}
