import type { Clock } from '../../kernel/clock.ts';
import { databaseAway } from '../../kernel/errors.ts';

/**
 * What goes to the database passes here. While the gate is closed everything is refused at once, and when it closes
 * everything under way is given up: nobody waits for a server that hangs.
 */
export class Gate {
  readonly #clock: Clock;
  readonly #underWay = new Set<(error: Error) => void>();
  #closed: { why: string; sinceMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Why it is closed, and since when (ms since the epoch); undefined: it is open. */
  get closed(): { why: string; sinceMs: number } | undefined {
    return this.#closed;
  }

  open(): void {
    this.#closed = undefined;
  }

  close(why: string): void {
    this.#closed = { why, sinceMs: this.#closed?.sinceMs ?? this.#clock.nowMs() };
    for (const giveUp of [...this.#underWay]) giveUp(databaseAway(why));
  }

  /** Does the work, unless the gate is closed; rejects when it closes first. What the work gives after that is `unwanted`. */
  pass<T>(work: () => Promise<T>, unwanted: (late: T) => void = () => undefined): Promise<T> {
    if (this.#closed) return Promise.reject(databaseAway(this.#closed.why));
    return new Promise((resolve, reject) => {
      const giveUp = (error: Error) => {
        this.#underWay.delete(giveUp);
        reject(error);
      };
      this.#underWay.add(giveUp);
      work().then(
        (value) => {
          if (this.#underWay.delete(giveUp)) resolve(value);
          else unwanted(value);
        },
        (error: unknown) => {
          this.#underWay.delete(giveUp);
          reject(error);
        },
      );
    });
  }
}
