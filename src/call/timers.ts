import type { Effect } from '../flow/protocol.ts';
import type { Clock, TimerHandle } from '../kernel/clock.ts';
import type { Leg } from './telephony.ts';

type FlowTimer = Extract<Effect, { type: 'start-timer' }>;

type KeySigns = Leg['keySigns'];

/** While a key is held down, the phone sends signs of it much more often than this. */
const lookMs = 150;
/** A media server that does not say in this time whether a key is held down keeps nobody waiting. */
const answerMs = 500;
/** Something lies on the keys. */
const longestKeyMs = 10_000;

/** A call's timers by name. A timer that was replaced or cancelled never fires, even if its time was already up. */
export class CallTimers {
  readonly #clock: Clock;
  readonly #post: (entry: () => void) => void;
  readonly #running = new Map<string, { handle: TimerHandle | undefined }>();

  /** `post` puts what fires into the call's mailbox. */
  constructor(clock: Clock, post: (entry: () => void) => void) {
    this.#clock = clock;
    this.#post = post;
  }

  start(name: string, delayMs: number, onTime: () => void): void {
    this.cancel(name);
    const timer: { handle: TimerHandle | undefined } = { handle: undefined };
    this.#running.set(name, timer);
    timer.handle = this.#clock.setTimeout(() => {
      this.#post(() => {
        if (this.#running.get(name) !== timer) return;
        this.#running.delete(name);
        onTime();
      });
    }, delayMs);
  }

  /**
   * A timer of the flow's. Where it waits for a key, one that is held down on the leg when the time is up is in time: it
   * comes and stops this, or is too long.
   */
  startFlow({ timerId, delayMs, forKey }: FlowTimer, leg: Pick<Leg, 'keySigns'> | undefined, onTime: () => void): void {
    const name = `flow:${timerId}`;
    if (!forKey || !leg) {
      this.start(name, delayMs, onTime);
      return;
    }
    const lastMs = Math.min(lookMs, delayMs);
    const timer = { name, signs: () => leg.keySigns(), onTime };
    this.start(name, delayMs - lastMs, () => this.#watchKey(timer, lastMs, 0));
  }

  /** `heldMs`: for how long past its time. */
  #watchKey(timer: { name: string; signs: KeySigns; onTime: () => void }, forMs: number, heldMs: number): void {
    const { name, signs, onTime } = timer;
    const before = signs();
    this.start(name, forMs, () => {
      this.start(name, answerMs, onTime);
      const asking = this.#running.get(name);
      const decide = (isHeld: boolean) => {
        if (this.#running.get(name) !== asking) return;
        this.cancel(name);
        if (isHeld) this.#watchKey(timer, lookMs, heldMs + lookMs);
        else onTime();
      };
      Promise.all([before, signs()]).then(
        ([then = 0, now = 0]) => this.#post(() => decide(now > then && heldMs < longestKeyMs)),
        () => this.#post(() => decide(false)),
      );
    });
  }

  cancel(name: string): void {
    const timer = this.#running.get(name);
    if (!timer) return;
    this.#running.delete(name);
    this.#clock.clearTimeout(timer.handle);
  }

  cancelAll(): void {
    for (const name of [...this.#running.keys()]) this.cancel(name);
  }
}
