import type { AgentProfile } from '../accounts/agents.ts';
import type { OverflowStep, QueueSettings } from '../accounts/queues.ts';
import type { CallShown } from './call-shown.ts';
import type { DeskRequest } from './request.ts';

export const agentStates = ['offline', 'available', 'reserved', 'ringing', 'talking', 'wrap-up', 'break'] as const;
export type AgentState = (typeof agentStates)[number];

/** What agents (or supervisors) can ask for; the other states come from calls. */
export type WantedState = 'available' | 'break' | 'offline';

/**
 * Why a ringing agent did not take the caller. `unreachable`: no phone registered, or it could not be rung. `failed`:
 * the fault is ours (no media server, a controller lost): it counts against nobody, and the caller is offered to the
 * next agent 2 s later, to the same one after 10 s.
 */
export type MissCause = 'no-answer' | 'refused' | 'unreachable' | 'failed';

/** `held`: overflow is under way; `served`: an agent has parted from the caller, who has not left. */
export const callerStates = ['waiting', 'offered', 'answered', 'talking', 'held', 'served'] as const;
export type CallerState = (typeof callerStates)[number];

/** One agent reserved for one caller, until somebody answers or the lease runs out. */
export interface Offer {
  offerId: string;
  callId: string;
  agentId: string;
  displayName: string;
  ringTimeoutMs: number;
  pressOneToAccept: boolean;
  /** Nobody is on the line: once the agent has answered the caller is dialled. */
  isCallBack: boolean;
  /** The caller talks with somebody, and is handed to this agent. */
  isTransfer: boolean;
}

/** Waited too long; nobody has signed in to the queue; the queue has been removed. */
export const overflowCauses = ['time-out', 'no-agent', 'queue-gone'] as const;
export type OverflowCause = (typeof overflowCauses)[number];

export interface Overflow {
  callId: string;
  /** Another queue is entered in the store. */
  step: Exclude<OverflowStep, { type: 'queue' }>;
  why: OverflowCause;
}

/** What the desk tells the controller that drives a call. */
export type DeskMessage =
  | { type: 'offer'; offer: Offer }
  /** Another has answered, the lease was lost, or a supervisor took it: stop ringing. */
  | { type: 'withdrawn'; callId: string; offerId: string }
  /** Overflow has put the caller into the line of another queue. */
  | { type: 'moved'; callId: string; queueId: string }
  /** The caller is out of the line for now: do the step, then `leave` or `overflowFailed`. */
  | ({ type: 'overflow' } & Overflow);

/** Everything a controller has to act on now: what a lost message would have said. */
export interface PendingWork {
  /** By overflow, and where they are now. */
  moved: { callId: string; queueId: string }[];
  offers: Offer[];
  overflows: Overflow[];
  /** Calls that count as lost, though this controller may still have them: to be resumed. */
  lost: string[];
}

export type EnqueueResult =
  | { outcome: 'queued'; position: number }
  | { outcome: 'refused'; reason: 'full' | 'unknown-queue' };

export interface WaitingPlace {
  callId: string;
  /** 1 = next. */
  position: number;
  /** From measured handling times; undefined until there are some, or while nobody works. */
  estimateMs: number | undefined;
}

/** A caller as another controller finds them. */
export interface ResumedCaller {
  state: CallerState;
  request: DeskRequest;
  /** Not always that of the request. */
  queueId: string;
  /** The offer whose agent holds the caller, while `answered` or `talking`. */
  offerId: string | undefined;
  agentId: string | undefined;
}

export interface DeskListenerHandle {
  close(): Promise<void>;
}

export interface DeskStoreListener {
  onMessage(message: DeskMessage): void;
  /** Messages may have been lost up to now: ask for {@link DeskCallerStore.pending}. Also called at the start. */
  onConnected(): void;
  /** The next thing falls due in so many ms: call {@link DeskCallerStore.tick} then. The latest call counts. */
  onNextDue(inMs: number | undefined): void;
}

/**
 * Callers, offers and leases. Every operation is atomic, sees what has fallen due as done, and matches callers with
 * agents before it ends; offers go to the controller of the call as messages. All are idempotent: a repeat after a lost
 * answer is harmless. Times are the store's own.
 */
