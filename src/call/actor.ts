import type { CallOrder, CallOrderResult } from '../desk/call-orders.ts';
import type { Effect, FlowEvent, Prompt } from '../flow/protocol.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { answerCall } from './answering.ts';
import { CallerMessages } from './caller-messages.ts';
import type { DeskAccess } from './escalation.ts';
import type { FactLog } from './fact-log.ts';
import type { FlowRunner } from './flow-runner.ts';
import type { CallLimits } from './limits.ts';
import { Mailbox } from './mailbox.ts';
import { Peers } from './peers.ts';
import { Player } from './player.ts';
import type { PromptLibrary } from './prompts.ts';
import type { RecordingFolder } from './recordings.ts';
import type { CallIdentity, SavedCall } from './saved-call.ts';
import type { StateSaver } from './state-saver.ts';
import type { AnswerOutcome, IncomingCall, Leg, LegEvent, PlayOutcome, Telephony } from './telephony.ts';
import { CallTimers } from './timers.ts';

export interface ActorOptions {
  identity: CallIdentity;
  flow: FlowRunner;
  facts: FactLog;
  saver: StateSaver;
  telephony: Telephony;
  prompts: PromptLibrary;
  /** Undefined: this controller has no desk. */
  people: DeskAccess | undefined;
  /** What is played when the flow engine itself fails. */
  apology: Prompt;
  recordings: RecordingFolder;
  limits: CallLimits;
  clock: Clock;
  logger: Logger;
  /** The call is over: nothing of it is left on the switch. */
  onOver(): void;
}

const callTimer = 'call';
const apologyTimer = 'apology';
const apologyPlayId = 'engine:apology';
const apologyDeadlineMs = 15_000;

/** One call: telephone events in, interpreter steps, telephone actions out. */
export class CallActor {
  readonly #options: ActorOptions;
  readonly #mailbox: Mailbox;
  readonly #timers: CallTimers;
  readonly #player: Player;
  readonly #peers: Peers;
  readonly #messages: CallerMessages;
  /** Set while the caller is being answered. */
  #answering: IncomingCall | undefined;
  #leg: Leg | undefined;
  #flowState: unknown;
  #steps = 0;
  #endsAtMs = 0;
  /** Events that came before the answer was complete. */
  #early: LegEvent[] | undefined = [];
  /** No flow runs: not yet, or no more. */
  #flowDone = true;
  #faulted = false;
  #endCause: EndCause | undefined;
  #callerEnded = false;
  #over = false;

  constructor(options: ActorOptions) {
    this.#options = options;
    this.#messages = new CallerMessages(options);
    this.#mailbox = new Mailbox((error) => this.#onBug(error));
    const post = (entry: () => void) => this.#mailbox.post(entry);
    this.#timers = new CallTimers(options.clock, post);
    this.#player = new Player(options.prompts, post, (playId, outcome) => this.#onPlayDone(playId, outcome));
    this.#peers = new Peers({
      ...options,
      timers: this.#timers,
      player: this.#player,
      post,
      callerLeg: () => (this.#callerEnded ? undefined : this.#leg),
      feed: (event) => this.#feed(event),
      end: (cause) => this.#end(cause),
      callee: { onEvent: this.onCallerEvent, onAnswered: (leg) => this.#begin(leg) },
      onChanged: () => {
        this.#save();
        this.#finishIfDone();
      },
    });
  }

  get identity(): CallIdentity {
    return this.#options.identity;
  }

  /** All parties but the caller. */
  get peers(): Peers {
    return this.#peers;
  }

