/** So much at the full rate: time enough for a phone to send its first packet. */
const burstPackets = 25;
/** Then one packet in so many frames, five a second. */
const everyFrames = 10;
/** And no more than this in all. */
export const tricklePackets = 100;

/**
 * How much is sent to an address of an SDP from which nothing has come: whoever is there may have nothing to do with
 * the call, and would be flooded on somebody else's behalf.
 */
export class Trickle {
  #packets = 0;
  #lastFrame = Number.NEGATIVE_INFINITY;

  /** Whether the packet of this frame goes out. */
  allows(frame: number): boolean {
    const isDue = this.#packets < burstPackets || frame - this.#lastFrame >= everyFrames;
    if (!isDue || this.#packets >= tricklePackets) return false;
    this.#packets++;
    this.#lastFrame = frame;
    return true;
  }

  restart(): void {
    this.#packets = 0;
  }
}