export interface DeskCallerStore {
  /** Messages to this controller from now on. */
  listen(controllerId: string, listener: DeskStoreListener): Promise<DeskListenerHandle>;
  /** Renews the lease of a controller and thereby of its calls. False: it had run out (or this is the first time). */
  extend(controllerId: string, leaseMs: number): Promise<boolean>;
  pending(controllerId: string): Promise<PendingWork>;
  /** Does what has fallen due. */
  tick(): Promise<void>;
  /** @throws DenwabanError `CONTROLLER_LEASE_LOST` */
  enqueue(controllerId: string, request: DeskRequest): Promise<EnqueueResult>;
  /**
   * Makes this controller the one that drives the call; phones that rang for the caller are let go.
   * With `onlyLost`: unless another controller drives it already (`taken`).
   */
  resume(controllerId: string, callId: string, onlyLost?: boolean): Promise<ResumedCaller | 'unknown' | 'taken'>;
  /** The call is over or goes elsewhere: nothing of it is left. */
  leave(callId: string): Promise<void>;
  /** To another queue, age kept; whoever rang is let go. */
  transferTo(callId: string, queueId: string): Promise<EnqueueResult | { outcome: 'gone' }>;
  /**
   * A waiting caller: into the line of another queue, age kept (whoever rings is let go), or to the head of the line.
   * Only while nobody has answered.
   */
  moveTo(callId: string, queueId: string, first: boolean): Promise<EnqueueResult | { outcome: 'not-waiting' }>;
  /** The overflow step could not be done: the next one. */
  overflowFailed(callId: string): Promise<void>;
  /** What has become of an offer. */
  report(offerId: string, event: OfferEvent): Promise<'ok' | 'gone'>;
  /** Places of those who wait; others are left out. */
  places(callIds: readonly string[]): Promise<WaitingPlace[]>;
}

/** A call-back that will not come about. */
export interface GivenUpCallBack {
  request: DeskRequest;
  /** In whose line it was last. */
  queueId: string;
  atMs: number;
}

/** Callers who have hung up and wait to be called back. As {@link DeskCallerStore}. */
export interface DeskCallBackStore {
  /**
   * The caller hangs up but keeps the place, and is offered to agents as a call-back, through any controller that lives.
   * After 7 days it is given up. False: the caller has an agent, or is not there.
   */
  callBackLater(callId: string): Promise<boolean>;
  /** Nobody is to be called back after all. False: no call-back waits. */
  dropCallBack(callId: string): Promise<boolean>;
  /** Some of those that were given up and of which no case has been made. */
  givenUp(limit: number): Promise<GivenUpCallBack[]>;
  /** There is a case. */
  caseOpened(callId: string): Promise<void>;
}

export type OfferEvent =
  /** The phone rings. */
  | { type: 'ringing' }
  /** `ok`: this agent has the caller, and nobody else ever will; `gone`: too late. */
  | { type: 'answered' }
  /** Caller and agent hear each other: the caller leaves the line. */
  | { type: 'connected' }
  | { type: 'missed'; why: MissCause }
  /**
   * Of a call-back: nobody answered there, or it could not be dialled now. The agent is free again, which counts as no
   * miss. `ok`: offered again after so long; `gone`: given up, since this was the last attempt, or it is not there.
   * Without `attemptsMax` this attempt does not count.
   */
  | { type: 'not-reached'; againMs: number; attemptsMax?: number }
  /** They have parted. Wrap-up as the queue sets it, or so long. */
  | { type: 'finished'; wrapUpMs?: number }
  /** The agent's phone or link was lost while talking: the caller goes to the head of the queue. */
  | { type: 'agent-lost' };

/** Why a caller cannot be handed to an agent. */
export type HandOverRefusal = 'not-talking' | 'busy' | 'not-allowed';

