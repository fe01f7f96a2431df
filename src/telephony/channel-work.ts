import type { PlayRequest, RecordOutcome, RecordRequest } from '../call/telephony.ts';
import type { TimerHandle } from '../kernel/clock.ts';

/** A prompt that a channel plays, or is to play. */
export interface Playing {
  request: PlayRequest;
  eventUuid: string;
  startedAtMs: number;
  tries: number;
  /** A key has ended it within FreeSWITCH; its completion is on the way. */
  keyed: boolean;
}

/** A caller's message that is being recorded. */
export interface Recording {
  request: RecordRequest;
  eventUuid: string;
  startedAtMs: number;
  limit: TimerHandle | undefined;
  stopped: RecordOutcome | undefined;
}
