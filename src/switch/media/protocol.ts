import type { MessagePort } from 'node:worker_threads';
import type { Codec, LegMedia, ListenMode, MediaEngineEvents, MediaStats, PlayCommand, RecordCommand } from './api.ts';
import type { Fault } from './faults.ts';

/** Messages between the engine and its workers. Each side's arrive in the order they were sent. */

/** Orders that are not answered. */
export type Order =
  | { type: 'setMedia'; legId: string; media: LegMedia }
  | { type: 'play'; legId: string; command: PlayCommand }
  | { type: 'stopPlay'; legId: string }
  | { type: 'record'; legId: string; command: RecordCommand }
  | { type: 'stopRecord'; legId: string; recordingId?: string }
  | { type: 'maskRecord'; legId: string; recordingId: string; masked: boolean }
  | { type: 'bridge'; legA: string; legB: string }
  /** Bridges with a leg of another worker, over a channel. */
  | { type: 'trunk'; legId: string; port: MessagePort }
  /** Somebody of any worker listens at the leg, over a channel. */
  | { type: 'tap'; legId: string; listenerId: string; mode: ListenMode; port: MessagePort }
  | { type: 'tapMode'; legId: string; listenerId: string; mode: ListenMode }
  | { type: 'unbridge'; legId: string }
  | { type: 'sendDigits'; legId: string; digits: string; durationMs: number }
  | { type: 'injectDigit'; legId: string; digit: string; durationMs: number }
  | { type: 'setMediaTimeout'; legId: string; timeoutMs: number; holdTimeoutMs: number };

/** Questions, each answered once under its `request` number. */
export interface Answers {
  /** Refused with the code EADDRINUSE when the port is taken. */
  open: { ask: { legId: string; address: string; rtpPort: number }; answer: null };
  close: { ask: { legId: string }; answer: MediaStats };
  stats: { ask: { legId: string }; answer: MediaStats };
  lateness: { ask: object; answer: Lateness };
  usage: { ask: object; answer: Usage };
  /** A sign of life. */
  beat: { ask: object; answer: null };
  stop: { ask: object; answer: null };
}

export interface Lateness {
  sent: number;
  late: number;
}

/** What a worker holds: for the tests that look for leaks, and for the bench. */
export interface Usage {
  legs: number;
  sockets: number;
  promptBytes: number;
  skippedFrames: number;
  /** Errors that were caught. */
  faults: number;
}

export type Question = {
  [Name in keyof Answers]: { type: Name; request: number } & Answers[Name]['ask'];
}[keyof Answers];

export type LegEventName = Exclude<keyof MediaEngineEvents, 'media-lost' | 'fault' | 'workers'>;

export type Report =
  | { type: 'answer'; request: number; answer: unknown }
  | { type: 'refusal'; request: number; code: string; message: string }
  | { type: 'fault'; fault: Fault }
  | LegReport;

/** An event of a leg, with the arguments that follow the leg's id. */
export type LegReport = {
  [Name in LegEventName]: { type: 'event'; name: Name; args: MediaEngineEvents[Name] };
}[LegEventName];

/** Between a leg and whoever hears it from another worker, or listens at it. */
export type TrunkMessage =
  | { type: 'frame'; codec: Codec; bytes: Uint8Array }
  | { type: 'digit'; digit: string; durationMs: number }
  | { type: 'release' };
