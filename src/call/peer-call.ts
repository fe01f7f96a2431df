import type { FlowEvent } from '../flow/protocol.ts';
import type { EndCause, LegKind } from '../kernel/call-fact.ts';
import type { Clock } from '../kernel/clock.ts';
import type { FactLog } from './fact-log.ts';
import type { PeerCallState } from './saved-call.ts';
import type { DialAttempt, DialOutcome, DialTarget, Leg, LegEvent, Sound, Telephony } from './telephony.ts';
import type { CallTimers } from './timers.ts';

/** How long the caller's channel may take to be parked again after the other party left. */
const reparkDeadlineMs = 1_000;

export type DialDoneOutcome = Extract<FlowEvent, { type: 'dial-done' }>['outcome'];

/** What a second party's life asks of the call it belongs to. */
export interface PeerCallHost {
  readonly telephony: Telephony;
  readonly clock: Clock;
  readonly facts: FactLog;
  readonly timers: CallTimers;
  /** Puts what happens into the call's mailbox. */
  post(entry: () => void): void;
  callerLeg(): Leg | undefined;
  startRingBack(): void;
  stopRingBack(): void;
  onRinging?(): void;
  /**
   * Between answer and bridge: what the party is told before it is connected. Resolves with why it is not to be
   * connected, undefined: it is. Rejects for no reason that a party can give.
   */
  prepare?(leg: Leg): Promise<EndCause | undefined>;
  /** Keys, and ends of what `prepare` plays. */
  onOwnEvent?(event: LegEvent): void;
  /** `cause`: why not, where it was not answered. */
  onDialDone(outcome: DialDoneOutcome, sipStatus: number | undefined, cause?: EndCause): void;
  /** The talk is over, by the party (`peer-hangup`), by us, or because the switch lost it. */
  onPeerEnded(cause: EndCause): void;
  /** The leg's record is closed and nothing of it is left on the switch. */
  onOver(): void;
  /** Something worth saving has changed. */
  onChanged(): void;
}

export interface PeerCallRequest {
  kind: LegKind;
  target: DialTarget;
  /** On record: the number; '' for an agent's phones. */
  to: string;
  agentId?: string;
  fromNumber: string;
  displayName?: string;
  ringTimeoutMs: number;
  maxTalkMs: number;
}

type Phase = 'ringing' | 'preparing' | 'bridging' | 'talking' | 'held' | 'resuming' | 'parting' | 'over';
const ownPlayId = 'engine:meanwhile';

/** A second party (of a transfer, or an agent), from the first ring to the last word. */
export class PeerCall {
  readonly dialId: string;
  readonly legId: string;
  readonly #host: PeerCallHost;
  readonly #talkTimer: string;
  readonly #reparkTimer: string;
  #phase: Phase = 'ringing';
  #attempt: DialAttempt | undefined;
  #leg: Leg | undefined;
  #talkEndsAtMs: number | undefined;
  /** Set once the call no longer wants this party: why. */
  #unwanted: EndCause | undefined;
  #endedBy: EndCause = 'peer-hangup';
  #callerParked = false;
  #phonesSent = 0;
  #rings = false;
  /** Facts say that caller and party hear each other. */
  #bridged = false;
  /** Done when the latest order to part the two has come to its end. */
  #parted: Promise<unknown> = Promise.resolve();

  constructor(host: PeerCallHost, dialId: string, legId: string) {
    this.#host = host;
    this.dialId = dialId;
    this.legId = legId;
    this.#talkTimer = `talk:${legId}`;
    this.#reparkTimer = `repark:${legId}`;
  }

  get over(): boolean {
    return this.#phase === 'over';
  }

  /** Changes when there is another leg to be known of. */
  get legs(): string {
    const isTalking = this.#talkEndsAtMs !== undefined;
    const dialled = `${this.#phonesSent} sent${this.#rings ? ' rings' : ''}`;
    return `${this.legId} ${this.held ? 'held' : isTalking ? 'talking' : this.#leg ? 'answered' : dialled}`;
  }

