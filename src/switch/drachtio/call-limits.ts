import type { HostPort } from '../sip/api.ts';

/** When to refuse new INVITEs from the network, before quality suffers. */
export interface CallLimits {
  /** Calls from the network at once: INVITEs without a final answer, and their dialogs. */
  maxCalls: number;
  /** New calls a second, averaged; bursts up to one second's worth are taken. */
  maxCallsPerSecond: number;
  /** Sources whose INVITEs are neither counted nor refused: our own media servers, whose legs belong to admitted calls. */
  isExempt?: (source: HostPort) => boolean;
}

/** Gives a place back. Calling it again does nothing. */
export type Release = () => void;

const nothingToRelease: Release = () => undefined;

/** Counts calls and their rate. */
export class CallAdmission {
  readonly #limits: CallLimits | undefined;
  readonly #nowMs: () => number;
  #calls = 0;
  #tokens: number;
  #filledAtMs: number;

  constructor(limits: CallLimits | undefined, nowMs: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#tokens = this.#burst;
    this.#filledAtMs = nowMs();
  }

  /** Calls from the network now. */
  get calls(): number {
    return this.#calls;
  }

  /** Takes a place for a new call, to be released when the call is over; undefined when it must be refused. */
  admit(source: HostPort): Release | undefined {
    const limits = this.#limits;
    if (limits?.isExempt?.(source)) return nothingToRelease;
    if (limits && (this.#calls >= limits.maxCalls || !this.#takeToken(limits.maxCallsPerSecond))) return undefined;
    this.#calls++;
    let held = true;
    return () => {
      if (held) this.#calls--;
      held = false;
    };
  }

  get #burst(): number {
    return Math.max(1, this.#limits?.maxCallsPerSecond ?? 1);
  }

  #takeToken(perSecond: number): boolean {
    const nowMs = this.#nowMs();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#filledAtMs) / 1000) * perSecond);
    this.#filledAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
