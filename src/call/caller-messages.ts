import type { Effect } from '../flow/protocol.ts';
import type { FactLog } from './fact-log.ts';
import { type RecordingFolder, recordedMs } from './recordings.ts';
import type { CallIdentity, SavedMessage } from './saved-call.ts';
import type { Leg, LegEvent } from './telephony.ts';

type RecordOrder = Extract<Effect, { type: 'record' }>;
type RecordDone = Extract<LegEvent, { type: 'record-done' }>;

interface MessagesHost {
  identity: CallIdentity;
  recordings: Pick<RecordingFolder, 'fileFor' | 'hasRoom' | 'onFull'>;
  facts: FactLog;
}

/** What the caller says where the flow records them: where each recording goes, and what goes on record of it. */
export class CallerMessages {
  readonly #host: MessagesHost;
  /** The order by which the caller is being recorded, or was last. */
  #order: RecordOrder | undefined;
  /** The one that is being recorded now. */
  #open: SavedMessage | undefined;
  /** It is being ended because there is no more room for it. */
  #isCut = false;
  #stopWatching: (() => void) | undefined;

  constructor(host: MessagesHost) {
    this.#host = host;
  }

  /** What is saved: whoever takes the call over puts it on record. */
  get saved(): { message?: SavedMessage } {
    return this.#open ? { message: this.#open } : {};
  }

  /** Has the leg record. Where there is no room `tell` is told at once that it failed. */
  begin(order: RecordOrder, leg: Leg | undefined, tell: (event: RecordDone) => void): void {
    this.#order = order;
    const { recordings, facts } = this.#host;
    const { recordingId, maxDurationMs, silenceMs, stopKeys, minDurationMs = 0 } = order;
    this.#isCut = false;
    if (!recordings.hasRoom) {
      const atMonotonicMs = facts.clock.monotonicMs();
      tell({ type: 'record-done', recordingId, outcome: 'failed', durationMs: 0, atMonotonicMs });
      return;
    }
    this.#open = { recordingId, minDurationMs };
    this.#stopWatching = recordings.onFull(() => {
      this.#isCut = true;
      leg?.stopRecord();
    });
    leg?.record({ recordingId, file: this.#fileOf(recordingId), maxDurationMs, silenceMs, stopKeys });
  }

  /** The recording is over: it goes on record. `tell` is given what the flow is to know of it. */
  done(event: RecordDone, tell: (event: RecordDone) => void): void {
    this.#open = undefined;
    this.#stopWatching?.();
    const { recordingId } = event;
    const file = this.#fileOf(recordingId);
    const recorded = { type: 'recorded', legId: this.#host.identity.callerLegId, recordingId, file } as const;
    const order = this.#order?.recordingId === recordingId ? this.#order : undefined;
    const { facts } = this.#host;
    if (event.outcome === 'failed' || this.#isCut) {
      keptMs(file, event.durationMs).then((durationMs) => {
        facts.append({ ...recorded, durationMs, incomplete: incompleteness(durationMs) });
        tell({ ...event, durationMs, outcome: event.outcome === 'leg-ended' ? 'leg-ended' : 'failed' });
      });
      return;
    }
    const { outcome, durationMs } = event;
    // The silence that ended it is not speech.
    const saidMs = durationMs - (outcome === 'silence' ? (order?.silenceMs ?? 0) : 0);
    const isTooShort = saidMs < (order?.minDurationMs ?? 0);
    const message = isTooShort ? 'too-short' : outcome === 'leg-ended' ? undefined : 'taken';
    facts.append({
      ...recorded,
      durationMs: Math.max(0, Math.round(durationMs)),
      ...(message ? { message } : {}),
    });
    tell(event);
  }

  #fileOf(recordingId: string): string {
    const { recordings, identity } = this.#host;
    return recordings.fileFor(identity.accountId, identity.callId, recordingId);
  }
}

/**
 * How much of a recording is there that could not be written to its end. FreeSWITCH counts what it still held in memory
 * too, up to four seconds; where the file is on another machine's disk, that must do. Never rejects.
 */
export async function keptMs(file: string, countedMs: number): Promise<number> {
  return Math.max(0, Math.round((await recordedMs(file)) ?? countedMs));
}

/** Of a recording that failed when so much of it was there. */
export function incompleteness(durationMs: number): 'cut-short' | 'missing' {
  return durationMs > 0 ? 'cut-short' : 'missing';
}

/** Puts a message on record that was being recorded when its controller died; its file must be complete. */
export async function recoverMessage(
  { recordingId, minDurationMs }: SavedMessage,
  { identity, facts, recordings }: Omit<MessagesHost, 'recordings'> & { recordings: Pick<RecordingFolder, 'fileFor'> },
  atMs?: number,
): Promise<void> {
  const { accountId, callId, callerLegId: legId } = identity;
  const file = recordings.fileFor(accountId, callId, recordingId);
  const durationMs = await recordedMs(file);
  // Nothing was said yet, or the file is on the disk of another machine.
  if (!durationMs) return;
  const message = durationMs < minDurationMs ? ({ message: 'too-short' } as const) : {};
  facts.append({ type: 'recorded', legId, recordingId, file, durationMs, ...message }, atMs);
}
