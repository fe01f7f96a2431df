import { type Clock, deadlinePassed, type TimerHandle, withDeadline } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Shutdown } from '../kernel/shutdown.ts';
import type { AgentHistoryStore } from './agent-history.ts';
import type { DeskListenerHandle, DeskStaffStore } from './desk-store.ts';
import type { DeskViewStore } from './live.ts';

export const defaultHistoryLimits = {
  /** Changes gather this long, then go in one insert. */
  gatherMs: 1_000,
  /** Looked at this often also where nothing was told. */
  everyMs: 30_000,
  batchChanges: 1_000,
  storeDeadlineMs: 10_000,
  firstRetryMs: 500,
  maxRetryMs: 30_000,
  /** How long `stop` tries to carry what is left. */
  stopFlushMs: 2_000,
};

export interface AgentHistoryShipperOptions {
  desk: Pick<DeskStaffStore, 'readChanges' | 'forgetChanges'>;
  view: Pick<DeskViewStore, 'watch'>;
  history: Pick<AgentHistoryStore, 'add'>;
  clock: Clock;
  logger: Logger;
  limits?: Partial<typeof defaultHistoryLimits>;
}

/** The shipper, running until the shutdown. */
export function startAgentHistory(
  options: Omit<AgentHistoryShipperOptions, 'history'> & {
    data: { agentHistory: AgentHistoryStore };
    shutdown: Pick<Shutdown, 'add'>;
  },
): void {
  const shipper = new AgentHistoryShipper({ ...options, history: options.data.agentHistory });
  options.shutdown.add("agents' history", () => shipper.stop());
  shipper.start();
}

/**
 * Carries changes of agents' states from the desk's store to the database, which keeps them for ever. The desk forgets
 * them once the database has them, so each arrives at least once, and `changeId` makes that exactly once: any number of
 * controllers may do this at once. While the database is away they wait where they are (`readChanges` says how many).
 */
export class AgentHistoryShipper {
  readonly #options: AgentHistoryShipperOptions;
  readonly #limits: typeof defaultHistoryLimits;
  #watch: DeskListenerHandle | undefined;
  #timer: TimerHandle | undefined;
  #dueAtMs = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #failures = 0;
  #isStale = false;
  #isStopped = false;

  constructor(options: AgentHistoryShipperOptions) {
    this.#options = options;
    this.#limits = { ...defaultHistoryLimits, ...options.limits };
  }

  start(): void {
    this.#watch = this.#options.view.watch({ onChanged: () => this.#changed(), onConnected: () => this.#changed() });
    this.#wakeIn(this.#limits.gatherMs);
  }

  /** Carries what is left, within bounds; the next start finds the rest. */
  async stop(): Promise<void> {
    const { clock, logger } = this.#options;
    this.#isStopped = true;
    clock.clearTimeout(this.#timer);
    await this.#watch?.close();
    const last = (this.#running ?? Promise.resolve()).then(() => this.#ship());
    try {
      await withDeadline(clock, last, this.#limits.stopFlushMs);
    } catch (error) {
      logger.info({ err: errorMessage(error) }, "agents' changes of state wait for the next start");
    }
  }

  #changed(): void {
    this.#isStale = true;
    // After a failure the pause is the longer one: what is told does not cut it short.
    if (this.#running === undefined && this.#failures === 0) this.#wakeIn(this.#limits.gatherMs);
  }

  /** Sooner than planned, never later. */
  #wakeIn(delayMs: number): void {
    const { clock } = this.#options;
    const atMs = clock.monotonicMs() + delayMs;
    if (this.#isStopped || atMs >= this.#dueAtMs) return;
    clock.clearTimeout(this.#timer);
    this.#dueAtMs = atMs;
    this.#timer = clock.setTimeout(() => {
      this.#dueAtMs = Number.POSITIVE_INFINITY;
      this.#running = this.#round().finally(() => {
        this.#running = undefined;
      });
    }, delayMs);
  }

  async #round(): Promise<void> {
    const { gatherMs, everyMs, firstRetryMs, maxRetryMs } = this.#limits;
    const { logger } = this.#options;
    this.#isStale = false;
    try {
      await this.#ship();
      if (this.#failures > 0)
        logger.info({ failures: this.#failures }, "agents' changes of state reach the database again");
      this.#failures = 0;
      this.#wakeIn(this.#isStale ? gatherMs : everyMs);
    } catch (error) {
      const delayMs = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(this.#failures, 20));
      this.#failures += 1;
      const fields = { err: errorMessage(error), failures: this.#failures, delayMs };
      logger.warn(fields, "agents' changes of state wait: they could not be carried to the database");
      this.#wakeIn(delayMs);
    }
  }

  /** Batch by batch until nothing is left. What is read twice is kept once. */
  async #ship(): Promise<void> {
    const { desk, history, clock } = this.#options;
    const { batchChanges, storeDeadlineMs } = this.#limits;
    for (;;) {
      const changes = await desk.readChanges('', batchChanges);
      const last = changes.at(-1);
      if (!last) return;
      const answer = await withDeadline(clock, history.add(changes), storeDeadlineMs);
      if (answer === deadlinePassed) throw new Error(`no answer from the database within ${storeDeadlineMs} ms`);
      await desk.forgetChanges(last.changeId);
      if (changes.length < batchChanges) return;
    }
  }
}
