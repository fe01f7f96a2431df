import type { MessagePort } from 'node:worker_threads';
import type { Codec, ListenMode } from './api.ts';
import { decode, encode, frameSamples } from './g711.ts';
import { Tap } from './tap.ts';

/** Shared by all legs of the thread: each is done with before the next begins. */
const said = new Int16Array(frameSamples);
const heard = new Int16Array(frameSamples);
const mixed = new Int16Array(frameSamples);

/** Those who listen at one leg: they hear what it says and hears, and are heard as their mode says. */
export class Taps {
  readonly #taps = new Map<string, Tap>();
  readonly #onChange: () => void;
  readonly #guard: (work: () => void) => void;
  readonly #voiced = Buffer.alloc(frameSamples);

  constructor(onChange: () => void, guard: (work: () => void) => void) {
    this.#onChange = onChange;
    this.#guard = guard;
  }

  get some(): boolean {
    return this.#taps.size > 0;
  }

  add(listenerId: string, port: MessagePort, mode: ListenMode): void {
    this.#taps.get(listenerId)?.release();
    const onOver = () => {
      if (this.#taps.get(listenerId) === tap) this.#taps.delete(listenerId);
      this.#onChange();
    };
    const tap = new Tap(port, mode, onOver, this.#guard);
    this.#taps.set(listenerId, tap);
    this.#onChange();
  }

  setMode(listenerId: string, mode: ListenMode): void {
    const tap = this.#taps.get(listenerId);
    if (tap) tap.mode = mode;
  }

  /** What the other side of the leg's bridge hears: what the leg says, and those who are heard by both. */
  voiced(frame: number, codec: Codec, bytes: Buffer): Buffer {
    const voices = this.#voices(frame, (mode) => mode === 'join' || mode === 'other');
    if (voices.length === 0) return bytes;
    decode(codec, bytes, mixed);
    for (const voice of voices) add(mixed, voice);
    encode(codec, mixed, this.#voiced);
    return this.#voiced;
  }

  /** Tells the listeners what the leg says and hears in this frame; then lets the leg hear those who are to be heard. */
  pass(frame: number, from: { codec: Codec; bytes: Buffer }, to: { codec: Codec; bytes: Buffer; start: number }): void {
    decode(from.codec, from.bytes, said);
    decode(to.codec, to.bytes, heard, to.start);
    mixed.set(said);
    add(mixed, heard);
    for (const tap of this.#taps.values()) tap.send(mixed);
    const voices = this.#voices(frame, (mode) => mode === 'join' || mode === 'whisper');
    if (voices.length === 0) return;
    for (const voice of voices) add(heard, voice);
    encode(to.codec, heard, to.bytes, to.start);
  }

  releaseAll(): void {
    for (const tap of this.#taps.values()) tap.release();
    this.#taps.clear();
  }

  #voices(frame: number, wanted: (mode: ListenMode) => boolean): Int16Array[] {
    const voices: Int16Array[] = [];
    for (const tap of this.#taps.values()) {
      const voice = tap.voice(frame);
      if (voice && wanted(tap.mode)) voices.push(voice);
    }
    return voices;
  }
}

function add(sum: Int16Array, voice: Int16Array): void {
  for (let index = 0; index < frameSamples; index++) {
    sum[index] = Math.max(-32_768, Math.min(32_767, (sum[index] ?? 0) + (voice[index] ?? 0)));
  }
}
