import { type Clock, deadlinePassed, delay, withDeadline } from '../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { CallShown } from './call-shown.ts';
import type {
  DeskCallBackStore,
  DeskCallerStore,
  DeskHandOverStore,
  DeskMessage,
  HandOverRefusal,
  MissCause,
  Offer,
  OfferEvent,
} from './desk-store.ts';
import type { DeskRequest } from './request.ts';
import type { DeskListener, DeskTicket, LeaveCause, Progress, QueueRefusal } from './ticket.ts';

const firstRetryMs = 100;
const maxRetryMs = 2_000;
/** A grant, or an order, that takes longer is no use: the agent has hung up, or was told that it was not done. */
const promptlyMs = 3_000;
/** Estimates that differ by less are the same to a caller. */
const estimateStepMs = 10_000;

export interface DeskCallerOptions {
  store: DeskCallerStore & DeskCallBackStore & DeskHandOverStore;
  clock: Clock;
  logger: Logger;
  request: DeskRequest;
  listener: DeskListener;
  /** What keeps callers out of a queue now; undefined: it is open. */
  doorOf(queueId: string): Promise<'closed' | 'unknown-queue' | undefined>;
  /** Where it is not that of the request any more. */
  queueId?: string;
  /** The ticket is for one turn: it is over when nobody rings any more. */
  isCallBack?: boolean;
  /** The last thing told has arrived. */
  onOver(): void;
}

/** One caller of this controller: the ticket for the call, the messages from the store, and what is on its way there. */
export class DeskCaller implements DeskTicket {
  readonly #options: DeskCallerOptions;
  /** Offers that live, as this controller knows it. */
  readonly #offers = new Map<string, 'ringing' | 'answered' | 'talking'>();
  /** Ended here: a late message about them means nothing. */
  readonly #ended = new Set<string>();
  #early: DeskMessage[] | undefined = [];
  #sending: Promise<unknown> = Promise.resolve();
  #left = false;
  #isCallBack: boolean;
  #stopped = false;
  #heldStep = '';
  /** In no line, and with no agent: a step of the overflow is done, or they talk to somebody outside. */
  #isOut = false;
  /** The store knows nothing of the caller. Where they wait (again), they are to be put back. */
  isForgotten = false;
  #told: Progress | undefined;
  /** As it is by now: the queue is that whose line the caller is in, or was last. */
  #request: DeskRequest;
  found: DeskTicket['found'];
  position = 0;
  /** ms since the epoch, by our clock; only for putting the caller back where Redis has lost its data. */
  readonly enqueuedAtMs: number;

  constructor(options: DeskCallerOptions) {
    this.#options = options;
    this.#isCallBack = options.isCallBack ?? false;
    const { request, queueId = request.queueId } = options;
    this.#request = { ...request, queueId };
    this.found = { state: 'waiting', queueId, offerId: undefined, agentId: undefined };
    this.enqueuedAtMs = options.request.enqueuedAtMs ?? options.clock.nowMs();
  }

  get callId(): string {
    return this.#options.request.callId;
  }

  get request(): DeskRequest {
    return this.#request;
  }

  get isWaiting(): boolean {
    return !this.#left && !this.#isOut && ![...this.#offers.values()].some((state) => state !== 'ringing');
  }

  get hasLeft(): boolean {
    return this.#left;
  }

