import type { Clock } from '../kernel/clock.ts';

/** What one controller takes on (design.md, rule 1). */
export interface CallLimits {
  /** Calls at once. */
  maxCalls: number;
  /** New calls a second; bursts of one second's worth are let through. */
  maxCallsPerSecond: number;
  /** A call is ended after this long. */
  maxCallMs: number;
  /** A flow that takes more steps than this is at fault. */
  maxStepsPerCall: number;
  /** Two parties talk at most this long, whatever the flow says. */
  maxTalkMs: number;
}

export const defaultCallLimits: CallLimits = {
  maxCalls: 1_000,
  maxCallsPerSecond: 100,
  maxCallMs: 4 * 60 * 60 * 1_000,
  maxStepsPerCall: 10_000,
  maxTalkMs: 4 * 60 * 60 * 1_000,
};

/** A bucket of tokens that fills with time: at most `perSecond` a second, in bursts of at most one second's worth. */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #perSecond: number;
  #tokens: number;
  #filledAtMs: number;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#tokens = Math.max(1, perSecond);
    this.#filledAtMs = clock.monotonicMs();
  }

  /** Takes one token; false when there is none. */
  take(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const filled = this.#tokens + ((nowMs - this.#filledAtMs) * this.#perSecond) / 1_000;
    this.#tokens = Math.min(Math.max(1, this.#perSecond), filled);
    this.#filledAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
