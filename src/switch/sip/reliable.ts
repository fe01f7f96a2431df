import { TimerSet, type Timing } from './transaction/machine.ts';

interface Provisional {
  rseq: number;
  raw: string;
  hasBody: boolean;
}

/** Reliable provisional answers to one INVITE (RFC 3262 3): in order, one at a time, resent until their PRACK. */
export class ReliableProvisionals {
  readonly #cseq: number;
  readonly #timing: Timing;
  readonly #send: (raw: string) => void;
  readonly #onGiveUp: () => void;
  readonly #timers = new TimerSet<'resend' | 'give-up'>();
  readonly #waiting: Provisional[] = [];
  readonly #acknowledged = new Set<number>();
  #current: Provisional | undefined;
  #nextRseq = 1 + Math.floor(Math.random() * 1_000_000);
  #whenClear: (() => void) | undefined;

  /**
   * @param cseq that of the INVITE.
   * @param onGiveUp no PRACK came in 64*T1: the INVITE should be refused with a 5xx.
   */
  constructor(cseq: number, timing: Timing, send: (raw: string) => void, onGiveUp: () => void) {
    this.#cseq = cseq;
    this.#timing = timing;
    this.#send = send;
    this.#onGiveUp = onGiveUp;
  }

  /** The RSeq of the next answer. */
  allotRseq(): number {
    return this.#nextRseq++;
  }

  /** Sends now, or after the PRACK of the one before. */
  add(provisional: Provisional): void {
    this.#waiting.push(provisional);
    this.#sendNext();
  }

  /** Takes the RAck of a PRACK; false when it is for none of our answers (481). */
  acknowledge(rack: string): boolean {
    const match = /^(\d{1,10})\s+(\d{1,10})\s+INVITE$/.exec(rack.trim());
    if (!match || Number(match[2]) !== this.#cseq) return false;
    const rseq = Number(match[1]);
    if (this.#acknowledged.has(rseq)) return true;
    if (this.#current?.rseq !== rseq) return false;
    this.#acknowledged.add(rseq);
    this.#current = undefined;
    this.#timers.clearAll();
    this.#sendNext();
    if (!this.#current) this.#release();
    return true;
  }

  /** Runs `send` as soon as a 2xx may go out: not before an offer or answer sent in a provisional was acknowledged. */
  beforeFinal(send: () => void): void {
    const unclear = this.#current?.hasBody || this.#waiting.some((each) => each.hasBody);
    if (unclear) this.#whenClear = send;
    else {
      this.stop();
      send();
    }
  }

  /** A final answer goes out: nothing is resent any more. A late PRACK is still known. */
  stop(): void {
    this.#timers.clearAll();
    this.#waiting.length = 0;
    if (this.#current) this.#acknowledged.add(this.#current.rseq);
    this.#current = undefined;
    this.#whenClear = undefined;
  }

  #sendNext(): void {
    if (this.#current) return;
    const next = this.#waiting.shift();
    if (!next) return;
    this.#current = next;
    this.#timers.set('give-up', 64 * this.#timing.t1Ms, () => this.#giveUp());
    this.#resend(next, this.#timing.t1Ms);
  }

  #resend(provisional: Provisional, intervalMs: number): void {
    this.#send(provisional.raw);
    this.#timers.set('resend', intervalMs, () => this.#resend(provisional, intervalMs * 2));
  }

  #release(): void {
    const send = this.#whenClear;
    if (!send) return;
    this.stop();
    send();
  }

  #giveUp(): void {
    const send = this.#whenClear;
    this.stop();
    // The call was answered already: better a 2xx early than a caller without any
    if (send) send();
    else this.#onGiveUp();
  }
}
