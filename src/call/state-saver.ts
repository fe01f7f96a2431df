import type { Clock, TimerHandle } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { CallStateStore } from './call-state-store.ts';
import type { StateRemovals } from './state-removals.ts';

const firstRetryMs = 200;
const maxRetryMs = 5_000;
/** How long a step that changed no leg waits to be saved, since the next step may make that unnecessary. */
const gatherMs = 25;

export interface StateSaverOptions {
  states: Pick<CallStateStore, 'save'>;
  removals: Pick<StateRemovals, 'add'>;
  clock: Clock;
  logger: Logger;
  controllerId: string;
  callId: string;
  /** Another controller has taken the call over. */
  onLost(): void;
}

/**
 * Keeps the saved state of one call up to date without ever holding the call up: one save at a time, always of the
 * newest state, tried again until it works.
 */
export class StateSaver {
  readonly #options: StateSaverOptions;
  #newest: (() => unknown) | undefined;
  #gathering: TimerHandle | undefined;
  /** Of what was saved, or is being saved. */
  #legs: string | undefined;
  #busy = false;
  #stopped = false;
  #retry: TimerHandle | undefined;
  #failures = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: StateSaverOptions) {
    this.#options = options;
  }

  /**
   * `read` is called when the save really happens, so that one save covers many steps. `legs` names the legs there are:
   * a change of these is saved at once, since a leg that nobody knows of would outlive us.
   */
  save(read: () => unknown, legs: string): void {
    if (this.#stopped) return;
    this.#newest = read;
    const changed = legs !== this.#legs;
    this.#legs = legs;
    if (changed) this.#next();
    else this.#gathering ??= this.#options.clock.setTimeout(() => this.#gathered(), gatherMs);
  }

  /** What was saved is gone: the next save is made at once. */
  forget(): void {
    this.#legs = undefined;
  }

  /**
   * Saves no more, and forgets the call once `recorded`, and what is under way is done. Waits for nothing: where the
   * store is away the call is over all the same.
   */
  remove(recorded: Promise<unknown>): void {
    if (this.#stopped) return;
    this.stop();
    const idle = this.#busy ? new Promise<void>((resolve) => (this.#onIdle = resolve)) : undefined;
    this.#options.removals.add(this.#options.callId, Promise.all([recorded, idle]));
  }

  /** Saves no more and leaves what is saved as it is. */
  stop(): void {
    this.#stopped = true;
    this.#newest = undefined;
    this.#options.clock.clearTimeout(this.#retry);
    this.#options.clock.clearTimeout(this.#gathering);
  }

  #gathered(): void {
    this.#gathering = undefined;
    this.#next();
  }

  #next(): void {
    if (this.#busy || this.#stopped || this.#retry || this.#newest === undefined) return;
    this.#busy = true;
    this.#work(this.#newest).then(
      (kept) => {
        this.#idle();
        this.#failures = 0;
        if (kept || this.#stopped) this.#next();
        else this.#lost();
      },
      (error: unknown) => {
        this.#idle();
        this.#retryLater(error);
      },
    );
  }

  #idle(): void {
    this.#busy = false;
    this.#onIdle?.();
  }

  #lost(): void {
    this.stop();
    this.#options.onLost();
  }

  async #work(read: () => unknown): Promise<boolean> {
    const { states, clock, controllerId, callId } = this.#options;
    const kept = await states.save(controllerId, { callId, savedAtMs: clock.nowMs(), state: read() });
    if (this.#newest === read) this.#newest = undefined;
    return kept;
  }

  #retryLater(error: unknown): void {
    const { clock, logger, callId } = this.#options;
    if (this.#stopped) return;
    this.#failures += 1;
    // Once an outage and call: all calls try again every few seconds.
    const log = this.#failures === 1 ? logger.warn : logger.debug;
    log.call(logger, { callId, err: errorMessage(error) }, 'the call state could not be saved; tried again');
    const delayMs = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(this.#failures - 1, 10));
    this.#retry = clock.setTimeout(() => {
      this.#retry = undefined;
      this.#next();
    }, delayMs);
  }
}
