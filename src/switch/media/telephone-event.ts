import { samplesPerMs } from './g711.ts';
import { sequenceDistance, timestampDistance } from './rtp.ts';

/** Keys as RFC 4733 telephone events: one key is many packets with one RTP timestamp. */

const keys = '0123456789*#ABCD';
/** A key whose end packets were all lost counts as over when nothing of it has come for so long. */
export const lostEndMs = 160;
const rememberedEvents = 32;
/** A segment this long or longer may be followed by another of the same key (RFC 4733 §2.5.1.3), packets lost or not. */
const longSegment = 0xffff - 2_000;
const longestOffset = 0xffff + 800;

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
  code: number;
  ssrc: number;
  /** Timestamp of the key's newest segment. */
  timestamp: number;
  sequence: number;
  /** Units of the segments before this one. */
  earlierUnits: number;
  units: number;
  heardAtMs: number;
}

/**
 * Tells each key once, however often its packets are repeated, reordered or lost: at its first packet with the end
 * bit; or, when no such packet comes, when the next key begins or after {@link lostEndMs}.
 */
export class TelephoneEventReceiver {
  #open: OpenEvent | undefined;
  /** Segments that are over, newest last: `ssrc/timestamp/code`. */
  readonly #over: string[] = [];

  /** Takes one packet's payload; gives the keys that are over by it (two when it also shows that one before is). */
  receive(
    packet: { timestamp: number; sequence: number; ssrc: number; marker: boolean },
    payload: Buffer,
    nowMs: number,
  ): ReceivedKey[] {
    if (payload.length < 4) return [];
    const code = payload.readUInt8(0);
    if (keyOfEvent(code) === undefined) return [];
    if (this.#over.includes(eventId(packet.ssrc, packet.timestamp, code))) return [];
    const over: ReceivedKey[] = [];
    const units = payload.readUInt16BE(2);
    const open = this.#open;
    if (open && !this.#continues(open, packet, code)) over.push(...this.#close());
    const event = this.#open ?? {
      code,
      ssrc: packet.ssrc,
      timestamp: packet.timestamp,
      sequence: packet.sequence,
      earlierUnits: 0,
      units: 0,
      heardAtMs: nowMs,
    };
    this.#open = event;
    this.#extend(event, packet, units);
    event.heardAtMs = nowMs;
    const ended = (payload.readUInt8(1) & 0x80) !== 0;
    return ended ? [...over, ...this.#close()] : over;
  }

  /** The key that must be over because nothing of it has come for long. Call it about every 20 ms. */
  poll(nowMs: number): ReceivedKey[] {
    return this.#open && nowMs - this.#open.heardAtMs >= lostEndMs ? this.#close() : [];
  }

  #continues(open: OpenEvent, packet: { timestamp: number; ssrc: number; marker: boolean }, code: number): boolean {
    if (open.code !== code || open.ssrc !== packet.ssrc) return false;
    const offset = timestampDistance(packet.timestamp, open.timestamp);
    if (offset === 0) return true;
    return !packet.marker && open.units >= longSegment && offset >= open.units && offset <= longestOffset;
  }

  #extend(event: OpenEvent, packet: { timestamp: number; sequence: number }, units: number): void {
    const offset = timestampDistance(packet.timestamp, event.timestamp);
    if (offset > 0) {
      this.#remember(event);
      event.earlierUnits += offset;
      event.timestamp = packet.timestamp;
      event.units = units;
    } else if (units < event.units && event.units >= longSegment && units < longSegment) {
      // Senders that keep the timestamp and let the duration wrap round.
      if (sequenceDistance(packet.sequence, event.sequence) <= 0) return;
      event.earlierUnits += 0x10000;
      event.units = units;
    } else {
      event.units = Math.max(event.units, units);
    }
    if (sequenceDistance(packet.sequence, event.sequence) > 0) event.sequence = packet.sequence;
  }

  /** From now on, packets of the event's newest segment are repeats. */
  #remember(event: OpenEvent): void {
    this.#over.push(eventId(event.ssrc, event.timestamp, event.code));
    if (this.#over.length > rememberedEvents) this.#over.shift();
  }

  #close(): ReceivedKey[] {
    const event = this.#open;
    this.#open = undefined;
    if (!event) return [];
    this.#remember(event);
    const digit = keyOfEvent(event.code) ?? '';
    return [{ digit, durationMs: Math.round((event.earlierUnits + event.units) / samplesPerMs) }];
  }
}

const eventId = (ssrc: number, timestamp: number, code: number): string => `${ssrc}/${timestamp}/${code}`;

/** Writes the four bytes of an event at `start`: volume -10 dBm0, as most senders do. */
export function writeEvent(target: Buffer, start: number, code: number, ended: boolean, units: number): void {
  target[start] = code;
  target[start + 1] = (ended ? 0x80 : 0) | 10;
  target.writeUInt16BE(Math.min(units, 0xffff), start + 2);
}
