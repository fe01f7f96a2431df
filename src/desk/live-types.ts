import type { CallShown } from './call-shown.ts';
import type { AgentState, CallerState, WantedState } from './desk-store.ts';

/** A caller as the console shows them. */
export interface LiveCall extends CallShown {
  callId: string;
  state: CallerState;
  queueId: string;
  account: { accountId: string; name: string; reading: string };
  /** Absent: withheld. */
  callerNumber: string | undefined;
  waitingSinceMs: number;
  /** In the line of the queue, 1 = next; while it is among the first there. */
  position?: number;
  isCallBack: boolean;
  /** Who has answered. */
  agentId: string | undefined;
  /** While `held`. */
  heldSinceMs?: number;
}

/** Another agent, to whom a caller can be handed: one who is available now. More of them agents do not see. */
export type Colleague = Pick<LiveAgent, 'agentId' | 'displayName'>;

export interface LiveAgent {
  agentId: string;
  displayName: string;
  queues: string[];
  state: AgentState;
  reason: string;
  sinceMs: number;
  /** What follows the present call. */
  wanted: WantedState;
  /** When wrap-up, or a pause, ends by itself. */
  untilMs: number | undefined;
  missesInRow: number;
  /** Whether a phone of theirs is registered; absent: not known. */
  hasPhone?: boolean;
  callId: string | undefined;
}

/** Of today, in the queue's time zone. `inTime`: answered within 20 s. */
export interface DayFigures {
  answered: number;
  inTime: number;
  left: number;
  waitMs: number;
}

export interface LiveQueue {
  queueId: string;
  name: string;
  waiting: number;
  /** Since when the one waits who has waited longest. */
  oldestAtMs: number | undefined;
  agents: Partial<Record<AgentState, number>>;
  handlingMs: number | undefined;
  today: DayFigures;
}

/** What one user's page shows. Times are ms since the epoch; `nowMs` says what time it is by the same clock. */
export interface LiveView {
  nowMs: number;
  /** The user as an agent; absent for one who takes no calls. */
  me?: LiveAgent;
  /** The call that the user has, or that rings for them. */
  call?: LiveCall;
  /** To whom the user can transfer the call; while they talk. */
  colleagues?: Colleague[];
  /** An agent's own ones; all of them for those who see everything. */
  queues: LiveQueue[];
  /** For those who see everything. */
  agents?: LiveAgent[];
  calls?: LiveCall[];
}
