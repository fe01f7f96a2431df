import { FairShare } from '../../kernel/fair-share.ts';
import type { HostPort } from '../sip/api.ts';

/** When to refuse new INVITEs from the network, before quality suffers. */
export interface CallLimits {
  /** Calls from the network at once: INVITEs without a final answer, and their dialogs. */
  maxCalls: number;
  /** New calls a second, averaged; bursts up to one second's worth are taken. */
  maxCallsPerSecond: number;
  /** Sources whose INVITEs are neither counted nor refused: our own media servers, whose legs belong to admitted calls. */
  isExempt?: (source: HostPort) => boolean;
  /** Peers that have a reserve and are not cut by the share of a source. */
  trusts?: ((address: string) => boolean) | undefined;
}

/** Gives a place back. Calling it again does nothing. */
export type Release = () => void;

const nothingToRelease: Release = () => undefined;

/** Counts calls and their rate, by the address that they come from: each has its fair share. */
export class CallAdmission {
  readonly #limits: CallLimits | undefined;
  readonly #share: FairShare | undefined;
  #unlimited = 0;

  constructor(limits: CallLimits | undefined, nowMs: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#share = limits && new FairShare({ limits, nowMs, trusts: limits.trusts });
  }

  /** Calls from the network now. */
  get calls(): number {
    return this.#share?.calls ?? this.#unlimited;
  }

  /** Takes a place for a new call, to be released when the call is over; undefined when it must be refused. */
  admit(source: HostPort): Release | undefined {
    if (this.#limits?.isExempt?.(source)) return nothingToRelease;
    if (this.#share) return this.#share.admit(source.address)?.release;
    this.#unlimited += 1;
    let held = true;
    return () => {
      if (held) this.#unlimited -= 1;
      held = false;
    };
  }
}
