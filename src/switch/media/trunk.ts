import type { MessagePort } from 'node:worker_threads';
import type { Codec } from './api.ts';
import { frameSamples, silenceByte } from './g711.ts';
import type { BridgePeer, Leg } from './leg.ts';
import { shortestKeyMs } from './local-bridge.ts';
import type { TrunkMessage } from './protocol.ts';

/** Frames that wait for their turn; more is a worker that fell behind, and the oldest go. */
const maxWaiting = 4;

/** The other end of a bridge with a leg of another worker: frames go to and fro by message. */
export class Trunk implements BridgePeer {
  readonly #leg: Leg;
  readonly #port: MessagePort;
  readonly #waiting: Buffer[] = [];
  #silence = Buffer.alloc(frameSamples, silenceByte.PCMU);
  codec: Codec = 'PCMU';

  constructor(leg: Leg, port: MessagePort) {
    this.#leg = leg;
    this.#port = port;
    port.on('message', (message: TrunkMessage) => leg.guard('bridge', () => this.#receive(message)));
    port.on('close', () => this.#hangUp());
  }

  frame(): Buffer {
    return this.#waiting.shift() ?? this.#silence;
  }

  offer(frame: number): void {
    const { codec } = this.#leg.input;
    this.#send({ type: 'frame', codec, bytes: Uint8Array.from(this.#leg.voiced(frame)) });
  }

  digit(digit: string, durationMs: number): void {
    this.#send({ type: 'digit', digit, durationMs });
  }

  release(): void {
    this.#send({ type: 'release' });
    this.#port.close();
  }

  #send(message: TrunkMessage): void {
    this.#port.postMessage(message);
  }

  #receive(message: TrunkMessage): void {
    if (message.type === 'release') this.#hangUp();
    else if (message.type === 'digit') {
      this.#leg.passKey(message.digit, Math.max(shortestKeyMs, message.durationMs));
    } else {
      if (message.codec !== this.codec) {
        this.codec = message.codec;
        this.#waiting.length = 0;
        this.#silence = Buffer.alloc(frameSamples, silenceByte[this.codec]);
      }
      this.#waiting.push(Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.byteLength));
      if (this.#waiting.length > maxWaiting) this.#waiting.shift();
    }
  }

  #hangUp(): void {
    this.#leg.detachFrom(this);
    this.#port.close();
  }
}
