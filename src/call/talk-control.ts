import {
  type CallOrder,
  type CallOrderResult,
  type OrderRefusal,
  orderDone,
  orderRefused,
  type TransferTarget,
} from '../desk/call-orders.ts';
import type { TransferFailure } from '../desk/call-shown.ts';
import type { DeskTicket, RingOrder } from '../desk/desk.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import { newId } from '../kernel/ids.ts';
import type { CallLimits } from './limits.ts';
import { type OutboundNumber, outboundNumber } from './outbound-rules.ts';
import { PeerCall, type PeerCallHost } from './peer-call.ts';
import type { PhoneAddress } from './phones.ts';
import { type Player, ringBackTone } from './player.ts';
import type { CallIdentity, DeskState, PeerCallState } from './saved-call.ts';
import type { ShownChange } from './shown-call.ts';
import type { Leg, LegEvent, Sound } from './telephony.ts';

/** What an agent hears who has put the caller on hold: still there. */
const softTone: Sound = { tone: 'v=-30;%(150,9850,523)' };
const numberRingMs = 30_000;

/** What is ordered of a talk. */
export type TalkOrder = Extract<CallOrder, { type: 'hold' | 'transfer' | 'cancel-transfer' }>;

/** What holding and handing over need of the caller's stay at the desk. */
export interface TalkControlHost
  extends Pick<PeerCallHost, 'telephony' | 'clock' | 'facts' | 'timers' | 'post' | 'callerLeg' | 'onChanged'> {
  readonly identity: CallIdentity;
  readonly limits: CallLimits;
  readonly player: Player;
  phonesOf(agentId: string): Promise<readonly PhoneAddress[]>;
  ticket(): DeskTicket | undefined;
  /** The leg of the agent who talks. */
  talker(): PeerCall | undefined;
  /** Shows those who watch what has changed. */
  show(change: ShownChange): void;
  stopRinging(offerId: string): void;
  /** The caller talks with a number outside; the agent, if still there, is not needed any more. */
  onOutside(): void;
  /** The caller is in the line of another queue. */
  onHandedToQueue(queueId: string): void;
  /** Handing over has failed, and the agent has gone meanwhile. */
  onForsaken(): void;
  /** The talk with the number outside is over. */
  onOutsideEnded(): void;
  /** A leg of a number is gone, and its record closed. */
  onLegOver(): void;
}

/** The caller is on the way to somebody else. */
interface Transfer {
  /** The agent who is asked for. */
  agentId?: string;
  /** Set once the desk rings for it. */
  offerId?: string;
}

/** Hold, and handing the caller over: to another agent, to a number, to a queue. One at a time. */
export class TalkControl {
  readonly #host: TalkControlHost;
  #transfer: Transfer | undefined;
  /** The number that the caller is handed to: rings, or talks. */
  #outside: PeerCall | undefined;
  #isOutsideTalking = false;
  /** With those that are still being got rid of. */
  readonly #all = new Set<PeerCall>();

  constructor(host: TalkControlHost) {
    this.#host = host;
  }

  /** The caller is being handed over: the agent may go, the call stays. */
  get isTransferring(): boolean {
    return this.#transfer !== undefined;
  }

  get isOutsideTalking(): boolean {
    return this.#isOutsideTalking;
  }

  get allOver(): boolean {
    return this.#all.size === 0;
  }

