import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { CallOrder, CallOrderResult } from './call-orders.ts';
import type { CallShown } from './call-shown.ts';
import type {
  DeskCallBackStore,
  DeskCallerStore,
  DeskHandOverStore,
  DeskSettingsStore,
  HandOverRefusal,
  MissCause,
  Overflow,
  OverflowCause,
  ResumedCaller,
} from './desk-store.ts';
import type { DeskRequest, DeskRequestInput } from './request.ts';

/** What the call room rings. */
export interface RingOrder {
  offerId: string;
  agentId: string;
  /** The agent's name. */
  displayName: string;
  ringTimeoutMs: number;
  pressOneToAccept: boolean;
  /** The caller is handed over by the agent who talks. */
  isTransfer?: boolean;
  /** Whom the agent answers for. */
  account: { accountId: string; name: string; reading: string };
}

export interface Progress {
  /** 1 = next */
  position: number;
  /** From measured handling times; undefined until there are some. */
  estimateMs: number | undefined;
}

/** Called by the desk, in order, and never before the ticket has been given. */
export interface DeskListener {
  ring(order: RingOrder): void;
  /** Another has answered, the lease was lost, a supervisor took it, or the caller has left. */
  stopRinging(offerId: string): void;
  /** On change, at most every few seconds, while the caller waits. */
  progress(progress: Progress): void;
  /** Nobody served the caller, who waits in the line of this queue now. */
  movedTo(queueId: string): void;
  /** Nobody will serve the caller, who is out of the line while the call does this step. */
  overflow(step: Overflow['step'], why: OverflowCause): void;
  /** Another controller drives this call now, or the turn of a call-back has passed: the ticket is void. */
  lost(): void;
}

/** Why a queue takes nobody. */
export type QueueRefusal = 'full' | 'closed' | 'unknown-queue';
/** `suspended`: the account's answering service is. */
export type DeskRefusal = { refused: QueueRefusal | 'suspended' };
export type LeaveCause = 'abandoned' | 'message' | 'overflow' | 'done';

/** A caller's place at the desk, told by the call what happens. What is told arrives in order, whatever Redis does. */
export interface DeskTicket {
  readonly callId: string;
  /** How it stood when the ticket was given: for one taken over, who has the caller. */
  readonly found: Pick<ResumedCaller, 'state' | 'offerId' | 'agentId'> & { queueId?: string };
  /** At the time of the ticket; 0 for one who does not wait. */
  readonly position: number;
  ringing(offerId: string): void;
  /** True: this agent has the caller, and nobody else ever will. */
  answered(offerId: string): Promise<boolean>;
  missed(offerId: string, why: MissCause): void;
  /**
   * Of a call-back: nobody answered there, or it can't be dialled now. The agent is free again, and the ticket void
   * (`lost`); the next turn comes after `againMs`. True: it will come; false: that was the last of `attemptsMax`
   * attempts, or the caller has left. Without `attemptsMax` this one does not count.
   */
  notReached(offerId: string, options: { againMs: number; attemptsMax?: number }): Promise<boolean>;
  /** Caller and agent hear each other. */
  connected(offerId: string): void;
  /**
   * `done`: the agent is in wrap-up, and the call may go on; `agent-lost`: the caller is back at the head of the line;
   * `caller-gone`: as `done`, and `leave` follows.
   */
  parted(offerId: string, why: 'done' | 'agent-lost' | 'caller-gone', wrapUpMs?: number): void;
  /** Into the line of another queue, with the age kept, or to the head of the line, while nobody has answered. */
  moveTo(queueId: string, first: boolean): Promise<'moved' | 'not-waiting' | QueueRefusal>;
  /**
   * From the agent who talks to another, who is rung by `ring`; once they are `connected` the one before is in wrap-up.
   * Missed or withdrawn: the caller is still with the one before.
   */
  handTo(agentId: string): Promise<'reserved' | HandOverRefusal>;
  /** The agent whom `handTo` has reserved is free again. */
  keep(): void;
  /** From the agent who talks into the line of a queue, with the age kept; that agent is in wrap-up. */
  handToQueue(queueId: string): Promise<'queued' | QueueRefusal | 'gone'>;
  /** The agent has gone while the caller was handed over, which has failed: to the head of the line. */
  backToHead(): Promise<boolean>;
  /** A supervisor listens: not offered to callers meanwhile. `busy`: they have a caller, or listen to another call. */
  listenIn(agentId: string): Promise<'ok' | 'busy'>;
  stopListening(agentId: string): void;
  /** What those who watch see of the call. */
  show(shown: CallShown): void;
  /** The step could not be done: the next one. */
  overflowFailed(): void;
  /**
   * The caller hangs up but keeps the place; the ticket is over. When the turn comes some controller's
   * {@link DeskOptions.onCallBack} is told. False: the caller has an agent, or has left; the ticket is as before.
   */
  callBackLater(): Promise<boolean>;
  /** Nothing of the caller is left at the desk; whatever rings is told to stop at once. */
  leave(why: LeaveCause): void;
}

/** The answering desk: who is rung for whom, and when. It knows no telephone. */
export interface Desk {
  start(): Promise<void>;
  /** Lets what was told arrive, then lets go of the lease. */
  stop(): Promise<void>;
  /**
   * A call asks for people.
   * @throws DenwabanError `REDIS_UNAVAILABLE`: the caller is not (for long) in any queue.
   */
  offer(request: DeskRequestInput, listener: DeskListener): Promise<DeskTicket | DeskRefusal>;
  /** After a take-over of the call by this controller. Undefined: the call was not at the desk (any more). */
  resume(callId: string, listener: DeskListener): Promise<DeskTicket | undefined>;
  /**
   * Of one who waits to be called back, and whose turn has not come: into another line or to the head of the line, or
   * not to be called back any more (`end`, also while agents ring).
   * @throws DenwabanError `REDIS_UNAVAILABLE`.
   */
  orderCallBack(callId: string, order: CallBackOrder): Promise<CallOrderResult>;
}

export type CallBackOrder = Extract<CallOrder, { type: 'move' | 'end' }>;

export interface DeskOptions {
  store: DeskCallerStore & DeskCallBackStore & DeskHandOverStore & Pick<DeskSettingsStore, 'findQueue'>;
  clock: Clock;
  logger: Logger;
  /** Unique among the controllers that share the store; one for each process's life. */
  controllerId: string;
  /**
   * An agent is free for a caller who wants to be called back; `ring` follows. Once the agent has answered, the caller
   * is dialled, and `connected` when they hear each other. Where nobody answers the ticket is void (`lost`), and the
   * next turn has another. The call id is that of the call which has ended.
   */
  onCallBack?: (request: DeskRequest, ticket: DeskTicket) => DeskListener;
  /**
   * Whether nobody is to answer for the account: asked of each caller who wants in, and of no one who is there. Where it
   * cannot be said in time the caller is let in. Left out: everybody is.
   */
  isSuspended?: (accountId: string) => Promise<boolean>;
  /** A controller not heard of for this long has lost its callers. */
  leaseMs?: number;
  /** How often at most a caller's progress is told. */
  progressEveryMs?: number;
}