  /** Feeds what happens on the caller's leg; give it to `answer` or `adopt`. */
  readonly onCallerEvent = (event: LegEvent): void => {
    if (this.#early) this.#early.push(event);
    else this.#mailbox.post(() => this.#onCaller(event));
  };

  /** Answers the caller, then starts the flow. Resolves with what kept it from that; undefined when answered. */
  async answer(call: IncomingCall): Promise<EndCause | undefined> {
    this.#answering = call;
    this.#save();
    const { facts, logger, identity } = this.#options;
    const outcome = await answerCall(call, this.onCallerEvent, { facts, logger, callId: identity.callId });
    this.#onAnswer(outcome);
    return outcome.ok ? undefined : outcome.cause;
  }

  #onAnswer(outcome: AnswerOutcome): void {
    this.#answering = undefined;
    if (this.#callerEnded || this.#over) {
      // Answered in the very moment in which the call was ended from here.
      if (outcome.ok) outcome.leg.end(this.#endCause ?? 'system-hangup').catch(() => undefined);
      return;
    }
    const atMs = this.#options.clock.nowMs();
    if (outcome.ok) this.#begin(outcome.leg);
    else this.#mailbox.post(() => this.#onCallerEnded(outcome.cause, outcome.sipStatus, atMs));
  }

  #begin(leg: Leg): void {
    const { facts, flow, identity, clock, limits } = this.#options;
    const { callId, fromNumber, toNumber, language } = identity;
    this.#attach(leg, clock.nowMs() + limits.maxCallMs, () => {
      facts.append({ type: 'answered', legId: leg.legId });
      this.#guard(() => {
        this.#flowState = flow.start({ callId, fromNumber, toNumber, language });
      });
      this.#feed({ type: 'started', atMs: clock.nowMs() });
    });
  }

  /** Goes on with a call that another controller drove; `legs`: its second parties that are still there, by id. */
  resume(leg: Leg, saved: SavedCall, legs: ReadonlyMap<string, Leg>): void {
    const { facts, clock } = this.#options;
    this.#flowState = saved.flow;
    this.#steps = saved.steps;
    this.#attach(leg, saved.endsAtMs, () => {
      facts.append({ type: 'taken-over', legId: leg.legId });
      const atMs = clock.nowMs();
      const peerLeg = legs.get(saved.peer?.legId ?? '');
      this.#peers.resumeWitnesses(saved, leg);
      if (saved.desk) this.#peers.resumeDesk(saved.desk, legs);
      if (saved.peer && peerLeg) {
        this.#peers.resume(saved.peer, peerLeg);
        this.#save();
        return;
      }
      if (saved.peer) facts.endLeg(saved.peer.legId, 'controller-lost');
      if (saved.peer?.leg) this.#feed({ type: 'peer-ended', dialId: saved.peer.dialId, atMs });
      else this.#feed({ type: 'resumed', atMs });
    });
  }

  /** Feeds what happens on an adopted second leg. */
  readonly onPeerEvent = (legId: string, event: LegEvent): void => {
    this.#mailbox.post(() => this.#peers.onLegEvent(legId, event));
  };

  /** Saves the call once more: what was saved of it is gone. */
  saveAgain(): void {
    this.#options.saver.forget();
    this.#mailbox.post(() => this.#save());
  }

  /** Ends the call: every leg, then its record. */
  end(cause: EndCause): void {
    this.#mailbox.post(() => this.#end(cause));
  }

  /** Does what people at the desk ask for; whoever is gone by then never hears of it. */
  order(order: CallOrder): Promise<CallOrderResult> {
    return new Promise((resolve) => this.#mailbox.post(() => resolve(this.#peers.order(order))));
  }

  /** Another controller has the call now: stops everything here and touches no leg. */
  letGo(): void {
    if (this.#over) return;
    this.#options.facts.letGo();
    this.#finish();
  }

  #attach(leg: Leg, endsAtMs: number, then: () => void): void {
    this.#leg = leg;
    this.#flowDone = false;
    this.#endsAtMs = endsAtMs;
    const early = this.#early ?? [];
    this.#early = undefined;
    this.#mailbox.post(() => {
      this.#timers.start(callTimer, Math.max(0, endsAtMs - this.#options.clock.nowMs()), () =>
        this.#end('limit-reached'),
      );
      then();
    });
    for (const event of early) this.#mailbox.post(() => this.#onCaller(event));
  }

  #onCaller(event: LegEvent): void {
    if (this.#peers.onCallerEvent(event)) return;
    switch (event.type) {
      case 'digit':
        this.#feed({ type: 'digit', digit: event.digit, atMs: this.#at(event) });
        break;
      case 'play-done':
        this.#player.onDone(event.playId, event.outcome);
        break;
      case 'record-done':
        this.#onRecordDone(event);
        break;
      case 'unbridged':
        this.#peers.onCallerUnbridged();
        break;
      case 'ended':
        this.#onCallerEnded(event.cause, event.sipStatus, this.#at(event));
        break;
    }
  }

  #onPlayDone(playId: string, outcome: PlayOutcome): void {
    if (playId === apologyPlayId) this.#end('flow-fault');
    else this.#feed({ type: 'play-done', playId, outcome, atMs: this.#options.clock.nowMs() });
  }

  #onRecordDone(event: Extract<LegEvent, { type: 'record-done' }>): void {
    this.#messages.done(event, (told) => this.#mailbox.post(() => this.#feed({ ...told, atMs: this.#at(told) })));
  }

  #at({ atMonotonicMs }: LegEvent): number {
    return this.#options.facts.clock.at(atMonotonicMs);
  }

  /** One step of the flow. After the flow's own end nothing reaches it any more. */
  #feed(event: FlowEvent): void {
    if (this.#flowDone) return;
    if (event.type === 'hung-up') this.#flowDone = true;
    this.#steps += 1;
    if (this.#steps > this.#options.limits.maxStepsPerCall && event.type !== 'hung-up') {
      this.#engineFault(`the flow took more than ${this.#options.limits.maxStepsPerCall} steps`);
      return;
    }
    this.#guard(() => {
      const { state, effects } = this.#options.flow.step(this.#flowState, event);
      this.#flowState = state;
      for (const effect of effects) this.#perform(effect);
    });
    this.#save();
  }

  #perform(effect: Effect): void {
    const { facts, identity } = this.#options;
    const legId = identity.callerLegId;
    switch (effect.type) {
      case 'node-entered':
        facts.append({ type: 'node-entered', legId, nodeId: effect.nodeId });
        break;
      case 'digits-collected':
        facts.append({ type: 'digits', legId, nodeId: effect.nodeId, digits: effect.digits });
        break;
      case 'fault':
        this.#faulted = true;
        facts.append({ type: 'fault', legId, nodeId: effect.nodeId, message: effect.message });
        break;
      case 'hangup':
        this.#flowDone = true;
        facts.append({ type: 'finished', legId, outcome: effect.outcome });
        this.#end(this.#faulted ? 'flow-fault' : 'system-hangup');
        break;
      default:
        if (!this.#callerEnded) this.#performOnLine(effect);
    }
  }

  #performOnLine(effect: Exclude<Effect, { type: 'node-entered' | 'digits-collected' | 'fault' | 'hangup' }>): void {
    switch (effect.type) {
      case 'play':
        this.#player.play(this.#leg, effect);
        break;
      case 'stop-play':
        this.#player.stop(this.#leg);
        break;
      case 'start-timer':
        this.#timers.startFlow(effect, this.#leg, () =>
          this.#feed({ type: 'timer', timerId: effect.timerId, atMs: this.#options.clock.nowMs() }),
        );
        break;
      case 'cancel-timer':
        this.#timers.cancel(`flow:${effect.timerId}`);
        break;
      case 'record':
        this.#messages.begin(effect, this.#leg, this.onCallerEvent);
        break;
      case 'stop-record':
        this.#leg?.stopRecord();
        break;
      default:
        this.#peers.perform(effect);
    }
  }

  #end(cause: EndCause): void {
    if (this.#endCause || this.#callerEnded) return;
    this.#endCause = cause;
    this.#peers.dropAll(cause);
    this.#timers.cancelAll();
    const ended = () => this.#mailbox.post(() => this.#onCallerEnded(cause, undefined, this.#options.clock.nowMs()));
    if (this.#leg) this.#leg.end(cause).then(ended, ended);
    if (this.#leg) return;
    this.#answering?.reject(503);
    this.#onCallerEnded(cause, 503, this.#options.clock.nowMs());
  }

  #onCallerEnded(cause: EndCause, sipStatus: number | undefined, atMs: number): void {
    if (this.#callerEnded) return;
    this.#peers.dropAll(this.#endCause ?? 'caller-hangup');
    this.#callerEnded = true;
    this.#timers.cancelAll();
    this.#player.close();
    this.#feed({ type: 'hung-up', atMs });
    const { facts, identity } = this.#options;
    facts.endLeg(identity.callerLegId, this.#endCause ?? cause, { sipStatus, atMs });
    this.#finishIfDone();
  }

  #finishIfDone(): void {
    if (!this.#callerEnded || !this.#peers.allOver || this.#over) return;
    this.#finish();
    const { saver, facts, onOver } = this.#options;
    // The place of the call is free now, whatever journal and store are doing; its state goes when its end is on disk.
    saver.remove(facts.written());
    onOver();
  }

  #finish(): void {
    this.#over = true;
    this.#timers.cancelAll();
    this.#player.close();
    this.#mailbox.close();
  }

  /** Runs the flow engine's part; what it throws is a fault of the flow or of ours, never the end of the process. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#engineFault(errorMessage(error));
    }
  }

  /** The flow cannot go on: the caller hears an apology, and the call ends. */
  #engineFault(message: string): void {
    const { facts, identity, logger, apology } = this.#options;
    logger.error({ callId: identity.callId, flowId: identity.flowId, fault: message }, 'a flow failed at run time');
    facts.append({ type: 'fault', legId: identity.callerLegId, message });
    facts.append({ type: 'finished', legId: identity.callerLegId, outcome: 'fault' });
    this.#flowDone = true;
    if (this.#callerEnded || this.#endCause) return;
    this.#peers.dropAll('flow-fault');
    this.#timers.cancelAll();
    this.#timers.start(apologyTimer, apologyDeadlineMs, () => this.#end('flow-fault'));
    this.#player.play(this.#leg, { playId: apologyPlayId, prompts: [apology], stopOnDigit: false });
  }

  #onBug(error: unknown): void {
    const { logger, identity } = this.#options;
    logger.error({ callId: identity.callId, err: errorMessage(error) }, 'a call event could not be handled');
    if (!this.#over) this.#mailbox.post(() => this.#end('failed'));
  }

  #save(): void {
    if (this.#over) return;
    this.#options.saver.save(() => this.#saved(), `${this.#leg?.legId}|${this.#peers.legs}`);
  }

  #saved(): SavedCall {
    return {
      identity: this.#options.identity,
      flow: this.#flowState,
      steps: this.#steps,
      endsAtMs: this.#endsAtMs,
      facts: this.#options.facts.state,
      ...(this.#endCause ? { ending: this.#endCause } : {}),
      ...(this.#leg ? { caller: this.#leg.snapshot() } : {}),
      ...this.#messages.saved,
      ...this.#peers.saved,
    };
  }
}
