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
  /** Not on disk yet: the next controller writes them as they are, and a fact that is there twice counts once. */
  unwritten?: CallFact[];
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
  readonly #unwritten = new Set<CallFact>();
  #nextSeq = 1;
  #closed = false;

  constructor(options: FactLogOptions, takenOver?: FactLogState) {
    this.#options = options;
    if (!takenOver) return;
    this.#nextSeq = (Math.floor(takenOver.nextSeq / takeoverSeqStep) + 1) * takeoverSeqStep;
    for (const legId of takenOver.openLegIds) this.#openLegIds.add(legId);
    for (const fact of takenOver.unwritten ?? []) this.#write(fact);
  }

  get state(): FactLogState {
    return { nextSeq: this.#nextSeq, openLegIds: [...this.#openLegIds], unwritten: [...this.#unwritten] };
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
    const { callId, accountId } = this.#options;
    this.#write({
      ...body,
      factId: newId('fact'),
      callId,
      accountId,
      seq: this.#nextSeq++,
      atMs: Math.max(0, Math.round(atMs)),
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

  #write(fact: CallFact): void {
    const { ledger, logger, callId } = this.#options;
    this.#unwritten.add(fact);
    const done = () => this.#unwritten.delete(fact);
    ledger.append(fact).then(done, (error: unknown) => {
      done();
      logger.error({ callId, factType: fact.type, err: errorMessage(error) }, 'a call fact could not be recorded');
    });
  }
}
