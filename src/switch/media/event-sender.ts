import type { Codec } from './api.ts';
import { encodeTable, frameSamples, samplesPerMs } from './g711.ts';
import { eventOfKey, writeEvent } from './telephone-event.ts';
import { keyFrequencies, keyTone } from './tones.ts';

const maxQueued = 64;
const endPackets = 3;
/** Silence between two keys. */
const gapFrames = 3;
const shortestMs = 40;
const longestMs = 8_000;

interface SentKey {
  digit: string;
  totalUnits: number;
  units: number;
  startTimestamp: number;
  endsSent: number;
}

/** Sends keys, one packet a frame: as RFC 4733 events, or as tones where those were not negotiated. */
export class EventSender {
  readonly #queue: SentKey[] = [];
  #current: SentKey | undefined;
  #gapLeft = 0;
  /** Of the packet written last. */
  timestamp = 0;
  marker = false;

  get busy(): boolean {
    return this.#current !== undefined || this.#queue.length > 0 || this.#gapLeft > 0;
  }

  /** Queues keys; what is none, or does not fit, is left out. */
  push(digits: string, durationMs: number): void {
    const totalUnits = Math.round(Math.max(shortestMs, Math.min(longestMs, durationMs)) * samplesPerMs);
    for (const digit of digits) {
      if (eventOfKey(digit) === undefined || this.#queue.length >= maxQueued) continue;
      this.#queue.push({ digit, totalUnits, units: 0, startTimestamp: 0, endsSent: 0 });
    }
  }

  /** Writes this frame's event at `start`; gives its length, 0 when this frame is one for audio. */
  writeEvent(packet: Buffer, start: number, timestamp: number): number {
    const key = this.#next();
    if (!key) return 0;
    this.marker = key.units === 0;
    if (this.marker) key.startTimestamp = timestamp;
    this.timestamp = key.startTimestamp;
    key.units = Math.min(key.totalUnits, key.units + frameSamples);
    const ended = key.units === key.totalUnits;
    writeEvent(packet, start, eventOfKey(key.digit) ?? 0, ended, key.units);
    if (ended && ++key.endsSent === endPackets) this.#finish();
    return 4;
  }

  /** Writes this frame of tones at `start`; false when this frame is one for audio. */
  writeTone(packet: Buffer, start: number, codec: Codec): boolean {
    const key = this.#next();
    if (!key) return false;
    const table = encodeTable(codec);
    const frequencies = keyFrequencies(key.digit);
    for (let index = 0; index < frameSamples; index++) {
      const sounding = key.units + index < key.totalUnits;
      const sample = sounding ? Math.round(keyTone(frequencies, key.units + index)) : 0;
      packet[start + index] = table[sample & 0xffff] ?? 0;
    }
    key.units += frameSamples;
    if (key.units >= key.totalUnits) this.#finish();
    return true;
  }

  #next(): SentKey | undefined {
    if (this.#gapLeft > 0) {
      this.#gapLeft--;
      return undefined;
    }
    this.#current ??= this.#queue.shift();
    return this.#current;
  }

  #finish(): void {
    this.#current = undefined;
    this.#gapLeft = gapFrames;
  }
}
