/**
 * What passes between the interpreter (`flow`, pure) and the actor (`call`, which owns the telephone).
 * Everything here is plain JSON, so a call's state can be saved, moved to another controller, or simulated.
 */

/** A prompt resolved for the call's language. */
export type Prompt =
  /** Path relative to the flow folder (or absolute), WAV. */
  | { file: string }
  /** To be spoken: the speech room turns it into a file. */
  | { text: string; language: string }
  | { tone: string; loops?: number }
  | { silenceMs: number };

/** Orders to the actor. The actor runs them in order and later feeds the matching event back. */
export type Effect =
  /** Ends with `play-done` carrying the same `playId`. `stopOnDigit`: a key stops it within the switch. */
  | { type: 'play'; playId: string; prompts: Prompt[]; stopOnDigit: boolean; loop?: boolean }
  | { type: 'stop-play' }
  /**
   * A timer of the same id replaces the running one. Ends with `timer` unless cancelled. `forKey`: it is a key that is
   * waited for, and one that is held down when the time is up is in time: the timer goes on until it is let go.
   */
  | { type: 'start-timer'; timerId: string; delayMs: number; forKey?: true }
  | { type: 'cancel-timer'; timerId: string }
  /** Ends with `record-done`. `minDurationMs`: what is shorter is no message. */
  | {
      type: 'record';
      recordingId: string;
      maxDurationMs: number;
      silenceMs: number;
      stopKeys: string;
      minDurationMs?: number;
    }
  | { type: 'stop-record' }
  /** Ends with `dial-done`, and after `answered` later with `peer-ended`. While it rings the actor plays ring-back. */
  | { type: 'dial'; dialId: string; toNumber: string; fromNumber?: string; ringTimeoutMs: number; maxTalkMs?: number }
  | { type: 'cancel-dial'; dialId: string }
  /**
   * Asks for people. Ends with `desk-done`, unless an agent takes the call: then `desk-answered`, and later
   * `desk-parted` (after which the caller waits again) or `desk-done`. Meanwhile `desk-progress` now and then.
   */
  | ({ type: 'escalate'; escalationId: string } & Escalation)
  /** The caller waits no longer: by their own choice (`message`), the queue's overflow, or the flow's. */
  | { type: 'leave-desk'; escalationId: string; why: LeaveDeskCause }
  /** The caller will hang up but keep the place, to be called back when the turn comes. Ends with `desk-call-back`. */
  | { type: 'call-back-later'; escalationId: string }
  /** The step of `desk-overflow` could not be done: the next one, or `desk-done`, follows. */
  | { type: 'overflow-failed'; escalationId: string }
  /** To be put on record. */
  | { type: 'node-entered'; nodeId: string }
  | { type: 'digits-collected'; nodeId: string; digits: string }
  /** Run-time fault of the flow: put on record. */
  | { type: 'fault'; nodeId: string; message: string }
  /** Ends the call. `outcome` is the call's result in the call log. */
  | { type: 'hangup'; outcome: string };

/** What people must be able to do, and what they are told. */
export interface Escalation {
  queueId: string;
  /** Higher is served first. */
  priority: number;
  skills: { name: string; minLevel: number }[];
  language: string;
  /** What the flow has learned, for the agent's page. */
  learned: Record<string, string>;
  /** Number at which the caller wants to be called back, where it is not their own; '' where it is none. */
  callBackTo?: string;
}

export type LeaveDeskCause = 'message' | 'time-out' | 'overflow' | 'left';

/** What the queue wants done with a caller whom nobody will serve. */
export type OverflowStep =
  | { type: 'transfer'; number: string }
  | { type: 'voicemail' }
  | { type: 'callback' }
  /** Words by language, to be said before the end. */
  | { type: 'message'; text: Record<string, string | undefined> };

/**
 * `kept`: the caller keeps the place and may hang up; `refused`: the number is not known, or may not be dialled;
 * `too-late`: an agent has the caller just now, or the desk is away.
 */
export type CallBackOutcome = 'kept' | 'refused' | 'too-late';

/** Why nobody took the call. `full`: the queue takes no more callers. */
export type DeskOutcome = 'done' | 'no-agent' | 'time-out' | 'closed' | 'full' | 'failed';

/** `leg-ended`: the caller has gone, and `hung-up` follows. */
export type PlayOutcome = 'finished' | 'stopped' | 'not-found' | 'failed' | 'leg-ended';

/** What the actor reports. `atMs` is ms since the epoch: the interpreter has no clock of its own. */
export type FlowEvent =
  | { type: 'started'; atMs: number }
  | { type: 'digit'; digit: string; atMs: number }
  | { type: 'play-done'; playId: string; outcome: PlayOutcome; atMs: number }
  | { type: 'timer'; timerId: string; atMs: number }
  | {
      type: 'record-done';
      recordingId: string;
      outcome: 'stopped' | 'silence' | 'key' | 'limit' | 'leg-ended' | 'failed';
      durationMs: number;
      atMs: number;
    }
  /** `answered` means: bridged, two-way audio. `forbidden`: the number may not be dialled. */
  | {
      type: 'dial-done';
      dialId: string;
      outcome: 'answered' | 'busy' | 'no-answer' | 'failed' | 'forbidden';
      sipStatus?: number;
      atMs: number;
    }
  /** The caller's place, 1 = next; `waitMs` where it can be told. */
  | { type: 'desk-progress'; escalationId: string; position: number; waitMs?: number; atMs: number }
  /** An agent has taken the call and is being connected. */
  | { type: 'desk-answered'; escalationId: string; atMs: number }
  /**
   * The agent was lost, or could not be connected: the caller is back at the head of the queue. `handedOver`: the agent
   * has put them into another queue.
   */
  | { type: 'desk-parted'; escalationId: string; handedOver?: true; atMs: number }
  | { type: 'desk-done'; escalationId: string; outcome: DeskOutcome; atMs: number }
  /** Nobody will serve the caller, who still holds the place: do this, and leave the desk, or say that it failed. */
  | { type: 'desk-overflow'; escalationId: string; step: OverflowStep; atMs: number }
  | { type: 'desk-call-back'; escalationId: string; outcome: CallBackOutcome; atMs: number }
  /** The party that `dial` connected has hung up; the caller is still there. */
  | { type: 'peer-ended'; dialId: string; atMs: number }
  /**
   * Another controller took the call over: timers, prompts, recordings and ringing legs of before are gone. The node
   * is entered again, except a transfer whose talk goes on: it waits for `peer-ended`, to be sent at once where the
   * peer did not survive. An escalation goes on too: who took the call over asks the desk for its place by the same id.
   */
  | { type: 'resumed'; atMs: number }
  | { type: 'hung-up'; atMs: number };

/** What is known about the call when it starts. */
export interface CallContext {
  callId: string;
  fromNumber: string;
  toNumber: string;
  language: string;
}
