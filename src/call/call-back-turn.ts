import type { DeskTicket } from '../desk/desk.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import type { PeerCallHost } from './peer-call.ts';
import { ringBackTone } from './player.ts';
import type { CallIdentity, PeerCallState } from './saved-call.ts';
import type { DialAttempt, DialOutcome, Leg, LegEvent, Sound } from './telephony.ts';

/** Who is called back is rung for so long. */
const ringMs = 30_000;
/** What an agent hears where nobody was reached: busy tone. */
const notReachedTone: Sound = { tone: '%(500,500,400)', loops: 3 };
const toneMs = 3_000;
const toneTimer = 'call-back:tone';
/** Attempts in all, and the pause between two. */
const attempts = { attemptsMax: 3, againMs: 300_000 };
/** One that was cut short by us counts as none. */
const soon = { againMs: 10_000 };

/** What the actor does with the leg of one who is called back. */
export interface Callee {
  onEvent(event: LegEvent): void;
  /** From here on a caller like any other. */
  onAnswered(leg: Leg): void;
}

export interface CallBackTurnHost
  extends Pick<PeerCallHost, 'telephony' | 'clock' | 'facts' | 'timers' | 'post' | 'onChanged'> {
  readonly identity: CallIdentity;
  readonly callee: Callee;
  readonly ticket: DeskTicket;
  /** Nobody was reached, for the last time: it is on the agent's form, and hence in a report. */
  onGivenUp(offerId: string, agentId: string): void;
  /** The number rings no more. */
  onOver(): void;
}

/**
 * One turn of a call-back: agents are rung; once one has answered, the number is dialled, and the agent hears it ring.
 * The record begins with the leg of who is called back, dialled or not, so that every turn says what became of it.
 */
export class CallBackTurn {
  readonly #host: CallBackTurnHost;
  /** Whose phones ring, or who has answered. */
  readonly #offers = new Set<string>();
  #attempt: DialAttempt | undefined;
  #agent: { offerId: string; agentId: string; leg: Leg } | undefined;
  #state: 'waiting' | 'dialling' | 'reached' | 'failed' | 'over' = 'waiting';
  #isSent = false;
  #isRinging = false;
  #isDialOpen = false;
  /** When it is tried again, if nobody was reached. */
  #again: Again = attempts;
  #reported: Promise<void> | undefined;
  #endTone: (() => void) | undefined;

  constructor(host: CallBackTurnHost) {
    this.#host = host;
    const { callerLegId: legId, toNumber: from, fromNumber: to, callBackOf } = host.identity;
    const of = callBackOf === undefined ? {} : { callBackOf };
    host.facts.append({ type: 'offered', legId, kind: 'caller', direction: 'outbound', from, to, ...of });
  }

  /** The offer of the agent who is about to talk: the desk has been told, and the call is one like any other. */
  get reachedBy(): string | undefined {
    return this.#state === 'reached' ? this.#agent?.offerId : undefined;
  }

  /** The number may still ring, or be answered in this very moment. */
  get isDialOpen(): boolean {
    return this.#isDialOpen;
  }

