import { CallClock, type ClockAnchor } from '../kernel/call-clock.ts';
import {
  type CallFact,
  type CallFactBody,
  type EndCause,
  type EndWitness,
  endedFactId,
  recordedFactId,
} from '../kernel/call-fact.ts';
import type { Clock } from '../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { FactSink } from '../ledger/ledger.ts';

/** After a take-over the numbering goes on from the next multiple of this: what the dead controller wrote last is unknown. */
const takeoverSeqStep = 1_000;
/** The journal will never take it, or takes nothing any more. */
const hopelessCodes = new Set(['FACT_INVALID', 'JOURNAL_CLOSED']);
const firstRetryMs = 500;
const maxRetryMs = 10_000;

/** The part of a call's record that moves with it to another controller. */
export interface FactLogState {
  nextSeq: number;
  openLegIds: string[];
  /** The call's time. */
  time?: { anchor: ClockAnchor; lastMs: number };
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
  /** The call's time: all of its facts have it. */
  readonly clock: CallClock;
  readonly #options: FactLogOptions;
  /** Of each open leg: nothing on record of it is earlier than what was before. */
  readonly #lastAtMs = new Map<string, number>();
  #lastMs = 0;
  readonly #openLegIds = new Set<string>();
  readonly #unwritten = new Set<CallFact>();
  readonly #onWritten: (() => void)[] = [];
  #nextSeq = 1;
  #closed = false;

  constructor(options: FactLogOptions, takenOver?: FactLogState) {
    this.#options = options;
    const { clock } = options;
    this.clock = takenOver
      ? CallClock.goOn(clock, takenOver.time?.anchor, takenOver.time?.lastMs)
      : new CallClock(clock);
    if (!takenOver) return;
    this.#lastMs = takenOver.time?.lastMs ?? 0;
    this.#nextSeq = (Math.floor(takenOver.nextSeq / takeoverSeqStep) + 1) * takeoverSeqStep;
    for (const legId of takenOver.openLegIds) this.#openLegIds.add(legId);
    for (const fact of takenOver.unwritten ?? []) this.#write(fact);
  }

  get state(): FactLogState {
    return {
      nextSeq: this.#nextSeq,
      openLegIds: [...this.#openLegIds],
      time: { anchor: this.clock.anchor, lastMs: this.#lastMs },
      unwritten: [...this.#unwritten],
    };
  }

  get openLegIds(): string[] {
    return [...this.#openLegIds];
  }

  isOpen(legId: string): boolean {
    return this.#openLegIds.has(legId);
  }

  /** Resolves when all that was appended so far is on disk, or can never be. */
  async written(): Promise<void> {
    if (this.#unwritten.size === 0) return;
    await new Promise<void>((resolve) => this.#onWritten.push(resolve));
  }

  /** Appends a fact. Facts of a leg that has ended are dropped: nothing follows `ended`. */
  append(body: CallFactBody, atMs = this.clock.nowMs()): void {
    if (this.#closed) return;
    if (body.type === 'offered') this.#openLegIds.add(body.legId);
    else if (!this.#openLegIds.has(body.legId)) return;
    const lastMs = Math.max(0, Math.round(atMs), this.#lastAtMs.get(body.legId) ?? 0);
    this.#lastAtMs.set(body.legId, lastMs);
    this.#lastMs = Math.max(this.#lastMs, lastMs);
    if (body.type === 'ended') {
      this.#openLegIds.delete(body.legId);
      this.#lastAtMs.delete(body.legId);
    }
    const { callId, accountId } = this.#options;
    this.#write({
      ...body,
      factId: factIdOf(body, callId),
      callId,
      accountId,
      seq: this.#nextSeq++,
      atMs: lastMs,
    });
  }

  /** Closes a leg's record, once; later calls change nothing. */
  endLeg(legId: string, cause: EndCause, details: EndDetails = {}): void {
    const { sipStatus, atMs, witness } = details;
    const status = sipStatus === undefined ? {} : { sipStatus };
    this.append({ type: 'ended', legId, cause, ...status, ...(witness === undefined ? {} : { witness }) }, atMs);
  }

  /** Another controller writes this call's record now. */
  letGo(): void {
    this.#closed = true;
  }

  #write(fact: CallFact): void {
    this.#unwritten.add(fact);
    this.#tryToWrite(fact, firstRetryMs);
  }

  /** As often as it takes: what has happened is on record in the end, however full the disk was. */
  #tryToWrite(fact: CallFact, pauseMs: number): void {
    const { ledger, logger, clock, callId } = this.#options;
    ledger.append(fact).then(
      () => this.#done(fact),
      (error: unknown) => {
        const isHopeless = this.#closed || (error instanceof DenwabanError && hopelessCodes.has(error.code));
        const log = isHopeless ? logger.error : pauseMs === firstRetryMs ? logger.warn : logger.debug;
        const fields = { callId, factType: fact.type, err: errorMessage(error) };
        log.call(logger, fields, isHopeless ? 'a call fact is lost' : 'a call fact could not be recorded; tried again');
        if (isHopeless) this.#done(fact);
        else clock.setTimeout(() => this.#tryToWrite(fact, Math.min(maxRetryMs, 2 * pauseMs)), pauseMs);
      },
    );
  }

  #done(fact: CallFact): void {
    this.#unwritten.delete(fact);
    if (this.#unwritten.size === 0) for (const tell of this.#onWritten.splice(0)) tell();
  }
}

/** What goes on record of an end besides its cause. */
export interface EndDetails {
  sipStatus?: number | undefined;
  atMs?: number;
  witness?: EndWitness;
}

/** Of what happens once and may be written by several, the id says what it is. */
function factIdOf(body: CallFactBody, callId: string): string {
  if (body.type === 'ended') return endedFactId(body.legId);
  return body.type === 'recorded' ? recordedFactId(callId, body.recordingId) : newId('fact');
}
