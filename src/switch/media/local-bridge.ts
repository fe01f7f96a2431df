import type { Codec } from './api.ts';
import type { BridgePeer, Leg } from './leg.ts';

/** How long a key is sent for at least when it is passed over a bridge. */
export const shortestKeyMs = 100;
/** A leg as the other end of a bridge with one of the same worker. */
class LocalPeer implements BridgePeer {
  readonly #leg: Leg;

  constructor(leg: Leg) {
    this.#leg = leg;
  }

  get codec(): Codec {
    return this.#leg.input.codec;
  }

  frame(frame: number): Buffer {
    return this.#leg.voiced(frame);
  }

  digit(digit: string, durationMs: number): void {
    this.#leg.passKey(digit, Math.max(shortestKeyMs, durationMs));
  }

  release(): void {
    this.#leg.detach();
  }
}

/** Lets two legs of this worker hear each other. */
export function bridgeLegs(legA: Leg, legB: Leg): void {
  if (legA === legB) return;
  legA.leave();
  legB.leave();
  legA.join(new LocalPeer(legB));
  legB.join(new LocalPeer(legA));
}
