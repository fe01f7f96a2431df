import { type Clock, type TimerHandle, withDeadline } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { CallStateStore } from './call-state-store.ts';

const atOnce = 50;
const firstRetryMs = 200;
const maxRetryMs = 5_000;

export interface StateRemovalsOptions {
  states: Pick<CallStateStore, 'remove'>;
  clock: Clock;
  logger: Logger;
  controllerId: string;
  /**
   * Ended calls that are remembered while the store is away. The state of one for which there is no room stays there:
   * whoever takes it over finds that the call has ended.
   */
  waitingMax?: number;
}

/** Forgets the saved states of calls that have ended, for all calls of a controller: no call waits for the store to end. */
export class StateRemovals {
  readonly #options: StateRemovalsOptions;
  readonly #waitingMax: number;
  readonly #waiting = new Set<string>();
  readonly #onEmpty: (() => void)[] = [];
  #isBusy = false;
  #retry: TimerHandle | undefined;
  #failures = 0;
  /** Of calls whose last facts are on their way to the disk. */
  #announced = 0;

  constructor(options: StateRemovalsOptions) {
    this.#options = options;
    this.#waitingMax = options.waitingMax ?? 50_000;
  }

  /** Forgets the call once `recorded`: before its end is on disk, its state is what the end would be known by. */
  add(callId: string, recorded: Promise<unknown>): void {
    this.#announced += 1;
    const done = () => {
      this.#announced -= 1;
      this.#take(callId);
    };
    recorded.then(done, done);
  }

  /** Tries at once; resolves when all are forgotten, or at the deadline. */
  async settled(deadlineMs: number): Promise<void> {
    if (this.#isEmpty) return;
    const empty = new Promise<void>((resolve) => this.#onEmpty.push(resolve));
    this.#options.clock.clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#failures = 0;
    this.#next();
    await withDeadline(this.#options.clock, empty, deadlineMs);
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#retry);
    this.#waiting.clear();
  }

  get #isEmpty(): boolean {
    return this.#announced === 0 && this.#waiting.size === 0 && !this.#isBusy;
  }

  #take(callId: string): void {
    if (this.#waiting.size >= this.#waitingMax) {
      const [oldest = ''] = this.#waiting;
      this.#waiting.delete(oldest);
      this.#options.logger.error(
        { callId: oldest },
        'too many ended calls wait to be forgotten: the state of one stays',
      );
    }
    this.#waiting.add(callId);
    this.#next();
  }

  #next(): void {
    if (this.#isBusy || this.#retry) return;
    const batch = [...this.#waiting.values()].slice(0, atOnce);
    if (batch.length === 0) {
      if (this.#isEmpty) for (const tell of this.#onEmpty.splice(0)) tell();
      return;
    }
    this.#isBusy = true;
    const { states, controllerId } = this.#options;
    const removed = batch.map((callId) =>
      states.remove(controllerId, callId).then(() => {
        this.#waiting.delete(callId);
      }),
    );
    Promise.all(removed).then(
      () => {
        this.#isBusy = false;
        this.#failures = 0;
        this.#next();
      },
      (error: unknown) => {
        this.#isBusy = false;
        this.#retryLater(error);
      },
    );
  }

  #retryLater(error: unknown): void {
    const { clock, logger } = this.#options;
    const delayMs = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    const waiting = this.#waiting.size;
    logger.warn({ waiting, err: errorMessage(error) }, 'ended calls could not be forgotten; tried again');
    this.#retry = clock.setTimeout(() => {
      this.#retry = undefined;
      this.#next();
    }, delayMs);
  }
}
