import type { DeskTicket, RingOrder } from '../desk/desk.ts';
import type { MissCause } from '../desk/desk-store.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import { newId } from '../kernel/ids.ts';
import type { CallLimits } from './limits.ts';
import { PeerCall, type PeerCallHost } from './peer-call.ts';
import type { PhoneAddress } from './phones.ts';
import type { PromptLibrary } from './prompts.ts';
import type { CallIdentity, DeskState } from './saved-call.ts';
import type { Leg, LegEvent } from './telephony.ts';
import { Whisper } from './whisper.ts';

/** What the legs of agents need of the caller's wait for people. */
export interface AgentLegsHost
  extends Pick<PeerCallHost, 'telephony' | 'clock' | 'facts' | 'timers' | 'post' | 'callerLeg' | 'onChanged'> {
  readonly identity: CallIdentity;
  readonly limits: CallLimits;
  readonly prompts: PromptLibrary;
  /** The agent's phones that are registered now. */
  phonesOf(agentId: string): Promise<readonly PhoneAddress[]>;
  /** Undefined: the desk has not answered yet, or could not. */
  ticket(): DeskTicket | undefined;
  /** Nobody is rung any more. */
  hasLeft(): boolean;
  /** Who is called back is dialled now. Resolves with why nobody is there; undefined: somebody is. */
  reach(offerId: string, agentId: string, leg: Leg): Promise<EndCause | undefined>;
  /** The agent has the caller and has heard the whisper: they are connected once this resolves. */
  onAnswered(offerId: string, agentId: string, leg: Leg): Promise<void>;
  onConnected(offerId: string): void;
  /** Not connected, whether or not the agent had answered. */
  onFailed(offerId: string, cause: EndCause | undefined): void;
  /** Agent and caller talk no more. */
  onParted(offerId: string, cause: EndCause): void;
  /** A leg of an agent is gone, and its record closed. */
  onLegOver(): void;
}

/** The legs of the agents who are rung for one caller: phones that ring, hear the whisper, talk. */
export class AgentLegs {
  readonly #host: AgentLegsHost;
  readonly #agents = new Map<string, { peer: PeerCall; whisper: Whisper }>();
  readonly #withdrawn = new Set<string>();

  constructor(host: AgentLegsHost) {
    this.#host = host;
  }

  /** No leg is left. */
  get allOver(): boolean {
    return this.#agents.size === 0;
  }

  /** What is saved of them. */
  get states(): DeskState['agents'] {
    return [...this.#agents].map(([offerId, { peer }]) => ({ ...peer.state, offerId }));
  }

  /** Changes when there is another leg to be known of. */
  get legs(): string {
    return [...this.#agents.values()].map(({ peer }) => peer.legs).join(' ');
  }

  /** Rings the agent's phones. */
  ring(order: RingOrder): void {
    const { phonesOf, post, hasLeft } = this.#host;
    if (hasLeft()) return;
    phonesOf(order.agentId).then(
      (phones) => post(() => this.#dial(order, phones)),
      () => post(() => this.#dial(order, [])),
    );
  }

  /** Goes on with an agent who talks, connected by another controller. */
  resume(saved: DeskState['agents'][number], leg: Leg): PeerCall {
    const { peer } = this.#newAgent(saved.offerId, saved.legId);
    peer.resume(leg, saved);
    return peer;
  }

  /** The leg of the agent who has this offer. */
  peerOf(offerId: string | undefined): PeerCall | undefined {
    return offerId === undefined ? undefined : this.#agents.get(offerId)?.peer;
  }

  /** The desk wants this phone to ring no more. */
  withdraw(offerId: string): void {
    this.#withdrawn.add(offerId);
    this.#agents.get(offerId)?.peer.drop('cancelled');
  }

  dropAll(cause: EndCause): void {
    for (const { peer } of [...this.#agents.values()]) peer.drop(cause);
  }

  /** What happens on an adopted leg of an agent. */
  onLegEvent(legId: string, event: LegEvent): void {
    for (const { peer } of this.#agents.values()) if (peer.legId === legId) peer.onLegEvent(event);
  }

  onCallerUnbridged(): void {
    for (const { peer } of this.#agents.values()) peer.onCallerUnbridged();
  }

  #dial(order: RingOrder, phones: readonly PhoneAddress[]): void {
    const { offerId, agentId, account, ringTimeoutMs, pressOneToAccept } = order;
    const { identity, limits, onChanged, hasLeft, ticket } = this.#host;
    if (hasLeft() || this.#withdrawn.has(offerId) || this.#agents.has(offerId)) return;
    if (phones.length === 0) {
      ticket()?.missed(offerId, 'unreachable');
      this.#host.onFailed(offerId, 'unreachable');
      return;
    }
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
    const isCallBack = callerLeg() === undefined;
    const whisper = new Whisper(prompts, timers, legId, { language, account, pressOneToAccept, isCallBack });
    const peer = new PeerCall(
      {
        ...{ telephony, clock, facts, timers, post, callerLeg, onChanged },
        startRingBack: () => undefined,
        stopRingBack: () => undefined,
        onRinging: () => this.#host.ticket()?.ringing(offerId),
        prepare: (leg) => this.#prepare(offerId, agentId, leg, whisper),
        onOwnEvent: (event) => whisper.onEvent(event),
        onDialDone: (outcome, status, cause) => this.#onDialDone(offerId, outcome === 'answered', cause, status),
        onPeerEnded: (cause) => this.#host.onParted(offerId, cause),
        onOver: () => {
          this.#agents.delete(offerId);
          onChanged();
          this.#host.onLegOver();
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
    if (!(await this.#host.ticket()?.answered(offerId))) return 'cancelled';
    const refusal = await whisper.run(leg);
    if (refusal) return refusal;
    const unreached = await this.#host.reach(offerId, agentId, leg);
    if (unreached) return unreached;
    // Gone meanwhile, and the caller has been told: what begins now would have no end.
    if (!this.#agents.has(offerId)) return 'peer-hangup';
    await this.#host.onAnswered(offerId, agentId, leg);
    return undefined;
  }

  #onDialDone(offerId: string, connected: boolean, cause: EndCause | undefined, status: number | undefined): void {
    const { onConnected, onFailed, hasLeft, ticket } = this.#host;
    if (connected) {
      ticket()?.connected(offerId);
      onConnected(offerId);
      return;
    }
    onFailed(offerId, cause);
    if (!this.#withdrawn.has(offerId) && !hasLeft()) ticket()?.missed(offerId, missCauseOf(cause, status));
  }
}

/** `status`: what the agent's phone said, if anything. */
function missCauseOf(cause: EndCause | undefined, status: number | undefined): MissCause {
  if (cause === 'no-answer') return 'no-answer';
  if (cause === 'busy' || cause === 'rejected' || cause === 'peer-hangup') return 'refused';
  const isThePhone = status !== undefined || cause === 'unreachable' || cause === 'media-timeout';
  return isThePhone ? 'unreachable' : 'failed';
}
