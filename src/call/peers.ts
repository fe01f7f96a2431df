import { type CallOrder, type CallOrderResult, orderDone, orderRefused } from '../desk/call-orders.ts';
import type { DeskListener, DeskTicket } from '../desk/desk.ts';
import type { DeskRequest } from '../desk/request.ts';
import type { Effect, FlowEvent } from '../flow/protocol.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Callee } from './call-back-turn.ts';
import { type DeskAccess, Escalation } from './escalation.ts';
import type { CallLimits } from './limits.ts';
import { outboundNumber } from './outbound-rules.ts';
import { PeerCall, type PeerCallHost } from './peer-call.ts';
import type { Player } from './player.ts';
import type { PromptLibrary } from './prompts.ts';
import type { RecordingFolder } from './recordings.ts';
import type { CallIdentity, DeskState, PeerCallState, SavedCall } from './saved-call.ts';
import { TalkWitnesses } from './talk-witnesses.ts';
import type { Leg, LegEvent } from './telephony.ts';

export type PartyEffect = Extract<
  Effect,
  { type: 'dial' | 'cancel-dial' | 'escalate' | 'leave-desk' | 'call-back-later' | 'overflow-failed' }
>;

/** What the second parties of a call need of it. */
export interface PeersHost
  extends Pick<PeerCallHost, 'telephony' | 'clock' | 'facts' | 'timers' | 'post' | 'callerLeg'> {
  readonly identity: CallIdentity;
  readonly limits: CallLimits;
  readonly player: Player;
  readonly prompts: PromptLibrary;
  readonly recordings: RecordingFolder;
  readonly logger: Logger;
  readonly people: DeskAccess | undefined;
  /** Gives an event to the flow. */
  feed(event: FlowEvent): void;
  /** Ends the call. */
  end(cause: EndCause): void;
  readonly callee: Callee;
  onChanged(): void;
}

/** The second parties of one call: those that count now, and those that are still being got rid of. */
export class Peers {
  readonly #host: PeersHost;
  readonly #all = new Set<PeerCall>();
  readonly #escalations = new Set<Escalation>();
  #current: PeerCall | undefined;
  #escalation: Escalation | undefined;
  readonly #witnesses: TalkWitnesses;

