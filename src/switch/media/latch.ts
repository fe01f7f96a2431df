import { isIP } from 'node:net';

export interface Endpoint {
  address: string;
  port: number;
}

/** Whether packets can be sent there: what a port or address of an SDP says may be out of range, or no address at all. */
export function canBeSentTo({ address, port }: Endpoint): boolean {
  return (
    Number.isInteger(port) &&
    port > 0 &&
    port < 65_536 &&
    isIP(address) !== 0 &&
    address !== '0.0.0.0' &&
    address !== '::'
  );
}

/**
 * Symmetric RTP: audio goes to where audio really comes from, not to what SDP says, since a caller behind NAT does not
 * know its own address.
 *
 * - Until a packet has come, we send to the address of the SDP.
 * - The first packet latches its source. A source other than the SDP's gives way if the SDP's is heard within the
 *   first {@link probationMs}.
 * - While the latched source is heard, packets from elsewhere are strays: ignored, not counted, no digits from them.
 * - Once it has been quiet for {@link quietMs}, a new source takes over: by its first packet when it goes on with the
 *   same SSRC (a NAT that changed its mapping), else with the {@link strangerPackets}th in a row.
 * - A changed address in SDP begins anew.
 */
export class Latch {
  #announced: Endpoint | undefined;
  #source: Endpoint | undefined;
  #sourceSsrc = 0;
  #latchedAtMs = 0;
  #heardAtMs = 0;
  #stranger: Endpoint | undefined;
  #strangerCount = 0;
  strays = 0;

  /** The peer's address of a new SDP. The same one again changes nothing. */
  announce(remote: Endpoint): void {
    if (this.#announced?.address === remote.address && this.#announced.port === remote.port) return;
    this.#announced = { ...remote };
    this.#source = undefined;
    this.#strangerCount = 0;
  }

  /** Where to send; undefined when nothing usable is known (no media yet, port 0, 0.0.0.0, a host name). */
  get target(): Endpoint | undefined {
    if (this.#source) return this.#source;
    return this.#announced && canBeSentTo(this.#announced) ? this.#announced : undefined;
  }

  /** Whether a packet from there is to be believed; latches where the rules above say so. */
  accept(address: string, port: number, ssrc: number, nowMs: number): boolean {
    const source = this.#source;
    if (source && source.port === port && source.address === address) {
      this.#heardAtMs = nowMs;
      this.#sourceSsrc = ssrc;
      this.#strangerCount = 0;
      return true;
    }
    if (!source || this.#mayReplace(address, port, ssrc, nowMs)) {
      this.#source = { address, port };
      this.#sourceSsrc = ssrc;
      this.#latchedAtMs = nowMs;
      this.#heardAtMs = nowMs;
      this.#strangerCount = 0;
      return true;
    }
    this.strays++;
    return false;
  }

  #isAnnounced(endpoint: Endpoint | undefined): boolean {
    return (
      endpoint !== undefined && this.#announced?.address === endpoint.address && this.#announced.port === endpoint.port
    );
  }

  #mayReplace(address: string, port: number, ssrc: number, nowMs: number): boolean {
    const newcomer = { address, port };
    if (nowMs - this.#latchedAtMs < probationMs && this.#isAnnounced(newcomer)) return true;
    if (nowMs - this.#heardAtMs < quietMs) return false;
    if (ssrc === this.#sourceSsrc) return true;
    const known = this.#stranger?.address === address && this.#stranger.port === port;
    this.#strangerCount = known ? this.#strangerCount + 1 : 1;
    this.#stranger = newcomer;
    return this.#strangerCount >= strangerPackets;
  }
}

export const probationMs = 500;
export const quietMs = 500;
export const strangerPackets = 3;
