import { type CallOrder, type CallOrderResult, orderDone, orderRefused } from '../desk/call-orders.ts';
import type { ShownListener } from '../desk/call-shown.ts';
import type { DeskTicket } from '../desk/desk.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import { newId } from '../kernel/ids.ts';
import type { PeerCallHost } from './peer-call.ts';
import type { PhoneAddress } from './phones.ts';
import type { CallIdentity, SavedListener } from './saved-call.ts';
import type { DialAttempt, DialOutcome, Leg, LegEvent, ListenMode } from './telephony.ts';

/** At one talk. */
export const listenersMax = 3;
const ringTimeoutMs = 20_000;

export interface ListenersHost extends Pick<PeerCallHost, 'telephony' | 'facts' | 'post' | 'callerLeg' | 'onChanged'> {
  readonly identity: CallIdentity;
  /** The phones of a supervisor that are registered now. */
  phonesOf(agentId: string): Promise<readonly PhoneAddress[]>;
  /** The caller's place at the desk. */
  ticket(): Pick<DeskTicket, 'listenIn' | 'stopListening'> | undefined;
}

/** A supervisor whose phone rings, or who hears the talk. */
interface Listener {
  agentId: string;
  legId: string;
  mode: ListenMode;
  /** Missing while the phones are looked up. */
  attempt?: DialAttempt;
  /** Once answered. */
  leg?: Leg;
  /** Why it is to end. */
  unwanted?: EndCause;
}

/** Supervisors who listen to what an agent and the caller say, each on a phone of their own; until the talk is over. */
export class Listeners {
  readonly #host: ListenersHost;
  readonly #all = new Set<Listener>();
  #agent: Leg | undefined;
  #agentId: string | undefined;

  constructor(host: ListenersHost) {
    this.#host = host;
  }

  /** No leg is left. */
  get allOver(): boolean {
    return this.#all.size === 0;
  }

  /** Those who hear the talk. */
  get heardBy(): ShownListener[] {
    return [...this.#all]
      .filter(({ leg, unwanted }) => leg && !unwanted)
      .map(({ agentId, mode }) => ({ agentId, mode }));
  }

  /** Changes when there is another leg to be known of. */
  get legs(): string {
    return [...this.#all].map(({ legId, leg }) => `${legId}${leg ? ' listens' : ''}`).join(' ');
  }

  /** What is saved of them: whoever takes the call over hangs up. */
  get saved(): readonly SavedListener[] {
    return [...this.#all].map(({ legId, leg, attempt }) => ({
      legId,
      ...(leg ? { leg: leg.snapshot() } : attempt ? { ringing: attempt.snapshot() } : {}),
    }));
  }

  /** There is a talk, of this agent (where that is known). */
  begin(agent: Leg, agentId: string | undefined): void {
    this.#agent = agent;
    this.#agentId = agentId;
  }

  /** There is none any more. */
  end(): void {
    this.#agent = undefined;
    this.dropAll('system-hangup');
  }