/** A caller who talks with an agent is handed on. As {@link DeskCallerStore}. */
export interface DeskHandOverStore {
  /** Reserves the agent; the caller stays with whoever talks until the offer is connected. The offer is told to nobody else. */
  handTo(callId: string, agentId: string): Promise<Offer | HandOverRefusal>;
  /** To nobody after all. */
  keep(callId: string): Promise<void>;
  /**
   * Not from the agent of this offer into the line of a queue after all, whether or not `transferTo` has been done. True:
   * the caller is with that agent; false: it cannot be undone any more.
   */
  stay(callId: string, offerId: string): Promise<boolean>;
  /** The agent has gone meanwhile: to the head of the line. False: not there any more. */
  backToHead(callId: string): Promise<boolean>;
  /** Offers this agent to nobody while they listen to the call. `busy`: they have a caller, or listen elsewhere. */
  listenIn(callId: string, agentId: string): Promise<'ok' | 'busy'>;
  /** As before. So it is, too, when the call leaves or another controller drives it. */
  stopListening(callId: string, agentId: string): Promise<void>;
  /** What those who watch see of the call. */
  show(callId: string, shown: CallShown): Promise<void>;
}

export interface AgentStatus {
  agentId: string;
  state: AgentState;
  reason: string;
  /** ms since the epoch */
  sinceMs: number;
  /** What the agent takes up when the present call is over. */
  wanted: WantedState;
  callId: string | undefined;
  missesInRow: number;
}

/** Somebody in the line of a queue. */
export interface LineEntry {
  callId: string;
  accountId: string;
  state: CallerState;
  enqueuedAtMs: number;
  isCallBack: boolean;
  /** Who rings for the caller, or has answered. */
  agentIds: string[];
}

export interface QueueFigures {
  queueId: string;
  waiting: number;
  longestWaitMs: number;
  agents: Record<AgentState, number>;
  /** Talk and wrap-up, averaged over the latest calls. */
  handlingMs: number | undefined;
}

/** One change of an agent's state, for the record. */
export interface AgentChange {
  /** Ascending, as text; where to go on reading. */
  changeId: string;
  agentId: string;
  from: AgentState;
  state: AgentState;
  reason: string;
  atMs: number;
  callId: string | undefined;
  /** The user who asked for this state; undefined where it came of a call or by itself. */
  byUserId: string | undefined;
}

/** Copies of agents' and queues' settings. Operations match and tell controllers as those of {@link DeskCallerStore} do. */
export interface DeskSettingsStore {
  /** To be repeated at least once a day: how its hours fall is known for some days ahead. */
  putQueue(settings: QueueSettings): Promise<void>;
  /** Whoever waits there is told at once that nothing is left to offer; call-backs are given up. */
  removeQueue(queueId: string): Promise<void>;
  findQueue(queueId: string): Promise<QueueSettings | undefined>;
  /** One who is not active is removed. */
  putAgent(profile: AgentProfile): Promise<void>;
  /** Signs the agent off; one who talks is forgotten afterwards. */
  removeAgent(agentId: string): Promise<void>;
  /** Which there are. */
  known(): Promise<{ queueIds: string[]; agentIds: string[] }>;
}

/** What agents do, and how it stands. Operations match and tell controllers as those of {@link DeskCallerStore} do. */
export interface DeskStaffStore {
  /** Now, or once the present call is over. `byUserId`: who asks for it. False: no such agent. */
  setAgentState(agentId: string, wanted: WantedState, reason?: string, byUserId?: string): Promise<boolean>;
  /**
   * A phone of the agent has registered anew. Ends the pause of one whom the desk found unreachable, and says whether it
   * did; a state that somebody has set since stays.
   */
  phoneIsBack(agentId: string): Promise<boolean>;
  /** The wrap-up ends before its time. */
  endWrapUp(agentId: string, byUserId?: string): Promise<void>;
  findAgent(agentId: string): Promise<AgentStatus | undefined>;
  listAgents(): Promise<AgentStatus[]>;
  /** The first so many in the line, first in line first. */
  listLine(queueId: string, limit: number): Promise<LineEntry[]>;
  queueFigures(queueId: string): Promise<QueueFigures | undefined>;
  /**
   * Changes of agents' states after `changeId` ('' = from the oldest kept), oldest first. The latest 500,000 are kept: a
   * day of 200 agents who take twenty calls an hour.
   */
  readChanges(afterChangeId: string, limit: number): Promise<AgentChange[]>;
  /** Forgets changes up to and including this one: they are on record elsewhere. */
  forgetChanges(upToChangeId: string): Promise<void>;
}

export interface DeskStore
  extends DeskCallerStore,
    DeskCallBackStore,
    DeskHandOverStore,
    DeskSettingsStore,
    DeskStaffStore {}
