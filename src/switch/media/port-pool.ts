/**
 * Even RTP ports of a range, each with the odd one above for RTCP. Handed out in a circle, so that a port rests as
 * long as possible before another call gets it, and late packets of the last one find nobody.
 */
export class PortPool {
  readonly #first: number;
  readonly #count: number;
  readonly #taken = new Set<number>();
  #next = 0;

  /** @throws RangeError when the range, inclusive, holds no even port with its odd one. */
  constructor(portMin: number, portMax: number) {
    this.#first = portMin + (portMin % 2);
    this.#count = Math.floor((portMax - this.#first + 1) / 2);
    if (!(this.#count > 0 && this.#first > 0 && portMax < 65_536)) {
      throw new RangeError(`no RTP port between ${portMin} and ${portMax}`);
    }
  }

  /** How many pairs there are, free or not. */
  get size(): number {
    return this.#count;
  }

  get takenCount(): number {
    return this.#taken.size;
  }

  /** Undefined when all are taken. */
  take(): number | undefined {
    for (let tried = 0; tried < this.#count; tried++) {
      const port = this.#first + 2 * this.#next;
      this.#next = (this.#next + 1) % this.#count;
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      return port;
    }
    return undefined;
  }

  giveBack(port: number): void {
    this.#taken.delete(port);
  }
}
