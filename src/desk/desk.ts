import { isOpen } from '../accounts/opening-hours.ts';
import { assert } from '../kernel/assert.ts';
import { deadlinePassed, type TimerHandle, withDeadline } from '../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import { type CallOrderResult, orderDone, orderRefused } from './call-orders.ts';
import { DeskCaller } from './desk-caller.ts';
import type { DeskListenerHandle, DeskMessage, DeskStoreListener, EnqueueResult } from './desk-store.ts';
import { type DeskRequest, type DeskRequestInput, deskRequestSchema } from './request.ts';
import type { CallBackOrder, Desk, DeskListener, DeskOptions, DeskRefusal, DeskTicket } from './ticket.ts';

export type * from './ticket.ts';

const defaultLeaseMs = 10_000;
const defaultProgressEveryMs = 5_000;
const retryMs = 500;
/** What each is told makes the call do something: more at once would hold up whoever is rung meanwhile. */
const placesAtOnce = 25;
const stopDeadlineMs = 3_000;
const suspensionDeadlineMs = 1_000;
/** How long a caller who comes back waits until it is known that they had left. */
const settledDeadlineMs = 3_000;

/** The answering desk of one controller. */
export function createDesk(options: DeskOptions): Desk {
  return new DeskService(options);
}

/** {@link Desk}, with one timer for all that falls due and no polling: messages wake it. */
class DeskService implements Desk, DeskStoreListener {
  readonly #options: DeskOptions;
  readonly #leaseMs: number;
  readonly #progressEveryMs: number;
  readonly #callers = new Map<string, DeskCaller>();
  #listening: DeskListenerHandle | undefined;
  #timer: TimerHandle | undefined;
  #isStopped = false;
  #isWaking = false;
  /** When to do what, by the monotonic clock. */
  #tickAtMs = Number.POSITIVE_INFINITY;
  #extendAtMs = 0;
  #progressAtMs = Number.POSITIVE_INFINITY;
  /** Calls that are still to be told of their place in this round. */
  #toTell: string[] = [];

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? defaultLeaseMs;
    this.#progressEveryMs = options.progressEveryMs ?? defaultProgressEveryMs;
  }

  async start(): Promise<void> {
    const { store, controllerId } = this.#options;
    this.#listening = await store.listen(controllerId, this);
    await this.#extend();
    this.#arm();
  }

  async stop(): Promise<void> {
    const { clock, logger, store, controllerId } = this.#options;
    const callers = [...this.#callers.values()];
    const told = Promise.all(callers.filter(({ hasLeft }) => hasLeft).map((caller) => caller.settled()));
    await withDeadline(clock, told, stopDeadlineMs);
    this.#isStopped = true;
    clock.clearTimeout(this.#timer);
    const stopped = Promise.all(callers.map((caller) => caller.stop()));
    await withDeadline(clock, stopped, stopDeadlineMs);
    await this.#listening?.close();
    try {
      await store.extend(controllerId, 0);
      await store.tick();
    } catch (error) {
      logger.warn({ err: errorMessage(error) }, 'the desk lease could not be given back: it runs out by itself');
    }
  }

  async offer(input: DeskRequestInput, listener: DeskListener): Promise<DeskTicket | DeskRefusal> {
    const { clock } = this.#options;
    const request = deskRequestSchema.parse(input);
    const [suspended, closed] = await Promise.all([
      this.#isSuspended(request.account.accountId),
      this.#doorOf(request.queueId),
    ]);
    if (suspended) return { refused: 'suspended' };
    if (closed) return { refused: closed };
    // A call that has just left may come back: its leaving comes first.
    const before = this.#callers.get(request.callId);
    const isSettled = before?.hasLeft ? await withDeadline(clock, before.settled(), settledDeadlineMs) : undefined;
    if (isSettled === deadlinePassed)
      throw new DenwabanError('DESK_AWAY', 'the desk has not heard yet that this caller had left');
    assert(!this.#callers.get(request.callId) || before?.hasLeft, 'a call is at the desk once');
    const caller = this.#newCaller(request, listener);
    try {
      const result = await this.#enqueue(request);
      if (result.outcome === 'queued') {
        this.#wantProgress();
        return caller.open(result.position);
      }
      this.#callers.delete(request.callId);
      return { refused: result.reason };
    } catch (error) {
      // It may have been done all the same.
      caller.leave('done');
      throw error;
    }
  }

  async resume(callId: string, listener: DeskListener): Promise<DeskTicket | undefined> {
    const { store, controllerId } = this.#options;
    const resumed = await this.#withLease(() => store.resume(controllerId, callId));
    if (typeof resumed === 'string') return undefined;
    const { queueId } = resumed;
    const caller = this.#newCaller(resumed.request, listener, { queueId });
    this.#wantProgress();
    // What was sent before this caller was known here.
    this.onConnected();
    const { state, offerId, agentId } = resumed;
    return caller.open(0, { state, queueId, offerId, agentId });
  }

  async orderCallBack(callId: string, order: CallBackOrder): Promise<CallOrderResult> {
    const { store } = this.#options;
    if (order.type === 'end') return (await store.dropCallBack(callId)) ? orderDone : orderRefused('no-such-call');
    const closed = await this.#doorOf(order.queueId);
    if (closed) return orderRefused(closed);
    const result = await store.moveTo(callId, order.queueId, order.first ?? false);
    if (result.outcome === 'queued') return orderDone;
    return orderRefused(result.outcome === 'refused' ? result.reason : 'no-such-call');
  }

  onMessage(message: DeskMessage): void {
    const callId = message.type === 'offer' ? message.offer.callId : message.callId;
    const caller = this.#callers.get(callId);
    if (caller) caller.onMessage(message);
    else if (message.type === 'offer' && message.offer.isCallBack) {
      this.#callBack(callId).catch((error: unknown) => this.#failed(error, 'a call-back could not begin'));
    }
  }

  onConnected(): void {
    this.#reconcile().catch((error: unknown) => this.#failed(error, 'offers could not be read'));
  }

  onNextDue(inMs: number | undefined): void {
    this.#tickAtMs = inMs === undefined ? Number.POSITIVE_INFINITY : this.#nowMs() + inMs;
    this.#arm();
  }

  async #callBack(callId: string): Promise<void> {
    const { store, controllerId, onCallBack } = this.#options;
    if (!onCallBack || this.#isStopped) return;
    const found = await store.resume(controllerId, callId, true);
    if (typeof found === 'string' || this.#callers.has(callId)) return;
    const told: { listener?: DeskListener } = {};
    const listener: DeskListener = {
      ring: (order) => told.listener?.ring(order),
      stopRinging: (offerId) => told.listener?.stopRinging(offerId),
      progress: () => undefined,
      movedTo: (queueId) => told.listener?.movedTo(queueId),
      overflow: (step, why) => told.listener?.overflow(step, why),
      lost: () => told.listener?.lost(),
    };
    const { state, queueId, offerId, agentId } = found;
    const caller = this.#newCaller(found.request, listener, { queueId, isCallBack: true });
    told.listener = onCallBack(caller.request, caller);
    caller.open(0, { state, queueId, offerId, agentId });
    this.onConnected();
  }

  async #isSuspended(accountId: string): Promise<boolean> {
    const { isSuspended, clock, logger } = this.#options;
    if (!isSuspended) return false;
    try {
      const answer = await withDeadline(clock, isSuspended(accountId), suspensionDeadlineMs);
      return answer === true;
    } catch (error) {
      logger.warn({ accountId, err: errorMessage(error) }, 'whether people answer for an account is not known');
      return false;
    }
  }

  async #doorOf(queueId: string): Promise<'closed' | 'unknown-queue' | undefined> {
    const { store, clock } = this.#options;
    const queue = await store.findQueue(queueId);
    if (!queue) return 'unknown-queue';
    return isOpen(queue.hours, clock.nowMs()) ? undefined : 'closed';
  }

  #newCaller(
    request: DeskRequest,
    listener: DeskListener,
    more: { queueId?: string; isCallBack?: boolean } = {},
  ): DeskCaller {
    const { store, clock, logger } = this.#options;
    const onOver = () => {
      if (this.#callers.get(request.callId) === caller) this.#callers.delete(request.callId);
    };
    const doorOf = (queueId: string) => this.#doorOf(queueId);
    const caller = new DeskCaller({ store, clock, logger, request, listener, doorOf, ...more, onOver });
    this.#callers.set(request.callId, caller);
    return caller;
  }

  #enqueue(request: DeskRequest): Promise<EnqueueResult> {
    const { store, controllerId } = this.#options;
    return this.#withLease(() => store.enqueue(controllerId, request));
  }

  /** Once more where the lease had run out. */
  async #withLease<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof DenwabanError && error.code === 'CONTROLLER_LEASE_LOST')) throw error;
      await this.#extend();
      return await operation();
    }
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #wantProgress(): void {
    this.#progressAtMs = Math.min(this.#progressAtMs, this.#nowMs() + this.#progressEveryMs);
    this.#arm();
  }

  #arm(): void {
    const { clock } = this.#options;
    clock.clearTimeout(this.#timer);
    if (this.#isStopped || this.#isWaking) return;
    const nextMs = Math.min(this.#tickAtMs, this.#extendAtMs, this.#progressAtMs);
    this.#timer = clock.setTimeout(
      () => {
        this.#wake().catch((error: unknown) => this.#failed(error, 'the desk could not do what was due'));
      },
      Math.max(1, Math.ceil(nextMs - this.#nowMs())),
    );
  }

  async #wake(): Promise<void> {
    this.#isWaking = true;
    const nowMs = this.#nowMs();
    try {
      if (this.#extendAtMs <= nowMs) await this.#extend();
      if (this.#tickAtMs <= nowMs) await this.#tick();
      if (this.#progressAtMs <= nowMs) await this.#tellProgress();
    } finally {
      this.#isWaking = false;
      this.#arm();
    }
  }

  async #tick(): Promise<void> {
    // Replaced by the answer; where there is none, once more.
    this.#tickAtMs = this.#nowMs() + retryMs;
    await this.#options.store.tick();
  }

  async #extend(): Promise<void> {
    const { store, controllerId, logger } = this.#options;
    this.#extendAtMs = this.#nowMs() + Math.min(retryMs, this.#leaseMs / 3);
    const kept = await store.extend(controllerId, this.#leaseMs);
    this.#extendAtMs = this.#nowMs() + this.#leaseMs / 3;
    const callers = [...this.#callers.values()].filter(({ isForgotten }) => !kept || isForgotten);
    if (!kept && callers.length > 0) {
      logger.warn({ callers: callers.length }, 'the desk lease had run out: taking callers back');
    }
    for (const caller of callers) await this.#takeBack(caller);
    await this.#reconcile();
  }

  /** The lease had run out: the caller may have been forgotten, or be another's. */
  async #takeBack(caller: DeskCaller): Promise<void> {
    const { store, controllerId } = this.#options;
    if (caller.hasLeft) return;
    const found = await store.resume(controllerId, caller.callId, true);
    if (found === 'taken') caller.lose();
    caller.isForgotten = found === 'unknown';
    // Whoever is with an agent, or somebody outside, is put back once they wait again; so is who cannot be now, since
    // the settings are to be copied first.
    if (found !== 'unknown' || !caller.isWaiting) return;
    const { outcome } = await store.enqueue(controllerId, { ...caller.request, enqueuedAtMs: caller.enqueuedAtMs });
    caller.isForgotten = outcome !== 'queued';
  }

  /** Acts on what lost messages would have said. */
  async #reconcile(): Promise<void> {
    if (this.#isStopped) return;
    const { store, controllerId } = this.#options;
    const before = [...this.#callers.values()].map((caller) => ({ caller, offers: caller.ringingOffers() }));
    const { moved, offers, overflows, lost } = await store.pending(controllerId);
    const pending = new Set(offers.map(({ offerId }) => offerId));
    for (const { caller, offers: known } of before) caller.reconcile(known, pending);
    for (const move of moved) this.onMessage({ type: 'moved', ...move });
    for (const offer of offers) this.onMessage({ type: 'offer', offer });
    for (const overflow of overflows) this.onMessage({ type: 'overflow', ...overflow });
    for (const callId of lost) {
      const caller = this.#callers.get(callId);
      if (caller) await this.#takeBack(caller);
    }
  }

  /** Some of those who wait, so that each is told once in a while and never all at the same moment. */
  async #tellProgress(): Promise<void> {
    const waiting = [...this.#callers.values()].filter(({ isWaiting }) => isWaiting).map(({ callId }) => callId);
    if (this.#toTell.length === 0) this.#toTell = [...waiting];
    const batch = this.#toTell.splice(0, placesAtOnce);
    const everyMs = this.#progressEveryMs / Math.max(1, Math.ceil(waiting.length / placesAtOnce));
    this.#progressAtMs = waiting.length > 0 ? this.#nowMs() + everyMs : Number.POSITIVE_INFINITY;
    if (batch.length === 0) return;
    for (const { callId, position, estimateMs } of await this.#options.store.places(batch)) {
      this.#callers.get(callId)?.onProgress({ position, estimateMs });
    }
  }

  #failed(error: unknown, what: string): void {
    if (!this.#isStopped) this.#options.logger.warn({ err: errorMessage(error) }, what);
  }
}
