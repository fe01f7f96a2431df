import { type Clock, type TimerHandle, withDeadline } from './clock.ts';

const stopDeadlineMs = 2_000;

/** Work that is done again and again, for as long as the program runs. */
export interface RoundsOptions {
  clock: Clock;
  /** From the end of one round to the begin of the next. */
  everyMs: number;
  work(): Promise<unknown>;
  /** A round has failed; the next one comes all the same. */
  onFailed(error: unknown): void;
}

/** One round at a time, with a pause between, until stopped. */
export class Rounds {
  readonly #options: RoundsOptions;
  #timer: TimerHandle | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /** The first round comes after the first pause. */
  start(): void {
    const { clock, everyMs } = this.#options;
    if (this.#isStopped) return;
    this.#timer = clock.setTimeout(() => {
      this.#running = this.#round();
    }, everyMs);
  }

  /** The first round comes now; resolves when it is over. */
  async startNow(): Promise<void> {
    this.#running = this.#round();
    await this.#running;
  }

  async #round(): Promise<void> {
    const { work, onFailed } = this.#options;
    await work().then(() => undefined, onFailed);
    this.start();
  }

  /** Resolves when the round under way is over, or soon. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#options.clock.clearTimeout(this.#timer);
    await withDeadline(this.#options.clock, this.#running, stopDeadlineMs);
  }
}
