import type { CallRecordRequest, RecordingOrder, RecordOutcome } from '../call/telephony.ts';
import type { Clock, TimerHandle } from '../kernel/clock.ts';
import type { ChannelEvent } from './event-link.ts';

export interface CallRecordingsOptions {
  uuid: string;
  clock: Clock;
  api(command: string): Promise<string>;
  onDone(recordingId: string, outcome: RecordOutcome, durationMs: number): void;
}

interface CallRecording {
  request: CallRecordRequest;
  startedAtMs: number;
  limit: TimerHandle;
  /** Why it is being ended, where that was ordered. */
  ending: RecordOutcome | undefined;
}

/** FreeSWITCH counts whole seconds; ours is the limit that counts, its is for the time when nobody watches. */
const limitGraceSeconds = 2;

/** What FreeSWITCH gathers in memory before it writes: half a second of two who talk, which is lost where the disk fills. */
const bufferBytes = 16_384;

/** Recordings of what a channel says and hears, which go on in the background whatever else it does (`uuid_record`). */
export class CallRecordings {
  readonly #options: CallRecordingsOptions;
  readonly #recordings = new Map<string, CallRecording>();

  constructor(options: CallRecordingsOptions) {
    this.#options = options;
  }

  start(request: CallRecordRequest): void {
    const { uuid, api } = this.#options;
    const { recordingId, file, stereo, maxDurationMs } = request;
    this.adopt(request, 0);
    api(`uuid_setvar ${uuid} RECORD_STEREO ${stereo}`);
    api(`uuid_setvar ${uuid} enable_file_write_buffering ${bufferBytes}`);
    const limitSeconds = Math.ceil(maxDurationMs / 1_000) + limitGraceSeconds;
    api(`uuid_record ${uuid} start '${file}' ${limitSeconds}`).then((reply) => {
      if (!reply.startsWith('+OK')) this.#finish(recordingId, 'failed', 0);
    });
  }

  /** One that another controller began. Where it is over already, that is found out when it is to be ended. */
  adopt(request: CallRecordRequest, startedAgoMs: number): void {
    const { clock } = this.#options;
    const { recordingId, maxDurationMs } = request;
    const leftMs = Math.max(0, maxDurationMs - startedAgoMs);
    const limit = clock.setTimeout(() => this.#end(recordingId, 'limit'), leftMs);
    const startedAtMs = clock.monotonicMs() - startedAgoMs;
    this.#recordings.set(recordingId, { request, startedAtMs, limit, ending: undefined });
  }

  order(recordingId: string, order: RecordingOrder): void {
    const { uuid, api } = this.#options;
    const recording = this.#recordings.get(recordingId);
    if (!recording) return;
    if (order === 'stop') this.#end(recordingId, 'stopped');
    else api(`uuid_record ${uuid} ${order === 'pause' ? 'mask' : 'unmask'} '${recording.request.file}'`);
  }

  /** RECORD_STOP: a recording is over and its file complete. */
  onStopped(event: ChannelEvent): void {
    const file = event.header('Record-File-Path');
    const done = [...this.#recordings.values()].find(({ request }) => request.file === file);
    if (!done) return;
    const failed = event.header('Record-Completion-Cause') === 'uri-failure';
    const recordedMs = Number(event.header('variable_record_ms'));
    const outcome = failed ? 'failed' : (done.ending ?? 'limit');
    this.#finish(done.request.recordingId, outcome, Number.isFinite(recordedMs) ? recordedMs : undefined);
  }

  /** The channel is gone, and its recordings ended with it. */
  close(): void {
    for (const recordingId of [...this.#recordings.keys()]) this.#finish(recordingId, 'leg-ended');
  }

  #end(recordingId: string, why: RecordOutcome): void {
    const recording = this.#recordings.get(recordingId);
    if (!recording || recording.ending) return;
    recording.ending = why;
    const { uuid, api } = this.#options;
    api(`uuid_record ${uuid} stop '${recording.request.file}'`).then((reply) => {
      // Where it was over already, its RECORD_STOP was missed: the link was down.
      if (!reply.startsWith('+OK')) this.#finish(recordingId, why);
    });
  }

  #finish(recordingId: string, outcome: RecordOutcome, recordedMs?: number): void {
    const recording = this.#recordings.get(recordingId);
    if (!recording) return;
    this.#recordings.delete(recordingId);
    const { clock, onDone } = this.#options;
    clock.clearTimeout(recording.limit);
    const elapsedMs = Math.min(clock.monotonicMs() - recording.startedAtMs, recording.request.maxDurationMs);
    onDone(recordingId, outcome, Math.round(recordedMs ?? elapsedMs));
  }
}
