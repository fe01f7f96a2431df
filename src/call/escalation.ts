import { type CallOrder, type CallOrderResult, orderDone, orderRefused } from '../desk/call-orders.ts';
import type { Desk, DeskListener, DeskRefusal, DeskTicket, LeaveCause } from '../desk/desk.ts';
import type { IntakeOpening } from '../desk/intake.ts';
import type { DeskRequest } from '../desk/request.ts';
import type { Effect, FlowEvent, LeaveDeskCause } from '../flow/protocol.ts';
import type { CallFact, EndCause } from '../kernel/call-fact.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { AgentLegs } from './agent-legs.ts';
import { CallBackTurn, type Callee } from './call-back-turn.ts';
import { CallBackWish } from './call-back-wish.ts';
import { deskRequest } from './desk-request.ts';
import type { CallLimits } from './limits.ts';
import type { DeskState, PeerCallHost } from './peer-call.ts';
import type { PhoneAddress } from './phones.ts';
import type { PromptLibrary } from './prompts.ts';
import { type CallIdentity, deskCallId } from './saved-call.ts';
import type { Leg, LegEvent } from './telephony.ts';

/** The people who can be asked. */
export interface DeskAccess {
  desk: Pick<Desk, 'offer' | 'resume'>;
  /** The agent's phones that are registered now. */
  phonesOf(agentId: string): Promise<readonly PhoneAddress[]>;
  /** Opens the form for the agent who has answered. Returns at once, and sees to it that it happens; repeats do nothing. */
  intake?: { open(opening: IntakeOpening): void };
}

export interface EscalationHost
  extends Pick<PeerCallHost, 'telephony' | 'clock' | 'facts' | 'timers' | 'post' | 'callerLeg' | 'onChanged'> {
  readonly identity: CallIdentity;
  readonly limits: CallLimits;
  readonly prompts: PromptLibrary;
  readonly logger: Logger;
  readonly people: DeskAccess | undefined;
  readonly callee: Callee;
  end(cause: EndCause): void;
  feed(event: FlowEvent): void;
  /** The wait is over and no agent's leg is left. */
  onOver(): void;
}

type LeftReason = Extract<CallFact, { type: 'left-queue' }>['reason'];
type EscalateEffect = Extract<Effect, { type: 'escalate' }>;

/** Ends that are nobody's wish: the caller goes back to the head of the line. */
const lostCauses: readonly EndCause[] = ['media-lost', 'media-timeout', 'controller-lost', 'failed'];

/** A caller at the desk: waits, is offered to agents whose phones ring, is connected to the one who answers. */
export class Escalation {
  readonly escalationId: string;
  readonly #host: EscalationHost;
  #queueId: string;
  readonly #agents: AgentLegs;
  #ticket: DeskTicket | undefined;
  /** Nothing more is asked of the desk, or told to the flow. */
  #left = false;
  #inQueue = false;
  /** The flow was told that an agent has answered. */
  #announced = false;
  #talkingOfferId: string | undefined;
  /** By the flow, for the agent's form. */
  #learned: Readonly<Record<string, unknown>> = {};
  readonly #wish: CallBackWish;
  /** The caller is being called back. */
  #turn: CallBackTurn | undefined;

