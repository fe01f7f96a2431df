import type { Clock, TimerHandle } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { CallStateStore } from './call-state-store.ts';

const firstRetryMs = 200;
const maxRetryMs = 5_000;
/** How long a step that changed no leg waits to be saved, since the next step may make that unnecessary. */
const gatherMs = 25;

export interface StateSaverOptions {
  states: CallStateStore;
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
  #legs = '';
  #busy = false;
  #removing = false;
  #stopped = false;
  #retry: TimerHandle | undefined;
  #failures = 0;
  #resolveRemoved: (() => void) | undefined;

  constructor(options: StateSaverOptions) {
    this.#options = options;
  }

  /**
   * `read` is called when the save really happens, so that one save covers many steps. `legs` names the legs there are:
   * a change of these is saved at once, since a leg that nobody knows of would outlive us.
   */
  save(read: () => unknown, legs: string): void {
    if (this.#removing || this.#stopped) return;
    this.#newest = read;
    const changed = legs !== this.#legs;
    this.#legs = legs;
    if (changed) this.#next();
    else this.#gathering ??= this.#options.clock.setTimeout(() => this.#gathered(), gatherMs);
  }

  /** Forgets the call once what is under way is done; resolves when it is forgotten, or given up. */
  remove(): Promise<void> {
    this.#removing = true;
    this.#newest = undefined;
    this.#options.clock.clearTimeout(this.#gathering);
    return new Promise((resolve) => {
      this.#resolveRemoved = resolve;
      if (this.#stopped) resolve();
      else this.#next();
    });
  }

  /** Saves no more and leaves what is saved as it is. */
  stop(): void {
    this.#stopped = true;
    this.#newest = undefined;
    this.#options.clock.clearTimeout(this.#retry);
    this.#options.clock.clearTimeout(this.#gathering);
    this.#resolveRemoved?.();
  }

  #gathered(): void {
    this.#gathering = undefined;
    this.#next();
  }

  #next(): void {
    if (this.#busy || this.#stopped || this.#retry) return;
    if (this.#newest === undefined && !this.#removing) return;
    this.#busy = true;

    this.#work().then(
      (goOn) => {
        this.#busy = false;
        this.#failures = 0;
        if (goOn) this.#next();
      },
      (error: unknown) => {
        this.#busy = false;
        this.#retryLater(error);
      },
    );
  }

  async #work(): Promise<boolean> {
    const { states, clock, controllerId, callId, onLost } = this.#options;
    if (this.#removing) {
      await states.remove(controllerId, callId);
      this.stop();
      return false;
    }
    const read = this.#newest;
    if (!read) return false;
    const kept = await states.save(controllerId, { callId, savedAtMs: clock.nowMs(), state: read() });
    if (!kept) {
      this.stop();
      onLost();
      return false;
    }
    if (this.#newest === read) this.#newest = undefined;
    return true;
  }

  #retryLater(error: unknown): void {
    const { clock, logger, callId } = this.#options;
    if (this.#stopped) return;
    this.#failures += 1;
    logger.warn({ callId, failures: this.#failures, err: errorMessage(error) }, 'the call state could not be saved');
    const delayMs = Math.min(maxRetryMs, firstRetryMs * 2 ** (this.#failures - 1));
    this.#retry = clock.setTimeout(() => {
      this.#retry = undefined;
      this.#next();
    }, delayMs);
  }
}