  /** The ticket is about to be given: what came early is told right after. */
  open(position: number, found?: DeskTicket['found']): this {
    this.position = position;
    if (found) this.found = found;
    this.#isOut = found?.state === 'held' || found?.state === 'served';
    if (found?.offerId) this.#offers.set(found.offerId, found.state === 'talking' ? 'talking' : 'answered');
    // Only a timer is sure to run after everybody who waits for the ticket has it.
    this.#options.clock.setTimeout(() => {
      const early = this.#early ?? [];
      this.#early = undefined;
      for (const message of early) this.onMessage(message);
    }, 0);
    return this;
  }

  onMessage(message: DeskMessage): void {
    if (this.#early) this.#early.push(message);
    else if (this.#left) return;
    else if (message.type === 'offer') this.#ring(message.offer);
    else if (message.type === 'withdrawn') this.#stopRinging(message.offerId);
    else if (message.type === 'moved') this.#onMoved(message.queueId);
    else if (this.#heldStep !== JSON.stringify(message.step)) {
      this.#heldStep = JSON.stringify(message.step);
      this.#isOut = true;
      this.#tell((listener) => listener.overflow(message.step, message.why));
    }
  }

  #onMoved(queueId: string): void {
    if (queueId === this.#request.queueId) return;
    this.#request = { ...this.#request, queueId };
    this.#waitAgain();
    this.#tell((listener) => listener.movedTo(queueId));
  }

  /** Offers that ring or have answered here, for {@link reconcile}. */
  ringingOffers(): string[] {
    return [...this.#offers].filter(([, state]) => state !== 'talking').map(([offerId]) => offerId);
  }

  /** Ends those of `before` that the store no longer has. */
  reconcile(before: readonly string[], pending: ReadonlySet<string>): void {
    for (const offerId of before) {
      if (!pending.has(offerId) && this.#offers.get(offerId) !== 'talking') this.#stopRinging(offerId);
    }
  }

  onProgress(progress: Progress): void {
    const round = (ms: number | undefined) => (ms === undefined ? undefined : Math.round(ms / estimateStepMs));
    const told = this.#told;
    if (told && told.position === progress.position && round(told.estimateMs) === round(progress.estimateMs)) return;
    if (!this.isWaiting || this.#early) return;
    this.#told = progress;
    this.#tell((listener) => listener.progress(progress));
  }

  /** Another controller drives the call. */
  lose(): void {
    if (this.#left) return;
    this.#left = true;
    this.#stopped = true;
    this.#tell((listener) => listener.lost());
    this.#options.onOver();
  }

  /** Sends nothing more; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.settled();
  }

  /** Resolves when all that was told has arrived. */
  async settled(): Promise<void> {
    await this.#sending;
  }

  ringing(offerId: string): void {
    if (this.#offers.has(offerId)) this.#report(offerId, { type: 'ringing' });
  }

  async answered(offerId: string): Promise<boolean> {
    const state = this.#offers.get(offerId);
    if (state !== 'ringing') return state !== undefined;
    const report = () => this.#options.store.report(offerId, { type: 'answered' });
    const granted = (await this.#promptly('answered', report)) === 'ok';
    const isStillOurs = this.#offers.has(offerId) && !this.#left;
    this.#told = undefined; // Should it come to nothing, the place is told again.
    if (granted && isStillOurs) this.#offers.set(offerId, 'answered');
    // Whether or not the store knows it as answered: this agent does not get the caller.
    else this.#end(offerId, { type: 'missed', why: 'failed' });
    return granted && isStillOurs;
  }

  missed(offerId: string, why: MissCause): void {
    if (this.#offers.has(offerId)) this.#end(offerId, { type: 'missed', why });
  }

  async notReached(offerId: string, options: { againMs: number; attemptsMax?: number }): Promise<boolean> {
    if (!this.#offers.delete(offerId)) return true;
    this.#ended.add(offerId);
    const report = () => this.#options.store.report(offerId, { type: 'not-reached', ...options });
    const sent = this.#send('not reached', report);
    this.#endTurn();
    return (await sent) !== 'gone';
  }

  connected(offerId: string): void {
    if (!this.#offers.has(offerId)) return;
    // Handed over: whoever talked before is in wrap-up by this.
    for (const [other, state] of [...this.#offers]) if (state === 'talking') this.#forgetOffer(other);
    this.#offers.set(offerId, 'talking');
    this.#isCallBack = false;
    this.#report(offerId, { type: 'connected' });
  }

  parted(offerId: string, why: 'done' | 'agent-lost' | 'caller-gone', wrapUpMs?: number): void {
    if (!this.#offers.has(offerId)) return;
    const finished: OfferEvent = { type: 'finished', ...(wrapUpMs === undefined ? {} : { wrapUpMs }) };
    this.#told = undefined;
    this.#isOut = why !== 'agent-lost';
    this.#end(offerId, why === 'agent-lost' ? { type: 'agent-lost' } : finished);
  }

  async moveTo(queueId: string, first: boolean): Promise<'moved' | 'not-waiting' | QueueRefusal> {
    const { store, doorOf } = this.#options;
    const result = await this.#promptly('move', async () => {
      const reason = await doorOf(queueId);
      return reason ? { outcome: 'refused' as const, reason } : store.moveTo(this.callId, queueId, first);
    });
    if (result?.outcome === 'refused') return result.reason;
    if (result?.outcome !== 'queued') return 'not-waiting';
    this.#decideOn(queueId);
    return 'moved';
  }

  async handTo(agentId: string): Promise<'reserved' | HandOverRefusal> {
    const offer = await this.#promptly('hand over', () => this.#options.store.handTo(this.callId, agentId));
    if (typeof offer !== 'object') return offer ?? 'not-talking';
    if (!this.#left) this.#ring(offer);
    return 'reserved';
  }

  keep(): void {
    this.#send('keep', () => this.#options.store.keep(this.callId));
  }

  async handToQueue(queueId: string): Promise<'queued' | QueueRefusal | 'gone'> {
    const { store, doorOf } = this.#options;
    const before = [...this.#offers];
    const result = await this.#promptly('hand to queue', async () => {
      const reason = await doorOf(queueId);
      return reason ? { outcome: 'refused' as const, reason } : store.transferTo(this.callId, queueId);
    });
    if (result?.outcome === 'refused') return result.reason;
    if (result?.outcome === 'gone') return 'gone';
    const [talking] = before.find(([, state]) => state === 'talking') ?? [];
    if (!result && (await this.#stay(talking))) return 'gone';
    this.#decideOn(queueId);
    // Not those who ring for the caller in the new line already.
    for (const [offerId, state] of before) {
      if (state === 'talking') this.#forgetOffer(offerId);
      else this.#stopRinging(offerId);
    }
    return 'queued';
  }

  /** It may have been done, but too late: the agent was told that it was not, and talks on. False: done for good. */
  async #stay(offerId = ''): Promise<boolean> {
    return (await this.#send('stay', () => this.#options.store.stay(this.callId, offerId))) ?? true;
  }

  async backToHead(): Promise<boolean> {
    const isBack = await this.#send('back', () => this.#options.store.backToHead(this.callId));
    if (isBack || this.isForgotten) this.#waitAgain();
    return isBack || this.isForgotten;
  }

  /** Where Redis is away they listen all the same. */
  async listenIn(agentId: string): Promise<'ok' | 'busy'> {
    return (await this.#promptly('listen', () => this.#options.store.listenIn(this.callId, agentId))) ?? 'ok';
  }

  stopListening(agentId: string): void {
    if (!this.#left) this.#send('stop listening', () => this.#options.store.stopListening(this.callId, agentId));
  }

  show(shown: CallShown): void {
    if (!this.#left) this.#send('show', () => this.#options.store.show(this.callId, shown));
  }

  overflowFailed(): void {
    // The next step is told; where the store knows nothing of the caller, they wait.
    this.#waitAgain();
    this.#send('overflow failed', () => this.#options.store.overflowFailed(this.callId));
  }

  async callBackLater(): Promise<boolean> {
    if (this.#left) return false;
    if (!(await this.#send('call back', () => this.#options.store.callBackLater(this.callId)))) return false;
    if (this.#left) return true;
    for (const offerId of [...this.#offers.keys()]) this.#stopRinging(offerId);
    this.#left = true;
    this.#options.onOver();
    return true;
  }

  leave(why: LeaveCause): void {
    if (this.#left) return;
    for (const [offerId, state] of [...this.#offers]) if (state !== 'talking') this.#stopRinging(offerId);
    this.#left = true;
    this.#options.logger.debug({ callId: this.callId, why }, 'caller leaves the desk');
    this.#send('leave', () => this.#options.store.leave(this.callId)).then(() => this.#options.onOver());
  }

  /** Somebody has chosen the queue: as in the store, the skills asked for count no more. */
  #decideOn(queueId: string): void {
    if (queueId !== this.#request.queueId) this.#request = { ...this.#request, queueId, skills: [] };
    this.#waitAgain();
  }

  #waitAgain(): void {
    this.#isOut = false;
    this.#heldStep = '';
    this.#told = undefined;
  }

  #ring(offer: Offer): void {
    const { offerId, agentId, displayName, ringTimeoutMs, pressOneToAccept, isTransfer } = offer;
    if (this.#offers.has(offerId) || this.#ended.has(offerId)) return;
    this.#offers.set(offerId, 'ringing');
    if (!isTransfer) this.#waitAgain();
    const { account } = this.#options.request;
    this.#tell((listener) =>
      listener.ring({
        ...{ offerId, agentId, displayName, ringTimeoutMs, pressOneToAccept, account },
        ...(isTransfer ? { isTransfer } : {}),
      }),
    );
  }

  #stopRinging(offerId: string): void {
    this.#ended.add(offerId);
    if (!this.#offers.delete(offerId)) return;
    this.#tell((listener) => listener.stopRinging(offerId));
    this.#endTurn();
  }

  #forgetOffer(offerId: string): void {
    this.#offers.delete(offerId);
    this.#ended.add(offerId);
  }

  #end(offerId: string, event: OfferEvent): void {
    this.#forgetOffer(offerId);
    this.#report(offerId, event);
    this.#endTurn();
  }

  /** Nobody rings for a call-back any more: its next turn gets a ticket of its own, maybe elsewhere. */
  #endTurn(): void {
    if (!this.#isCallBack || this.#left || this.#offers.size > 0) return;
    this.#left = true;
    this.#tell((listener) => listener.lost());
    this.#sending.then(() => this.#options.onOver());
  }

  #report(offerId: string, event: OfferEvent): void {
    this.#send(event.type, () => this.#options.store.report(offerId, event));
  }

  /** As {@link #send}, but undefined when that, or what was told before, takes too long: it may be done in the end. */
  async #promptly<T>(what: string, operation: () => Promise<T>): Promise<T | undefined> {
    const { clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + promptlyMs;
    const isTooLate = () => clock.monotonicMs() > deadlineMs;
    const result = await withDeadline(clock, this.#send(what, operation, isTooLate), promptlyMs);
    return result === deadlinePassed || isTooLate() ? undefined : result;
  }

  /** After all that was told before; as often as it takes while Redis is away. Every operation may be repeated. */
  #send<T>(what: string, operation: () => Promise<T>, isTooLate = () => false): Promise<T | undefined> {
    const sent = this.#sending.then(() => this.#untilDone(what, operation, isTooLate));
    this.#sending = sent;
    return sent;
  }

  async #untilDone<T>(what: string, operation: () => Promise<T>, isTooLate: () => boolean): Promise<T | undefined> {
    const { clock, logger } = this.#options;
    for (let pauseMs = firstRetryMs; !this.#stopped && !isTooLate(); pauseMs = Math.min(maxRetryMs, 2 * pauseMs)) {
      try {
        return await operation();
      } catch (error) {
        if (!(error instanceof DenwabanError && error.code === 'REDIS_UNAVAILABLE')) {
          logger.error({ callId: this.callId, what, err: errorMessage(error) }, 'the desk refused an operation');
          return undefined;
        }
        await delay(clock, pauseMs);
      }
    }
    return undefined;
  }

  #tell(call: (listener: DeskListener) => void): void {
    try {
      call(this.#options.listener);
    } catch (error) {
      this.#options.logger.error({ callId: this.callId, err: errorMessage(error) }, 'a desk listener failed');
    }
  }
}
