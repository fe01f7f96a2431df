import type { Clock, TimerHandle } from '../kernel/clock.ts';

/** How often the other end of a link is asked for a sign of life. */
const beatMs = 1_000;

export interface LinkWatchOptions {
  clock: Clock;
  /** So many questions in a row unanswered: it does not answer, and gets nothing new. */
  silentAfter: number;
  /** And so many: it is as good as gone, whatever TCP says. */
  goneAfter: number;
  /** Asks; whatever comes from the other end counts as an answer. */
  ask(): void;
  onGone(): void;
}

/**
 * Finds out within seconds that the other end of a TCP connection hangs or cannot be reached: the connection stays open
 * then, and only answers that do not come tell. Questions are counted, not timed: where this process itself stood
 * still, none was left unanswered.
 */
export class LinkWatch {
  readonly #options: LinkWatchOptions;
  #timer: TimerHandle | undefined;
  #unanswered = 0;

  constructor(options: LinkWatchOptions) {
    this.#options = options;
  }

  /** It has answered lately. */
  get answers(): boolean {
    return this.#unanswered < this.#options.silentAfter;
  }

  /** For how long nothing has come, in whole beats. */
  get silentForMs(): number {
    return this.#unanswered * beatMs;
  }

  start(): void {
    this.stop();
    this.#unanswered = 0;
    this.#next();
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
  }

  /** Something came from the other end. */
  heard(): void {
    this.#unanswered = 0;
  }

  #next(): void {
    const { clock, goneAfter, ask, onGone } = this.#options;
    this.#timer = clock.setTimeout(() => {
      if (this.#unanswered >= goneAfter) return onGone();
      this.#unanswered += 1;
      ask();
      return this.#next();
    }, beatMs);
  }
}
