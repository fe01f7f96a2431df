import type { AccountStore } from '../accounts/accounts.ts';
import { type CallOrder, type CallOrderResult, orderRefused } from '../desk/call-orders.ts';
import type { DeskListener, DeskTicket } from '../desk/desk.ts';
import type { DeskRequest } from '../desk/request.ts';
import type { FlowStore, StoredFlow } from '../flow/flow-store.ts';
import type { Prompt } from '../flow/protocol.ts';
import { type Clock, withDeadline } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { FactSink } from '../ledger/ledger.ts';
import { type ActorOptions, CallActor } from './actor.ts';
import { Admission, type Admitted } from './admission.ts';
import { callBackFlow } from './call-back-flow.ts';
import { CallBacks } from './call-backs.ts';
import type { CallStateStore } from './call-state-store.ts';
import type { DeskAccess } from './escalation.ts';
import { FactLog } from './fact-log.ts';
import type { FlowRunner } from './flow-runner.ts';
import type { LegWitnesses } from './leg-ends.ts';
import type { CallLimits } from './limits.ts';
import { LoadedFlows } from './loaded-flows.ts';
import { OfferedCall, writeOffered } from './offered-call.ts';
import { outlookOn } from './outlook.ts';
import type { PromptLibrary } from './prompts.ts';
import { type Destination, isRefusal, Reception } from './reception.ts';
import type { RecordingRoom } from './recording-room.ts';
import { RecordingFolder } from './recordings.ts';
import type { CallIdentity, SavedCall } from './saved-call.ts';
import { StateRemovals } from './state-removals.ts';
import { StateSaver } from './state-saver.ts';
import { Takeover } from './takeover.ts';
import type { IncomingCall, Telephony } from './telephony.ts';
import { UnseenRefusals, type UnseenRefusalsOptions } from './unseen-refusals.ts';

/** What is not forgotten by then is by whoever takes it over. */
const forgetDeadlineMs = 2_000;

export interface CallServiceOptions {
  telephony: Telephony;
  /** What is known of them, also while the database is away. */
  accounts: Pick<AccountStore, 'findNumber' | 'findAccount'>;
  flows: Pick<FlowStore, 'findFlow'>;
  /** Makes a stored flow version ready to run; throws when it cannot be. */
  loadFlow(stored: StoredFlow): FlowRunner;
  ledger: FactSink;
  /** False: what new calls say could not be put on record, so none is answered. Left out: always true. */
  hasRoomToRecord?: () => boolean;
  states: CallStateStore;
  /** Asked when the legs of a call ended that lost its controller; left out: nobody can be. */
  witnesses?: LegWitnesses;
  /** Legs may have been lost. */
  onLegsLost?(): void;
  prompts: PromptLibrary;
  /** Who is asked when a flow escalates; left out: nobody. */
  people?: DeskAccess;
  /** What a caller hears when the flow engine itself fails. */
  apology(language: string): Prompt;
  clock: Clock;
  logger: Logger;
  /** Unique among the controllers that share `states`. */
  controllerId: string;
  recordingsFolder: string;
  /** Left out: there always is some. */
  recordingRoom?: Pick<RecordingRoom, 'hasRoom' | 'onFull'>;
  limits: CallLimits;
  /** The settings name carriers or PBXs for whom a reserve of calls is kept. */
  hasTrustedPeers?: boolean;
  /** Counts what is refused unseen. */
  refusals?: UnseenRefusalsOptions['refusals'];
  /** A controller not heard of for this long has lost its calls to the others. */
  leaseMs?: number;
}