  get state(): Pick<DeskState, 'transferring' | 'outside'> {
    return {
      ...(this.#transfer ? { transferring: true } : {}),
      ...(this.#outside ? { outside: this.#outside.state } : {}),
    };
  }

  /** Changes when there is another leg to be known of. */
  get legs(): string {
    return this.#outside?.legs ?? '';
  }

  async order(order: TalkOrder): Promise<CallOrderResult> {
    if (order.type === 'hold') return this.#hold(order.held);
    return order.type === 'transfer' ? this.#handOver(order.to) : this.#cancel();
  }

  /** The desk rings for the transfer. False: for none that anybody waits for. */
  onRing({ offerId, agentId, displayName }: RingOrder): boolean {
    // One that was taken back may ring late, while the caller is on the way to somebody else.
    if (!this.#transfer || this.#transfer.agentId !== agentId) return false;
    this.#transfer.offerId = offerId;
    this.#host.show({ transfer: { to: displayName, state: 'ringing' } });
    return true;
  }

  isTarget(offerId: string): boolean {
    return this.#transfer?.offerId === offerId;
  }

  /** The agent to whom the caller was handed has them. */
  onTaken(): void {
    this.#transfer = undefined;
    this.#host.player.stopMusic(undefined);
    this.#host.show({ held: false, transfer: undefined, transferFailed: undefined });
  }

  /** The agent to whom the caller was to be handed does not take them. */
  onNotTaken(cause: EndCause | undefined): void {
    this.#fail(failureOf(cause));
  }

  /** The caller has gone, or is taken elsewhere. */
  dropAll(cause: EndCause): void {
    this.#transfer = undefined;
    for (const peer of [...this.#all]) peer.drop(cause);
  }

  /** The agent who held the caller has gone, and nobody else is to come. */
  onTalkOver(): void {
    this.#host.player.stopMusic(this.#host.callerLeg());
    this.#host.show({ held: false });
  }

  onLegEvent(legId: string, event: LegEvent): void {
    if (this.#outside?.legId === legId) this.#outside.onLegEvent(event);
  }

  onCallerUnbridged(): void {
    this.#outside?.onCallerUnbridged();
  }

  /** Goes on with a number that another controller had connected. */
  resumeOutside(saved: PeerCallState, leg: Leg): void {
    this.#isOutsideTalking = true;
    this.#outside = this.#newOutside(saved.dialId, saved.legId);
    this.#outside.resume(leg, saved);
  }

  /** Goes on with an agent who has put the caller on hold; a transfer that was under way has failed. */
  resumeHeld(talker: PeerCall, wasTransferring: boolean): void {
    if (wasTransferring) {
      this.#host.show({ held: false, transfer: undefined, transferFailed: 'failed' });
      talker.unhold();
      return;
    }
    this.#meanwhile(talker, softTone);
    this.#host.show({ held: true });
  }

  async #hold(held: boolean): Promise<CallOrderResult> {
    const { talker, player, callerLeg, show } = this.#host;
    const peer = talker();
    if (!peer) return orderRefused('not-talking');
    if (this.#transfer) return orderRefused('busy');
    if (peer.held === held) return orderDone;
    if (!held) player.stopMusic(callerLeg());
    if (!(await (held ? peer.hold() : peer.unhold()))) return orderRefused('failed');
    if (held && !this.#transfer) this.#meanwhile(peer, softTone);
    show({ held, transferFailed: undefined });
    return orderDone;
  }

  async #handOver(to: TransferTarget): Promise<CallOrderResult> {
    const { talker, identity, ticket, phonesOf } = this.#host;
    if (this.#transfer) return orderRefused('busy');
    const peer = talker();
    const desk = ticket();
    if (!peer || !desk) return orderRefused('not-talking');
    const outbound = to.type === 'number' ? outboundNumber(identity.outbound, to.number) : undefined;
    if (to.type === 'number' && !outbound) return orderRefused('not-allowed');
    const transfer: Transfer = to.type === 'agent' ? { agentId: to.agentId } : {};
    this.#transfer = transfer;
    if (to.type === 'queue') return this.#toQueue(transfer, desk, to.queueId);
    if (to.type === 'agent') {
      const phones = await phonesOf(to.agentId);
      if (phones.length === 0) return this.#refuse(transfer, 'no-phone');
      const reserved = await desk.handTo(to.agentId);
      if (reserved !== 'reserved') return this.#refuse(transfer, reserved);
      if (this.#transfer !== transfer) desk.keep();
    } else this.#host.show({ transfer: { to: to.number, state: 'ringing' } });
    if (this.#transfer !== transfer) return orderRefused('failed');
    // Where the agent has hung up meanwhile the transfer goes on.
    if (!(await peer.hold()) && talker() === peer) {
      this.#takeBack(transfer, 'failed');
      return orderRefused('failed');
    }
    if (this.#transfer !== transfer) return orderDone;
    if (this.#host.talker() === peer) this.#meanwhile(peer, ringBackTone);
    else this.#host.player.startMusic(this.#host.callerLeg());
    this.#host.show({ held: false, transferFailed: undefined });
    if (outbound) this.#dial(outbound);
    return orderDone;
  }

  async #toQueue(transfer: Transfer, desk: DeskTicket, queueId: string): Promise<CallOrderResult> {
    const result = await desk.handToQueue(queueId);
    if (result !== 'queued') return this.#refuse(transfer, result === 'gone' ? 'not-talking' : result);
    this.#transfer = undefined;
    this.#host.post(() => this.#host.onHandedToQueue(queueId));
    return orderDone;
  }

  /** Nothing has begun; but the agent may have gone while it was asked for. */
  #refuse(transfer: Transfer, reason: OrderRefusal): CallOrderResult {
    if (this.#transfer !== transfer) return orderRefused(reason);
    this.#transfer = undefined;
    if (!this.#host.talker()) this.#host.onForsaken();
    return orderRefused(reason);
  }

  #cancel(): CallOrderResult {
    const transfer = this.#transfer;
    if (!transfer) return orderRefused('not-talking');
    this.#takeBack(transfer, 'cancelled');
    return orderDone;
  }

  /** Whoever rings for the transfer is told to stop. */
  #takeBack(transfer: Transfer, why: TransferFailure): void {
    if (this.#transfer !== transfer) return;
    this.#fail(why);
    this.#outside?.drop('cancelled');
    this.#host.ticket()?.keep();
    if (transfer.offerId !== undefined) this.#host.stopRinging(transfer.offerId);
  }

  #dial({ number, isWithheld }: OutboundNumber): void {
    const { identity, limits } = this.#host;
    const fromNumber = isWithheld ? 'anonymous' : identity.toNumber;
    const legId = newId('leg');
    this.#outside = this.#newOutside(newId('dial'), legId);
    this.#outside.dial({
      ...{ kind: 'transfer', target: { toNumber: number }, to: number, fromNumber },
      ...{ ringTimeoutMs: numberRingMs, maxTalkMs: limits.maxTalkMs },
    });
    this.#host.onChanged();
  }

  #newOutside(dialId: string, legId: string): PeerCall {
    const { telephony, clock, facts, timers, post, callerLeg, onChanged } = this.#host;
    const peer: PeerCall = new PeerCall(
      {
        ...{ telephony, clock, facts, timers, post, callerLeg, onChanged },
        startRingBack: () => undefined,
        stopRingBack: () => undefined,
        onDialDone: (outcome, _status, cause) => {
          if (this.#outside !== peer) return;
          if (outcome === 'answered') this.#onOutside();
          else this.#fail(failureOf(cause));
        },
        onPeerEnded: () => {
          this.#isOutsideTalking = false;
          if (this.#outside === peer) this.#host.onOutsideEnded();
        },
        onOver: () => {
          this.#all.delete(peer);
          if (this.#outside === peer) this.#outside = undefined;
          onChanged();
          this.#host.onLegOver();
        },
      },
      dialId,
      legId,
    );
    this.#all.add(peer);
    return peer;
  }

  #onOutside(): void {
    this.#isOutsideTalking = true;
    this.onTaken();
    this.#host.onOutside();
  }

  /** Back to the agent, where there still is one. */
  #fail(why: TransferFailure): void {
    if (!this.#transfer) return;
    this.#transfer = undefined;
    const { talker, player, callerLeg, show, onForsaken } = this.#host;
    show({ held: false, transfer: undefined, transferFailed: why });
    player.stopMusic(callerLeg());
    const peer = talker();
    if (!peer) onForsaken();
    else if (peer.held) peer.unhold();
  }

  /** What caller and agent hear while they are apart. */
  #meanwhile(peer: PeerCall, sound: Sound): void {
    this.#host.player.startMusic(this.#host.callerLeg());
    peer.hear(sound);
  }
}

function failureOf(cause: EndCause | undefined): TransferFailure {
  switch (cause) {
    case 'busy':
    case 'no-answer':
    case 'cancelled':
      return cause;
    case 'rejected':
    case 'peer-hangup':
      return 'refused';
    default:
      return 'failed';
  }
}
