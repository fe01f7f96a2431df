import type { PlayOutcome, RecordOutcome } from '../call/telephony.ts';

/** What a channel needs of the FreeSWITCH it lives on. Answers begin with `-ERR` where something went wrong. */
export interface ChannelCommands {
  /** It can wait within an application (`msleep`), so that an order given meanwhile begins without a frame's delay. */
  readonly canLinger: boolean;
  /** Says whether the channel waits for a key, so that its events are to be had without delay. */
  awaitKeys(uuid: string, waits: boolean): void;
  /** Sends an event to the channel, for the application that runs there. */
  tell(uuid: string, headers: Readonly<Record<string, string>>): Promise<string>;
  api(command: string): Promise<string>;
  execute(uuid: string, order: { app: string; argument: string; eventUuid?: string; lock?: boolean }): Promise<string>;
}

/** What happens on a channel, in order. */
export interface ChannelHandlers {
  onDigit(digit: string, durationMs: number): void;
  onPlayDone(playId: string, outcome: PlayOutcome): void;
  onRecordDone(recordingId: string, outcome: RecordOutcome, durationMs: number): void;
  onUnbridged(peerUuid: string): void;
  onListenDone(targetUuid: string): void;
  onHeld(held: boolean): void;
  /** FreeSWITCH has ended the channel; `cause` is its own word (`NORMAL_CLEARING`, `MEDIA_TIMEOUT` …). */
  onHangup(cause: string): void;
}
