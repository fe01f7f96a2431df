import type { Clock, TimerHandle } from '../../src/kernel/clock.ts';

/** A clock that stands still until a test moves it. Timers due run in order of time, then of creation. */
export class FakeClock implements Clock {
  /** Of the machine whose clock it is; '' as for one that does not tell. */
  machine = '';
  #nowMs: number;
  /** By how much the wall clock was put forward or back. */
  #steppedMs = 0;
  readonly #startMs: number;
  #order = 0;
  readonly #timers = new Map<number, { dueMs: number; order: number; callback: () => void }>();

  constructor(startMs = Date.UTC(2026, 0, 5, 1, 0, 0)) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs + this.#steppedMs;
  }

  /** Puts the wall clock forward or back; nothing else notices. */
  step(byMs: number): void {
    this.#steppedMs += byMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    const order = ++this.#order;
    this.#timers.set(order, { dueMs: this.#nowMs + Math.max(0, delayMs), order, callback });
    return { timer: order };
  }

  clearTimeout(handle: TimerHandle | undefined): void {
    if (handle) this.#timers.delete(handle.timer as number);
  }

  /** How many timers are waiting: 0 after all is over, or something leaks. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Moves time on, running what falls due, and lets promises settle after each timer. */
  async advance(deltaMs: number): Promise<void> {
    const untilMs = this.#nowMs + deltaMs;
    await settle();
    for (;;) {
      const next = [...this.#timers.values()]
        .filter((timer) => timer.dueMs <= untilMs)
        .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
      if (!next) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#timers.delete(next.order);
      next.callback();
      await settle();
    }
    this.#nowMs = untilMs;
    await settle();
  }
}

/** Lets everything that is ready to run, run. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 10; round++) await new Promise((resolve) => setImmediate(resolve));
}
