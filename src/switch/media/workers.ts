import type { Fault } from './faults.ts';
import type { LegReport } from './protocol.ts';
import { WorkerLink } from './worker-link.ts';

/** How often each worker is asked for a sign of life; how many it may leave unanswered while it starts, and later. */
const beatMs = 1_000;
const beatsMissedStarting = 15;
const beatsMissed = 3;
const firstRestartMs = 50;
const maxRestartMs = 5_000;
/** A worker that lived so long did not die of how it is made: the next starts at once again. */
const steadyMs = 30_000;

export interface WorkersOptions {
  count: number;
  /** What each runs; a test gives another. */
  script: URL;
  onEvent(report: LegReport): void;
  onFault(fault: Fault): void;
  /** A worker is gone and its legs with it. */
  onLost(link: WorkerLink, why: Error): void;
  /** A new one has taken the place of one that was lost. */
  onBack(): void;
}

interface Place {
  link: WorkerLink | undefined;
  restartMs: number;
  startedAtMs: number;
  timer?: NodeJS.Timeout;
}

/**
 * The engine's workers. Each must give a sign of life every second: one that dies, or gives none for three seconds
 * (it hangs), is given up and replaced, at once at first and ever more slowly where the new ones die too.
 */
export class Workers {
  readonly #options: WorkersOptions;
  #places: Place[] = [];
  #beat: NodeJS.Timeout | undefined;

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  get total(): number {
    return this.#places.length;
  }

  /** Those that answer. */
  get up(): WorkerLink[] {
    return this.#running.filter((link) => link.answers);
  }

  get #running(): WorkerLink[] {
    return this.#places.flatMap(({ link }) => (link && !link.ended ? [link] : []));
  }

  /** Resolves when all have answered. @throws the worker's error when one could not start. */
  async start(): Promise<void> {
    if (this.#places.length > 0) return;
    for (let index = 0; index < this.#options.count; index++) {
      const place: Place = { link: undefined, restartMs: firstRestartMs, startedAtMs: 0 };
      this.#places.push(place);
      this.#fill(place);
    }
    this.#beat = setInterval(() => this.#askAll(), beatMs);
    this.#beat.unref();
    await Promise.all(this.#running.map((link) => link.ready().then(() => link.beat())));
  }

  async stop(): Promise<void> {
    clearInterval(this.#beat);
    const places = this.#places;
    this.#places = [];
    for (const { timer } of places) clearTimeout(timer);
    await Promise.all(places.map(({ link }) => link?.stop()));
  }

  /** The one with the fewest legs, of those that answer where there are any. */
  choose(): WorkerLink | undefined {
    const candidates = this.up.length > 0 ? this.up : this.#running;
    return candidates.reduce<WorkerLink | undefined>(
      (best, next) => (best && best.legs.size <= next.legs.size ? best : next),
      undefined,
    );
  }

  #fill(place: Place): void {
    place.startedAtMs = performance.now();
    const { script, onEvent, onFault } = this.#options;
    place.link = new WorkerLink({
      script,
      onEvent,
      onFault,
      onCrash: (link, why) => this.#lost(place, link, why),
    });
  }

  /** Missed beats are counted and not timed: where this whole process stood still, none was missed. */
  #askAll(): void {
    for (const link of this.#running) {
      const allowed = link.hasAnswered ? beatsMissed : beatsMissedStarting;
      if (link.unanswered >= allowed) link.giveUp(new Error('the media worker hangs'));
      else link.beat().catch(() => undefined); // Lost meanwhile, which is told by itself.
    }
  }

  #lost(place: Place, link: WorkerLink, why: Error): void {
    if (place.link !== link) return;
    place.link = undefined;
    this.#options.onLost(link, why);
    if (!this.#places.includes(place)) return;
    if (performance.now() - place.startedAtMs >= steadyMs) place.restartMs = firstRestartMs;
    place.timer = setTimeout(() => this.#restart(place), place.restartMs);
    place.restartMs = Math.min(maxRestartMs, place.restartMs * 3);
  }

  #restart(place: Place): void {
    this.#fill(place);
    const { link } = place;
    // Up once it has answered: that it runs says little.
    link?.beat().then(
      () => this.#options.onBack(),
      () => undefined, // Lost again, which is told by itself.
    );
  }
}
