import type { DeskTicket, LeaveCause } from '../desk/desk.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import { CallBackTurn } from './call-back-turn.ts';
import { CallBackWish } from './call-back-wish.ts';
import type { DeskHappening, EscalationHost } from './desk-access.ts';
import type { DeskState } from './saved-call.ts';
import type { Leg } from './telephony.ts';

export interface CallBackSideHost extends EscalationHost {
  ticket(): DeskTicket | undefined;
  hasLeft(): boolean;
  /** The caller hangs up and keeps the place: the ticket is over. */
  onKept(): void;
  tellFlow(event: DeskHappening): void;
  openIntake(offerId: string, agentId: string): void;
  /** Nothing of a call-back is under way any more. */
  onSettled(): void;
}

/** What a caller's stay at the desk has to do with call-backs: one is asked for in it, or it is one. */
export class CallBackSide {
  readonly #host: CallBackSideHost;
  readonly #wish: CallBackWish;
  #turn: CallBackTurn | undefined;

  constructor(host: CallBackSideHost) {
    this.#host = host;
    this.#wish = new CallBackWish({
      ...host,
      tell: (outcome) => host.post(() => host.tellFlow({ type: 'desk-call-back', outcome })),
    });
  }

  get state(): Pick<DeskState, 'callBackTo' | 'callee'> {
    return { ...this.#wish.state, ...(this.#turn?.state ? { callee: this.#turn.state } : {}) };
  }

  /** Changes when there is a leg to be known of. */
  get legs(): string {
    return this.#turn?.legs ?? '';
  }

  get isBusy(): boolean {
    return this.#wish.isAsking || Boolean(this.#turn?.isDialOpen);
  }

  /** `collected`: the number that the flow has asked for. Gives where the caller can be called back. */
  begin(collected: string | undefined): string | undefined {
    this.#wish.begin(collected);
    return this.#wish.number;
  }

  resume(saved: DeskState): void {
    this.#wish.resume(saved);
  }

  /** The caller wants to hang up and keep the place. The flow is told whether they may. */
  ask(): void {
    this.#wish.ask(this.#host.ticket());
  }

  /** This call is a call-back. */
  beginTurn(ticket: DeskTicket): void {
    const { openIntake: onGivenUp, onSettled: onOver } = this.#host;
    this.#turn = new CallBackTurn({ ...this.#host, ticket, onGivenUp, onOver });
  }

  onOffer(offerId: string): void {
    this.#turn?.onOffer(offerId);
  }

  /** Dials who is called back. Resolves with why nobody is there; undefined: somebody is. */
  async reach(offerId: string, agentId: string, leg: Leg): Promise<EndCause | undefined> {
    return this.#turn?.reach(offerId, agentId, leg);
  }

  /** An agent who had this offer is not connected. True: who is called back is on the line, and has no agent now. */
  onFailed(offerId: string): boolean {
    this.#turn?.onAgentGone(offerId);
    return this.#turn?.reachedBy === offerId;
  }

  /** The ticket is void. Of a caller on the line the state saver finds the same out, and lets go of the whole call. */
  onLost(): void {
    if (this.#turn && !this.#turn.reachedBy) this.#host.end('system-hangup');
  }

  /** The stay ends. What is said to the desk then: that the caller leaves, or (`kept`, `handed-back`) has been said here. */
  onLeaving(cause: LeaveCause | 'call-back'): 'leave' | 'kept' | 'handed-back' {
    if (cause === 'call-back' || (cause === 'abandoned' && this.#wish.hungUp())) return 'kept';
    if (!this.#turn || this.#turn.reachedBy) return 'leave';
    this.#turn.handBack();
    return 'handed-back';
  }
}
