import type { Effect } from '../flow/protocol.ts';
import type { FactLog } from './fact-log.ts';
import { type RecordingFolder, recordedMs } from './recordings.ts';
import type { CallIdentity, SavedMessage } from './saved-call.ts';
import type { LegEvent, RecordRequest } from './telephony.ts';

type RecordOrder = Extract<Effect, { type: 'record' }>;

interface MessagesHost {
  identity: CallIdentity;
  recordings: Pick<RecordingFolder, 'fileFor'>;
  facts: FactLog;
}

/** What the caller says where the flow records them: where each recording goes, and what goes on record of it. */
export class CallerMessages {
  readonly #host: MessagesHost;
  /** The order by which the caller is being recorded, or was last. */
  #order: RecordOrder | undefined;
  /** The one that is being recorded now. */
  #open: SavedMessage | undefined;

  constructor(host: MessagesHost) {
    this.#host = host;
  }

  /** What is saved: whoever takes the call over puts it on record. */
  get saved(): { message?: SavedMessage } {
    return this.#open ? { message: this.#open } : {};
  }

  /** Gives what to ask of the leg. */
  begin(order: RecordOrder): RecordRequest {
    this.#order = order;
    const { recordingId, maxDurationMs, silenceMs, stopKeys, minDurationMs = 0 } = order;
    this.#open = { recordingId, minDurationMs };
    return { recordingId, file: this.#fileOf(recordingId), maxDurationMs, silenceMs, stopKeys };
  }

  /** The recording is over: it goes on record, unless it failed. */
  done({ recordingId, outcome, durationMs }: Extract<LegEvent, { type: 'record-done' }>): void {
    this.#open = undefined;
    if (outcome === 'failed') return;
    const order = this.#order?.recordingId === recordingId ? this.#order : undefined;
    // The silence that ended it is not speech.
    const saidMs = durationMs - (outcome === 'silence' ? (order?.silenceMs ?? 0) : 0);
    const isTooShort = saidMs < (order?.minDurationMs ?? 0);
    const message = isTooShort ? 'too-short' : outcome === 'leg-ended' ? undefined : 'taken';
    this.#host.facts.append({
      type: 'recorded',
      legId: this.#host.identity.callerLegId,
      recordingId,
      file: this.#fileOf(recordingId),
      durationMs: Math.max(0, Math.round(durationMs)),
      ...(message ? { message } : {}),
    });
  }

  #fileOf(recordingId: string): string {
    const { recordings, identity } = this.#host;
    return recordings.fileFor(identity.accountId, identity.callId, recordingId);
  }
}

/** Puts a message on record that was being recorded when its controller died; its file must be complete. */
export async function recoverMessage(
  { recordingId, minDurationMs }: SavedMessage,
  { identity, facts, recordings }: MessagesHost,
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
