import { randomUUID } from 'node:crypto';
import type { Clock, TimerHandle } from '../kernel/clock.ts';

const deadlineMs = 3_000;

export interface BridgingOptions {
  uuid: string;
  clock: Clock;
  api(command: string): Promise<string>;
  /** The bridge is over and nobody here asked for that: the channel is parked, or soon will be. */
  onUnbridged(peerUuid: string): void;
}

interface Waiting {
  done(yes: boolean): void;
  timer: TimerHandle;
}

/**
 * A channel's part in bridges. FreeSWITCH tells of a bridge on one of its two channels only (the leading one, which
 * `uuid_bridge` named first); here both learn of it.
 */
export class Bridging {
  readonly #options: BridgingOptions;
  #making: (Waiting & { peer: Bridging }) | undefined;
  /** Orders to part, by the mark that the channel shows when it has done so. */
  readonly #partings = new Map<string, Waiting>();
  /** Who makes a bridge with this channel. */
  #maker: Bridging | undefined;
  #peer: Bridging | undefined;
  /** FreeSWITCH's events of the bridge come to this channel. */
  #leading = false;
  #bridged = false;
  /** A bridge, or the end of one, has been seen from here. */
  #told = false;
  #closed = false;
  /** The channel's phone holds. */
  held = false;

  constructor(options: BridgingOptions) {
    this.#options = options;
  }

  get uuid(): string {
    return this.#options.uuid;
  }

  /** A bridge stands, or is being made. */
  get busy(): boolean {
    return this.#bridged || this.#making !== undefined || this.#maker !== undefined;
  }

  /** Two-way audio with a channel of the same FreeSWITCH; resolves when it says so, false when it does not. */
  make(peer: Bridging): Promise<boolean> {
    if (this.#closed || peer.#closed) return Promise.resolve(false);
    this.#finishMaking(false);
    return new Promise((done) => {
      const timer = this.#options.clock.setTimeout(() => this.#finishMaking(false), deadlineMs);
      this.#making = { peer, done, timer };
      peer.#maker = this;
      this.#options.api(`uuid_bridge ${this.uuid} ${peer.uuid}`).then((reply) => {
        if (!reply.startsWith('+OK')) this.#finishMaking(false);
      });
    });
  }

  /** Parks both sides of the bridge; resolves once both are, false where either has gone. */
  async part(): Promise<boolean> {
    const peer = this.#peer;
    if (this.#closed || !(peer || (await this.#isBridged()))) return false;
    // `log` has no effect but that its completion shows on each channel that park comes next.
    const mark = `parted-${randomUUID()}`;
    const parted = Promise.all([this.#expect(mark), peer ? peer.#expect(mark) : true]);
    // Every transfer takes one off; at 0, after 70 holds, FreeSWITCH would hang up.
    for (const side of [this, peer]) if (side) this.#options.api(`uuid_setvar ${side.uuid} max_forwards 70`);
    const reply = await this.#options.api(`uuid_transfer ${this.uuid} -both log:${mark},park inline`);
    if (!reply.startsWith('+OK')) for (const side of [this, peer]) side?.onMark(mark, false);
    const [ours, theirs] = await parted;
    if (!ours || !theirs) return false;
    this.#unlink();
    return true;
  }

  /** CHANNEL_BRIDGE: the two hear each other. */
  onBridged(): void {
    const peer = this.#making?.peer;
    this.#bridged = true;
    this.#told = true;
    if (peer) {
      // Whoever either was bridged with before is parked now.
      for (const side of [this, peer]) side.#leave();
      this.#bridged = true;
      this.#peer = peer;
      peer.#peer = this;
      peer.#bridged = true;
      this.#leading = true;
      peer.#leading = false;
    }
    this.#finishMaking(true);
  }

  /** CHANNEL_UNBRIDGE, with the other channel it names. */
  onUnbridged(peerUuid: string): void {
    this.#told = true;
    if (this.#peer?.uuid === peerUuid) this.#unlink();
    else this.#bridged = this.#peer !== undefined;
    if (this.#partings.size === 0) this.#options.onUnbridged(peerUuid);
  }

  /** The channel has come to a mark of ours, or will not. */
  onMark(mark: string, reached = true): void {
    const parting = this.#partings.get(mark);
    if (!parting) return;
    this.#partings.delete(mark);
    this.#options.clock.clearTimeout(parting.timer);
    parting.done(reached);
  }

  /** Nothing that is under way will be heard of. */
  giveUp(): void {
    this.#finishMaking(false);
    for (const mark of [...this.#partings.keys()]) this.onMark(mark, false);
  }

  /** The channel is gone: its peer is told where FreeSWITCH would not do so. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // The peer hears hold music without end, and FreeSWITCH does not notice before its end that the bridge is over.
    if (this.held && this.#peer) this.#options.api(`uuid_park ${this.#peer.uuid}`);
    this.giveUp();
    this.#leave();
  }

  /** Ends the link with the peer, which is told where FreeSWITCH would not do so. */
  #leave(): void {
    const peer = this.#peer;
    const leading = this.#leading;
    this.#unlink();
    if (leading && peer && !peer.#closed && peer.#partings.size === 0) peer.#options.onUnbridged(this.uuid);
  }

  #unlink(): void {
    for (const side of [this.#peer, this]) {
      if (!side) continue;
      side.#peer = undefined;
      side.#told = true;
      side.#bridged = false;
      side.#leading = false;
    }
  }

  /** As FreeSWITCH sees it: for a leg whose bridge another controller made. Its `signal_bond` outlives the bridge. */
  async #isBridged(): Promise<boolean> {
    if (this.#told) return this.#bridged;
    const dump = await this.#options.api(`uuid_dump ${this.uuid} json`);
    return /"Channel-State":\s*"(CS_EXCHANGE_MEDIA|CS_SOFT_EXECUTE)"/.test(dump);
  }

  #expect(mark: string): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    return new Promise((done) => {
      const timer = this.#options.clock.setTimeout(() => this.onMark(mark, false), deadlineMs);
      this.#partings.set(mark, { done, timer });
    });
  }

  #finishMaking(bridged: boolean): void {
    const making = this.#making;
    if (!making) return;
    this.#making = undefined;
    if (making.peer.#maker === this) making.peer.#maker = undefined;
    this.#options.clock.clearTimeout(making.timer);
    making.done(bridged);
  }
}
