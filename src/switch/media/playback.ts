import type { Codec, PlayCommand } from './api.ts';
import { samplesPerMs, silenceByte } from './g711.ts';
import type { PromptStore, Segment } from './prompt-store.ts';

type Slot = { state: 'loading' } | { state: 'missing' } | { state: 'ready'; segment: Segment };

const maxSources = 1_000;

/** What one `play` sends: its sources one after the other, with gaps, perhaps again and again. */
export class Playback {
  readonly command: PlayCommand;
  readonly codec: Codec;
  readonly #slots: Slot[];
  readonly #gapSamples: number;
  #index = 0;
  #position = 0;
  #loop = 0;
  #gapLeft = 0;
  /** Samples given in this round of a looping list: a round of nothing ends it. */
  #roundSamples = 0;
  #givenSamples = 0;
  /** Samples of these that really went out; counted by the leg. */
  sentSamples = 0;

  constructor(command: PlayCommand, codec: Codec, store: PromptStore) {
    this.command = command;
    this.codec = codec;
    this.#gapSamples = Math.max(0, Math.min(60_000, command.gapMs ?? 0)) * samplesPerMs;
    this.#slots = command.sources.slice(0, maxSources).map(() => ({ state: 'loading' }) as Slot);
    this.#slots.forEach((_, index) => {
      this.#load(index, store);
    });
  }

  /** True when there is nothing to play in any of the sources: they are missing or broken. */
  get notFound(): boolean {
    return this.#slots.every((slot) => slot.state === 'missing');
  }

  get playedMs(): number {
    return Math.round(this.sentSamples / samplesPerMs);
  }

  stoppedBy(digit: string): boolean {
    const { terminators } = this.command;
    return terminators === 'any' || terminators.includes(digit);
  }

  /**
   * Fills `target` from `start` to `end` with the next G.711 bytes, and the rest with silence.
   * @returns how many are of the playback; while a source is being loaded that can be 0.
   */
  fill(target: Buffer, start: number, end: number): number {
    let position = start;
    while (position < end) {
      const given = this.#take(target, position, end);
      if (given === 0) break;
      position += given;
    }
    if (position < end) target.fill(silenceByte[this.codec], position, end);
    return position - start;
  }

  /** True when all was given. */
  get ended(): boolean {
    this.#settle();
    return this.#index >= this.#slots.length;
  }

  #load(index: number, store: PromptStore): void {
    const set = (segment: Segment | undefined) => {
      this.#slots[index] = segment ? { state: 'ready', segment } : { state: 'missing' };
    };
    const loaded = store.load(this.command.sources[index] ?? '', this.codec);
    if (loaded instanceof Promise) loaded.then(set, () => set(undefined));
    else set(loaded);
  }

  /** Gives the next bytes of one source or gap; 0 when ended or waiting for a source. */
  #take(target: Buffer, start: number, end: number): number {
    this.#settle();
    const slot = this.#slots[this.#index];
    if (slot?.state !== 'ready') return 0;
    const wanted = end - start;
    if (this.#gapLeft > 0) {
      const count = Math.min(wanted, this.#gapLeft);
      target.fill(silenceByte[this.codec], start, start + count);
      this.#gapLeft -= count;
      this.#givenSamples += count;
      return count;
    }
    const { segment } = slot;
    const length = segment.kind === 'audio' ? segment.audio.length : segment.samples;
    const count = Math.min(wanted, length - this.#position);
    if (segment.kind === 'audio') segment.audio.copy(target, start, this.#position, this.#position + count);
    else target.fill(silenceByte[this.codec], start, start + count);
    this.#position += count;
    this.#roundSamples += count;
    this.#givenSamples += count;
    return count;
  }

  /** Moves past sources that are missing or used up, so that the current one has something to give. */
  #settle(): void {
    for (;;) {
      const slot = this.#slots[this.#index];
      if (!slot) {
        if (!this.command.loop || this.#roundSamples === 0) return;
        this.#index = 0;
        this.#roundSamples = 0;
      } else if (slot.state === 'loading') {
        return;
      } else if (slot.state === 'missing') {
        this.#advance();
      } else if (!this.#usedUp(slot.segment)) {
        return;
      } else this.#advance();
    }
  }

  /** Whether the source has nothing more; a loop of it starts again here. */
  #usedUp(segment: Segment): boolean {
    if (segment.kind === 'silence') return this.#position >= segment.samples;
    if (this.#position < segment.audio.length) return false;
    if (segment.audio.length === 0 || ++this.#loop >= segment.loops) return true;
    this.#position = 0;
    return false;
  }

  #advance(): void {
    this.#index++;
    this.#position = 0;
    this.#loop = 0;
    const more = this.#index < this.#slots.length || this.command.loop;
    this.#gapLeft = more && this.#givenSamples > 0 ? this.#gapSamples : 0;
  }
}
