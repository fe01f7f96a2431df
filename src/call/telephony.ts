import type { EndCause, LegKind } from '../kernel/call-fact.ts';
import type { PhoneAddress } from './phones.ts';

/**
 * The port through which `call` drives telephones. It speaks of legs, prompts, digits, recordings and bridges;
 * which switch stands behind it is the adapter's business (`src/telephony`, and `test/support/fake-telephony.ts`).
 * Expected outcomes are values; no method here rejects for something a caller or a phone can do.
 */
export interface Telephony {
  /** Connects and starts to offer calls; resolves once a call could be answered. */
  start(handlers: TelephonyHandlers): Promise<void>;
  /**
   * Wants no new calls: inbound ones go to other controllers, or get 503 where there is none; an outbound one without
   * a `peer` begins a call and is refused (`draining`). Calls in progress go on, and dial whom they need. A call that
   * is offered all the same came when only we could take it.
   */
  drain(): void;
  /** Lets go of every connection. Legs that still exist are not ended: `end` them first. */
  stop(): Promise<void>;
  status(): TelephonyStatus;
  /** Dials out. The leg's audio goes nowhere until it is bridged. */
  dial(request: DialRequest): DialAttempt;
  /** Takes over a leg that another controller drove; undefined when it no longer exists on the switch. */
  adopt(snapshot: LegSnapshot, onEvent: (event: LegEvent) => void): Promise<Leg | undefined>;
  /** Whether a media server has a channel of this leg; undefined: not every one can be asked now. */
  hasChannel(legId: string): Promise<boolean | undefined>;
}

export interface TelephonyHandlers {
  /** A new INVITE. It must be answered or rejected; the adapter itself has already sent 100 Trying. */
  onIncoming(call: IncomingCall): void;
  /** The SIP status that a call to this number would get now; 200: it would be answered. '': to no number at all. */
  outlook(toNumber: string): Promise<number>;
}

export interface TelephonyStatus {
  /** True when a call offered now could be answered. */
  ready: boolean;
  /** One entry per media server. */
  mediaServers: { name: string; ready: boolean; legs: number }[];
}

/** An INVITE from the network that has no final answer yet. */
export interface IncomingCall {
  /** The id that the caller's leg has once it is answered; on record from the first moment. */
  readonly legId: string;
  /** Call-ID of the caller's dialog. */
  readonly sipCallId: string;
  /** Of From (P-Asserted-Identity where trusted): a number in one spelling, `anonymous` where withheld or none. */
  readonly fromNumber: string;
  /** The number dialled, in one spelling. */
  readonly toNumber: string;
  /** When the INVITE came, by the monotonic clock. */
  readonly receivedMonotonicMs: number;
  /** Where it comes from; left out: from ourselves. */
  readonly source?: { address: string; isTrusted: boolean };
  /** Refuses the call; safe after a cancel. */
  reject(status: number, options?: { retryAfterSeconds?: number; reason?: string }): void;
  /** Calls back once if the caller gives up before a final answer (also when that has already happened). */
  onCancelled(callback: () => void): void;
  /** Connects the caller to a media server and answers with its SDP. */
  answer(onEvent: (event: LegEvent) => void): Promise<AnswerOutcome>;
}

export type AnswerOutcome =
  | { ok: true; leg: Leg }
  /** `sipStatus`: what the caller was told (487, 488, 503 …); `fault`: what was wrong with what the caller offered. */
  | { ok: false; cause: EndCause; sipStatus: number; fault?: string };

/**
 * What happens on a leg, in order, and when by the monotonic clock of this process. After `ended` nothing follows.
 */
export type LegEvent =
  | { type: 'digit'; digit: string; durationMs: number; atMonotonicMs: number }
  | { type: 'play-done'; playId: string; outcome: PlayOutcome; atMonotonicMs: number }
  | { type: 'record-done'; recordingId: string; outcome: RecordOutcome; durationMs: number; atMonotonicMs: number }
  /** The other leg of a bridge went away; this one is parked again. */
  | { type: 'unbridged'; peerLegId: string; atMonotonicMs: number }
  /** The party has put us on hold by its phone, or is back. Whoever it talks to hears the media server's hold music. */
  | { type: 'held'; held: boolean; atMonotonicMs: number }
  /** The leg listens no more: told to stop, or the target has gone. It is parked, or does what it was told since. */
  | { type: 'listen-done'; targetLegId: string; atMonotonicMs: number }
  | { type: 'ended'; cause: EndCause; sipStatus?: number; atMonotonicMs: number };

/** `finished`: heard to the end; `stopped`: by a key or by `stopPlay`; `not-found`: a file is missing; `failed`: the switch could not; `leg-ended`: the party has gone. */
export type PlayOutcome = 'finished' | 'stopped' | 'not-found' | 'failed' | 'leg-ended';
/** Why a recording ended. `failed`: it could not be written, or no further; what it says it holds (`durationMs`) is there. */
export type RecordOutcome = 'stopped' | 'silence' | 'key' | 'limit' | 'leg-ended' | 'failed';

/** Something that can be heard: a WAV file (absolute path) or a generated sound in FreeSWITCH's notation. */
export type Sound =
  | { file: string }
  /** e.g. `%(400,200,400,450)`; see FreeSWITCH's `tone_stream`. */
  | { tone: string; loops?: number }
  | { silenceMs: number };

