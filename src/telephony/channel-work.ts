import type { PlayRequest } from '../call/telephony.ts';

/** A prompt that a channel plays, or is to play. */
export interface Playing {
  request: PlayRequest;
  eventUuid: string;
  startedAtMs: number;
  tries: number;
  /** A key has ended it within FreeSWITCH; its completion is on the way. */
  keyed: boolean;
}
