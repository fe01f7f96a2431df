import type { OutboundRules } from '../accounts/accounts.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import type { FactLogState } from './fact-log.ts';
import type { LegSnapshot } from './telephony.ts';

/** What a call is, settled before it is answered. */
export interface CallIdentity {
  callId: string;
  /** A call-back: the call in which the caller asked for it, by which the desk and the agent's form know the caller. */
  callBackOf?: string;
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

/** The call by which the desk knows the caller. */
export function deskCallId({ callId, callBackOf }: Pick<CallIdentity, 'callId' | 'callBackOf'>): string {
  return callBackOf ?? callId;
}

/** A recording of a talk that has begun and whose end is not on record yet. */
export interface SavedRecording {
  recordingId: string;
  agentId: string;
  agentLegId: string;
  startedAtMs: number;
  paused: boolean;
  /** It is being ended because there is no more room for it. */
  isCut?: boolean;
}

/** A message that the caller leaves, and whose end is not on record yet. */
export interface SavedMessage {
  recordingId: string;
  minDurationMs: number;
}

/** A supervisor's phone that rings, or hears the talk. */
export type SavedListener = Pick<PeerCallState, 'legId' | 'leg' | 'ringing'>;

/** What another controller needs to go on with a second party. */
export interface PeerCallState {
  dialId: string;
  legId: string;
  /** Missing while it still rings. */
  leg?: LegSnapshot;
  /** While it rings: what stops it. */
  ringing?: LegSnapshot;
  talkEndsAtMs?: number;
  /** They are parted for a while, the caller hears music. */
  held?: boolean;
}

/** What another controller needs to go on with a caller at the desk. */
export interface DeskState {
  escalationId: string;
  queueId: string;
  /** The caller waits in the queue, as the record has it. */
  waits?: boolean;
  /** Agents who ring, hear the whisper, or talk. */
  agents: (PeerCallState & { offerId: string })[];
  /** What the flow learned. */
  learned?: Readonly<Record<string, unknown>>;
  /** Where the caller can be called back. */
  callBackTo?: string;
  /** Who is called back, while the number rings. */
  callee?: PeerCallState;
  /** The caller is being handed over. */
  transferring?: boolean;
  /** The number that the caller is handed to: rings, or talks. */
  outside?: PeerCallState;
}

/** A call as it is saved after each step. */
export interface SavedCall {
  identity: CallIdentity;
  flow: unknown;
  steps: number;
  endsAtMs: number;
  facts: FactLogState;
  /** It is being ended from here: whoever takes it over ends it. */
  ending?: EndCause;
  /** Missing until the call is answered. */
  caller?: LegSnapshot;
  peer?: PeerCallState;
  /** The caller's wait for people, and the agents who ring or talk. */
  desk?: DeskState;
  recordings?: readonly SavedRecording[];
  message?: SavedMessage;
  listeners?: readonly SavedListener[];
}
