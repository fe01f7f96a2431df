import type { OutboundRules } from '../accounts/accounts.ts';
import type { FactLogState } from './fact-log.ts';
import type { DeskState, PeerCallState } from './peer-call.ts';
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
}
