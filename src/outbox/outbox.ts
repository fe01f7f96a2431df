import { type Clock, deadlinePassed, withDeadline } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { Bell } from './bell.ts';
import type { Deliverers, DeliveryOutcome } from './delivery.ts';
import type { OutboxClaim, OutboxStore, RetryResult, Settlement } from './outbox-store.ts';
import { type RetryPolicy, settlementOf } from './schedule.ts';

/** How much, how long, how often. Defaults in {@link defaultLimits}. */
export interface OutboxLimits extends RetryPolicy {
  /** Deliveries at once in this process, and of those to one host (mail: to the mail server). */
  readonly maxParallel: number;
  readonly maxParallelPerLane: number;
  /** An attempt that has not ended by then has failed. */
  readonly attemptTimeoutMs: number;
  /**
   * How long a claim holds that its worker does not renew any more: what a dead one had in hand is tried again after
   * this. Longer than clocks of machines differ.
   */
  readonly leaseMs: number;
  /** How often claims are renewed while their attempts run. */
  readonly renewEveryMs: number;
  /** The longest sleep: what other processes add or lose is found after this. */
  readonly maxIdleMs: number;
  /** Pauses after the database failed. */
  readonly firstStoreRetryMs: number;
  readonly maxStoreRetryMs: number;
  /** How long entries that have ended, which hold personal data, are kept. */
  readonly keepEndedMs: number;
  readonly purgeEveryMs: number;
}

const hourMs = 3_600_000;
const purgeBatch = 500;
const maxSettleFailures = 5;
/** Of `stop`: to write down how the deliveries ended that were broken off. */
const abortGraceMs = 1_000;

export const defaultLimits: OutboxLimits = {
  firstRetryMs: 10_000,
  maxRetryMs: hourMs,
  maxRetryAfterMs: 24 * hourMs,
  giveUpAfterMs: 72 * hourMs,
  maxParallel: 64,
  maxParallelPerLane: 4,
  attemptTimeoutMs: 30_000,
  leaseMs: 20_000,
  renewEveryMs: 5_000,
  maxIdleMs: 5_000,
  firstStoreRetryMs: 500,
  maxStoreRetryMs: 10_000,
  keepEndedMs: 30 * 24 * hourMs,
  purgeEveryMs: hourMs,
};

export interface OutboxOptions {
  store: OutboxStore;
  deliverers: Deliverers;
  clock: Clock;
  logger: Logger;
  limits?: Partial<OutboxLimits>;
  /** In [0, 1). */
  random?(): number;
}

/** Delivers what is in the store, at least once, until it has arrived or is given up. */
export interface Outbox {
  start(): void;
  /** Something was added (its transaction is committed): it is looked for at once. */
  notify(): void;
  /** Has an entry that is pending or given up tried again now; for operators. */
  retry(outboxId: string): Promise<RetryResult>;
  /** `storeFailing`: the database does not answer; what is under way ends, nothing new begins. */
  status(): { underWay: number; storeFailing: boolean };
  /**
   * Begins nothing new, and waits for what is under way; after `deadlineMs` that is broken off, and will be tried
   * again by whoever runs next.
   */
  stop(deadlineMs: number): Promise<void>;
}

/** Makes an outbox; `start` sets it going. Several, in one process or many, can share a store. */
export function createOutbox(options: OutboxOptions): Outbox {
  return new OutboxWorker(options);
}

/** One delivery, from its claim until its end is in the store. */
interface Job {
  readonly claim: OutboxClaim;
  readonly aborter: AbortController;
  /** Set when the attempt has ended. */
  settlement?: Settlement;
  /** Times that the store refused it although it answered. */
  settleFailures: number;
}

/**
 * One loop does all that touches the store: first what has ended is written down, then the claims of the rest are
 * renewed, then what is due is claimed, then it sleeps until rung or due. In this order a database that comes back
 * hears of a delivery before its claim is given out again.
 */
