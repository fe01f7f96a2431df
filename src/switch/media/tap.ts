import type { MessagePort } from 'node:worker_threads';
import type { ListenMode } from './api.ts';
import { decode, encode, frameSamples } from './g711.ts';
import type { TrunkMessage } from './protocol.ts';

/** Frames of the listener's voice that wait for their turn; of more the oldest go. */
const maxWaiting = 4;

/** Somebody who listens at a leg, over a channel to wherever their own leg is. */
export class Tap {
  readonly #port: MessagePort;
  readonly #waiting: Int16Array[] = [];
  #frame = -1;
  #voice: Int16Array | undefined;
  mode: ListenMode;

  constructor(port: MessagePort, mode: ListenMode, onOver: () => void, guard: (work: () => void) => void) {
    this.#port = port;
    this.mode = mode;
    port.on('message', (message: TrunkMessage) => {
      if (message.type === 'release') this.#port.close();
      else if (message.type === 'frame') guard(() => this.#take(message));
    });
    port.on('close', onOver);
  }

  /** What the listener says in this frame; nothing while none of it has come. */
  voice(frame: number): Int16Array | undefined {
    if (frame !== this.#frame) {
      this.#frame = frame;
      this.#voice = this.#waiting.shift();
    }
    return this.#voice;
  }

  /** What the listener is to hear. */
  send(samples: Int16Array): void {
    const bytes = new Uint8Array(frameSamples);
    encode('PCMU', samples, bytes);
    const message: TrunkMessage = { type: 'frame', codec: 'PCMU', bytes };
    this.#port.postMessage(message);
  }

  /** The leg has gone. */
  release(): void {
    const message: TrunkMessage = { type: 'release' };
    this.#port.postMessage(message);
    this.#port.close();
  }

  #take({ codec, bytes }: Extract<TrunkMessage, { type: 'frame' }>): void {
    const samples = new Int16Array(frameSamples);
    decode(codec, bytes, samples, 0, Math.min(frameSamples, bytes.length));
    this.#waiting.push(samples);
    if (this.#waiting.length > maxWaiting) this.#waiting.shift();
  }
}
