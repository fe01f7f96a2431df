import type { Clock } from '../kernel/clock.ts';

type Reason = 'work' | 'urgent';

/** A sleep of one loop that others can cut short. `urgent` ends any sleep, `work` only one that waits for work. */
export class Waker {
  readonly #clock: Clock;
  #sleeper: { until: Reason; resolve(): void } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sleeps until woken for this reason (or a more urgent one), for at most `ms` where given. */
  sleep(options: { until: Reason; ms?: number }): Promise<void> {
    return new Promise((resolve) => {
      const timer =
        options.ms === undefined ? undefined : this.#clock.setTimeout(() => this.#sleeper?.resolve(), options.ms);
      this.#sleeper = {
        until: options.until,
        resolve: () => {
          this.#clock.clearTimeout(timer);
          this.#sleeper = undefined;
          resolve();
        },
      };
    });
  }

  wake(reason: Reason): void {
    if (this.#sleeper && (reason === 'urgent' || this.#sleeper.until === 'work')) this.#sleeper.resolve();
  }
}
