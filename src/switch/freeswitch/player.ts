import { randomUUID } from 'node:crypto';
import type { MediaEngine, MediaEngineEvents } from '../media/api.ts';

export type PlayDone = MediaEngineEvents['play-done'][1];

/** How a play ended; `playedMs` adds up over interruptions. */
export type PlayResult = Pick<PlayDone, 'outcome' | 'playedMs' | 'terminator'>;

interface Play {
  playId: string;
  sources: string[];
  terminators: string;
  startedAtMs: number;
  /** Played before it was interrupted by another. */
  earlierMs: number;
  settle: (result: PlayResult) => void;
}

/** A media engine that has not said what became of a play by then will not. */
const STOP_DEADLINE_MS = 2_000;

/**
 * What a channel plays. A play that is interrupted by another is begun again when that one is over (FreeSWITCH goes on
 * where it was; the media engine's interface has no offset).
 */
export class Player {
  readonly #media: MediaEngine;
  readonly #legId: string;
  readonly #stack: Play[] = [];
  #closed = false;

  constructor(media: MediaEngine, legId: string) {
    this.#media = media;
    this.#legId = legId;
  }

  /** Plays the sources one after the other; gives the function that stops it. */
  play(sources: string[], terminators: string, settle: (result: PlayResult) => void): () => void {
    const play: Play = { playId: '', sources, terminators, startedAtMs: 0, earlierMs: 0, settle };
    if (this.#closed) {
      settle({ outcome: 'stopped', playedMs: 0 });
      return () => undefined;
    }
    this.#stack.push(play);
    this.#begin(play);
    return () => this.#stop(play);
  }

  /** To be told of every `play-done` of the leg. */
  done(done: PlayDone): void {
    const at = this.#stack.findIndex((play) => play.playId === done.playId);
    const play = this.#stack[at];
    if (!play) return;
    const interrupted = done.outcome === 'stopped' && at < this.#stack.length - 1;
    if (interrupted) {
      play.earlierMs += done.playedMs;
      return;
    }
    this.#finish(play, done);
  }

  /** The leg is gone: all plays end now. */
  close(): void {
    this.#closed = true;
    for (const play of this.#stack.splice(0).reverse()) play.settle({ outcome: 'stopped', playedMs: guessMs(play) });
  }

  #begin(play: Play): void {
    play.playId = randomUUID();
    play.startedAtMs = performance.now();
    const { playId, sources, terminators } = play;
    this.#media.play(this.#legId, { playId, sources, terminators, loop: false });
  }

  #stop(play: Play): void {
    if (!this.#stack.includes(play)) return;
    if (this.#stack.at(-1) !== play) {
      this.#finish(play, { outcome: 'stopped', playedMs: 0 });
      return;
    }
    this.#media.stopPlay(this.#legId);
    setTimeout(() => {
      if (this.#stack.includes(play)) this.#finish(play, { outcome: 'stopped', playedMs: guessMs(play) });
    }, STOP_DEADLINE_MS).unref();
  }

  #finish(play: Play, { outcome, playedMs, terminator }: PlayResult): void {
    const wasOnTop = this.#stack.at(-1) === play;
    this.#stack.splice(this.#stack.indexOf(play), 1);
    play.settle({ outcome, playedMs: play.earlierMs + playedMs, ...(terminator !== undefined && { terminator }) });
    const below = this.#stack.at(-1);
    if (wasOnTop && below && !this.#closed) this.#begin(below);
  }
}

function guessMs(play: Play): number {
  return Math.max(0, Math.round(performance.now() - play.startedAtMs));
}
