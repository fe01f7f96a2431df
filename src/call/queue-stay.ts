import type { CallFact } from '../kernel/call-fact.ts';
import type { FactLog } from './fact-log.ts';

export type LeftReason = Extract<CallFact, { type: 'left-queue' }>['reason'];

/** In which queue a caller is, or was last, and when they wait there: on record. */
export class QueueStay {
  readonly #facts: FactLog;
  readonly #legId: string;
  #queueId: string;
  #waits = false;

  constructor(facts: FactLog, legId: string, queueId: string) {
    this.#facts = facts;
    this.#legId = legId;
    this.#queueId = queueId;
  }

  get queueId(): string {
    return this.#queueId;
  }

  get waits(): boolean {
    return this.#waits;
  }

  /** What is saved of it. */
  get state(): { queueId: string; waits: boolean } {
    return { queueId: this.#queueId, waits: this.#waits };
  }

  /** After a take-over: what is on record already. */
  resume(waits: boolean): void {
    this.#waits = waits;
  }

  enter(queueId = this.#queueId): void {
    this.#queueId = queueId;
    this.#waits = true;
    this.#facts.append({ type: 'queued', legId: this.#legId, queueId });
  }

  leave(reason: LeftReason): void {
    if (!this.#waits) return;
    this.#waits = false;
    this.#facts.append({ type: 'left-queue', legId: this.#legId, queueId: this.#queueId, reason });
  }
}
