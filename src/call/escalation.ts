import { type CallOrder, type CallOrderResult, orderDone, orderRefused } from '../desk/call-orders.ts';
import type { DeskListener, DeskRefusal, DeskTicket, LeaveCause } from '../desk/desk.ts';
import type { DeskRequest } from '../desk/request.ts';
import type { FlowEvent, LeaveDeskCause } from '../flow/protocol.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import { errorMessage } from '../kernel/errors.ts';
import { AgentLegs } from './agent-legs.ts';
import { CallBackSide } from './call-back-side.ts';
import {
  type DeskAccess,
  type DeskHappening,
  type EscalateEffect,
  type EscalationHost,
  lostCauses,
  openIntake,
  requestFor,
  resumeAtDesk,
} from './desk-access.ts';
import { deskListener } from './desk-listener.ts';
import { type LeftReason, QueueStay } from './queue-stay.ts';
import { sortLegs } from './resumed-legs.ts';
import { type DeskState, deskCallId } from './saved-call.ts';
import { ShownCall } from './shown-call.ts';
import { TalkControl, type TalkOrder } from './talk-control.ts';
import type { Leg, LegEvent } from './telephony.ts';

export type { DeskAccess };

/** A caller at the desk: waits, is offered to agents whose phones ring, is connected to the one who answers. */
export class Escalation {
  readonly escalationId: string;
  readonly #host: EscalationHost;
  readonly #queue: QueueStay;
  readonly #agents: AgentLegs;
  readonly #talk: TalkControl;
  readonly callBack: CallBackSide;
  readonly #listener: DeskListener;
  /** The caller's place at the desk, once there is one. */
  ticket: DeskTicket | undefined;
  /** Nothing more is asked of the desk, or told to the flow. */
  #left = false;
  /** The offer of whom the flow was told that an agent has answered. */
  #announced: string | undefined;
  #talkingOfferId: string | undefined;
  /** To whom the caller is being handed, once they have answered. */
  #targetId: string | undefined;
  readonly shown = new ShownCall(() => this.ticket);
  /** By the flow, for the agent's form. */
  #learned: Readonly<Record<string, unknown>> = {};