  dropAll(cause: EndCause): void {
    for (const listener of [...this.#all]) this.#drop(listener, cause);
  }

  /** Rings the supervisor's phone, or changes how they listen. Done: under way. */
  async listen({ agentId, mode }: Extract<CallOrder, { type: 'listen' }>): Promise<CallOrderResult> {
    if (!this.#agent || !this.#host.callerLeg()) return orderRefused('not-talking');
    if (agentId === this.#agentId) return orderRefused('not-allowed');
    const known = this.#of(agentId);
    if (known) return this.#change(known, mode);
    if (this.#all.size >= listenersMax) return orderRefused('full');
    const listener: Listener = { agentId, legId: newId('leg'), mode };
    this.#all.add(listener);
    // Until now the next caller could be theirs.
    const isBusy = (await this.#host.ticket()?.listenIn(agentId)) === 'busy';
    const phones = isBusy ? [] : await this.#host.phonesOf(agentId).catch(() => []);
    // The talk may be over by now, and the call with it: it does not wait for this.
    if (!this.#all.has(listener)) return orderRefused(isBusy ? 'busy' : 'not-talking');
    return new Promise((resolve) =>
      this.#host.post(() => {
        if (isBusy) {
          this.#all.delete(listener);
          this.#host.onChanged();
        }
        resolve(isBusy ? orderRefused('busy') : this.#dial(listener, phones));
      }),
    );
  }

  /** Nothing where they do not listen. */
  stop({ agentId }: Extract<CallOrder, { type: 'stop-listening' }>): CallOrderResult {
    const listener = this.#of(agentId);
    if (listener) this.#drop(listener, 'system-hangup');
    return orderDone;
  }

  #of(agentId: string): Listener | undefined {
    return [...this.#all].find((listener) => listener.agentId === agentId && !listener.unwanted);
  }

  async #change(listener: Listener, mode: ListenMode): Promise<CallOrderResult> {
    const { leg } = listener;
    const agent = this.#agent;
    const changed = !leg || !agent || (await leg.listen(agent, mode));
    if (!changed) return orderRefused('failed');
    listener.mode = mode;
    this.#host.post(this.#host.onChanged);
    return orderDone;
  }

  #dial(listener: Listener, phones: readonly PhoneAddress[]): CallOrderResult {
    const { telephony, facts, post, callerLeg, identity, onChanged } = this.#host;
    const { agentId, legId } = listener;
    const peer = callerLeg();
    if (listener.unwanted || !this.#agent || !peer || phones.length === 0) {
      this.#forget(listener);
      return orderRefused(listener.unwanted || !this.#agent ? 'not-talking' : 'no-phone');
    }
    const { fromNumber, account } = identity;
    facts.append({
      ...{ type: 'offered', legId, kind: 'listener', direction: 'outbound', from: fromNumber, to: '', agentId },
    });
    listener.attempt = telephony.dial({
      ...{ legId, kind: 'listener', phones, peer, fromNumber, displayName: account.name, ringTimeoutMs },
      onSent: () => post(onChanged),
      onRinging: () =>
        post(() => {
          facts.append({ type: 'ringing', legId });
          onChanged();
        }),
      onEvent: (event) => post(() => this.#onEvent(listener, event)),
    });
    listener.attempt.outcome.then(
      (outcome) => post(() => this.#onOutcome(listener, outcome)),
      () => post(() => this.#onOutcome(listener, { ok: false, cause: 'failed' })),
    );
    onChanged();
    return orderDone;
  }

  #onOutcome(listener: Listener, outcome: DialOutcome): void {
    const { facts, onChanged } = this.#host;
    const { legId, unwanted, mode } = listener;
    if (!outcome.ok) {
      this.#ended(listener, unwanted ?? outcome.cause, outcome.sipStatus);
      return;
    }
    facts.append({ type: 'answered', legId });
    const agent = this.#agent;
    listener.leg = outcome.leg;
    if (unwanted || !agent) {
      this.#hangUp(listener, outcome.leg, unwanted ?? 'system-hangup');
      return;
    }
    onChanged();
    outcome.leg.listen(agent, mode).then(
      (listens) => this.#host.post(() => listens || this.#drop(listener, 'failed')),
      () => this.#host.post(() => this.#drop(listener, 'failed')),
    );
  }

  #onEvent(listener: Listener, event: LegEvent): void {
    const atMs = this.#host.facts.clock.at(event.atMonotonicMs);
    if (event.type === 'ended') this.#ended(listener, listener.unwanted ?? event.cause, event.sipStatus, atMs);
    else if (event.type === 'listen-done') this.#hearsNoMore(listener);
  }

  /** The agent's leg has gone, and with it the talk; or the listener's own has, which is told next. */
  #hearsNoMore(listener: Listener): void {
    const drop = () => this.#host.post(() => this.#drop(listener, 'system-hangup'));
    Promise.resolve().then(drop, drop);
  }

  #drop(listener: Listener, cause: EndCause): void {
    if (listener.unwanted || !this.#all.has(listener)) return;
    // As of an agent's: a phone that only rang was not hung up.
    listener.unwanted = listener.leg ? cause : 'cancelled';
    if (listener.leg) this.#hangUp(listener, listener.leg, cause);
    else if (listener.attempt) listener.attempt.cancel();
    else this.#forget(listener);
    this.#host.onChanged();
  }

  #hangUp(listener: Listener, leg: Leg, cause: EndCause): void {
    listener.unwanted ??= cause;
    const done = () => this.#host.post(() => this.#ended(listener, cause));
    leg.end(cause).then(done, done);
  }

  #ended(listener: Listener, cause: EndCause, sipStatus?: number, atMs?: number): void {
    this.#host.facts.endLeg(listener.legId, cause, { sipStatus, ...(atMs === undefined ? {} : { atMs }) });
    this.#forget(listener);
  }

  #forget(listener: Listener): void {
    if (!this.#all.delete(listener)) return;
    const { agentId } = listener;
    // They may have begun again before the leg of the first time was gone.
    const isBack = [...this.#all].some((other) => other.agentId === agentId);
    if (!isBack) this.#host.ticket()?.stopListening(agentId);
    this.#host.onChanged();
  }
}
