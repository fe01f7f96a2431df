import type { Clock } from '../kernel/clock.ts';
import { type CallLimits, RateLimiter } from './limits.ts';

/** An answer that takes longer than this says that the cores are full: callers would soon hear it. */
const slowAnswerMs = 900;
/** One within this that there is power to spare. */
const quickAnswerMs = 200;
const answeringMost = 200;
const answeringLeast = 24;
const decrease = 0.8;

/** One admitted call, until its answer is known. */
export interface Admitted {
  /** The call has its answer, or none (`ok` false: the media server failed). Later calls change nothing. */
  done(ok: boolean): void;
}

/**
 * Whether one more call is taken on: by the settings (calls at once, calls a second), and by measurement. Measured is
 * the time an answer takes; how many calls may wait for theirs falls by a fifth when answers become slow, grows by one
 * for as many good ones, and by one for each quick one (as TCP's window does, RFC 5681). So what is offered beyond the machine's power is refused
 * at once, and what is accepted is answered in time (wire-facts.md: overload is a cliff).
 */
export class Admission {
  readonly #clock: Clock;
  readonly #limits: CallLimits;
  readonly #rate: RateLimiter;
  #answering = 0;
  #answeringMax = answeringMost;
  /** Answers of calls that were admitted before the last decrease say nothing new. */
  #unjudged = 0;

  constructor(clock: Clock, limits: CallLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#rate = new RateLimiter(clock, limits.maxCallsPerSecond);
  }

  /** How many calls may wait for their answer at once now. */
  get answeringMax(): number {
    return Math.floor(this.#answeringMax);
  }

  /** Whether one more call could be taken now, were it offered. */
  hasRoom(activeCalls: number): boolean {
    return activeCalls < this.#limits.maxCalls && this.#answering < this.answeringMax;
  }

  /** Undefined: refuse the call. `activeCalls`: those in progress, being answered included. */
  admit(activeCalls: number): Admitted | undefined {
    if (!this.hasRoom(activeCalls) || !this.#rate.take()) return;
    const admittedAtMs = this.#clock.monotonicMs();
    let open = true;
    this.#answering += 1;
    return {
      done: (ok) => {
        if (!open) return;
        open = false;
        this.#answering -= 1;
        this.#judge(ok ? this.#clock.monotonicMs() - admittedAtMs : Number.POSITIVE_INFINITY);
      },
    };
  }

  #judge(tookMs: number): void {
    if (tookMs <= slowAnswerMs) {
      const more = tookMs <= quickAnswerMs ? 1 : 1 / this.#answeringMax;
      this.#answeringMax = Math.min(answeringMost, this.#answeringMax + more);
      this.#unjudged = Math.max(0, this.#unjudged - 1);
    } else if (this.#unjudged > 0) {
      this.#unjudged -= 1;
    } else {
      this.#answeringMax = Math.max(answeringLeast, this.#answeringMax * decrease);
      this.#unjudged = this.#answering;
    }
  }
}