  constructor(host: EscalationHost, escalationId: string, queueId: string) {
    this.#host = host;
    this.escalationId = escalationId;
    this.#queue = new QueueStay(host.facts, host.identity.callerLegId, queueId);
    const shared = {
      ...host,
      phonesOf: async (agentId: string) => (await host.people?.phonesOf(agentId)) ?? [],
      ticket: () => this.ticket,
      onLegOver: () => this.#checkOver(),
    };
    const hasLeft = () => this.#left;
    this.callBack = new CallBackSide({
      ...{ ...shared, hasLeft, onSettled: shared.onLegOver },
      onKept: () => {
        this.#leave('call-back', 'call-back');
        this.#dropLegs('cancelled');
      },
      tellFlow: (event) => this.#tellFlow(event),
      openIntake: (offerId, agentId) => this.#openIntake(offerId, agentId),
    });
    this.#agents = new AgentLegs({
      ...{ ...shared, hasLeft },
      reach: (offerId, agentId, leg) => this.callBack.reach(offerId, agentId, leg),
      onAnswered: (offerId, agentId, leg) => this.#onAnswered(offerId, agentId, leg),
      onConnected: (offerId) => this.#onConnected(offerId),
      onFailed: (offerId, cause) => this.#onFailed(offerId, cause),
      onParted: (offerId, cause) => this.#onParted(offerId, cause),
    });
    this.#talk = new TalkControl({
      ...shared,
      talker: () => this.#agents.peerOf(this.#talkingOfferId),
      show: (change) => this.shown.change(change),
      stopRinging: (offerId) => this.#agents.withdraw(offerId),
      onOutside: () => this.#releaseTalker(),
      onHandedToQueue: (queueId) => this.#onHandedToQueue(queueId),
      onForsaken: () => this.#backToHead(),
      onOutsideEnded: () => this.#over('done', 'answered'),
    });
    this.#listener = deskListener({
      ...{ agents: this.#agents, talk: this.#talk, callBack: this.callBack, post: host.post },
      keep: () => this.ticket?.keep(),
      feed: (event) => this.#feed(event),
      changeQueue: (queueId) => this.#changeQueue(queueId),
      onExhausted: (why) => this.#over(why === 'queue-gone' ? 'failed' : why, 'overflow'),
    });
  }

  get state(): DeskState | undefined {
    if (this.#left && this.#agents.allOver && this.#talk.allOver) return undefined;
    const line = { escalationId: this.escalationId, ...this.#queue.state, learned: this.#learned };
    return { ...line, agents: this.#agents.states, ...this.#talk.state, ...this.callBack.state };
  }

  /** Changes when there is another leg to be known of. */
  get legs(): string {
    return `${this.escalationId} ${this.#agents.legs} ${this.#talk.legs} ${this.callBack.legs}`;
  }

  /** Asks for people. */
  start(effect: EscalateEffect): void {
    const { people, identity, post, logger } = this.#host;
    this.#learned = effect.learned;
    if (!people) {
      post(() => this.#over('failed', 'failed'));
      return;
    }
    this.#queue.enter();
    this.#host.witnesses.expect(effect.language);
    const request = requestFor(identity, effect, this.callBack.begin(effect.callBackTo));
    // The flow has its own clock for the wait; the queue's overflow applies where it is shorter (flows/REFERENCE.md).
    people.desk.offer(request, this.#listener).then(
      (answer) => post(() => this.#onOffered(answer)),
      (error: unknown) => {
        logger.error({ callId: identity.callId, err: errorMessage(error) }, 'the desk could not be asked');
        post(() => this.#over('failed', 'failed'));
      },
    );
  }

  /** Goes on after a take-over; `legs`: those of agents that still exist. */
  resume(saved: DeskState, legs: ReadonlyMap<string, Leg>): void {
    const { people, identity, post, facts, clock } = this.#host;
    this.#learned = saved.learned ?? {};
    this.callBack.resume(saved);
    const { agent, outside } = sortLegs(saved, legs, facts);
    const wasTransferring = saved.transferring ?? false;
    this.#queue.resume(saved.waits ?? (!agent && !outside && !wasTransferring));
    if (outside) this.#talk.resumeOutside(outside.saved, outside.leg);
    this.#host.witnesses.goOn(agent?.leg);
    if (agent) {
      const { offerId, held } = agent.saved;
      this.#announced = offerId;
      this.#talkingOfferId = offerId;
      const peer = this.#agents.resume(agent.saved, agent.leg);
      if (held) this.#talk.resumeHeld(peer, wasTransferring);
    }
    const resumed = people && resumeAtDesk(people.desk, deskCallId(identity), this.#listener, clock);
    const onResumed = (ticket?: DeskTicket) => post(() => this.#onResumed(ticket, wasTransferring));
    Promise.resolve(resumed).then(onResumed, () => onResumed());
  }

  /** What is ordered of the talk with an agent. */
  order(order: TalkOrder): Promise<CallOrderResult> {
    return this.#talk.order(order);
  }

  /** A supervisor moves the waiting caller. */
  async move({ queueId, first = false }: Extract<CallOrder, { type: 'move' }>): Promise<CallOrderResult> {
    const moved = (this.#queue.waits && (await this.ticket?.moveTo(queueId, first))) || 'not-waiting';
    if (moved !== 'moved') return orderRefused(moved);
    this.#host.post(() => this.#changeQueue(queueId));
    return orderDone;
  }

  /** The caller waits no longer, by their own wish or the flow's. */
  leave(why: LeaveDeskCause): void {
    const causes = { message: 'message', 'time-out': 'overflow', overflow: 'overflow', left: 'done' } as const;
    this.#leave(causes[why], why === 'left' ? 'overflow' : why);
    this.#dropLegs('cancelled');
    this.#checkOver();
  }

  /** The step of the queue's overflow could not be done. */
  overflowFailed(): void {
    if (!this.#left) this.ticket?.overflowFailed();
  }

  /** This call is a call-back: agents are rung first. Gives who is told what the desk decides. */
  beginTurn(request: DeskRequest, ticket: DeskTicket): DeskListener {
    this.#learned = request.learned;
    this.ticket = ticket;
    this.callBack.beginTurn(ticket);
    return this.#listener;
  }

  /** The caller has gone, or the call ends. */
  dropAll(cause: EndCause): void {
    if (this.#talkingOfferId !== undefined) this.ticket?.parted(this.#talkingOfferId, 'caller-gone');
    this.#leave(this.#talkingOfferId === undefined ? 'abandoned' : 'done', 'abandoned');
    this.#dropLegs(cause);
    this.#checkOver();
  }

  /** What happens on an adopted leg of an agent. */
  onLegEvent(legId: string, event: LegEvent): void {
    this.#agents.onLegEvent(legId, event);
    this.#talk.onLegEvent(legId, event);
  }

  onCallerUnbridged(): void {
    this.#agents.onCallerUnbridged();
    this.#talk.onCallerUnbridged();
  }

  #onOffered(answer: DeskTicket | DeskRefusal): void {
    if ('refused' in answer) {
      const reason = answer.refused === 'unknown-queue' ? 'failed' : answer.refused;
      this.#over(reason === 'suspended' ? 'closed' : reason, reason);
      return;
    }
    this.ticket = answer;
    if (this.#left) {
      answer.leave('abandoned');
      return;
    }
    if (answer.position > 0) this.#feed({ type: 'desk-progress', position: answer.position });
    this.#host.onChanged();
  }

  #onResumed(ticket: DeskTicket | undefined, wasTransferring: boolean): void {
    this.ticket = ticket;
    const { found } = ticket ?? {};
    // The controller before may have died between the answer and the form, and they have talked, whoever is left.
    if (found?.state === 'talking' && found.offerId && found.agentId) this.#openIntake(found.offerId, found.agentId);
    if (this.#left) {
      ticket?.leave('abandoned');
      return;
    }
    this.shown.tell();
    if (found?.queueId) this.#changeQueue(found.queueId);
    const { state, offerId } = found ?? { state: undefined, offerId: undefined };
    if (this.#talk.isOutsideTalking) {
      if (offerId && state === 'talking') ticket?.parted(offerId, 'done');
      return;
    }
    if (this.#talkingOfferId !== undefined) return;
    if (!ticket) this.#over('failed', 'failed');
    else if (state === 'served' && wasTransferring) this.#backToHead();
    else if (state === 'served') this.#over('done', 'answered');
    else if (offerId && state === 'talking') this.#onAgentLost(offerId);
    else if (offerId && state === 'answered') ticket.missed(offerId, 'failed');
    if (ticket && offerId) this.#feed({ type: 'desk-parted' });
  }

  #changeQueue(queueId: string): void {
    if (this.#left || !this.#queue.waits || queueId === this.#queue.queueId) return;
    this.#queue.leave('overflow');
    this.#queue.enter(queueId);
    this.#host.onChanged();
  }

  #onAnswered(offerId: string, agentId: string, agent: Leg): Promise<void> {
    if (this.#talk.isTarget(offerId)) {
      // Until they are connected the caller, and the form, is with the agent before.
      this.#targetId = agentId;
    } else {
      this.#announced = offerId;
      this.#feed({ type: 'desk-answered' });
      this.#openIntake(offerId, agentId);
    }
    return this.#host.witnesses.announce(agentId, agent);
  }

  #openIntake(offerId: string, agentId: string): void {
    openIntake(this.#host, { offerId, agentId, queueId: this.#queue.queueId, learned: this.#learned });
  }

  #onConnected(offerId: string): void {
    if (this.#talk.isTarget(offerId)) {
      this.#talk.onTaken();
      // By `connected` the desk has put the agent before into wrap-up.
      this.#agents.peerOf(this.#talkingOfferId)?.drop('system-hangup');
      this.#openIntake(offerId, this.#targetId ?? '');
    }
    this.#announced = offerId;
    this.#talkingOfferId = offerId;
    this.#queue.leave('answered');
    this.#host.witnesses.begin();
    this.#host.onChanged();
  }

  #onFailed(offerId: string, cause: EndCause | undefined): void {
    if (this.#talk.isTarget(offerId)) {
      this.#talk.onNotTaken(cause);
      return;
    }
    if (this.callBack.onFailed(offerId) && !this.#left) this.#onAgentLost(offerId);
    if (this.#announced !== offerId) return;
    this.#announced = undefined;
    this.#host.post(() => this.#feed({ type: 'desk-parted' }));
  }

  /** The caller talks with a number outside: the agent who had them is in wrap-up. */
  #releaseTalker(): void {
    const before = this.#talkingOfferId;
    this.#talkingOfferId = undefined;
    if (before === undefined) return;
    this.#host.witnesses.end();
    this.ticket?.parted(before, 'done');
    this.#agents.peerOf(before)?.drop('system-hangup');
    this.#host.onChanged();
  }

  #onHandedToQueue(queueId: string): void {
    const peer = this.#agents.peerOf(this.#talkingOfferId);
    this.#talkingOfferId = undefined;
    this.#host.witnesses.end();
    this.#queue.enter(queueId);
    this.#host.onChanged();
    const wait = () =>
      this.#host.post(() => {
        peer?.drop('system-hangup');
        this.#waitAgain({ handedOver: true });
      });
    Promise.resolve(peer?.hold()).then(wait);
  }

  #backToHead(): void {
    const done = (isBack: boolean) =>
      this.#host.post(() => {
        if (this.#left) return;
        if (!isBack) return this.#over('failed', 'failed');
        this.#queue.enter();
        this.#waitAgain();
      });
    (this.ticket?.backToHead() ?? Promise.resolve(false)).then(done);
  }

  #waitAgain(how: { handedOver?: true } = {}): void {
    this.#announced = undefined;
    this.#talk.onTalkOver();
    this.#feed({ type: 'desk-parted', ...how });
  }

  #onParted(offerId: string, cause: EndCause): void {
    if (offerId === this.#talkingOfferId) this.#host.witnesses.end();
    if (this.#left || offerId !== this.#talkingOfferId) return;
    this.#announced = undefined;
    this.#talkingOfferId = undefined;
    if (this.#talk.isTransferring) {
      // The caller stays with the transfer until it ends.
      this.ticket?.parted(offerId, 'done');
      this.#host.onChanged();
      return;
    }
    this.#talk.onTalkOver();
    if (lostCauses.includes(cause) && this.#host.callerLeg()) {
      this.#onAgentLost(offerId);
      this.#host.post(() => this.#feed({ type: 'desk-parted' }));
      return;
    }
    this.ticket?.parted(offerId, 'done');
    this.#over('done', 'answered');
  }

  #onAgentLost(offerId: string): void {
    this.ticket?.parted(offerId, 'agent-lost');
    if (!this.#queue.waits) this.#queue.enter();
  }

  #dropLegs(cause: EndCause): void {
    this.#talk.dropAll(cause);
    this.#agents.dropAll(cause);
  }

  #over(outcome: Extract<FlowEvent, { type: 'desk-done' }>['outcome'], reason: LeftReason): void {
    if (this.#left) return;
    this.#leave(outcome === 'done' ? 'done' : 'overflow', reason);
    this.#dropLegs('cancelled');
    this.#host.post(() => this.#tellFlow({ type: 'desk-done', outcome }));
    this.#checkOver();
  }

  #leave(cause: LeaveCause | 'call-back', reason: LeftReason): void {
    if (this.#left) return;
    this.#left = true;
    const told = this.callBack.onLeaving(cause);
    this.#queue.leave(told === 'kept' ? 'call-back' : reason);
    if (told === 'leave' && cause !== 'call-back') this.ticket?.leave(cause);
  }

  #checkOver(): void {
    if (this.#left && this.#agents.allOver && this.#talk.allOver && !this.callBack.isBusy) this.#host.onOver();
  }

  #feed(event: DeskHappening): void {
    if (!this.#left) this.#tellFlow(event);
  }

  #tellFlow(event: DeskHappening): void {
    this.#host.feed({ ...event, escalationId: this.escalationId, atMs: this.#host.clock.nowMs() });
  }
}