export interface CallService {
  /** Adopts what a dead controller left, and answers calls from now on. */
  start(): Promise<void>;
  /**
   * Takes no new calls: they go to the other controllers, or get 503. Calls in progress end by themselves; resolves when
   * all have.
   */
  drain(): Promise<void>;
  /** Ends every call with BYE and closes its record; resolves when all is over, or at the deadline. */
  stop(options: { deadlineMs: number }): Promise<void>;
  /** An agent is free for a caller who wants to be called back. Gives who is told what the desk decides. */
  callBack(request: DeskRequest, ticket: DeskTicket): Promise<DeskListener>;
  /** Does what people at the desk ask of a call of this controller. */
  order(callId: string, order: CallOrder): Promise<CallOrderResult>;
  /** Calls between INVITE and the end of the last leg. */
  readonly activeCalls: number;
  /** Whether the call is one of them. */
  isDriven(callId: string): boolean;
}

/** The call room: every INVITE becomes an actor or a closed record of a refusal. */
export function createCallService(options: CallServiceOptions): CallService {
  return new Service(options);
}

class Service implements CallService {
  readonly #options: CallServiceOptions;
  readonly #admission: Admission;
  /** What each call that was let in holds, by the call's id. */
  readonly #places = new Map<string, Admitted>();
  readonly #unseen: UnseenRefusals;
  readonly #reception: Reception;
  readonly #recordings: RecordingFolder;
  readonly #offered = new Map<OfferedCall, FactLog>();
  readonly #actors = new Map<string, CallActor>();
  readonly #takeover: Takeover;
  readonly #removals: StateRemovals;
  readonly #callBacks: CallBacks;
  readonly #loadedFlows: LoadedFlows;
  #draining = false;
  #stopping = false;
  readonly #onIdle: (() => void)[] = [];

