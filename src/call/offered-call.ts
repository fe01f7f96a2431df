import type { StoredFlow } from '../flow/flow-store.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import type { FactLog } from './fact-log.ts';
import type { IncomingCall } from './telephony.ts';

const noRoomRetryAfterSeconds = 10;

/** A call between its INVITE and its final answer: told apart once, whoever is first: we, or the caller who gives up. */
export class OfferedCall {
  readonly call: IncomingCall;
  #decided = false;
  #cancelled = false;
  #onAbandoned: (() => void) | undefined;

  constructor(call: IncomingCall) {
    this.call = call;
    call.onCancelled(() => {
      this.#cancelled = true;
      this.#onAbandoned?.();
    });
  }

  /** The caller has given up. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  get decided(): boolean {
    return this.#decided;
  }

  /** `callback` runs once if the caller gives up before we decide; at once where that has happened already. */
  onAbandoned(callback: () => void): void {
    this.#onAbandoned = () => {
      if (this.#decided) return;
      this.#decided = true;
      callback();
    };
    if (this.#cancelled) this.#onAbandoned();
  }

  /** Decides for an answer; false when it is too late. */
  accept(): boolean {
    if (this.#decided || this.#cancelled) return false;
    this.#decided = true;
    return true;
  }

  /** There is no room to put it on record: what is left belongs to the calls in progress. */
  refuseUnrecorded(): void {
    this.#decided = true;
    this.call.reject(503, { retryAfterSeconds: noRoomRetryAfterSeconds });
  }

  /** Refuses the call and closes its record; does nothing once decided. */
  refuse(facts: FactLog, cause: EndCause, sipStatus: number, retryAfterSeconds?: number): void {
    if (this.#decided) return;
    this.#decided = true;
    if (this.#cancelled) {
      facts.endLeg(this.call.legId, 'cancelled', { sipStatus: 487 });
      return;
    }
    this.call.reject(sipStatus, retryAfterSeconds === undefined ? {} : { retryAfterSeconds });
    facts.endLeg(this.call.legId, cause, { sipStatus });
  }
}

/** Begins the record of a call that is offered; `stored`: the flow that is to answer it, where that is known. */
export function writeOffered(facts: FactLog, call: IncomingCall, stored?: StoredFlow): void {
  const { legId, fromNumber: from, toNumber: to, sipCallId } = call;
  const flow = stored ? { flowId: stored.flowId, flowVersion: stored.version } : {};
  facts.append(
    { type: 'offered', legId, kind: 'caller', direction: 'inbound', from, to, sipCallId, ...flow },
    facts.clock.at(call.receivedMonotonicMs),
  );
}
