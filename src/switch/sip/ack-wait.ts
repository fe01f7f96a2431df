import { TimerSet, type Timing } from './transaction/machine.ts';

/** Waits for the ACK of one 2xx of ours, and sends the 2xx again until it comes (RFC 3261 13.3.1.4). */
export class AckWait {
  readonly #timers = new TimerSet<'resend' | 'give-up'>();
  readonly #timing: Timing;
  readonly #resend: () => void;

  /** @param onGiveUp no ACK came in 64*T1. */
  constructor(timing: Timing, resend: () => void, onGiveUp: () => void) {
    this.#timing = timing;
    this.#resend = resend;
    // A hair before timer L of the transaction, which carries the repeats
    this.#timers.set('give-up', 64 * timing.t1Ms - 1, () => {
      this.stop();
      onGiveUp();
    });
    this.#next(timing.t1Ms);
  }

  stop(): void {
    this.#timers.clearAll();
  }

  #next(intervalMs: number): void {
    this.#timers.set('resend', intervalMs, () => {
      this.#resend();
      this.#next(Math.min(intervalMs * 2, this.#timing.t2Ms));
    });
  }
}