  constructor(host: PeersHost) {
    this.#host = host;
    this.#witnesses = new TalkWitnesses({
      ...host,
      policyOf: host.people?.recordingPolicy ?? (async () => undefined),
      ticket: () => this.#escalation?.ticket,
      phonesOf: async (agentId) => (await host.people?.phonesOf(agentId)) ?? [],
      onChanged: () => {
        this.#escalation?.shown.change(this.#witnesses.view);
        host.onChanged();
      },
    });
  }

  get allOver(): boolean {
    return this.#all.size === 0 && this.#escalations.size === 0 && this.#witnesses.allOver;
  }

  /** What is saved of the parties that count now. */
  get saved(): Pick<SavedCall, 'peer' | 'desk' | 'recordings' | 'listeners'> {
    const peer = this.#current?.state;
    const desk = this.#escalation?.state;
    return { ...(peer && { peer }), ...(desk && { desk }), ...this.#witnesses.saved };
  }

  /** Names the parties that count now and whether they have answered. */
  get legs(): string {
    return `${this.#current?.legs} ${this.#escalation?.legs} ${this.#witnesses.legs}`;
  }

  /** Does what the flow asks for other parties. What was asked for before is dropped. */
  perform(effect: PartyEffect): void {
    switch (effect.type) {
      case 'dial':
        this.#dial(effect);
        break;
      case 'cancel-dial':
        if (this.#current?.dialId === effect.dialId) this.#current.drop('cancelled');
        break;
      case 'escalate':
        this.#escalation?.leave('left');
        this.#newEscalation(effect.escalationId, effect.queueId).start(effect);
        break;
      case 'leave-desk':
        if (this.#escalation?.escalationId === effect.escalationId) this.#escalation.leave(effect.why);
        break;
      case 'call-back-later':
        if (this.#escalation?.escalationId === effect.escalationId) this.#escalation.callBack.ask();
        break;
      case 'overflow-failed':
        if (this.#escalation?.escalationId === effect.escalationId) this.#escalation.overflowFailed();
        break;
    }
  }

  /** What people at the desk ask of the caller who is there. */
  order(order: CallOrder): CallOrderResult | Promise<CallOrderResult> {
    switch (order.type) {
      case 'end':
        this.#host.end('system-hangup');
        return orderDone;
      case 'move':
        return this.#escalation?.move(order) ?? orderRefused('not-waiting');
      case 'recording':
      case 'listen':
      case 'stop-listening':
        return this.#witnesses.order(order);
      default:
        return this.#escalation?.order(order) ?? orderRefused('not-talking');
    }
  }

  /** This call is a call-back: agents are rung first. Gives who is told what the desk decides. */
  callBack(request: DeskRequest, ticket: DeskTicket): DeskListener {
    return this.#newEscalation(newId('desk'), request.queueId).beginTurn(request, ticket);
  }

  /** Goes on with a caller at the desk; `legs`: those of agents that still exist. */
  resumeDesk(saved: DeskState, legs: ReadonlyMap<string, Leg>): void {
    this.#newEscalation(saved.escalationId, saved.queueId).resume(saved, legs);
    this.#escalation?.shown.change(this.#witnesses.view);
  }

  /** Dials, unless the account's rules forbid the number. */
  #dial(effect: Extract<Effect, { type: 'dial' }>): void {
    const { identity, limits } = this.#host;
    const { dialId, toNumber, ringTimeoutMs } = effect;
    this.#current?.drop('cancelled');
    const legId = newId('leg');
    const outbound = outboundNumber(identity.outbound, toNumber);
    const fromNumber = outbound?.isWithheld ? 'anonymous' : (effect.fromNumber ?? identity.toNumber);
    if (!outbound) {
      this.#refuse(dialId, legId, fromNumber, toNumber);
      return;
    }
    const { number } = outbound;
    const maxTalkMs = Math.min(effect.maxTalkMs ?? limits.maxTalkMs, limits.maxTalkMs);
    this.#current = this.#newPeer(dialId, legId);
    const target = { toNumber: number };
    this.#current.dial({ kind: 'transfer', target, to: number, fromNumber, ringTimeoutMs, maxTalkMs });
  }

  /** Goes on with a party that another controller had connected. */
  resume(saved: PeerCallState, leg: Leg): void {
    this.#current = this.#newPeer(saved.dialId, saved.legId);
    this.#current.resume(leg, saved);
  }

  /** What happens on an adopted second leg. */
  onLegEvent(legId: string, event: LegEvent): void {
    if (this.#current?.legId === legId) this.#current.onLegEvent(event);
    this.#escalation?.onLegEvent(legId, event);
  }

  /** What happens on the caller's leg. False: it is nothing of the parties'. */
  onCallerEvent(event: LegEvent): boolean {
    return this.#witnesses.onCallerEvent(event);
  }

  /** Goes on with what went with a talk that another controller drove; before {@link resumeDesk}. */
  resumeWitnesses(saved: SavedCall, caller: Leg): void {
    this.#witnesses.resume(saved, caller);
    if (!saved.desk) this.#witnesses.goOn(undefined);
  }

  onCallerUnbridged(): void {
    this.#current?.onCallerUnbridged();
    this.#escalation?.onCallerUnbridged();
  }

  dropAll(cause: EndCause): void {
    this.#witnesses.dropAll(cause);
    for (const escalation of [...this.#escalations]) escalation.dropAll(cause);
    for (const peer of [...this.#all]) peer.drop(cause);
  }

  /** A forbidden number leaves a record too, but no phone ever rings. */
  #refuse(dialId: string, legId: string, from: string, to: string): void {
    const { facts, post, feed, clock } = this.#host;
    facts.append({ type: 'offered', legId, kind: 'transfer', direction: 'outbound', from, to });
    facts.endLeg(legId, 'forbidden-number');
    post(() => feed({ type: 'dial-done', dialId, outcome: 'forbidden', atMs: clock.nowMs() }));
  }

  #newEscalation(escalationId: string, queueId: string): Escalation {
    const host = {
      ...this.#host,
      witnesses: this.#witnesses,
      onOver: () => {
        this.#escalations.delete(escalation);
        if (this.#escalation === escalation) this.#escalation = undefined;
        this.#host.onChanged();
      },
    };
    const escalation: Escalation = new Escalation(host, escalationId, queueId);
    this.#escalations.add(escalation);
    this.#escalation = escalation;
    return escalation;
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
