import type { Desk, DeskListener, DeskRefusal, DeskTicket, LeaveCause, RingOrder } from '../desk/desk.ts';
import type { MissCause } from '../desk/desk-store.ts';
import type { IntakeOpening } from '../desk/intake.ts';
import type { Effect, FlowEvent } from '../flow/protocol.ts';
import type { CallFact, EndCause } from '../kernel/call-fact.ts';
import { errorMessage } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { CallLimits } from './limits.ts';
import { type DeskState, PeerCall, type PeerCallHost } from './peer-call.ts';
import type { PhoneAddress } from './phones.ts';
import type { PromptLibrary } from './prompts.ts';
import type { CallIdentity } from './saved-call.ts';
import type { Leg, LegEvent } from './telephony.ts';
import { Whisper } from './whisper.ts';

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
  readonly #agents = new Map<string, { peer: PeerCall; whisper: Whisper }>();
  readonly #withdrawn = new Set<string>();
  #ticket: DeskTicket | undefined;
  /** Nothing more is asked of the desk, or told to the flow. */
  #left = false;
  #inQueue = false;
  /** The flow was told that an agent has answered. */
  #announced = false;
  #talkingOfferId: string | undefined;
  /** By the flow, for the agent's form. */
  #learned: Readonly<Record<string, unknown>> = {};

  constructor(host: EscalationHost, escalationId: string, queueId: string) {
    this.#host = host;
    this.escalationId = escalationId;
    this.#queueId = queueId;
  }

  get state(): DeskState | undefined {
    if (this.#left && this.#agents.size === 0) return undefined;
    const agents = [...this.#agents].map(([offerId, { peer }]) => ({ ...peer.state, offerId }));
    return { escalationId: this.escalationId, queueId: this.#queueId, agents, learned: this.#learned };
  }

  /** Changes when there is another leg to be known of. */
  get legs(): string {
    return `${this.escalationId} ${[...this.#agents.values()].map(({ peer }) => peer.legs).join(' ')}`;
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
    const { callId, accountId, account, fromNumber } = identity;
    const { queueId, priority, skills, language, learned } = effect;
    const request = {
      ...{ callId, account: { accountId, ...account }, queueId, priority, skills, language, learned },
      ...(fromNumber === 'anonymous' ? {} : { callerNumber: fromNumber.slice(0, 80) }),
    };
    // The flow has its own clock for the wait; the queue's overflow applies where it is shorter.
    people.desk.offer(request, this.#listener).then(
      (answer) => post(() => this.#onOffered(answer)),
      (error: unknown) => {
        logger.error({ callId, err: errorMessage(error) }, 'the desk could not be asked');
        post(() => this.#over('failed', 'failed'));
      },
    );
  }

  /** Goes on after a take-over; `legs`: those of agents that still exist. */
  resume(saved: DeskState, legs: ReadonlyMap<string, Leg>): void {
    const { people, identity, post, facts } = this.#host;
    this.#inQueue = true;
    this.#learned = saved.learned ?? {};
    const talking = saved.agents.find(({ talkEndsAtMs, legId }) => talkEndsAtMs !== undefined && legs.has(legId));
    for (const agent of saved.agents) {
      const leg = legs.get(agent.legId);
      if (agent === talking && leg) {
        this.#inQueue = false;
        this.#announced = true;
        this.#talkingOfferId = agent.offerId;
        this.#newAgent(agent.offerId, agent.legId).peer.resume(leg, agent.talkEndsAtMs);
      } else {
        leg?.end('controller-lost').catch(() => undefined);
        facts.endLeg(agent.legId, 'controller-lost');
      }
    }
    const resumed = people?.desk.resume(identity.callId, this.#listener) ?? Promise.resolve(undefined);
    resumed.then(
      (ticket) => post(() => this.#onResumed(ticket, talking?.offerId)),
      () => post(() => this.#onResumed(undefined, talking?.offerId)),
    );
  }

  /** The caller waits no longer, by their own wish or the flow's. */
  leave(why: 'message' | 'time-out' | 'left'): void {
    const causes = { message: 'message', 'time-out': 'overflow', left: 'done' } as const;
    this.#leave(causes[why], why === 'left' ? 'overflow' : why);
    this.#dropAgents('cancelled');
    this.#checkOver();
  }

  /** The caller has gone, or the call ends. */
  dropAll(cause: EndCause): void {
    if (this.#talkingOfferId !== undefined) this.#ticket?.parted(this.#talkingOfferId, 'caller-gone');
    this.#leave(this.#talkingOfferId === undefined ? 'abandoned' : 'done', 'abandoned');
    this.#dropAgents(cause);
    this.#checkOver();
  }

  /** What happens on an adopted leg of an agent. */
  onLegEvent(legId: string, event: LegEvent): void {
    for (const { peer } of this.#agents.values()) if (peer.legId === legId) peer.onLegEvent(event);
  }

  onCallerUnbridged(): void {
    for (const { peer } of this.#agents.values()) peer.onCallerUnbridged();
  }

  readonly #listener: DeskListener = {
    ring: (order) => this.#host.post(() => this.#ring(order)),
    stopRinging: (offerId) => this.#host.post(() => this.#withdraw(offerId)),
    progress: ({ position, estimateMs }) =>
      this.#feedSoon({
        type: 'desk-progress',
        position,
        ...(estimateMs === undefined ? {} : { waitMs: Math.round(estimateMs) }),
      }),
    overflow: (step, why) =>
      this.#host.post(() => {
        if (step.type === 'queue') this.#moveTo(step.queueId);
        else this.#over(why, 'overflow');
      }),
    // The state saver finds the same out and lets go of the whole call.
    lost: () => undefined,
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
    this.#host.post(() => {
      if (this.#left) return;
      this.#leaveQueue('overflow');
      this.#queueId = queueId;
      this.#enterQueue();
      this.#host.onChanged();
    });
  }

  #ring(order: RingOrder): void {
    const { people, post } = this.#host;
    if (this.#left || !people) return;
    people.phonesOf(order.agentId).then(
      (phones) => post(() => this.#dial(order, phones)),
      () => post(() => this.#dial(order, [])),
    );
  }

  #dial(order: RingOrder, phones: readonly PhoneAddress[]): void {
    const { offerId, agentId, account, ringTimeoutMs, pressOneToAccept } = order;
    if (this.#left || this.#withdrawn.has(offerId) || this.#agents.has(offerId)) return;
    if (phones.length === 0) {
      this.#ticket?.missed(offerId, 'unreachable');
      return;
    }
    const { identity, limits, onChanged } = this.#host;
    const { peer } = this.#newAgent(offerId, newId('leg'), { agentId, pressOneToAccept });
    peer.dial({
      ...{ kind: 'agent', target: { phones }, to: '', agentId, ringTimeoutMs, maxTalkMs: limits.maxTalkMs },
      fromNumber: identity.fromNumber,
      displayName: account.name,
    });
    onChanged();
  }

  #newAgent(offerId: string, legId: string, { agentId = '', pressOneToAccept = false } = {}) {
    const { telephony, clock, facts, timers, post, callerLeg, onChanged, prompts, identity } = this.#host;
    const { language, account } = identity;
    const whisper = new Whisper(prompts, timers, legId, { language, account, pressOneToAccept });
    const peer = new PeerCall(
      {
        ...{ telephony, clock, facts, timers, post, callerLeg, onChanged },
        startRingBack: () => undefined,
        stopRingBack: () => undefined,
        onRinging: () => this.#ticket?.ringing(offerId),
        prepare: (leg) => this.#prepare(offerId, agentId, leg, whisper),
        onOwnEvent: (event) => whisper.onEvent(event),
        onDialDone: (outcome, _status, cause) => this.#onDialDone(offerId, outcome === 'answered', cause),
        onPeerEnded: (cause) => this.#onParted(offerId, cause),
        onOver: () => {
          this.#agents.delete(offerId);
          onChanged();
          this.#checkOver();
        },
      },
      offerId,
      legId,
    );
    const agent = { peer, whisper };
    this.#agents.set(offerId, agent);
    return agent;
  }

  /** The agent has answered: theirs is the caller, if nobody was quicker; and they hear for whom they answer. */
  async #prepare(offerId: string, agentId: string, leg: Leg, whisper: Whisper): Promise<EndCause | undefined> {
    if (!(await this.#ticket?.answered(offerId))) return 'cancelled';
    const refusal = await whisper.run(leg);
    if (refusal) return refusal;
    this.#announced = true;
    this.#feed({ type: 'desk-answered' });
    this.#openIntake(offerId, agentId);
    return undefined;
  }

  #openIntake(offerId: string, agentId: string): void {
    const { people, identity, clock } = this.#host;
    const { callId, accountId, fromNumber: callerNumber } = identity;
    const known = { callId, accountId, callerNumber, queueId: this.#queueId, learned: this.#learned };
    people?.intake?.open({ ...known, offerId, agentId, atMs: clock.nowMs() });
  }

  #onDialDone(offerId: string, connected: boolean, cause: EndCause | undefined): void {
    if (connected) {
      this.#ticket?.connected(offerId);
      this.#talkingOfferId = offerId;
      this.#leaveQueue('answered');
      this.#host.onChanged();
      return;
    }
    if (this.#announced) {
      this.#announced = false;
      this.#feedSoon({ type: 'desk-parted' });
    }
    if (!this.#withdrawn.has(offerId) && !this.#left) this.#ticket?.missed(offerId, missCauseOf(cause));
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

  #withdraw(offerId: string): void {
    this.#withdrawn.add(offerId);
    this.#agents.get(offerId)?.peer.drop('cancelled');
  }

  #dropAgents(cause: EndCause): void {
    for (const { peer } of [...this.#agents.values()]) peer.drop(cause);
  }

  #over(outcome: Extract<FlowEvent, { type: 'desk-done' }>['outcome'], reason: LeftReason): void {
    if (this.#left) return;
    this.#leave(outcome === 'done' ? 'done' : 'overflow', reason);
    this.#dropAgents('cancelled');
    const { escalationId } = this;
    this.#host.post(() =>
      this.#host.feed({ type: 'desk-done', escalationId, outcome, atMs: this.#host.clock.nowMs() }),
    );
    this.#checkOver();
  }

  #leave(cause: LeaveCause, reason: LeftReason): void {
    if (this.#left) return;
    this.#left = true;
    this.#leaveQueue(reason);
    this.#ticket?.leave(cause);
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
    if (this.#left && this.#agents.size === 0) this.#host.onOver();
  }

  #feedSoon(event: DeskHappening): void {
    this.#host.post(() => this.#feed(event));
  }

  #feed(event: DeskHappening): void {
    if (this.#left) return;
    this.#host.feed({ ...event, escalationId: this.escalationId, atMs: this.#host.clock.nowMs() });
  }
}

type DeskHappening =
  | { type: 'desk-progress'; position: number; waitMs?: number }
  | { type: 'desk-answered' }
  | { type: 'desk-parted' };

function missCauseOf(cause: EndCause | undefined): MissCause {
  if (cause === 'no-answer') return 'no-answer';
  return cause === 'busy' || cause === 'rejected' || cause === 'peer-hangup' ? 'refused' : 'unreachable';
}
