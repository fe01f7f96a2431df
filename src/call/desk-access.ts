import type { Desk, DeskListener, DeskTicket } from '../desk/desk.ts';
import type { IntakeOpening } from '../desk/intake.ts';
import type { DeskRequestInput } from '../desk/request.ts';
import type { Effect, FlowEvent } from '../flow/protocol.ts';
import { type Clock, delay } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { CallLimits } from './limits.ts';
import type { PeerCallHost } from './peer-call.ts';
import type { PhoneAddress } from './phones.ts';
import type { Player } from './player.ts';
import type { PromptLibrary } from './prompts.ts';
import type { CallIdentity } from './saved-call.ts';
import type { RecordingPolicy } from './talk-recordings.ts';
import type { TalkWitnesses } from './talk-witnesses.ts';

/** The people who can be asked. */
export interface DeskAccess {
  desk: Pick<Desk, 'offer' | 'resume'>;
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
  feed(event: FlowEvent): void;
  /** The wait is over and no agent's leg is left. */
  onOver(): void;
}

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

/** What the desk must know of the caller. */
export function requestFor(identity: CallIdentity, effect: EscalateEffect): DeskRequestInput {
  const { callId, accountId, account, fromNumber } = identity;
  const { queueId, priority, skills, language, learned } = effect;
  return {
    ...{ callId, account: { accountId, ...account }, queueId, priority, skills, language, learned },
    ...(fromNumber === 'anonymous' ? {} : { callerNumber: fromNumber.slice(0, 80) }),
  };
}