class OutboxWorker implements Outbox {
  readonly #options: OutboxOptions;
  readonly #limits: OutboxLimits;
  readonly #logger: Logger;
  readonly #jobs = new Set<Job>();
  readonly #work: Bell;
  readonly #stop: Bell;
  #loop: Promise<void> | undefined;
  #stopping = false;
  #abandoned = false;
  #storeFailures = 0;
  #purgeAtMs = 0;
  #renewAtMs = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#logger = options.logger.child({ room: 'outbox' });
    this.#work = new Bell(options.clock);
    this.#stop = new Bell(options.clock);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  notify(): void {
    this.#work.ring();
  }

  async retry(outboxId: string): Promise<RetryResult> {
    const result = await this.#options.store.retry(outboxId, this.#options.clock.nowMs());
    if (result === 'queued') this.notify();
    this.#logger.info({ outboxId, result }, 'an entry was retried by hand');
    return result;
  }

  status(): { underWay: number; storeFailing: boolean } {
    return { underWay: this.#jobs.size, storeFailing: this.#storeFailures > 0 };
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    this.#ringAll();
    if (!this.#loop) return;
    const { clock } = this.#options;
    if ((await withDeadline(clock, this.#loop, deadlineMs)) !== deadlinePassed) return;
    for (const { aborter } of this.#jobs) aborter.abort('stopped');
    if ((await withDeadline(clock, this.#loop, abortGraceMs)) !== deadlinePassed) return;
    this.#logger.warn(
      { entries: this.#jobs.size },
      'stopped without a word on how deliveries ended: they are repeated',
    );
    this.#abandoned = true;
    this.#ringAll();
  }

  #ringAll(): void {
    this.#work.ring();
    this.#stop.ring();
  }

  async #run(): Promise<void> {
    while (!this.#abandoned && !(this.#stopping && this.#jobs.size === 0)) {
      try {
        await this.#settleEnded();
        await this.#renew();
        const sleepMs = this.#stopping ? this.#limits.maxIdleMs : await this.#claimDue();
        this.#storeAnswered();
        if (!this.#stopping || this.#jobs.size > 0) await this.#work.wait(this.#untilRenewal(sleepMs));
      } catch (error) {
        await this.#storeFailed(error);
      }
    }
  }

  async #settleEnded(): Promise<void> {
    for (const job of this.#jobs) {
      if (!job.settlement) continue;
      await this.#settle(job, job.settlement);
      this.#jobs.delete(job);
    }
  }

  /** @throws when the database is down. What it alone will not take must not hold up the rest for ever. */
  async #settle(job: Job, settlement: Settlement): Promise<void> {
    const { store } = this.#options;
    try {
      await store.settle(job.claim, settlement);
    } catch (error) {
      await store.nextDueMs([]);
      job.settleFailures += 1;
      if (job.settleFailures < maxSettleFailures) throw error;
      const fields = { outboxId: job.claim.entry.outboxId, outcome: settlement.outcome, err: errorMessage(error) };
      this.#logger.error(fields, 'how a delivery ended cannot be written down: it is repeated');
    }
  }

  /** Keeps the claims of what is under way. Before anything is claimed: after a pause one's own would be given out. */
  async #renew(): Promise<void> {
    const { store, clock } = this.#options;
    if (this.#jobs.size === 0 || clock.monotonicMs() < this.#renewAtMs) return;
    const claims = [...this.#jobs].map(({ claim }) => claim);
    await store.renew(claims, clock.nowMs() + this.#limits.leaseMs);
    this.#renewAtMs = clock.monotonicMs() + this.#limits.renewEveryMs;
  }

  #untilRenewal(sleepMs: number): number {
    if (this.#jobs.size === 0) return sleepMs;
    return Math.min(sleepMs, Math.max(0, this.#renewAtMs - this.#options.clock.monotonicMs()));
  }

  /** Begins what is due, as far as there is room. Gives how long to sleep. */
  async #claimDue(): Promise<number> {
    const { store, clock } = this.#options;
    const { maxParallel, maxIdleMs, leaseMs } = this.#limits;
    await this.#purge();
    while (!this.#stopping && this.#jobs.size < maxParallel) {
      const except = { exceptLanes: this.#fullLanes(), exceptAccounts: this.#fullAccounts() };
      const claim = await store.claim({ nowMs: clock.nowMs(), leaseMs, ...except });
      if (!claim) break;
      this.#begin(claim);
    }
    // Without room the end of a delivery rings.
    if (this.#jobs.size >= maxParallel) return maxIdleMs;
    const dueMs = (await store.nextDueMs(this.#fullLanes(), this.#fullAccounts())) ?? Number.POSITIVE_INFINITY;
    // Due, but another process has it in hand at this moment: not again at once.
    return Math.min(maxIdleMs, Math.max(dueMs - clock.nowMs(), 50));
  }

  #fullLanes(): string[] {
    const counts = new Map<string, number>();
    for (const { claim } of this.#jobs) counts.set(claim.lane, (counts.get(claim.lane) ?? 0) + 1);
    return [...counts].filter(([, count]) => count >= this.#limits.maxParallelPerLane).map(([lane]) => lane);
  }

  /**
   * Accounts that have as many places as are left free: the first of whom all hang gets half, the next a quarter, and
   * there is always room for one who has none.
   */
  #fullAccounts(): string[] {
    const free = this.#limits.maxParallel - this.#jobs.size;
    const counts = new Map<string, number>();
    for (const { claim } of this.#jobs) {
      const { accountId } = claim.entry;
      // The house's own notices are few.
      if (accountId !== null) counts.set(accountId, (counts.get(accountId) ?? 0) + 1);
    }
    return [...counts].filter(([, count]) => count >= free).map(([accountId]) => accountId);
  }

  #begin(claim: OutboxClaim): void {
    const job: Job = { claim, aborter: new AbortController(), settleFailures: 0 };
    // The claims of a first job are as new as its own.
    if (this.#jobs.size === 0) this.#renewAtMs = this.#options.clock.monotonicMs() + this.#limits.renewEveryMs;
    this.#jobs.add(job);
    this.#attempt(job).then((settlement) => {
      job.settlement = settlement;
      this.#work.ring();
    });
  }

  /** Never rejects. */
  async #attempt({ claim: { entry }, aborter }: Job): Promise<Settlement> {
    const { clock, random = Math.random } = this.#options;
    const beganMs = clock.monotonicMs();
    const timer = clock.setTimeout(() => aborter.abort('timeout'), this.#limits.attemptTimeoutMs);
    const aborted = new Promise<DeliveryOutcome>((resolve) => {
      const reason = () => (aborter.signal.reason === 'timeout' ? 'timeout' : 'stopped');
      aborter.signal.addEventListener('abort', () => resolve({ result: 'failed', reason: reason() }), { once: true });
    });
    const outcome = await Promise.race([this.#deliver(entry, aborter.signal), aborted]);
    clock.clearTimeout(timer);
    const durationMs = clock.monotonicMs() - beganMs;
    const at = { nowMs: clock.nowMs(), durationMs, policy: this.#limits, random: random() };
    const settlement = settlementOf(entry, outcome, at);
    this.#log(entry, outcome, settlement);
    return settlement;
  }

  async #deliver(entry: OutboxClaim['entry'], signal: AbortSignal): Promise<DeliveryOutcome> {
    const deliverer = this.#options.deliverers[entry.channel];
    if (!deliverer) return { result: 'failed', reason: 'not-configured', detail: `${entry.channel} is not set up` };
    try {
      return await deliverer.deliver(entry, signal);
    } catch (error) {
      return { result: 'failed', reason: 'fault', detail: errorMessage(error) };
    }
  }

  #log(entry: OutboxClaim['entry'], outcome: DeliveryOutcome, { next, durationMs, statusCode }: Settlement): void {
    const { outboxId, accountId, kind, channel, attempts } = entry;
    const fields = { outboxId, accountId, kind, channel, attempt: attempts, durationMs: Math.round(durationMs) };
    if (outcome.result === 'delivered') {
      this.#logger.info({ ...fields, statusCode }, 'delivered');
      return;
    }
    const failure = { ...fields, statusCode, reason: outcome.reason };
    if (next.state === 'pending') {
      const pauseMs = next.nextAttemptAtMs - this.#options.clock.nowMs();
      this.#logger.warn({ ...failure, pauseMs }, 'not delivered yet');
    } else this.#logger.error(failure, 'given up: it did not arrive');
  }

  async #purge(): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs < this.#purgeAtMs) return;
    const purged = await this.#options.store.purge({
      endedBeforeMs: nowMs - this.#limits.keepEndedMs,
      limit: purgeBatch,
    });
    if (purged > 0) this.#logger.info({ entries: purged }, 'old entries were deleted');
    // A full batch: there are more, and they go while entries do.
    this.#purgeAtMs = purged < purgeBatch ? nowMs + this.#limits.purgeEveryMs : 0;
  }

  #storeAnswered(): void {
    if (this.#storeFailures > 0)
      this.#logger.info({ failures: this.#storeFailures }, 'the outbox has its database again');
    this.#storeFailures = 0;
  }

  /** Doubling pauses, each between half and the whole of its length, cut short by a stop alone. */
  async #storeFailed(error: unknown): Promise<void> {
    const { firstStoreRetryMs, maxStoreRetryMs } = this.#limits;
    const longestMs = Math.min(maxStoreRetryMs, firstStoreRetryMs * 2 ** Math.min(this.#storeFailures, 20));
    this.#storeFailures += 1;
    const pauseMs = Math.round(longestMs * (0.5 + (this.#options.random ?? Math.random)() / 2));
    this.#logger.warn(
      { err: errorMessage(error), failures: this.#storeFailures, pauseMs },
      'the outbox waits: its database failed',
    );
    await this.#stop.wait(pauseMs);
  }
}
