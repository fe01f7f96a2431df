import { samplesPerMs } from './g711.ts';
import type { RtpFields } from './rtp.ts';

const maxDropout = 3_000;
const maxMisorder = 100;

/** What a receiver report says of a source (RFC 3550 §6.4.1). */
export interface ReceptionReport {
  ssrc: number;
  fractionLost: number;
  cumulativeLost: number;
  highestSequence: number;
  jitter: number;
}

/** Counts what was received and lost, and the jitter, of one source after the other (RFC 3550, appendix A.1, A.3, A.8). */
export class Reception {
  #ssrc: number | undefined;
  #baseSequence = 0;
  #maxSequence = 0;
  #cycles = 0;
  #badSequence = -1;
  #received = 0;
  #expectedBefore = 0;
  #receivedBefore = 0;
  #transit: number | undefined;
  #jitter = 0;
  /** Lost with sources before this one. */
  #lostEarlier = 0;
  packets = 0;
  /** Of telephone events. */
  keyPackets = 0;
  lastPacketAtMs = 0;

  /**
   * Counts a packet. `timed` is false for those whose timestamp says nothing of when they were sent (events).
   * @returns whether it begins a new timeline: another SSRC, or a jump of the sequence that lasts.
   */
  count(packet: RtpFields, nowMs: number, epochMs: number, timed: boolean): boolean {
    this.packets++;
    if (!timed) this.keyPackets++;
    this.lastPacketAtMs = epochMs;
    const renewed = packet.ssrc !== this.#ssrc || !this.#follow(packet.sequence);
    if (renewed) this.#restart(packet);
    this.#received++;
    if (timed) this.#measureJitter(packet.timestamp, nowMs);
    return renewed;
  }

  get lost(): number {
    return this.#lostEarlier + Math.max(0, this.#expected - this.#received);
  }

  get jitterMs(): number {
    return this.#jitter / samplesPerMs;
  }

  /** Undefined while nothing was received. Begins the next reporting interval. */
  report(): ReceptionReport | undefined {
    if (this.#ssrc === undefined) return undefined;
    const expected = this.#expected;
    const expectedNow = expected - this.#expectedBefore;
    const lostNow = expectedNow - (this.#received - this.#receivedBefore);
    this.#expectedBefore = expected;
    this.#receivedBefore = this.#received;
    return {
      ssrc: this.#ssrc,
      fractionLost: expectedNow <= 0 || lostNow <= 0 ? 0 : Math.min(255, Math.floor((lostNow * 256) / expectedNow)),
      cumulativeLost: Math.max(-0x800000, Math.min(0x7fffff, expected - this.#received)),
      highestSequence: (this.#cycles + this.#maxSequence) >>> 0,
      jitter: Math.round(this.#jitter),
    };
  }

  get #expected(): number {
    return this.#ssrc === undefined ? 0 : this.#cycles + this.#maxSequence - this.#baseSequence + 1;
  }

  /** False when the sequence jumped and went on from there. */
  #follow(sequence: number): boolean {
    const ahead = (sequence - this.#maxSequence) & 0xffff;
    if (ahead < maxDropout) {
      if (sequence < this.#maxSequence) this.#cycles += 0x10000;
      this.#maxSequence = sequence;
    } else if (ahead <= 0x10000 - maxMisorder) {
      if (sequence === this.#badSequence) return false;
      this.#badSequence = (sequence + 1) & 0xffff;
    }
    return true;
  }

  #restart(packet: RtpFields): void {
    this.#lostEarlier = this.lost;
    this.#ssrc = packet.ssrc;
    this.#baseSequence = packet.sequence;
    this.#maxSequence = packet.sequence;
    this.#cycles = 0;
    this.#badSequence = -1;
    this.#received = 0;
    this.#expectedBefore = 0;
    this.#receivedBefore = 0;
    this.#transit = undefined;
    this.#jitter = 0;
  }

  #measureJitter(timestamp: number, nowMs: number): void {
    const transit = (Math.round(nowMs * samplesPerMs) - timestamp) | 0;
    if (this.#transit !== undefined) {
      const change = Math.abs((transit - this.#transit) | 0);
      // A step of over a second is a talker's pause with a stopped clock, not jitter.
      if (change < 1_000 * samplesPerMs) this.#jitter += (change - this.#jitter) / 16;
    }
    this.#transit = transit;
  }
}