  constructor(host: EscalationHost, escalationId: string, queueId: string) {
    this.#host = host;
    this.escalationId = escalationId;
    this.#queueId = queueId;
    this.#wish = new CallBackWish({
      ...host,
      hasLeft: () => this.#left,
      onKept: () => this.#onPlaceKept(),
      tell: (outcome) => host.post(() => this.#tellFlow({ type: 'desk-call-back', outcome })),
      onSettled: () => this.#checkOver(),
    });
    this.#agents = new AgentLegs({
      ...host,
      phonesOf: async (agentId) => (await host.people?.phonesOf(agentId)) ?? [],
      ticket: () => this.#ticket,
      hasLeft: () => this.#left,
      reach: async (offerId, agentId, leg) => this.#turn?.reach(offerId, agentId, leg),
      onAnswered: (offerId, agentId) => this.#onAnswered(offerId, agentId),
      onConnected: (offerId) => this.#onConnected(offerId),
      onFailed: (offerId) => this.#onFailed(offerId),
      onParted: (offerId, cause) => this.#onParted(offerId, cause),
      onLegOver: () => this.#checkOver(),
    });
  }

  get state(): DeskState | undefined {
    if (this.#left && this.#agents.allOver) return undefined;
    const { escalationId } = this;
    const [queueId, agents, learned] = [this.#queueId, this.#agents.states, this.#learned];
    const callee = this.#turn?.state ? { callee: this.#turn.state } : {};
    return { escalationId, queueId, agents, learned, ...this.#wish.state, ...callee };
  }

  /** Changes when there is another leg to be known of. */
  get legs(): string {
    return `${this.escalationId} ${this.#agents.legs} ${this.#turn?.legs}`;
  }

  /** Asks for people. */
  start(effect: EscalateEffect): void {
    const { people, identity, post, logger } = this.#host;
    this.#learned = effect.learned;
    if (!people) {
      post(() => this.#over('failed', 'failed'));
      return;
    }
    this.#enterQueue();
    this.#wish.begin(effect.callBackTo);
    // The flow has its own clock for the wait; the queue's overflow applies where it is shorter (flows/REFERENCE.md).
    people.desk.offer(deskRequest(identity, effect, this.#wish.number), this.#listener).then(
      (answer) => post(() => this.#onOffered(answer)),
      (error: unknown) => {
        logger.error({ callId: identity.callId, err: errorMessage(error) }, 'the desk could not be asked');
        post(() => this.#over('failed', 'failed'));
      },
    );
  }

  /** Goes on after a take-over; `legs`: those of agents that still exist. */
  resume(saved: DeskState, legs: ReadonlyMap<string, Leg>): void {
    const { people, identity, post, facts } = this.#host;
    this.#inQueue = true;
    this.#learned = saved.learned ?? {};
    this.#wish.resume(saved);
    const talking = saved.agents.find(({ talkEndsAtMs, legId }) => talkEndsAtMs !== undefined && legs.has(legId));
    for (const agent of saved.agents) {
      const leg = legs.get(agent.legId);
      if (agent === talking && leg) {
        this.#inQueue = false;
        this.#announced = true;
        this.#talkingOfferId = agent.offerId;
        this.#agents.resume(agent.offerId, agent.legId, leg, agent.talkEndsAtMs);
      } else {
        leg?.end('controller-lost').catch(() => undefined);
        facts.endLeg(agent.legId, 'controller-lost');
      }
    }
    const resumed = people?.desk.resume(deskCallId(identity), this.#listener) ?? Promise.resolve(undefined);
    resumed.then(
      (ticket) => post(() => this.#onResumed(ticket, talking?.offerId)),
      () => post(() => this.#onResumed(undefined, talking?.offerId)),
    );
  }

  /** A supervisor moves the waiting caller. */
  async move({ queueId, first = false }: Extract<CallOrder, { type: 'move' }>): Promise<CallOrderResult> {
    const moved = (this.#inQueue && (await this.#ticket?.moveTo(queueId, first))) || 'not-waiting';
    if (moved !== 'moved') return orderRefused(moved);
    if (queueId !== this.#queueId) this.#host.post(() => this.#changeQueue(queueId));
    return orderDone;
  }

  /** The caller waits no longer, by their own wish or the flow's. */
  leave(why: LeaveDeskCause): void {
    const causes = { message: 'message', 'time-out': 'overflow', overflow: 'overflow', left: 'done' } as const;
    this.#leave(causes[why], why === 'left' ? 'overflow' : why);
    this.#agents.dropAll('cancelled');
    this.#checkOver();
  }

  /** The caller wants to hang up and keep the place. The flow is told whether they may. */
  callBackLater(): void {
    this.#wish.ask(this.#ticket);
  }

  /** The step of the queue's overflow could not be done. */
  overflowFailed(): void {
    if (!this.#left) this.#ticket?.overflowFailed();
  }

  /** This call is a call-back: agents are rung first. Gives who is told what the desk decides. */
  callBack(request: DeskRequest, ticket: DeskTicket): DeskListener {
    this.#learned = request.learned;
    this.#ticket = ticket;
    const onGivenUp = (offerId: string, agentId: string) => this.#openIntake(offerId, agentId);
    this.#turn = new CallBackTurn({ ...this.#host, ticket, onGivenUp, onOver: () => this.#checkOver() });
    return this.#listener;
  }

  /** The caller has gone, or the call ends. */
  dropAll(cause: EndCause): void {
    if (this.#talkingOfferId !== undefined) this.#ticket?.parted(this.#talkingOfferId, 'caller-gone');
    this.#leave(this.#talkingOfferId === undefined ? 'abandoned' : 'done', 'abandoned');
    this.#agents.dropAll(cause);
    this.#checkOver();
  }

  /** What happens on an adopted leg of an agent. */
  onLegEvent(legId: string, event: LegEvent): void {
    this.#agents.onLegEvent(legId, event);
  }

  onCallerUnbridged(): void {
    this.#agents.onCallerUnbridged();
  }

  readonly #listener: DeskListener = {
    ring: (order) =>
      this.#host.post(() => {
        this.#turn?.onOffer(order.offerId);
        this.#agents.ring(order);
      }),
    stopRinging: (offerId) => this.#host.post(() => this.#agents.withdraw(offerId)),
    progress: ({ position, estimateMs }) =>
      this.#feedSoon({
        type: 'desk-progress',
        position,
        ...(estimateMs === undefined ? {} : { waitMs: Math.round(estimateMs) }),
      }),
    overflow: (step, why) =>
      this.#host.post(() => {
        if (step.type === 'queue') this.#moveTo(step.queueId);
        else if (step.type === 'hang-up') this.#over(why, 'overflow');
        else this.#feed({ type: 'desk-overflow', step });
      }),
    // Of a caller on the line the state saver finds the same out, and lets go of the whole call.
    lost: () =>
      this.#host.post(() => {
        if (this.#turn && !this.#turn.reachedBy) this.#host.end('system-hangup');
      }),
  };

  #onOffered(answer: DeskTicket | DeskRefusal): void {
    if ('refused' in answer) {
      const reason = answer.refused === 'unknown-queue' ? 'failed' : answer.refused;
      this.#over(reason, reason);
      return;
    }
    this.#ticket = answer;
    if (this.#left) {
      answer.leave('abandoned');
      return;
    }
    const { position } = answer;
    if (position > 0) this.#feed({ type: 'desk-progress', position });
    this.#host.onChanged();
  }

  #onResumed(ticket: DeskTicket | undefined, talkingOfferId: string | undefined): void {
    this.#ticket = ticket;
    const { found } = ticket ?? {};
    // The controller before may have died between the answer and the form, and they have talked, whoever is left.
    if (found?.state === 'talking' && found.offerId && found.agentId) this.#openIntake(found.offerId, found.agentId);
    if (this.#left) {
      ticket?.leave('abandoned');
      return;
    }
    if (talkingOfferId !== undefined) return;
    const { state, offerId } = found ?? { state: undefined, offerId: undefined };
    if (!ticket) this.#over('failed', 'failed');
    else if (state === 'served') this.#over('done', 'answered');
    else if (offerId && state === 'talking') ticket.parted(offerId, 'agent-lost');
    else if (offerId && state === 'answered') ticket.missed(offerId, 'unreachable');
    if (ticket && offerId) this.#feed({ type: 'desk-parted' });
  }

  async #moveTo(queueId: string): Promise<void> {
    if (!(await this.#ticket?.transferTo(queueId))) {
      this.#ticket?.overflowFailed();
      return;
    }
    this.#host.post(() => this.#changeQueue(queueId));
  }

  #changeQueue(queueId: string): void {
    if (this.#left) return;
    this.#leaveQueue('overflow');
    this.#queueId = queueId;
    this.#enterQueue();
    this.#host.onChanged();
  }

  #onAnswered(offerId: string, agentId: string): void {
    this.#announced = true;
    this.#feed({ type: 'desk-answered' });
    this.#openIntake(offerId, agentId);
  }

  #openIntake(offerId: string, agentId: string): void {
    const { people, identity, clock } = this.#host;
    const { accountId, fromNumber: callerNumber } = identity;
    const known = {
      callId: deskCallId(identity),
      accountId,
      callerNumber,
      queueId: this.#queueId,
      learned: this.#learned,
    };
    people?.intake?.open({ ...known, offerId, agentId, atMs: clock.nowMs() });
  }

  #onConnected(offerId: string): void {
    this.#talkingOfferId = offerId;
    this.#leaveQueue('answered');
    this.#host.onChanged();
  }

  #onFailed(offerId: string): void {
    this.#turn?.onAgentGone(offerId);
    // Who is called back is on the line already: a caller like any other, at the head of the queue.
    if (this.#turn?.reachedBy === offerId && !this.#left) {
      this.#ticket?.parted(offerId, 'agent-lost');
      this.#enterQueue();
    }
    if (!this.#announced) return;
    this.#announced = false;
    this.#feedSoon({ type: 'desk-parted' });
  }

  #onParted(offerId: string, cause: EndCause): void {
    if (this.#left) return;
    this.#announced = false;
    this.#talkingOfferId = undefined;
    if (lostCauses.includes(cause) && this.#host.callerLeg()) {
      this.#ticket?.parted(offerId, 'agent-lost');
      this.#enterQueue();
      this.#feedSoon({ type: 'desk-parted' });
      return;
    }
    this.#ticket?.parted(offerId, 'done');
    this.#over('done', 'answered');
  }

  #over(outcome: Extract<FlowEvent, { type: 'desk-done' }>['outcome'], reason: LeftReason): void {
    if (this.#left) return;
    this.#leave(outcome === 'done' ? 'done' : 'overflow', reason);
    this.#agents.dropAll('cancelled');
    this.#host.post(() => this.#tellFlow({ type: 'desk-done', outcome }));
    this.#checkOver();
  }

  #leave(cause: LeaveCause, reason: LeftReason): void {
    if (this.#left) return;
    this.#left = true;
    const keepsPlace = cause === 'abandoned' && this.#wish.hungUp();
    this.#leaveQueue(keepsPlace ? 'call-back' : reason);
    if (keepsPlace) return;
    if (this.#turn && !this.#turn.reachedBy) this.#turn.handBack();
    else this.#ticket?.leave(cause);
  }

  #onPlaceKept(): void {
    this.#left = true;
    this.#leaveQueue('call-back');
    this.#agents.dropAll('cancelled');
  }

  #enterQueue(): void {
    this.#inQueue = true;
    const { facts, identity } = this.#host;
    facts.append({ type: 'queued', legId: identity.callerLegId, queueId: this.#queueId });
  }

  #leaveQueue(reason: LeftReason): void {
    if (!this.#inQueue) return;
    this.#inQueue = false;
    const { facts, identity } = this.#host;
    facts.append({ type: 'left-queue', legId: identity.callerLegId, queueId: this.#queueId, reason });
  }

  #checkOver(): void {
    const isBusy = this.#wish.isAsking || this.#turn?.isDialOpen;
    if (this.#left && this.#agents.allOver && !isBusy) this.#host.onOver();
  }

  #feedSoon(event: DeskHappening): void {
    this.#host.post(() => this.#feed(event));
  }

  #feed(event: DeskHappening): void {
    if (!this.#left) this.#tellFlow(event);
  }

  #tellFlow(event: DeskHappening): void {
    this.#host.feed({ ...event, escalationId: this.escalationId, atMs: this.#host.clock.nowMs() });
  }
}

type DeskEvent = Extract<FlowEvent, { escalationId: string }>;
type Bare<E> = E extends unknown ? Omit<E, 'escalationId' | 'atMs'> : never;
/** What the flow is told of the desk. */
type DeskHappening = Bare<DeskEvent>;
