/** Shared by the four transaction machines of RFC 3261 17. */

/** RFC 3261 17.1.1.1, table 4. */
export interface Timing {
  t1Ms: number;
  t2Ms: number;
  t4Ms: number;
}

/** T1 of 500 ms with T2 and T4 in the usual proportion: tests make all of it faster. */
export function timingFrom(t1Ms = 500): Timing {
  return { t1Ms, t2Ms: 8 * t1Ms, t4Ms: 10 * t1Ms };
}

/** What a machine does on an event in a state. An event a state does not name changes nothing there. */
export type Table<State extends string, Event extends string, Machine, Input> = Record<
  State,
  Partial<Record<Event, (machine: Machine, input: Input) => void>>
>;

/** Timers by name; setting one again replaces it. */
export class TimerSet<Name extends string> {
  readonly #timers = new Map<Name, NodeJS.Timeout>();

  set(name: Name, delayMs: number, run: () => void): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.set(
      name,
      setTimeout(() => {
        this.#timers.delete(name);
        run();
      }, delayMs),
    );
  }

  clear(...names: Name[]): void {
    for (const name of names) {
      clearTimeout(this.#timers.get(name));
      this.#timers.delete(name);
    }
  }

  clearAll(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** How a machine reaches its peer. */
export interface Wire {
  /** Over TCP nothing is resent, and the timers that wait for stray copies are 0. */
  readonly reliable: boolean;
  /** `failed` is never called before `send` returns. */
  send(text: string, failed: () => void): void;
}