  constructor(options: CallServiceOptions) {
    this.#options = options;
    const { clock, limits, hasTrustedPeers = false } = options;
    this.#admission = new Admission(clock, limits, { hasTrustedPeers });
    const beginRecord = ({ call }: OfferedCall) => {
      const facts = this.#newFacts(newId('call'), null);
      writeOffered(facts, call);
      return facts;
    };
    this.#unseen = new UnseenRefusals({ clock, refusals: options.refusals, beginRecord });
    this.#loadedFlows = new LoadedFlows(options.loadFlow);
    this.#reception = new Reception({ ...options, loadFlow: (stored) => this.#loadedFlows.of(stored) });
    this.#recordings = new RecordingFolder(options.recordingsFolder, options.recordingRoom);
    const roomFor = () => (this.#draining ? 0 : Math.max(0, options.limits.maxCalls - this.activeCalls));
    this.#callBacks = new CallBacks({
      ...options,
      hasRoom: () => roomFor() > 0,
      newActor: (identity) => this.#newCallBack(identity),
    });
    const removals = new StateRemovals(options);
    this.#removals = removals;
    const onLost = () => options.onLegsLost?.();
    this.#takeover = new Takeover({
      ...options,
      ...{ removals, roomFor, recordings: this.#recordings, leaseMs: options.leaseMs ?? 10_000 },
      rebuild: (saved) => this.#rebuild(saved),
      onOrphans: onLost,
      onForgotten: () => {
        options.logger.warn({ calls: this.#actors.size }, 'the store has lost what was saved of calls: saved again');
        for (const actor of this.#actors.values()) actor.saveAgain();
        onLost();
      },
    });
  }

  get activeCalls(): number {
    return this.#actors.size + this.#offered.size;
  }

  isDriven(callId: string): boolean {
    return this.#actors.has(callId);
  }

  async start(): Promise<void> {
    await this.#options.telephony.start({
      onIncoming: (call) => this.#onIncoming(call),
      outlook: this.#outlook(),
    });
    await this.#takeover.start();
  }

  drain(): Promise<void> {
    this.#draining = true;
    this.#options.telephony.drain();
    return new Promise((resolve) => {
      this.#onIdle.push(resolve);
      this.#checkIdle();
    });
  }

  async stop({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    this.#stopping = true;
    const idle = this.drain();
    for (const [offered, facts] of [...this.#offered]) {
      if (!facts.isOpen(offered.call.legId)) writeOffered(facts, offered.call);
      offered.refuse(facts, 'draining', 503);
      this.#forget(offered);
    }
    for (const actor of this.#actors.values()) actor.end('system-hangup');
    await withDeadline(this.#options.clock, idle, deadlineMs);
    this.#takeover.stop();
    await this.#removals.settled(forgetDeadlineMs);
    this.#removals.stop();
  }

  callBack(request: DeskRequest, ticket: DeskTicket): Promise<DeskListener> {
    return this.#callBacks.take(request, ticket);
  }

  #newCallBack(identity: CallIdentity): CallActor {
    const { callId, accountId, language } = identity;
    this.#prepareRecordings(accountId);
    return this.#newActor(identity, callBackFlow(language), this.#newFacts(callId, accountId));
  }

  async order(callId: string, order: CallOrder): Promise<CallOrderResult> {
    // The desk knows one who is called back by the call that has ended.
    const calledBack = [...this.#actors.values()].find(({ identity }) => identity.callBackOf === callId);
    const actor = calledBack ?? this.#actors.get(callId);
    const ofWaiting = () =>
      order.type === 'end' || order.type === 'move'
        ? this.#options.people?.desk.orderCallBack(callId, order)
        : undefined;
    if (!actor) return (await ofWaiting()) ?? orderRefused('no-such-call');
    // Otherwise it would have another turn.
    if (calledBack && order.type === 'end') await ofWaiting();
    return actor.order(order);
  }

  #onIncoming(call: IncomingCall): void {
    const offered = new OfferedCall(call);
    this.#receive(offered).catch((error: unknown) => {
      this.#options.logger.error({ err: errorMessage(error) }, 'an incoming call could not be handled');
      const facts = this.#offered.get(offered);
      if (facts) offered.refuse(facts, 'failed', 500);
      call.reject(500);
      this.#forget(offered);
    });
  }

  #outlook(): (toNumber: string) => Promise<number> {
    const hasRoom = () => !this.#draining && this.#admission.hasRoom(this.activeCalls);
    return outlookOn(this.#reception, hasRoom);
  }

  async #receive(offered: OfferedCall): Promise<void> {
    if (this.#options.hasRoomToRecord?.() === false) return this.#unseen.refuseUnrecorded(offered);
    // One that telephony offers while we drain was not to be had by anybody else.
    const { source } = offered.call;
    const admitted = this.#stopping ? undefined : this.#admission.admit(this.activeCalls, source);
    if (!admitted) {
      this.#unseen.refuse(offered, this.#stopping ? 'draining' : 'overload');
      return;
    }
    const callId = newId('call');
    this.#places.set(callId, admitted);
    try {
      await this.#receiveAdmitted(offered, callId, admitted);
    } catch (error) {
      admitted.done(true); // The fault is ours: it says nothing about the load.
      throw error;
    } finally {
      if (!this.#actors.has(callId)) this.#freePlace(callId);
    }
  }

  async #receiveAdmitted(offered: OfferedCall, callId: string, admitted: Admitted): Promise<void> {
    // Counted from here on, though its record begins when we know whose call it is.
    this.#offered.set(offered, this.#newFacts(callId, null));
    const found = await this.#reception.find(offered.call.toNumber);
    if (!offered.decided && !isRefusal(found)) {
      this.#answer(offered, callId, found, admitted);
      return;
    }
    admitted.done(true);
    if (offered.decided || !isRefusal(found)) {
      this.#forget(offered);
      return;
    }
    const facts = this.#newFacts(callId, found.accountId);
    writeOffered(facts, offered.call);
    if (found.fault) facts.append({ type: 'fault', legId: offered.call.legId, message: found.fault });
    offered.refuse(facts, found.cause, found.sipStatus, found.retryAfterSeconds);
    this.#forget(offered);
  }

  #answer(offered: OfferedCall, callId: string, found: Destination, admitted: Admitted): void {
    const { call } = offered;
    const { account, stored, flow } = found;
    const facts = this.#newFacts(callId, account.accountId);
    writeOffered(facts, call, stored);
    this.#offered.set(offered, facts);
    offered.onAbandoned(() => {
      facts.endLeg(call.legId, 'cancelled', { sipStatus: 487 });
      this.#forget(offered);
      admitted.done(true);
    });
    this.#prepareRecordings(account.accountId);
    if (!offered.accept()) return;
    const actor = this.#newActor(
      {
        callId,
        accountId: account.accountId,
        flowId: stored.flowId,
        flowVersion: stored.version,
        fromNumber: call.fromNumber,
        toNumber: call.toNumber,
        language: account.language,
        account: { name: account.name, reading: account.nameReading },
        outbound: account.outbound,
        callerLegId: call.legId,
      },
      flow,
      facts,
    );
    this.#forget(offered);
    actor.answer(call).then(
      (cause) => admitted.done(cause !== 'media-lost'),
      (error: unknown) => {
        admitted.done(true);
        this.#options.logger.error({ callId, err: errorMessage(error) }, 'a call could not be begun');
      },
    );
  }

  #freePlace(callId: string): void {
    this.#places.get(callId)?.release();
    this.#places.delete(callId);
  }

  #newFacts(callId: string, accountId: string | null): FactLog {
    const { ledger, clock, logger } = this.#options;
    return new FactLog({ ledger, clock, logger, callId, accountId });
  }

  #newActor(identity: CallIdentity, flow: FlowRunner, facts: FactLog): CallActor {
    const { callId } = identity;
    const { clock } = facts;
    const { states, logger, controllerId, telephony, prompts, apology, limits } = this.#options;
    const onLost = () => {
      logger.warn({ callId }, 'another controller has taken the call over');
      actor.letGo();
      this.#actors.delete(callId);
      this.#freePlace(callId);
      this.#checkIdle();
    };
    const removals = this.#removals;
    const saver = new StateSaver({ states, removals, clock, logger, controllerId, callId, onLost });
    const onOver = () => {
      this.#actors.delete(callId);
      this.#freePlace(callId);
      this.#checkIdle();
    };
    const shared: Omit<ActorOptions, 'identity' | 'flow' | 'facts' | 'saver' | 'onOver' | 'apology'> = {
      telephony,
      prompts,
      people: this.#options.people,
      recordings: this.#recordings,
      limits,
      clock,
      logger,
    };
    const actor = new CallActor({
      ...{ ...shared, identity, flow, facts, saver, onOver },
      apology: apology(identity.language),
    });
    this.#actors.set(callId, actor);
    return actor;
  }

  async #rebuild(saved: SavedCall) {
    const { ledger, clock, logger } = this.#options;
    const { identity } = saved;
    const { callId, accountId } = identity;
    const flow = await this.#flowOf(identity);
    if (!flow) return undefined;
    this.#prepareRecordings(accountId);
    const facts = new FactLog({ ledger, clock, logger, callId, accountId }, saved.facts);
    return { actor: this.#newActor(identity, flow, facts), facts };
  }

  async #flowOf({ flowId, flowVersion, callBackOf, language }: CallIdentity): Promise<FlowRunner | undefined> {
    if (callBackOf !== undefined) return callBackFlow(language);
    const stored = await this.#options.flows.findFlow(flowId, flowVersion);
    return stored && this.#loadedFlows.of(stored);
  }

  /** Nobody waits for the disk: the folder is there long before a first recording can end. */
  #prepareRecordings(accountId: string): void {
    this.#recordings.prepare(accountId).catch((error: unknown) => {
      this.#options.logger.error({ accountId, err: errorMessage(error) }, 'the recordings folder cannot be made');
    });
  }

  #forget(offered: OfferedCall): void {
    this.#offered.delete(offered);
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.activeCalls > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}
