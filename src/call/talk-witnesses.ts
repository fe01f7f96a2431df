import { type CallOrder, type CallOrderResult, orderDone, orderRefused } from '../desk/call-orders.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import { Listeners, type ListenersHost } from './listeners.ts';
import type { SavedCall } from './saved-call.ts';
import type { ShownChange } from './shown-call.ts';
import { TalkRecordings, type TalkRecordingsHost } from './talk-recordings.ts';
import type { Leg, LegEvent } from './telephony.ts';

type WitnessOrder = Extract<CallOrder, { type: 'recording' | 'listen' | 'stop-listening' }>;

/** What goes with the talk of caller and agent: its recording, and supervisors who listen. */
export class TalkWitnesses {
  readonly #host: TalkRecordingsHost & ListenersHost;
  readonly #recordings: TalkRecordings;
  readonly #listeners: Listeners;
  #next: { agentId: string; leg: Leg } | undefined;

  constructor(host: TalkRecordingsHost & ListenersHost) {
    this.#host = host;
    this.#recordings = new TalkRecordings(host);
    this.#listeners = new Listeners(host);
  }

  /** No leg is left of it. */
  get allOver(): boolean {
    return this.#listeners.allOver;
  }

  /** For those who watch the desk. */
  get view(): Pick<ShownChange, 'recording' | 'listeners'> {
    const { heardBy } = this.#listeners;
    return { recording: this.#recordings.state, listeners: heardBy.length > 0 ? heardBy : undefined };
  }

  get saved(): Pick<SavedCall, 'recordings' | 'listeners'> {
    const { saved: recordings } = this.#recordings;
    const { saved: listeners } = this.#listeners;
    return { ...(recordings.length > 0 && { recordings }), ...(listeners.length > 0 && { listeners }) };
  }

  /** Changes when there is another leg to be known of. */
  get legs(): string {
    return this.#listeners.legs;
  }

  /** The caller waits for people: what the account wants is asked for now, so that nobody waits for it later. */
  expect(language: string): void {
    this.#recordings.expect(language);
  }

  /** An agent has taken the caller. Resolves when they may be connected: when both know whether it is recorded. */
  announce(agentId: string, leg: Leg): Promise<void> {
    this.#next = { agentId, leg };
    return this.#recordings.announce(agentId, leg);
  }

  /** Caller and agent are connected. */
  begin(): void {
    this.#listeners.end();
    if (this.#next) this.#listeners.begin(this.#next.leg, this.#next.agentId);
    this.#next = undefined;
    this.#recordings.begin();
  }

  /** They talk no more. */
  end(): void {
    this.#listeners.end();
    this.#recordings.end();
  }

  order(order: WitnessOrder): CallOrderResult | Promise<CallOrderResult> {
    switch (order.type) {
      case 'recording':
        return this.#recordings.pause(order.paused) ? orderDone : orderRefused('not-recorded');
      case 'listen':
        return this.#listeners.listen(order);
      case 'stop-listening':
        return this.#listeners.stop(order);
    }
  }

  /** Takes over what another controller drove; {@link goOn} follows. Who listened was hung up. */
  resume(saved: SavedCall, caller: Leg): void {
    for (const { legId } of saved.listeners ?? []) this.#host.facts.endLeg(legId, 'controller-lost');
    this.#recordings.resume(saved.recordings ?? [], caller);
  }

  /** After a take-over: this leg of an agent talks, or none. */
  goOn(agent: Leg | undefined): void {
    if (agent) this.#listeners.begin(agent, undefined);
    this.#recordings.goOn(agent?.legId);
    this.#host.onChanged();
  }

  /** The caller has gone, or the call ends. */
  dropAll(cause: EndCause): void {
    this.#listeners.dropAll(cause);
  }

  /** What happens on the caller's leg. False: it is nothing of ours. */
  onCallerEvent(event: LegEvent): boolean {
    return this.#recordings.onCallerEvent(event);
  }
}
