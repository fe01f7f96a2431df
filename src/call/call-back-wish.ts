import type { DeskTicket } from '../desk/desk.ts';
import type { CallBackOutcome } from '../flow/protocol.ts';
import { callBackNumber } from './outbound-rules.ts';
import type { CallIdentity } from './saved-call.ts';

export interface CallBackWishHost {
  readonly identity: CallIdentity;
  post(entry: () => void): void;
  hasLeft(): boolean;
  /** The place is kept, and the ticket is over. */
  onKept(): void;
  /** For the flow. */
  tell(outcome: CallBackOutcome): void;
  /** Nothing is asked of the desk any more. */
  onSettled(): void;
}

/** Whether a caller at the desk can be called back, wants to be, and will be. */
export class CallBackWish {
  readonly #host: CallBackWishHost;
  #number: string | undefined;
  #isAsking = false;
  /** The caller has hung up without waiting for the answer. */
  #isGone = false;

  constructor(host: CallBackWishHost) {
    this.#host = host;
  }

  /** Somebody waits for the answer: a caller who has hung up does not, and their call ends without it. */
  get isAsking(): boolean {
    return this.#isAsking && !this.#isGone;
  }

  /** Where the caller can be called back; undefined: nowhere. */
  get number(): string | undefined {
    return this.#number;
  }

  /** What is saved of it. */
  get state(): { callBackTo?: string } {
    return this.#number === undefined ? {} : { callBackTo: this.#number };
  }

  /** `collected`: the number that the flow has asked for. */
  begin(collected: string | undefined): void {
    this.#number = callBackNumber(this.#host.identity, collected);
  }

  resume({ callBackTo }: { callBackTo?: string }): void {
    this.#number = callBackTo;
  }

  /** The caller wants to hang up and keep the place. */
  ask(ticket: DeskTicket | undefined): void {
    const { hasLeft, tell, post } = this.#host;
    if (hasLeft() || this.#isAsking) return;
    if (!ticket || this.#number === undefined) {
      tell(ticket ? 'refused' : 'too-late');
      return;
    }
    this.#isAsking = true;
    ticket.callBackLater().then((isKept) => {
      // The call may be over by then.
      if (this.#isGone) this.#onLateAnswer(ticket, isKept);
      else post(() => this.#onAnswer(isKept));
    });
  }

  /** The caller has hung up. True: the place is kept, or will be given up here. */
  hungUp(): boolean {
    this.#isGone = this.#isAsking;
    return this.#isAsking;
  }

  #onLateAnswer(ticket: DeskTicket, isKept: boolean): void {
    if (!isKept) ticket.leave('abandoned');
  }

  #onAnswer(isKept: boolean): void {
    const { hasLeft, onKept, tell, onSettled } = this.#host;
    this.#isAsking = false;
    if (!hasLeft()) {
      if (isKept) onKept();
      tell(isKept ? 'kept' : 'too-late');
    }
    onSettled();
  }
}
