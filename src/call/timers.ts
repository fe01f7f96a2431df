import type { Clock, TimerHandle } from '../kernel/clock.ts';

/** A call's timers by name. A timer that was replaced or cancelled never fires, even if its time was already up. */
export class CallTimers {
  readonly #clock: Clock;
  readonly #post: (entry: () => void) => void;
  readonly #running = new Map<string, { handle: TimerHandle | undefined }>();

  /** `post` puts what fires into the call's mailbox. */
  constructor(clock: Clock, post: (entry: () => void) => void) {
    this.#clock = clock;
    this.#post = post;
  }

  start(name: string, delayMs: number, onTime: () => void): void {
    this.cancel(name);
    const timer: { handle: TimerHandle | undefined } = { handle: undefined };
    this.#running.set(name, timer);
    timer.handle = this.#clock.setTimeout(() => {
      this.#post(() => {
        if (this.#running.get(name) !== timer) return;
        this.#running.delete(name);
        onTime();
      });
    }, delayMs);
  }

  cancel(name: string): void {
    const timer = this.#running.get(name);
    if (!timer) return;
    this.#running.delete(name);
    this.#clock.clearTimeout(timer.handle);
  }

  cancelAll(): void {
    for (const name of [...this.#running.keys()]) this.cancel(name);
  }
}
