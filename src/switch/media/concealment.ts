import type { Codec } from './api.ts';
import { decodeTable, encodeTable, frameSamples, silenceByte } from './g711.ts';

/** Gain of each 10 ms that is made up after a loss; silence from then on. */
const fadeGains = [1, 0.8, 0.6, 0.4, 0.25, 0.1];

/** Fills what is missing in a stream by repeating its last 20 ms, fading: 60 ms at most, then silence. */
export class Concealment {
  readonly #history = Buffer.alloc(frameSamples);
  #heard = false;
  #at = 0;
  #missingBlocks = 0;

  /** Takes the block of a stream from `start` to `end`; a missing one is filled. */
  process(codec: Codec, block: Buffer, start: number, end: number, missing: boolean): void {
    if (!missing) {
      this.#heard = true;
      this.#missingBlocks = 0;
      for (let index = start; index < end; index++) this.#remember(block[index] ?? 0);
      return;
    }
    const gain = this.#heard ? (fadeGains[this.#missingBlocks++] ?? 0) : 0;
    if (gain === 0) {
      this.#heard = false;
      block.fill(silenceByte[codec], start, end);
      return;
    }
    const decoded = decodeTable(codec);
    const encoded = encodeTable(codec);
    for (let index = start; index < end; index++) {
      const code = this.#history[this.#at] ?? 0;
      block[index] = encoded[Math.round((decoded[code] ?? 0) * gain) & 0xffff] ?? 0;
      this.#at = (this.#at + 1) % frameSamples;
    }
  }

  #remember(code: number): void {
    this.#history[this.#at] = code;
    this.#at = (this.#at + 1) % frameSamples;
  }
}