export interface PlayRequest {
  playId: string;
  sounds: Sound[];
  /** A key stops the prompt inside the switch, which is faster than stopping it from here. */
  stopOnDigit: boolean;
  /** Repeats until stopped (hold music, ring-back). */
  loop?: boolean;
}

export interface RecordRequest {
  recordingId: string;
  /** Absolute path of the WAV to write (8 kHz, 16 bit). */
  file: string;
  maxDurationMs: number;
  /** Ends the recording after this much silence; 0 = never. */
  silenceMs: number;
  /** Any of these keys ends the recording; '' = none. */
  stopKeys: string;
}

/** A recording of the leg and of whom it talks to, whatever else the leg does meanwhile. */
export interface CallRecordRequest {
  recordingId: string;
  /** Absolute path of the WAV to write (8 kHz, 16 bit); without quotes or line ends. */
  file: string;
  /** Left is what the leg says, right what it hears; otherwise both in one channel. */
  stereo: boolean;
  /** Pauses count. */
  maxDurationMs: number;
}

/** `pause`: silence in the file until `resume`. */
export type RecordingOrder = 'pause' | 'resume' | 'stop';

/** Who hears a listener: nobody, only the leg listened to, or that and whoever it talks to. */
export type ListenMode = 'listen' | 'whisper' | 'join';

/** A party that is on the line. Commands to a leg that has ended do nothing. */
export interface Leg {
  readonly legId: string;
  readonly kind: LegKind;
  /** Ends with one `play-done`. A second `play` while one runs stops the first. */
  play(request: PlayRequest): void;
  stopPlay(): void;
  /** Ends with one `record-done`. */
  record(request: RecordRequest): void;
  stopRecord(): void;
  /** Records both sides in the background; ends with one `record-done` (`stopped`, `limit`, `leg-ended`, `failed`). */
  recordCall(request: CallRecordRequest): void;
  /** Goes on with one that another controller has begun, so that it can be ordered and its end is told. */
  adoptRecording(request: CallRecordRequest, startedAgoMs: number): void;
  /** To a recording that `recordCall` began; nothing where it is over. */
  orderRecording(recordingId: string, order: RecordingOrder): void;
  /** Two-way audio with another leg; resolves false when either is gone. */
  bridge(peer: Leg): Promise<boolean>;
  /**
   * Parts this leg and the one it is bridged with, and ends neither: both are parked, can be played to and bridged
   * again, and neither is told `unbridged`. Resolves false where there is no bridge or either has gone.
   */
  unbridge(): Promise<boolean>;
  /**
   * Hears what another leg of the same media server says and hears, whomever it talks to, until `stopListening`, until
   * this leg is told to play, record or bridge, or the target goes: then `listen-done`. Again with the same target it
   * only changes the mode. Keys pressed meanwhile are not told. Resolves false where either has gone, or this leg
   * is bridged.
   */
  listen(target: Leg, mode: ListenMode): Promise<boolean>;
  stopListening(): void;
  /** How many signs of keys have come: while a key is held down they get more. Undefined where that is not known. */
  keySigns(): Promise<number | undefined>;
  /** Ends the leg with BYE; resolves when the switch has confirmed or a deadline has passed. */
  end(cause: EndCause): Promise<void>;
  /** All that another controller needs to take the leg over: plain JSON. */
  snapshot(): LegSnapshot;
}

export interface LegSnapshot {
  legId: string;
  kind: LegKind;
  /** The adapter's own fields: media server, channel uuid, dialog ids. */
  adapter: Record<string, string | number | boolean | null>;
}

export type DialRequest = DialTarget & DialOptions;

export type DialTarget =
  /** The number to dial; the adapter maps it to a SIP URI by its trunk. */
  | { toNumber: string; phones?: never }
  /** An agent's phones, rung all at once: the first who answers has the call. */
  | { phones: readonly PhoneAddress[]; toNumber?: never };

export interface DialOptions {
  legId: string;
  kind: LegKind;
  /** Caller id shown to the phone that rings. */
  fromNumber: string;
  displayName?: string;
  /** Rings for at most this long. */
  ringTimeoutMs: number;
  /** The leg this one will be bridged with: it is placed on the same media server. */
  peer?: Leg;
  /** A phone has been sent its INVITE: `snapshot` says what stops it. Once for each phone. */
  onSent?(): void;
  onRinging(): void;
  onEvent(event: LegEvent): void;
}

export interface DialAttempt {
  readonly legId: string;
  /** What another controller needs to stop the ringing, by `adopt` and `end`; complete once all phones have been sent theirs. */
  snapshot(): LegSnapshot;
  readonly outcome: Promise<DialOutcome>;
  /** Stops the ringing (CANCEL) or, if just answered, hangs up. */
  cancel(): void;
}

export type DialOutcome =
  | { ok: true; leg: Leg }
  | {
      ok: false;
      cause: Extract<EndCause, 'busy' | 'no-answer' | 'rejected' | 'unreachable' | 'cancelled' | 'draining' | 'failed'>;
      sipStatus?: number;
    };
