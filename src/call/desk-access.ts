import type { Desk, DeskListener, DeskTicket } from '../desk/desk.ts';
import type { IntakeOpening } from '../desk/intake.ts';
import type { DeskRequestInput } from '../desk/request.ts';
import type { Effect, FlowEvent } from '../flow/protocol.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import { type Clock, delay } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Callee } from './call-back-turn.ts';
import type { CallLimits } from './limits.ts';
import type { PeerCallHost } from './peer-call.ts';
import type { PhoneAddress } from './phones.ts';
import type { Player } from './player.ts';
import type { PromptLibrary } from './prompts.ts';
import { type CallIdentity, deskCallId } from './saved-call.ts';
import type { RecordingPolicy } from './talk-recordings.ts';
import type { TalkWitnesses } from './talk-witnesses.ts';

/** The people who can be asked. */
export interface DeskAccess {
  desk: Pick<Desk, 'offer' | 'resume' | 'orderCallBack'>;
  /** The agent's phones that are registered now. */
  phonesOf(agentId: string): Promise<readonly PhoneAddress[]>;
  /** Opens the form for the agent who has answered. Returns at once, and sees to it that it happens; repeats do nothing. */
  intake?: { open(opening: IntakeOpening): void };
  /** Whether the account wants talks with agents recorded; undefined or left out: it does not. */
  recordingPolicy?(accountId: string): Promise<RecordingPolicy | undefined>;
}

/** What a caller's stay at the desk needs of the call. */
export interface EscalationHost
  extends Pick<PeerCallHost, 'telephony' | 'clock' | 'facts' | 'timers' | 'post' | 'callerLeg' | 'onChanged'> {
  readonly identity: CallIdentity;
  readonly limits: CallLimits;
  readonly prompts: PromptLibrary;
  readonly player: Player;
  readonly logger: Logger;
  readonly people: DeskAccess | undefined;
  readonly witnesses: Pick<TalkWitnesses, 'expect' | 'announce' | 'begin' | 'end' | 'goOn'>;
  readonly callee: Callee;
  end(cause: EndCause): void;
  feed(event: FlowEvent): void;
  /** The wait is over and no agent's leg is left. */
  onOver(): void;
}

/** Ends of an agent's leg that are nobody's wish: the caller goes back to the head of the line. */
export const lostCauses: readonly EndCause[] = ['media-lost', 'media-timeout', 'controller-lost', 'failed'];

export type EscalateEffect = Extract<Effect, { type: 'escalate' }>;

const firstPauseMs = 250;
const longestPauseMs = 5_000;
const resumeTries = 12;

/**
 * The ticket of a caller who was at the desk of another controller; undefined: they were not. Asked again and again
 * while Redis is away: without the ticket the desk would never hear that the talk is over, and the agent stay busy.
 */
export async function resumeAtDesk(
  desk: Pick<Desk, 'resume'>,
  callId: string,
  listener: DeskListener,
  clock: Clock,
): Promise<DeskTicket | undefined> {
  for (let tries = 1, pauseMs = firstPauseMs; ; tries++, pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
    try {
      return await desk.resume(callId, listener);
    } catch (error) {
      if (tries === resumeTries) throw error;
      await delay(clock, pauseMs);
    }
  }
}

/** What the desk must know of the caller. `callBackTo`: where they can be called back. */
export function requestFor(
  identity: CallIdentity,
  effect: EscalateEffect,
  callBackTo: string | undefined,
): DeskRequestInput {
  const { accountId, account, fromNumber, toNumber } = identity;
  const { queueId, priority, skills, language, learned } = effect;
  return {
    ...{ callId: deskCallId(identity), account: { accountId, ...account } },
    ...{ queueId, priority, skills, language, learned },
    ...(fromNumber === 'anonymous' ? {} : { callerNumber: fromNumber.slice(0, 80) }),
    ...(callBackTo === undefined ? {} : { callBack: { toNumber: callBackTo, fromNumber: toNumber.slice(0, 80) } }),
  };
}

/** What the flow is told of the desk. */
export type DeskHappening = Bare<Extract<FlowEvent, { escalationId: string }>>;
type Bare<E> = E extends unknown ? Omit<E, 'escalationId' | 'atMs'> : never;

/** Opens the form of a caller for the agent who has answered. */
export function openIntake(
  { people, identity, clock }: Pick<EscalationHost, 'people' | 'identity' | 'clock'>,
  of: Pick<IntakeOpening, 'offerId' | 'agentId' | 'queueId' | 'learned'>,
): void {
  const { accountId, fromNumber: callerNumber } = identity;
  people?.intake?.open({ ...of, callId: deskCallId(identity), accountId, callerNumber, atMs: clock.nowMs() });
}
