import type { OutboundRules } from '../accounts/accounts.ts';
import type { FactLogState } from './fact-log.ts';
import type { DeskState, PeerCallState } from './peer-call.ts';
import type { LegSnapshot } from './telephony.ts';

/** What a call is, settled before it is answered. */
export interface CallIdentity {
  callId: string;
  accountId: string;
  flowId: string;
  flowVersion: number;
  fromNumber: string;
  toNumber: string;
  language: string;
  /** The account's name as callers hear it, and its reading in kana. */
  account: { name: string; reading: string };
  outbound: OutboundRules;
  callerLegId: string;
}

/** A recording of a talk that has begun and whose end is not on record yet. */
export interface SavedRecording {
  recordingId: string;
  agentId: string;
  agentLegId: string;
  startedAtMs: number;
  paused: boolean;
}

/** A supervisor's phone that rings, or hears the talk. */
export type SavedListener = Pick<PeerCallState, 'legId' | 'leg' | 'ringing'>;

/** A call as it is saved after each step. */
export interface SavedCall {
  identity: CallIdentity;
  flow: unknown;
  steps: number;
  endsAtMs: number;
  facts: FactLogState;
  /** Missing until the call is answered. */
  caller?: LegSnapshot;
  peer?: PeerCallState;
  /** The caller's wait for people, and the agents who ring or talk. */
  desk?: DeskState;
  recordings?: readonly SavedRecording[];
  listeners?: readonly SavedListener[];
}