  /** While the number rings: what stops it. */
  get state(): PeerCallState | undefined {
    if (!this.#isDialOpen || !this.#attempt) return undefined;
    const { legId } = this.#attempt;
    return { dialId: legId, legId, ringing: this.#attempt.snapshot() };
  }

  /** Changes when there is a leg to be known of. */
  get legs(): string {
    return `${this.#state}${this.#isSent ? ' sent' : ''}${this.#isRinging ? ' rings' : ''}`;
  }

  /** An agent is rung. */
  onOffer(offerId: string): void {
    this.#offers.add(offerId);
  }

  /** The agent has answered and heard whom it is about. Resolves with why nobody is there to talk to, undefined: somebody is. */
  reach(offerId: string, agentId: string, leg: Leg): Promise<EndCause | undefined> {
    // The agent before was lost: the caller waits.
    if (this.#state === 'reached') return Promise.resolve(undefined);
    if (this.#state !== 'waiting' || !this.#offers.has(offerId)) return Promise.resolve('cancelled');
    const { telephony, identity, callee, facts, post, onChanged } = this.#host;
    const { callerLegId: legId, toNumber: fromNumber, fromNumber: toNumber } = identity;
    this.#state = 'dialling';
    this.#agent = { offerId, agentId, leg };
    leg.play({ playId: 'engine:ring-back', sounds: [ringBackTone], stopOnDigit: false, loop: true });
    this.#isDialOpen = true;
    this.#attempt = telephony.dial({
      ...{ toNumber, legId, kind: 'caller', fromNumber, ringTimeoutMs: ringMs, peer: leg },
      onSent: () =>
        post(() => {
          this.#isSent = true;
          onChanged();
        }),
      onRinging: () =>
        post(() => {
          this.#isRinging = true;
          facts.append({ type: 'ringing', legId });
          onChanged();
        }),
      onEvent: callee.onEvent,
    });
    onChanged();
    const failed: DialOutcome = { ok: false, cause: 'failed' };
    return this.#attempt.outcome
      .catch(() => failed)
      .then((outcome) => new Promise((resolve) => post(() => resolve(this.#onOutcome(outcome)))));
  }

  /** The agent's leg has gone, or the desk wants it no more, before they talk. */
  onAgentGone(offerId: string): void {
    this.#offers.delete(offerId);
    if (this.#agent?.offerId !== offerId) return;
    if (this.#state === 'failed') this.#report();
    else this.#stopDialling();
    this.#endTone?.();
  }

  /** The call ends before anybody was reached: the call-back is not lost by that. */
  handBack(): void {
    const [offerId] = this.#offers;
    if (this.#state === 'failed') this.#report();
    else if (offerId !== undefined) this.#host.ticket.notReached(offerId, soon);
    this.#stopDialling();
    this.#state = 'over';
    this.#endTone?.();
    this.#close('not-dialled', 'cancelled');
  }

  #onOutcome(outcome: DialOutcome): Promise<EndCause | undefined> {
    const { ticket, callee, onOver } = this.#host;
    this.#isDialOpen = false;
    const agent = this.#agent;
    if (this.#state !== 'dialling' || !agent) {
      if (outcome.ok) outcome.leg.end('cancelled').then(onOver, onOver);
      else onOver();
      return Promise.resolve('cancelled');
    }
    agent.leg.stopPlay();
    if (outcome.ok) {
      this.#state = 'reached';
      callee.onAnswered(outcome.leg);
      // Now, not once they are bridged: whatever happens next, the caller is on the line and is treated as such.
      ticket.connected(agent.offerId);
      return Promise.resolve(undefined);
    }
    this.#state = 'failed';
    this.#close('not-reached', outcome.cause, outcome.sipStatus);
    if (outcome.cause === 'draining') this.#again = soon;
    return this.#tellAgent(agent.leg);
  }

  async #tellAgent(leg: Leg): Promise<EndCause> {
    leg.play({ playId: 'engine:not-reached', sounds: [notReachedTone], stopOnDigit: false });
    await new Promise<void>((resolve) => {
      this.#endTone = resolve;
      this.#host.timers.start(toneTimer, toneMs, resolve);
    });
    // Not waited for: where Redis is away the agent would hear nothing until it is back.
    this.#report();
    return 'system-hangup';
  }

  /** Once, whoever comes first: the end of the tone, or of the agent's leg. */
  #report(): Promise<void> {
    const agent = this.#agent;
    if (!agent) return Promise.resolve();
    const { ticket, onGivenUp } = this.#host;
    this.#reported ??= ticket.notReached(agent.offerId, this.#again).then((willComeAgain) => {
      if (!willComeAgain) onGivenUp(agent.offerId, agent.agentId);
    });
    return this.#reported;
  }

  #stopDialling(): void {
    if (this.#state !== 'dialling') return;
    this.#state = 'over';
    this.#attempt?.cancel();
    this.#close('agent-gone', 'cancelled');
  }

  #close(outcome: string, cause: EndCause, sipStatus?: number): void {
    const { facts, identity } = this.#host;
    facts.append({ type: 'finished', legId: identity.callerLegId, outcome });
    facts.endLeg(identity.callerLegId, cause, { sipStatus });
  }
}

type Again = { againMs: number; attemptsMax?: number };
