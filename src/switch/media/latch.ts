import { isIP } from 'node:net';
import { isPrivateAddress } from '../../kernel/private-address.ts';

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

export const quietMs = 500;

/**
 * Symmetric RTP: audio goes to where audio really comes from, not to what SDP says, since a caller behind NAT does not
 * know its own address. And it goes, and is taken, from nowhere else: what is believed here is heard, and presses keys.
 *
 * - The announced address is believed at once, at any time, and always wins the stream back. Once it has been heard,
 *   nobody else is believed any more, however long it is quiet.
 * - Until then another address is believed only where the announced one is a private one, which tells of NAT.
 *   `freeswitch-conf` and the controller see to it that FreeSWITCH does the same (`disable_rtp_auto_adjust`).
 * - Once such an address is believed, no other takes its place but the announced one, and, when it has been quiet for
 *   {@link quietMs}, one that goes on with the same SSRC, which no stranger knows: a NAT that changed its mapping.
 * - A changed address in SDP begins anew.
 */
export class Latch {
  #announced: Endpoint | undefined;
  #source: Endpoint | undefined;
  #sourceSsrc = 0;
  #heardAtMs = 0;
  #isAnnouncedHeard = false;
  #isAsked = false;
  strays = 0;

  /** The peer's address of a new SDP. The same one again changes nothing. */
  announce(remote: Endpoint): void {
    if (this.#announced?.address === remote.address && this.#announced.port === remote.port) return;
    this.#announced = { ...remote };
    this.#source = undefined;
    this.#isAnnouncedHeard = false;
    this.#isAsked = false;
  }

  /** Where to send; undefined when nothing usable is known (no media yet, port 0, 0.0.0.0, a host name). */
  get target(): Endpoint | undefined {
    if (this.#source) return this.#source;
    return this.#announced && canBeSentTo(this.#announced) ? this.#announced : undefined;
  }

  /** Whether anything has come from where we send to: until then, whoever is there has never asked for it. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** The peer has shown by something other than audio that it is there: by RTCP from where it said that would come from. */
  noteSign(): void {
    this.#isAsked = true;
  }

  /** Whether a packet from there is to be believed; latches where the rules above say so. */
  accept(address: string, port: number, ssrc: number, nowMs: number): boolean {
    if (this.#isAnnounced(address, port)) this.#isAnnouncedHeard = true;
    else if (!this.#mayBeBelieved(address, port, ssrc, nowMs)) {
      this.strays++;
      return false;
    }
    if (this.#source?.port !== port || this.#source.address !== address) this.#source = { address, port };
    this.#sourceSsrc = ssrc;
    this.#heardAtMs = nowMs;
    this.#isAsked = true;
    return true;
  }

  #isAnnounced(address: string, port: number): boolean {
    return this.#announced?.port === port && this.#announced.address === address;
  }

  /** Of an address that was not announced. */
  #mayBeBelieved(address: string, port: number, ssrc: number, nowMs: number): boolean {
    if (this.#isAnnouncedHeard) return false;
    const source = this.#source;
    if (source) {
      if (source.port === port && source.address === address) return true;
      return ssrc === this.#sourceSsrc && nowMs - this.#heardAtMs >= quietMs;
    }
    const announced = this.#announced?.address ?? '';
    return address !== announced && tellsOfNat(announced);
  }
}

/** An address that only means something within the phone's own network (RFC 1918, 6598, 3927, 4193), or nothing at all. */
function tellsOfNat(address: string): boolean {
  return isIP(address) === 0 || isPrivateAddress(address);
}
