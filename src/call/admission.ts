import type { Clock } from '../kernel/clock.ts';
import { FairShare } from '../kernel/fair-share.ts';
import type { CallLimits } from './limits.ts';

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
  /** The call is over: its place is free. Later calls change nothing. */
  release(): void;
}

/** Where a call comes from. */
export interface CallSource {
  address: string;
  /** One of our carriers or PBXs (TRUSTED_PEERS). */
  isTrusted: boolean;
}

/** Calls whose source nobody knows are ours. */
const ourselves: CallSource = { address: '', isTrusted: true };
/** Of those that may wait for their answer, what is left to others than a source beyond its share. */
const answeringReserve = 0.2;

/**
 * Whether one more call is taken on: by the settings (calls at once, calls a second), and by measurement. Measured is
 * the time an answer takes; how many calls may wait for theirs falls by a fifth when answers become slow, grows by one
 * for as many good ones, and by one for each quick one (as TCP's window does, RFC 5681). So what is offered beyond the machine's power is refused
 * at once, and what is accepted is answered in time (wire-facts.md: overload is a cliff). Each source has its fair share
 * of all three, so that one that floods takes nobody else's ({@link FairShare}).
 */
export class Admission {
  readonly #clock: Clock;
  readonly #share: FairShare;
  readonly #maxCalls: number;
  /** Trusted sources that have called; all are known by the settings. */
  readonly #trusted = new Set<string>();
  readonly #answeringOf = new Map<string, number>();
  #answering = 0;
  #answeringMax = answeringMost;
  /** Answers of calls that were admitted before the last decrease say nothing new. */
  #unjudged = 0;

  /** `hasTrustedPeers`: the settings name some, for whom a reserve is kept. */
  constructor(clock: Clock, limits: CallLimits, { hasTrustedPeers = false }: { hasTrustedPeers?: boolean } = {}) {
    this.#clock = clock;
    this.#maxCalls = limits.maxCalls;
    const nowMs = () => clock.monotonicMs();
    const trusts = (address: string) => address === '' || this.#trusted.has(address);
    this.#share = new FairShare({ limits, nowMs, ...(hasTrustedPeers ? { trusts } : { trusts: undefined }) });
  }

  /** How many calls may wait for their answer at once now. */
  get answeringMax(): number {
    return Math.floor(this.#answeringMax);
  }

  /** Whether one more call could be taken now, were it offered. */
  hasRoom(activeCalls: number): boolean {
    return activeCalls < this.#maxCalls && this.#answering < this.answeringMax;
  }

  /** Undefined: refuse the call. `activeCalls`: those in progress, being answered included. */
  admit(activeCalls: number, { address, isTrusted }: CallSource = ourselves): Admitted | undefined {
    if (isTrusted) this.#trusted.add(address);
    if (this.#answering >= this.#answeringMaxFor(address, isTrusted)) return undefined;
    const place = this.#share.admit(address, activeCalls);
    if (!place) return undefined;
    const admittedAtMs = this.#clock.monotonicMs();
    let open = true;
    this.#addAnswering(address, 1);
    return {
      release: place.release,
      done: (ok) => {
        if (!open) return;
        open = false;
        this.#addAnswering(address, -1);
        this.#judge(ok ? this.#clock.monotonicMs() - admittedAtMs : Number.POSITIVE_INFINITY);
      },
    };
  }

  #answeringMaxFor(address: string, isTrusted: boolean): number {
    const max = this.answeringMax;
    if (isTrusted) return max;
    const shared = Math.floor(max * (1 - answeringReserve));
    const isWithinShare = (this.#answeringOf.get(address) ?? 0) < shared / this.#share.present;
    return isWithinShare ? max : shared;
  }

  #addAnswering(address: string, change: number): void {
    this.#answering += change;
    const now = (this.#answeringOf.get(address) ?? 0) + change;
    if (now > 0) this.#answeringOf.set(address, now);
    else this.#answeringOf.delete(address);
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
