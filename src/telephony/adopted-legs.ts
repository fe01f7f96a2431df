import type { LegEvent, LegSnapshot } from '../call/telephony.ts';
import type { Clock, TimerHandle } from '../kernel/clock.ts';
import type { DescriptionReader } from './description-reader.ts';
import { type DialogIdentity, savedIdentity } from './dialog-identity.ts';
import { SwitchLeg } from './leg.ts';
import type { MediaServer } from './media-server.ts';
import { noAnswer, SipDialog } from './sip-dialog.ts';
import type { SipServer } from './sip-server.ts';

export interface AdoptContext {
  servers: readonly MediaServer[];
  sip: SipServer;
  clock: Clock;
  byeDeadlineMs: number;
  reader: DescriptionReader;
  drop(leg: SwitchLeg): void;
}

/**
 * Legs whose dialogs drachtio keeps for a client that is gone. Requests in them from the phone do not reach us: the
 * phone's BYE gets 481 and nobody is told. So each is asked now and then whether it is still there.
 */
export class AdoptedLegs {
  readonly #clock: Clock;
  readonly #probeEveryMs: number;
  readonly #watched = new Map<SwitchLeg, TimerHandle>();
  #stopped = false;

  constructor(options: { clock: Clock; probeEveryMs: number }) {
    this.#clock = options.clock;
    this.#probeEveryMs = options.probeEveryMs;
  }

  /** Takes a leg over by what its controller has saved; undefined when FreeSWITCH has no such channel any more. */
  async adopt(
    snapshot: LegSnapshot,
    onEvent: (event: LegEvent) => void,
    context: AdoptContext,
  ): Promise<SwitchLeg | undefined> {
    const { legId, kind, adapter } = snapshot;
    // A phone that still rings for a controller that is gone: nobody else would stop it.
    for (const invite of String(adapter['invites'] ?? '').split(',')) if (invite) context.sip.cancelInvite(invite);
    const uuid = typeof adapter['uuid'] === 'string' ? adapter['uuid'] : legId;
    const server = await this.#find(uuid, String(adapter['server'] ?? ''), context.servers);
    if (!server) return undefined;
    const { clock, byeDeadlineMs, reader, drop } = context;
    const sipCallId = String(adapter['sipCallId'] ?? '');
    const leg = new SwitchLeg({
      ...{ legId, kind, sipCallId, server, uuid },
      ...{ clock, byeDeadlineMs, reader, onEvent, onOver: drop },
    });
    leg.channel.inherit();
    const dialog = (name: 'network' | 'media', identity?: DialogIdentity) =>
      new SipDialog(context.sip, String(adapter[name] ?? ''), identity);
    const network = dialog('network', savedIdentity(adapter['dialog']));
    leg.connect({ network, media: dialog('media'), remoteSdp: '' });
    this.watch(leg);
    return leg;
  }

  watchAll(legs: Iterable<SwitchLeg>): void {
    for (const leg of legs) this.watch(leg);
  }

  /** Asks the leg's phone at intervals; one that does not know the dialog any more has hung up. */
  watch(leg: SwitchLeg): void {
    if (this.#stopped) return;
    this.#clock.clearTimeout(this.#watched.get(leg));
    this.#watched.set(
      leg,
      this.#clock.setTimeout(() => this.#probe(leg), this.#probeEveryMs),
    );
  }

  has(leg: SwitchLeg): boolean {
    return this.#watched.has(leg);
  }

  forget(leg: SwitchLeg): void {
    this.#clock.clearTimeout(this.#watched.get(leg));
    this.#watched.delete(leg);
  }

  stop(): void {
    this.#stopped = true;
    for (const leg of [...this.#watched.keys()]) this.forget(leg);
  }

  #probe(leg: SwitchLeg): void {
    const { network } = leg;
    if (!network || leg.over) return;
    leg.ask().then((answer) => {
      if (!this.#watched.has(leg)) return;
      const gone = answer.ok ? answer.status === 481 || answer.status === 408 : answer.reason !== noAnswer;
      // An agent's phone that nobody answers for is lost: it has not hung up.
      const isLost = leg.kind === 'agent' && answer.ok && answer.status === 408;
      if (!gone) this.watch(leg);
      else if (isLost) leg.lost('media-lost');
      else leg.lost(leg.kind === 'caller' ? 'caller-hangup' : 'peer-hangup');
    });
  }

  /** The named server first; a leg without one (it was still ringing) may be on any. */
  async #find(uuid: string, serverName: string, servers: readonly MediaServer[]): Promise<MediaServer | undefined> {
    const candidates = servers.filter((server) => server.name === serverName);
    for (const server of candidates.length > 0 ? candidates : servers) {
      if (await server.exists(uuid)) return server;
    }
    return undefined;
  }
}
