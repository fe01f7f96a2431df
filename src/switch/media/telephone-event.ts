import { samplesPerMs } from './g711.ts';
import { sequenceDistance } from './rtp.ts';

/** Keys as RFC 4733 telephone events: one key is many packets with one RTP timestamp. */

const keys = '0123456789*#ABCD';
/** From here on a duration that falls again has wrapped round (it has 16 bits). */
const nearlyFull = 0xfc17;
/** Sequence numbers that lie further back than this are another source's. */
const longestStep = 100;

/** The key of an event code (RFC 4733 §3.2); undefined for what is no key. */
export const keyOfEvent = (code: number): string | undefined => keys[code];
/** The event code of a key; undefined when there is none. */
export const eventOfKey = (key: string): number | undefined => {
  const code = keys.indexOf(key.toUpperCase());
  return key.length === 1 && code >= 0 ? code : undefined;
};

export interface ReceivedKey {
  digit: string;
  durationMs: number;
}

interface OpenEvent {
  timestamp: number;
  /** How often its duration has wrapped round. */
  wraps: number;
}

/**
 * Tells keys as FreeSWITCH does: at their first packet with the end bit, whatever came before it. A packet with another
 * timestamp forgets the key that was under way, so that one whose timestamps drift is told once, at its end; and a key
 * whose end packets are all lost is lost. Repeats are known by their sequence numbers, and late end packets by their
 * timestamp.
 */
export class TelephoneEventReceiver {
  #open: OpenEvent | undefined;
  /** Timestamp of the key that was begun last, under way or over. */
  #lastTimestamp: number | undefined;
  #lastUnits = 0;
  #sequence: number | undefined;

  /** Takes one packet's payload; gives the key that is over by it. */
  receive(packet: { timestamp: number; sequence: number }, payload: Buffer): ReceivedKey | undefined {
    if (payload.length < 4 || this.#isOld(packet.sequence)) return undefined;
    const code = payload.readUInt8(0);
    const digit = keyOfEvent(code);
    if (digit === undefined) return undefined;
    const { timestamp } = packet;
    const units = payload.readUInt16BE(2);
    const ended = (payload.readUInt8(1) & 0x80) !== 0;
    if (this.#open && this.#open.timestamp !== timestamp) this.#open = undefined;
    if (this.#open && units < this.#lastUnits && this.#lastUnits > nearlyFull) this.#open.wraps += 1;
    this.#lastUnits = units;
    if (!this.#open && !(ended && this.#lastTimestamp === timestamp)) {
      this.#open = { timestamp, wraps: 0 };
      this.#lastTimestamp = timestamp;
    }
    if (!ended || !this.#open) return undefined;
    const durationMs = Math.round((units + this.#open.wraps * 0xffff) / samplesPerMs);
    this.#open = undefined;
    return { digit, durationMs };
  }

  #isOld(sequence: number): boolean {
    const step = this.#sequence === undefined ? 1 : sequenceDistance(sequence, this.#sequence);
    if (step <= 0 && step >= -longestStep) return true;
    this.#sequence = sequence;
    return false;
  }
}

/** Writes the four bytes of an event at `start`: volume -10 dBm0, as most senders do. */
export function writeEvent(target: Buffer, start: number, code: number, ended: boolean, units: number): void {
  target[start] = code;
  target[start + 1] = (ended ? 0x80 : 0) | 10;
  target.writeUInt16BE(Math.min(units, 0xffff), start + 2);
}
