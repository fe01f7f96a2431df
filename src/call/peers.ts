import type { Effect, FlowEvent } from '../flow/protocol.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import { newId } from '../kernel/ids.ts';
import type { CallLimits } from './limits.ts';
import { mayDial } from './outbound-rules.ts';
import { PeerCall, type PeerCallHost, type PeerCallState } from './peer-call.ts';
import type { Player } from './player.ts';
import type { CallIdentity } from './saved-call.ts';
import type { Leg, LegEvent } from './telephony.ts';

/** What the second parties of a call need of it. */
export interface PeersHost
  extends Pick<PeerCallHost, 'telephony' | 'clock' | 'facts' | 'timers' | 'post' | 'callerLeg'> {
  readonly identity: CallIdentity;
  readonly limits: CallLimits;
  readonly player: Player;
  /** Gives an event to the flow. */
  feed(event: FlowEvent): void;
  onChanged(): void;
}

/** The second parties of one call: the one that counts now, and those that are still being got rid of. */
export class Peers {
  readonly #host: PeersHost;
  readonly #all = new Set<PeerCall>();
  #current: PeerCall | undefined;

  constructor(host: PeersHost) {
    this.#host = host;
  }

  get allOver(): boolean {
    return this.#all.size === 0;
  }

  /** What is saved of the party that counts now. */
  get state(): PeerCallState | undefined {
    return this.#current?.state;
  }

  /** Names the party that counts now and whether it has answered. */
  get legs(): string {
    return this.#current?.legs ?? '';
  }

  /** Dials, unless the account's rules forbid the number. A party of before is dropped. */
  dial(effect: Extract<Effect, { type: 'dial' }>): void {
    const { identity, limits } = this.#host;
    const { dialId, toNumber, ringTimeoutMs } = effect;
    this.#current?.drop('cancelled');
    const legId = newId('leg');
    const fromNumber = effect.fromNumber ?? identity.toNumber;
    if (!mayDial(identity.outbound, toNumber)) {
      this.#refuse(dialId, legId, fromNumber, toNumber);
      return;
    }
    const maxTalkMs = Math.min(effect.maxTalkMs ?? limits.maxTalkMs, limits.maxTalkMs);
    this.#current = this.#newPeer(dialId, legId);
    this.#current.dial({ dialId, legId, toNumber, fromNumber, ringTimeoutMs, maxTalkMs });
  }

  cancelDial(dialId: string): void {
    if (this.#current?.dialId === dialId) this.#current.drop('cancelled');
  }

  /** Goes on with a party that another controller had connected. */
  resume(saved: PeerCallState, leg: Leg): void {
    this.#current = this.#newPeer(saved.dialId, saved.legId);
    this.#current.resume(leg, saved.talkEndsAtMs);
  }

  /** What happens on an adopted second leg. */
  onLegEvent(event: LegEvent): void {
    this.#current?.onLegEvent(event);
  }

  onCallerUnbridged(): void {
    this.#current?.onCallerUnbridged();
  }

  dropAll(cause: EndCause): void {
    for (const peer of [...this.#all]) peer.drop(cause);
  }

  /** A forbidden number leaves a record too, but no phone ever rings. */
  #refuse(dialId: string, legId: string, from: string, to: string): void {
    const { facts, post, feed, clock } = this.#host;
    facts.append({ type: 'offered', legId, kind: 'transfer', direction: 'outbound', from, to });
    facts.endLeg(legId, 'forbidden-number');
    post(() => feed({ type: 'dial-done', dialId, outcome: 'forbidden', atMs: clock.nowMs() }));
  }

  #newPeer(dialId: string, legId: string): PeerCall {
    const { telephony, clock, facts, timers, post, callerLeg, player, feed, onChanged } = this.#host;
    const peer: PeerCall = new PeerCall(
      {
        telephony,
        clock,
        facts,
        timers,
        post,
        callerLeg,
        startRingBack: () => player.startRingBack(callerLeg()),
        stopRingBack: () => player.stopRingBack(callerLeg()),
        onDialDone: (outcome, sipStatus) => {
          const status = sipStatus === undefined ? {} : { sipStatus };
          post(() => feed({ type: 'dial-done', dialId, outcome, ...status, atMs: clock.nowMs() }));
        },
        onPeerEnded: () => post(() => feed({ type: 'peer-ended', dialId, atMs: clock.nowMs() })),
        onOver: () => {
          this.#all.delete(peer);
          if (this.#current === peer) this.#current = undefined;
          onChanged();
        },
        onChanged,
      },
      dialId,
      legId,
    );
    this.#all.add(peer);
    return peer;
  }
}
