import type { Clock } from './clock.ts';

/**
 * A moment by both clocks. `machine`: whose monotonic clock it is; those of one machine, since it was started, can be
 * compared, whatever process read them.
 */
export interface ClockAnchor {
  wallMs: number;
  monotonicMs: number;
  machine: string;
}

/**
 * The time of one call: wall-clock time as it was when the call began, moved on by the monotonic clock. So durations are
 * right and an end is never before its beginning, also where the machine's clock is put forward or back meanwhile.
 */
export class CallClock implements Clock {
  readonly #clock: Clock;
  readonly #anchor: ClockAnchor;

  constructor(clock: Clock, anchor: ClockAnchor = anchorOf(clock)) {
    this.#clock = clock;
    this.#anchor = anchor;
  }

  /**
   * The time of a call that another process has driven: the same where its monotonic clock is ours too, else wall-clock
   * time, but not before `lastMs`, what is on record last.
   */
  static goOn(clock: Clock, before: ClockAnchor | undefined, lastMs = 0): CallClock {
    const now = anchorOf(clock);
    if (before && before.machine !== '' && before.machine === now.machine) return new CallClock(clock, before);
    return new CallClock(clock, { ...now, wallMs: Math.max(now.wallMs, lastMs) });
  }

  /** For whoever goes on with the call. */
  get anchor(): ClockAnchor {
    return this.#anchor;
  }

  nowMs(): number {
    return this.at(this.#clock.monotonicMs());
  }

  /** The call's time at a moment of the monotonic clock. */
  at(monotonicMs: number): number {
    return Math.round(this.#anchor.wallMs + monotonicMs - this.#anchor.monotonicMs);
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  readonly setTimeout: Clock['setTimeout'] = (callback, delayMs) => this.#clock.setTimeout(callback, delayMs);

  readonly clearTimeout: Clock['clearTimeout'] = (handle) => this.#clock.clearTimeout(handle);
}

function anchorOf(clock: Clock): ClockAnchor {
  return { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs(), machine: clock.machine ?? '' };
}
