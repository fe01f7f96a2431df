/**
 * The one clock of all streams of a worker: ten slots of 2 ms make a 20 ms frame, each stream has its slot. Due times
 * are absolute (origin + n × 2 ms), so nothing drifts, and a late wake-up is made good by the next.
 */

export const frameMs = 20;
export const slotMs = 2;
export const slotCount = frameMs / slotMs;
/**
 * How far a stream may fall behind before frames are left out instead of sent late: after a stall a stream sends at
 * most this many packets at once, and then is on time again.
 */
const catchUpFrames = 3;

export interface WheelMember {
  /** Called once a frame. `frame` counts 20 ms frames (with gaps after a stall); `dueMs` is the schedule. */
  tick(frame: number, dueMs: number): void;
  /** Told when `tick` threw: the wheel turns on, for all others and for this one. */
  failed(error: unknown): void;
}

/** What the wheel needs of time; the test moves it by hand. */
export interface WheelTime {
  nowMs(): number;
  after(delayMs: number, callback: () => void): void;
}

/** Real time. A delay of 0 comes after the sockets were read once. */
export const realWheelTime: WheelTime = {
  nowMs: () => performance.now(),
  after: (delayMs, callback) => {
    if (delayMs > 0) setTimeout(callback, delayMs);
    else setImmediate(callback);
  },
};

export class Wheel {
  readonly #time: WheelTime;
  readonly #slots: WheelMember[][] = Array.from({ length: slotCount }, () => []);
  readonly #slotOf = new Map<WheelMember, number>();
  readonly #originMs: number;
  /** The next slot to run, counted from the origin. */
  #position = 0;
  #armed = false;
  skippedFrames = 0;

  constructor(time: WheelTime = realWheelTime) {
    this.#time = time;
    this.#originMs = time.nowMs();
  }

  get size(): number {
    return this.#slotOf.size;
  }

  /** Puts the member in the emptiest slot. */
  add(member: WheelMember): void {
    if (this.#slotOf.has(member)) return;
    let best = 0;
    for (let slot = 1; slot < slotCount; slot++) {
      if ((this.#slots[slot]?.length ?? 0) < (this.#slots[best]?.length ?? 0)) best = slot;
    }
    this.#slots[best]?.push(member);
    this.#slotOf.set(member, best);
    if (this.#armed) return;
    this.#position = Math.max(this.#position, this.#slotAt(this.#time.nowMs()));
    this.#arm();
  }

  remove(member: WheelMember): void {
    const members = this.#slots[this.#slotOf.get(member) ?? -1];
    if (members) members.splice(members.indexOf(member), 1);
    this.#slotOf.delete(member);
  }

  /** The frame that is running, or was last. */
  get frame(): number {
    return Math.floor(this.#position / slotCount);
  }

  #slotAt(nowMs: number): number {
    return Math.floor((nowMs - this.#originMs) / slotMs);
  }

  /** Sleeps until the next slot that has a member; the wheel stands still while it is empty. */
  #arm(): void {
    this.#armed = this.size > 0;
    if (!this.#armed) return;
    while (this.#slots[this.#position % slotCount]?.length === 0) this.#position++;
    const delayMs = this.#originMs + this.#position * slotMs - this.#time.nowMs();
    this.#time.after(Math.max(0, Math.ceil(delayMs)), this.#turn);
  }

  readonly #turn = (): void => {
    const newest = this.#slotAt(this.#time.nowMs());
    const behindFrames = Math.floor((newest - this.#position) / slotCount);
    if (behindFrames >= catchUpFrames) {
      const skipped = behindFrames - catchUpFrames + 1;
      this.skippedFrames += skipped;
      this.#position += skipped * slotCount;
    }
    // One revolution at most, so that sockets are read before a stream sends its second packet.
    const last = Math.min(newest, this.#position + slotCount - 1);
    while (this.#position <= last) {
      const members = this.#slots[this.#position % slotCount] ?? [];
      const dueMs = this.#originMs + this.#position * slotMs;
      const frame = this.frame;
      for (let index = members.length - 1; index >= 0; index--) {
        const member = members[index];
        try {
          member?.tick(frame, dueMs);
        } catch (error) {
          member?.failed(error);
        }
      }
      this.#position++;
    }
    this.#arm();
  };
}
