import type { Effect } from '../flow/protocol.ts';
import type { FactLog } from './fact-log.ts';
import type { RecordingFolder } from './recordings.ts';
import type { CallIdentity } from './saved-call.ts';
import type { LegEvent, RecordRequest } from './telephony.ts';

type RecordOrder = Extract<Effect, { type: 'record' }>;

/** What the caller says where the flow records them: where each recording goes, and what goes on record of it. */
export class CallerMessages {
  readonly #host: { identity: CallIdentity; recordings: Pick<RecordingFolder, 'fileFor'>; facts: FactLog };
  /** The order by which the caller is being recorded, or was last. */
  #order: RecordOrder | undefined;

  constructor(host: { identity: CallIdentity; recordings: Pick<RecordingFolder, 'fileFor'>; facts: FactLog }) {
    this.#host = host;
  }

  /** Gives what to ask of the leg. */
  begin(order: RecordOrder): RecordRequest {
    this.#order = order;
    const { recordingId, maxDurationMs, silenceMs, stopKeys } = order;
    return { recordingId, file: this.#fileOf(recordingId), maxDurationMs, silenceMs, stopKeys };
  }

  /** The recording is over: it goes on record, unless it failed. */
  done({ recordingId, outcome, durationMs }: Extract<LegEvent, { type: 'record-done' }>): void {
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
