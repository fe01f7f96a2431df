import { timestampDistance } from './rtp.ts';

/** A ring of about a second of samples; a power of two. */
const ringSamples = 8_192;
/** The delay a stream starts with, and falls back to: one frame. */
const startDelaySamples = 160;
/** The buffer never delays audio by more. */
export const maxDelaySamples = 1_920;
const longestPacketSamples = 1_600;
/** Steps in which too much delay is taken back, and how often. */
const shrinkSamples = 160;
const shrinkEveryPulls = 200;
/** So many packets in a row far from the expected time are a new timeline, not stragglers. */
const resyncPackets = 4;

/**
 * Puts audio in order of its RTP timestamps and hands it out at an even pace. The delay starts at 20 ms, grows when a
 * packet came too late by just what it was late (a pause is heard), up to 240 ms, and shrinks by 20 ms when for 4 s so much was never
 * needed. Packet times from 10 to 60 ms and more, repeats and reordering need no rules of their own: a sample goes
 * where its timestamp says.
 */
export class JitterBuffer {
  readonly #samples = Buffer.alloc(ringSamples);
  readonly #present = new Uint8Array(ringSamples);
  #started = false;
  /** Timestamp of the next sample to hand out, and of the one after the newest held. */
  #readAt = 0;
  #endAt = 0;
  /** Timestamp after the newest sample that was handed out. */
  #handedTo = 0;
  #offTime = 0;
  #leastDepth = ringSamples;
  #pulls = 0;
  lateSamples = 0;

  /** Forgets all; the next packet starts a new timeline. */
  reset(): void {
    this.#present.fill(0);
    this.#started = false;
    this.#offTime = 0;
    this.#restartWindow();
  }

  /** Samples held before the next to be handed out and the newest. */
  get depthSamples(): number {
    return this.#started ? timestampDistance(this.#endAt, this.#readAt) : 0;
  }

  put(timestamp: number, payload: Buffer, start: number, end: number): void {
    const length = Math.min(end - start, longestPacketSamples);
    if (length <= 0) return;
    if (!this.#started) this.#begin(timestamp);
    let ahead = timestampDistance(timestamp, this.#readAt);
    if (ahead + length > ringSamples || ahead < -maxDelaySamples) {
      if (++this.#offTime < resyncPackets) return;
      this.reset();
      this.#begin(timestamp);
      ahead = startDelaySamples;
    }
    this.#offTime = 0;
    if (ahead < 0) {
      this.lateSamples += Math.min(-ahead, length);
      this.#readAt = timestamp >>> 0;
      this.#restartWindow();
    }
    // What is older than what was handed out is lost: it would come out of order.
    const stale = Math.max(0, Math.min(length, timestampDistance(this.#handedTo, timestamp)));
    this.#store((timestamp + stale) >>> 0, payload, start + stale, length - stale);
    const newEnd = (timestamp + length) >>> 0;
    if (timestampDistance(newEnd, this.#endAt) > 0) this.#endAt = newEnd;
    if (this.depthSamples > maxDelaySamples + longestPacketSamples) this.#drop(this.depthSamples - maxDelaySamples);
  }

  /**
   * Hands out the next `count` samples into `target`, `filler` where there is none.
   * @returns how many were missing.
   */
  pull(target: Buffer, start: number, count: number, filler: number): number {
    if (!this.#started) {
      target.fill(filler, start, start + count);
      return count;
    }
    let missing = 0;
    let newest = -1;
    for (let index = 0; index < count; index++) {
      const place = (this.#readAt + index) & (ringSamples - 1);
      if (this.#present[place] === 1) {
        this.#present[place] = 0;
        target[start + index] = this.#samples[place] ?? filler;
        newest = index;
      } else {
        target[start + index] = filler;
        missing++;
      }
    }
    if (newest >= 0) this.#handedTo = (this.#readAt + newest + 1) >>> 0;
    this.#readAt = (this.#readAt + count) >>> 0;
    this.#watchDepth();
    return missing;
  }

  /** Lets time pass without handing out. */
  skip(samples: number): void {
    if (this.#started) this.#drop(samples);
  }

  #begin(timestamp: number): void {
    this.#started = true;
    this.#readAt = (timestamp - startDelaySamples) >>> 0;
    this.#endAt = timestamp >>> 0;
    this.#handedTo = (timestamp - maxDelaySamples) >>> 0;
  }

  #store(timestamp: number, payload: Buffer, start: number, length: number): void {
    const place = timestamp & (ringSamples - 1);
    const first = Math.min(length, ringSamples - place);
    payload.copy(this.#samples, place, start, start + first);
    this.#present.fill(1, place, place + first);
    if (first === length) return;
    payload.copy(this.#samples, 0, start + first, start + length);
    this.#present.fill(1, 0, length - first);
  }

  #drop(samples: number): void {
    const count = Math.min(samples, ringSamples);
    for (let index = 0; index < count; index++) this.#present[(this.#readAt + index) & (ringSamples - 1)] = 0;
    this.#readAt = (this.#readAt + samples) >>> 0;
  }

  #restartWindow(): void {
    this.#leastDepth = ringSamples;
    this.#pulls = 0;
  }

  /** Takes back delay that was not needed for a while. */
  #watchDepth(): void {
    const depth = this.depthSamples;
    if (depth > 0) this.#leastDepth = Math.min(this.#leastDepth, depth);
    if (++this.#pulls < shrinkEveryPulls) return;
    const unneeded = this.#leastDepth - startDelaySamples;
    if (this.#leastDepth < ringSamples && unneeded >= shrinkSamples / 2) this.#drop(Math.min(unneeded, shrinkSamples));
    this.#restartWindow();
  }
}
