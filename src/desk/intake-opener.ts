import { type Clock, type TimerHandle, withDeadline } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { IntakeOpening } from './intake.ts';

const firstPauseMs = 250;
const longestPauseMs = 10_000;
/** Of a database that is away for long: more is not kept in mind. */
const pendingMax = 5_000;

/**
 * Opens intakes in the background, so that no call ever waits for the database: tried again until it works. What a
 * crash of this process leaves unopened is opened by whoever takes the call over.
 */
export class IntakeOpener {
  readonly #options: { open(opening: IntakeOpening): Promise<unknown>; clock: Clock; logger: Logger };
  readonly #pending = new Map<string, Promise<void>>();
  readonly #pauses = new Map<TimerHandle, () => void>();
  #isStopping = false;

  constructor(options: { open(opening: IntakeOpening): Promise<unknown>; clock: Clock; logger: Logger }) {
    this.#options = options;
  }

  /** Returns at once. A repeat (same offer) does nothing. */
  open(opening: IntakeOpening): void {
    const { offerId, callId } = opening;
    if (this.#pending.has(offerId)) return;
    if (this.#pending.size >= pendingMax) {
      this.#options.logger.error({ callId, pending: pendingMax }, 'too many intakes wait for the database: not opened');
      return;
    }
    const work = this.#keepTrying(opening).finally(() => this.#pending.delete(offerId));
    this.#pending.set(offerId, work);
  }

  /** Waits for what is under way. */
  async stop(deadlineMs: number): Promise<void> {
    await withDeadline(this.#options.clock, Promise.all(this.#pending.values()), deadlineMs);
    this.#isStopping = true;
    for (const wake of this.#pauses.values()) wake();
  }

  async #keepTrying(opening: IntakeOpening): Promise<void> {
    const { open, logger } = this.#options;
    for (let pauseMs = firstPauseMs; !this.#isStopping; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        await open(opening);
        return;
      } catch (error) {
        logger.warn({ callId: opening.callId, err: errorMessage(error), pauseMs }, 'an intake could not be opened yet');
        await this.#pause(pauseMs);
      }
    }
  }

  #pause(ms: number): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const wake = () => {
        this.#pauses.delete(timer);
        clock.clearTimeout(timer);
        resolve();
      };
      const timer = clock.setTimeout(wake, ms);
      this.#pauses.set(timer, wake);
    });
  }
}
