import type { Clock } from '../kernel/clock.ts';
import type { Refusal } from '../kernel/refusal-fold.ts';
import type { FactLog } from './fact-log.ts';
import { RateLimiter } from './limits.ts';
import type { OfferedCall } from './offered-call.ts';

const retryAfterSeconds = 2;
const sipStatus = 503;
/** So many a second are on record as calls of their own. */
const recordedPerSecond = 20;

export interface UnseenRefusalsOptions {
  clock: Clock;
  /** Counts them all. */
  refusals?: { note(refusal: Refusal): void } | undefined;
  /** The record of a call, begun. */
  beginRecord(offered: OfferedCall): FactLog;
}

/**
 * Calls that are refused before anybody looks whose they are, because there is no room or we stop. That costs as little
 * as possible: each is counted, and as long as there are few, each leaves a record of its own.
 */
export class UnseenRefusals {
  readonly #options: UnseenRefusalsOptions;
  readonly #recorded: RateLimiter;

  constructor(options: UnseenRefusalsOptions) {
    this.#options = options;
    this.#recorded = new RateLimiter(options.clock, recordedPerSecond);
  }

  /** There is no room to put the call on record: it is counted, which takes next to none. */
  refuseUnrecorded(offered: OfferedCall): void {
    const address = offered.call.source?.address ?? '';
    this.#options.refusals?.note({ method: 'INVITE', sipStatus, cause: 'disk-full', address });
    offered.refuseUnrecorded();
  }

  refuse(offered: OfferedCall, cause: 'draining' | 'overload'): void {
    const { refusals, beginRecord } = this.#options;
    refusals?.note({ method: 'INVITE', sipStatus, cause, address: offered.call.source?.address ?? '' });
    if (this.#recorded.take()) offered.refuse(beginRecord(offered), cause, sipStatus, retryAfterSeconds);
    else offered.call.reject(sipStatus, { retryAfterSeconds });
  }
}
