import type { CallFact, CallFactBody, EndCause } from '../kernel/call-fact.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { FactSink } from '../ledger/ledger.ts';

/** After a take-over the numbering goes on from the next multiple of this: what the dead controller wrote last is unknown. */
const takeoverSeqStep = 1_000;

/** The part of a call's record that moves with it to another controller. */
export interface FactLogState {
  nextSeq: number;
  openLegIds: string[];
}

export interface FactLogOptions {
  ledger: FactSink;
  clock: Clock;
  logger: Logger;
  callId: string;
  accountId: string | null;
}

/** Writes a call's facts: numbers them, and sees to it that each leg that was offered ends exactly once. */
export class FactLog {
  readonly #options: FactLogOptions;
  readonly #openLegIds = new Set<string>();
  #nextSeq = 1;
  #closed = false;

  constructor(options: FactLogOptions, takenOver?: FactLogState) {
    this.#options = options;
    if (!takenOver) return;
    this.#nextSeq = (Math.floor(takenOver.nextSeq / takeoverSeqStep) + 1) * takeoverSeqStep;
    for (const legId of takenOver.openLegIds) this.#openLegIds.add(legId);
  }

  get state(): FactLogState {
    return { nextSeq: this.#nextSeq, openLegIds: [...this.#openLegIds] };
  }

  get openLegIds(): string[] {
    return [...this.#openLegIds];
  }

  isOpen(legId: string): boolean {
    return this.#openLegIds.has(legId);
  }

  /** Appends a fact. Facts of a leg that has ended are dropped: nothing follows `ended`. */
  append(body: CallFactBody, atMs = this.#options.clock.nowMs()): void {
    if (this.#closed) return;
    if (body.type === 'offered') this.#openLegIds.add(body.legId);
    else if (!this.#openLegIds.has(body.legId)) return;
    if (body.type === 'ended') this.#openLegIds.delete(body.legId);
    const { ledger, logger, callId, accountId } = this.#options;
    const fact: CallFact = {
      ...body,
      factId: newId('fact'),
      callId,
      accountId,
      seq: this.#nextSeq++,
      atMs: Math.max(0, Math.round(atMs)),
    };
    ledger.append(fact).catch((error: unknown) => {
      logger.error({ callId, factType: fact.type, err: errorMessage(error) }, 'a call fact could not be recorded');
    });
  }

  /** Closes a leg's record, once; later calls change nothing. */
  endLeg(legId: string, cause: EndCause, details: { sipStatus?: number | undefined; atMs?: number } = {}): void {
    const { sipStatus, atMs } = details;
    this.append({ type: 'ended', legId, cause, ...(sipStatus === undefined ? {} : { sipStatus }) }, atMs);
  }

  /** Another controller writes this call's record now. */
  letGo(): void {
    this.#closed = true;
  }
}