  get state(): PeerCallState {
    return {
      dialId: this.dialId,
      legId: this.legId,
      ...(this.#leg ? { leg: this.#leg.snapshot() } : this.#attempt ? { ringing: this.#attempt.snapshot() } : {}),
      ...(this.#talkEndsAtMs === undefined ? {} : { talkEndsAtMs: this.#talkEndsAtMs }),
      ...(this.held ? { held: true } : {}),
    };
  }

  /** Rings; the caller hears what the host plays meanwhile. */
  dial(request: PeerCallRequest): void {
    const { telephony, facts, post } = this.#host;
    const { kind, target, to, agentId, fromNumber, displayName, ringTimeoutMs, maxTalkMs } = request;
    const agent = agentId === undefined ? {} : { agentId };
    facts.append({ type: 'offered', legId: this.legId, kind, direction: 'outbound', from: fromNumber, to, ...agent });
    const peer = this.#host.callerLeg();
    this.#host.startRingBack();
    const onRinging = () => {
      facts.append({ type: 'ringing', legId: this.legId });
      this.#host.onRinging?.();
      this.#rings = true;
      this.#host.onChanged();
    };
    const onSent = () => {
      this.#phonesSent += 1;
      this.#host.onChanged();
    };
    this.#attempt = telephony.dial({
      ...target,
      ...{ legId: this.legId, kind, fromNumber, ringTimeoutMs },
      ...(displayName === undefined ? {} : { displayName }),
      ...(peer ? { peer } : {}),
      onSent: () => post(onSent),
      onRinging: () => post(onRinging),
      onEvent: (event) => post(() => this.onLegEvent(event)),
    });
    this.#attempt.outcome.then(
      (outcome) => post(() => this.#onOutcome(outcome, maxTalkMs)),
      () => post(() => this.#onOutcome({ ok: false, cause: 'failed' }, maxTalkMs)),
    );
  }

  /** Goes on with a party that another controller had connected. */
  resume(leg: Leg, { talkEndsAtMs, held = false }: Pick<PeerCallState, 'talkEndsAtMs' | 'held'>): void {
    this.#leg = leg;
    this.#phase = held ? 'held' : 'talking';
    this.#bridged = !held;
    this.#callerParked = held;
    this.#talkEndsAtMs = talkEndsAtMs;
    if (talkEndsAtMs !== undefined) this.#limitTalk(talkEndsAtMs - this.#host.clock.nowMs());
    // The controller before may have died just before they were parted.
    if (held) this.#parted = this.#host.callerLeg()?.unbridge() ?? this.#parted;
  }

  /** Parted from the caller for a while, or about to be. */
  get held(): boolean {
    return this.#phase === 'held' || this.#phase === 'resuming';
  }

  /** Parts caller and party for a while; both stay. Resolves false where they do not talk, or one has gone. */
  hold(): Promise<boolean> {
    const caller = this.#host.callerLeg();
    if (this.#phase === 'held') return this.#parted.then(() => this.#phase === 'held');
    if (this.#phase !== 'talking' || !caller) return Promise.resolve(false);
    this.#phase = 'held';
    // On record before it happens: whoever takes the call over then keeps them apart.
    this.#host.onChanged();
    const done = this.#inMailbox(caller.unbridge(), (parted) => this.#onHeld(parted));
    this.#parted = done;
    return done;
  }

  /** Caller and party hear each other again. Resolves false where one has gone, or could not be connected. */
  async unhold(): Promise<boolean> {
    await this.#parted;
    const caller = this.#host.callerLeg();
    const leg = this.#leg;
    if (this.#phase !== 'held' || !caller || !leg) return this.#phase === 'talking';
    this.#phase = 'resuming';
    return this.#inMailbox(caller.bridge(leg), (bridged) => this.#onResumed(bridged));
  }

  /** What the party hears while it is held, again and again. */
  hear(sound: Sound): void {
    if (this.held) this.#leg?.play({ playId: ownPlayId, sounds: [sound], stopOnDigit: false, loop: true });
  }

  /** Wants the party no more: stops the ringing, or hangs up. Its record is closed when the switch is done. */
  drop(cause: EndCause): void {
    if (this.#phase === 'over') return;
    if (this.#phase === 'parting' && !this.#host.facts.isOpen(this.legId)) {
      this.#part();
      return;
    }
    if (this.#unwanted) return;
    this.#unwanted = cause;
    this.#host.timers.cancel(this.#talkTimer);
    if (this.#phase === 'talking' || this.held) this.#startParting();
    else if (this.#phase !== 'parting') this.#host.onDialDone('failed', undefined, cause);
    if (this.#leg) this.#endLeg(this.#leg, cause);
    else this.#attempt?.cancel();
  }

  /** The caller's channel is parked again. */
  onCallerUnbridged(): void {
    this.#callerParked = true;
    if (this.#phase === 'parting') this.#part();
    if (this.#phase !== 'talking') return;
    this.#startParting();
    // The party's own end follows at once; where it does not, it is left with nobody to talk to.
    this.#host.timers.start(this.#reparkTimer, reparkDeadlineMs, () => this.drop('system-hangup'));
  }

  onLegEvent(event: LegEvent): void {
    if (this.#phase === 'over') return;
    const atMs = this.#host.facts.clock.at(event.atMonotonicMs);
    if (event.type === 'ended') this.#ended(event.cause, event.sipStatus, atMs);
    else this.#host.onOwnEvent?.(event);
  }

  #onOutcome(outcome: DialOutcome, maxTalkMs: number): void {
    if (this.#phase === 'over') {
      if (outcome.ok) outcome.leg.end('cancelled').catch(() => undefined);
      return;
    }
    this.#host.stopRingBack();
    if (!outcome.ok) {
      this.#failed(outcome);
      return;
    }
    this.#leg = outcome.leg;
    this.#host.facts.append({ type: 'answered', legId: this.legId });
    const caller = this.#host.callerLeg();
    // Who is called back is dialled only now, by `prepare`.
    if (this.#unwanted || (!caller && !this.#host.prepare)) {
      this.#endLeg(outcome.leg, this.#unwanted ?? 'cancelled');
      return;
    }
    if (!this.#host.prepare) {
      if (caller) this.#bridge(caller, outcome.leg, maxTalkMs);
      return;
    }
    this.#phase = 'preparing';
    const { leg } = outcome;
    this.#host.prepare(leg).then(
      (refusal) => this.#host.post(() => this.#onPrepared(refusal, leg, maxTalkMs)),
      () => this.#host.post(() => this.#onPrepared('failed', leg, maxTalkMs)),
    );
  }

  #onPrepared(refusal: EndCause | undefined, leg: Leg, maxTalkMs: number): void {
    if (this.#phase !== 'preparing' || this.#unwanted) return;
    const caller = this.#host.callerLeg();
    if (refusal || !caller) this.drop(refusal ?? 'cancelled');
    else this.#bridge(caller, leg, maxTalkMs);
  }

  #bridge(caller: Leg, leg: Leg, maxTalkMs: number): void {
    this.#phase = 'bridging';
    caller.bridge(leg).then(
      (bridged) => this.#host.post(() => this.#onBridged(bridged, maxTalkMs)),
      () => this.#host.post(() => this.#onBridged(false, maxTalkMs)),
    );
  }

  #failed(outcome: Extract<DialOutcome, { ok: false }>): void {
    const { facts } = this.#host;
    facts.endLeg(this.legId, outcome.cause, { sipStatus: outcome.sipStatus });
    this.#phase = 'over';
    const { cause } = outcome;
    const known = cause === 'busy' || cause === 'no-answer' ? cause : 'failed';
    if (!this.#unwanted) this.#host.onDialDone(known, outcome.sipStatus, cause);
    this.#host.onOver();
  }

  #onBridged(bridged: boolean, maxTalkMs: number): void {
    if (this.#phase !== 'bridging') return;
    const { clock } = this.#host;
    const caller = this.#host.callerLeg();
    if (!bridged || !caller) {
      this.drop('failed');
      return;
    }
    this.#noteBridge(caller);
    this.#phase = 'talking';
    this.#callerParked = false;
    this.#talkEndsAtMs = clock.nowMs() + maxTalkMs;
    this.#limitTalk(maxTalkMs);
    this.#host.onDialDone('answered', 200);
  }

  #limitTalk(forMs: number): void {
    this.#host.timers.start(this.#talkTimer, Math.max(0, forMs), () => this.drop('limit-reached'));
  }

  #endLeg(leg: Leg, cause: EndCause): void {
    const done = () => this.#host.post(() => this.#ended(cause, undefined, this.#host.clock.nowMs()));
    leg.end(cause).then(done, done);
  }

  #ended(cause: EndCause, sipStatus: number | undefined, atMs: number): void {
    const before = this.#phase;
    if (before === 'over' || !this.#host.facts.isOpen(this.legId)) return;
    if (before === 'talking' || this.held) this.#startParting();
    this.#host.facts.endLeg(this.legId, this.#unwanted ?? cause, { sipStatus, atMs });
    this.#host.timers.cancel(this.#talkTimer);
    this.#leg = undefined;
    this.#endedBy = this.#unwanted ?? cause;
    if (before === 'ringing' || before === 'preparing' || before === 'bridging') {
      this.#endedBeforeTalk(before, sipStatus, cause);
      return;
    }
    if (this.#callerParked || !this.#host.callerLeg()) {
      this.#part();
      return;
    }
    this.#host.onChanged();
    this.#host.timers.start(this.#reparkTimer, reparkDeadlineMs, () => this.#part());
  }

  #endedBeforeTalk(before: Phase, sipStatus: number | undefined, cause: EndCause): void {
    this.#phase = 'over';
    this.#host.stopRingBack();
    if (before === 'ringing') this.#attempt?.cancel();
    if (!this.#unwanted) this.#host.onDialDone('failed', sipStatus, cause);
    this.#host.onOver();
  }

  /** Both sides are apart: the flow goes on with the caller. */
  #part(): void {
    if (this.#phase !== 'parting' || this.#host.facts.isOpen(this.legId)) return;
    this.#phase = 'over';
    this.#host.timers.cancel(this.#reparkTimer);
    this.#host.onPeerEnded(this.#endedBy);
    this.#host.onOver();
  }

  #startParting(): void {
    this.#phase = 'parting';
    const caller = this.#host.callerLeg();
    if (caller && this.#bridged) this.#noteParting(caller);
  }

  #onHeld(parted: boolean): boolean {
    const caller = this.#host.callerLeg();
    if (this.#phase !== 'held' || !caller) {
      // Gone meanwhile; the caller is parked either way.
      this.#callerParked = true;
      this.#part();
      return false;
    }
    if (!parted) {
      // Where one has gone the switch says so next.
      this.#phase = 'talking';
      return false;
    }
    this.#callerParked = true;
    this.#noteParting(caller);
    this.#host.facts.append({ type: 'held', legId: caller.legId, peerLegId: this.legId });
    return true;
  }

  #onResumed(bridged: boolean): boolean {
    const caller = this.#host.callerLeg();
    if (this.#phase !== 'resuming') return false;
    if (!bridged || !caller) {
      this.drop('failed');
      return false;
    }
    this.#phase = 'talking';
    this.#callerParked = false;
    this.#host.facts.append({ type: 'resumed', legId: caller.legId, peerLegId: this.legId });
    this.#noteBridge(caller);
    this.#host.onChanged();
    return true;
  }

  #noteBridge(caller: Leg): void {
    this.#bridged = true;
    const { facts } = this.#host;
    facts.append({ type: 'bridged', legId: caller.legId, peerLegId: this.legId });
    facts.append({ type: 'bridged', legId: this.legId, peerLegId: caller.legId });
  }

  #noteParting(caller: Leg): void {
    this.#bridged = false;
    const { facts } = this.#host;
    facts.append({ type: 'unbridged', legId: caller.legId, peerLegId: this.legId });
    facts.append({ type: 'unbridged', legId: this.legId, peerLegId: caller.legId });
  }

  /** What the switch answers enters the call's mailbox. */
  #inMailbox(answer: Promise<boolean>, then: (yes: boolean) => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const take = (yes: boolean) => this.#host.post(() => resolve(then(yes)));
      answer.then(take, () => take(false));
    });
  }
}
