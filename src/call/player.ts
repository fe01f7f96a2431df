import type { Prompt } from '../flow/protocol.ts';
import { type PromptLibrary, resolvePrompts } from './prompts.ts';
import type { Leg, PlayOutcome, Sound } from './telephony.ts';

const ringBackPlayId = 'engine:ring-back';
/** Japanese ring-back: 400 Hz modulated with 16 Hz, one second on, two off; approximated by two tones that beat. */
export const ringBackTone: Sound = { tone: '%(1000,2000,400,416)' };

const musicPlayId = 'engine:music';
const music: PlayOrder = {
  playId: musicPlayId,
  prompts: [{ file: 'prompts/hold.wav' }],
  stopOnDigit: false,
  loop: true,
};

export interface PlayOrder {
  playId: string;
  prompts: Prompt[];
  stopOnDigit: boolean;
  loop?: boolean;
}

/** What the caller hears: one prompt at a time, looked up first where it is not ready. Each order ends exactly once. */
export class Player {
  readonly #library: PromptLibrary;
  readonly #post: (entry: () => void) => void;
  readonly #onDone: (playId: string, outcome: PlayOutcome) => void;
  /** Ordered but not yet begun: its prompts are being looked up. */
  #awaited: string | undefined;
  /** Playing now, the flow's or our own. */
  #playing: string | undefined;
  #ringing = false;
  #closed = false;

  constructor(
    library: PromptLibrary,
    post: (entry: () => void) => void,
    onDone: (playId: string, outcome: PlayOutcome) => void,
  ) {
    this.#library = library;
    this.#post = post;
    // What is not the flow's is not told to the flow.
    this.#onDone = (playId, outcome) => {
      if (playId !== ringBackPlayId && playId !== musicPlayId) onDone(playId, outcome);
    };
  }

  play(leg: Leg | undefined, order: PlayOrder): void {
    this.#ringing = false;
    this.#giveUpAwaited();
    const sounds = resolvePrompts(this.#library, order.prompts);
    if (!(sounds instanceof Promise)) {
      this.#begin(leg, order, sounds);
      return;
    }
    this.#awaited = order.playId;
    const begin = (found: Sound[] | undefined) =>
      this.#post(() => {
        if (this.#awaited !== order.playId) return;
        this.#awaited = undefined;
        this.#begin(leg, order, found);
      });
    sounds.then(begin, () => begin(undefined));
  }

  stop(leg: Leg | undefined): void {
    this.#giveUpAwaited();
    if (this.#playing !== undefined && !this.#ringing) leg?.stopPlay();
  }

  startRingBack(leg: Leg | undefined): void {
    this.#giveUpAwaited();
    this.#ringing = true;
    this.#playing = ringBackPlayId;
    leg?.play({ playId: ringBackPlayId, sounds: [ringBackTone], stopOnDigit: false, loop: true });
  }

  stopRingBack(leg: Leg | undefined): void {
    if (!this.#ringing) return;
    this.#ringing = false;
    this.#playing = undefined;
    leg?.stopPlay();
  }

  /** While caller and agent are apart. */
  startMusic(leg: Leg | undefined): void {
    if (this.#playing !== musicPlayId && this.#awaited !== musicPlayId) this.play(leg, music);
  }

  stopMusic(leg: Leg | undefined): void {
    if (this.#awaited === musicPlayId) this.#awaited = undefined;
    if (this.#playing !== musicPlayId) return;
    this.#playing = undefined;
    leg?.stopPlay();
  }

  /** The switch says that a prompt has ended. */
  onDone(playId: string, outcome: PlayOutcome): void {
    if (this.#playing === playId) this.#playing = undefined;
    this.#onDone(playId, outcome);
  }

  /** The caller is gone: nothing more is begun or reported. */
  close(): void {
    this.#closed = true;
    this.#awaited = undefined;
  }

  #begin(leg: Leg | undefined, order: PlayOrder, sounds: Sound[] | undefined): void {
    if (this.#closed) return;
    const { playId, stopOnDigit, loop } = order;
    if (!sounds) {
      this.#post(() => this.#onDone(playId, 'not-found'));
      return;
    }
    this.#playing = playId;
    leg?.play({ playId, sounds, stopOnDigit, ...(loop === undefined ? {} : { loop }) });
  }

  #giveUpAwaited(): void {
    const playId = this.#awaited;
    this.#awaited = undefined;
    if (playId !== undefined) this.#post(() => this.#onDone(playId, 'stopped'));
  }
}
