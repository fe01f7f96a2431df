import { randomUUID } from 'node:crypto';
import type { RecordOutcome, RecordRequest } from '../call/telephony.ts';
import type { Clock, TimerHandle } from '../kernel/clock.ts';
import { durationOf, recordOutcome } from './channel-events.ts';
import type { ChannelEvent } from './event-link.ts';

/** What is louder is speech, in FreeSWITCH's measure. */
const silenceThreshold = 200;

interface Recording {
  request: RecordRequest;
  eventUuid: string;
  startedAtMs: number;
  limit: TimerHandle | undefined;
  /** Why it is being ended, where that was ordered. */
  stopped: RecordOutcome | undefined;
}

export interface MessageRecordingOptions {
  clock: Clock;
  execute(argument: string, eventUuid: string, onRefused: () => void): void;
  /** Ends what the channel executes. */
  breakOff(): void;
  onDone(recordingId: string, outcome: RecordOutcome, durationMs: number): void;
}

/** The recording of a message that the caller leaves: FreeSWITCH's application `record`, one at a time. */
export class MessageRecording {
  readonly #options: MessageRecordingOptions;
  #recording: Recording | undefined;

  constructor(options: MessageRecordingOptions) {
    this.#options = options;
  }

  get isActive(): boolean {
    return this.#recording !== undefined;
  }

  /** The keys that end it are set already. */
  start(request: RecordRequest): void {
    const { clock, execute } = this.#options;
    const eventUuid = randomUUID();
    const limit = clock.setTimeout(() => this.stop('limit'), request.maxDurationMs);
    this.#recording = { request, eventUuid, startedAtMs: clock.monotonicMs(), limit, stopped: undefined };
    const limitSeconds = Math.ceil(request.maxDurationMs / 1_000) + 1;
    const silence = request.silenceMs > 0 ? ` ${silenceThreshold} ${Math.ceil(request.silenceMs / 1_000)}` : '';
    execute(`'${request.file}' ${limitSeconds}${silence}`, eventUuid, () => this.finish('failed', 0));
  }

  stop(why: 'stopped' | 'limit'): void {
    const recording = this.#recording;
    if (!recording || recording.stopped) return;
    recording.stopped = why;
    this.#options.breakOff();
  }

  /** False: the event is not of this recording. */
  onExecuted(event: ChannelEvent): boolean {
    const recording = this.#recording;
    if (!recording || event.header('Application-UUID') !== recording.eventUuid) return false;
    const outcome = recordOutcome(event);
    const isBroken = outcome === 'failed' && !recording.stopped;
    this.finish(outcome, durationOf(event) ?? (isBroken ? 0 : undefined));
    return true;
  }

  /** It is over, as far as we are concerned. */
  finish(outcome: RecordOutcome, recordedMs?: number): void {
    const recording = this.#recording;
    if (!recording) return;
    this.#recording = undefined;
    const { clock, onDone } = this.#options;
    clock.clearTimeout(recording.limit);
    const durationMs = Math.round(recordedMs ?? clock.monotonicMs() - recording.startedAtMs);
    onDone(recording.request.recordingId, recording.stopped ?? outcome, durationMs);
  }
}
