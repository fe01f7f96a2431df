import type { Clock, TimerHandle } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { AgentStatus, DeskListenerHandle, QueueFigures } from './desk-store.ts';
import type { LiveCall } from './live-types.ts';

/** What happened in a queue in half an hour. */
export interface FiguresSlot {
  atMs: number;
  answered: number;
  /** Of these within the time of the service level. */
  inTime: number;
  /** Without having talked to anybody: hung up, gave up waiting, left a message. */
  left: number;
  /** Of the answered ones together. */
  waitMs: number;
}

export interface QueueOverview extends Pick<QueueFigures, 'queueId' | 'waiting' | 'agents' | 'handlingMs'> {
  name: string;
  timezone: string;
  oldestAtMs: number | undefined;
  /** The first in line. */
  line: string[];
  /** Of the last 25 hours. */
  slots: FiguresSlot[];
}

export interface AgentOverview extends AgentStatus {
  displayName: string;
  queues: string[];
  /** When wrap-up, or a pause, ends by itself. */
  untilMs: number | undefined;
  /** Whether a phone of theirs is registered; absent: not known. */
  hasPhone?: boolean;
}

/** The whole desk at one moment. Times are ms since the epoch by the store's clock. */
export interface DeskOverview {
  nowMs: number;
  queues: QueueOverview[];
  agents: AgentOverview[];
  /** Of agents, and the first of each line. */
  calls: LiveCall[];
}

/** What shows how the desk stands. */
export interface DeskViewStore {
  look(): Promise<DeskOverview>;
  /** Told of every change from now on; changes can have been missed before each `onConnected`. */
  watch(listener: { onChanged(): void; onConnected(): void }): DeskListenerHandle;
}

/** Which agents have a phone that is registered now. */
export interface PhoneStates {
  registeredOf(agentIds: readonly string[]): Promise<ReadonlySet<string>>;
}

export type OverviewListener = (overview: DeskOverview) => void;

const defaultEveryMs = 500;
const retryMs = 2_000;
/** Registrations end by themselves, and nobody tells: so often they are looked at. */
const phonesEveryMs = 2_000;

interface DeskLiveOptions {
  store: DeskViewStore;
  /** Left out: nothing is known of phones. */
  phones?: PhoneStates;
  clock: Clock;
  logger: Logger;
  everyMs?: number;
}

/**
 * The desk as it changes, for all who watch in this process: one look at the store for all of them, at most one every
 * `everyMs`, and none while nobody watches or nothing changes.
 */
export class DeskLive {
  readonly #options: DeskLiveOptions;
  readonly #listeners = new Set<OverviewListener>();
  #watch: DeskListenerHandle | undefined;
  #timer: TimerHandle | undefined;
  #latest: DeskOverview | undefined;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #isLooking = false;
  #isStale = false;
  #phonesTimer: TimerHandle | undefined;

  constructor(options: DeskLiveOptions) {
    this.#options = options;
  }

  /** Tells at once (or as soon as it is known), and on each change. Gives what ends it. */
  subscribe(listener: OverviewListener): () => void {
    this.#listeners.add(listener);
    if (this.#latest) listener(this.#latest);
    this.#watch ??= this.#options.store.watch({
      onChanged: () => this.#changed(),
      onConnected: () => this.#changed(),
    });
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#rest();
    };
  }

  /** Nobody is told any more. */
  stop(): void {
    this.#listeners.clear();
    this.#rest();
  }

  #rest(): void {
    const { clock, logger } = this.#options;
    clock.clearTimeout(this.#timer);
    clock.clearTimeout(this.#phonesTimer);
    this.#timer = undefined;
    this.#phonesTimer = undefined;
    this.#latest = undefined;
    this.#isStale = false;
    this.#watch?.close().catch((error: unknown) => logger.debug({ err: errorMessage(error) }, 'a watch did not close'));
    this.#watch = undefined;
  }

  #changed(): void {
    this.#isStale = true;
    if (!this.#isLooking && this.#timer === undefined) this.#lookIn(0);
  }

  #lookIn(atLeastMs: number): void {
    const { clock, everyMs = defaultEveryMs } = this.#options;
    const waitMs = Math.max(atLeastMs, this.#lookedAtMs + everyMs - clock.monotonicMs());
    this.#timer = clock.setTimeout(
      () => {
        this.#timer = undefined;
        this.#look().catch((error: unknown) => this.#failed(error));
      },
      Math.max(0, Math.ceil(waitMs)),
    );
  }

  async #look(): Promise<void> {
    const { store, clock } = this.#options;
    this.#isLooking = true;
    this.#isStale = false;
    this.#lookedAtMs = clock.monotonicMs();
    try {
      const overview = await this.#withPhones(await store.look());
      if (this.#watch === undefined) return;
      this.#latest = overview;
      for (const listener of [...this.#listeners]) listener(overview);
      this.#phonesTimer ??= clock.setTimeout(() => this.#lookAtPhones(), phonesEveryMs);
    } finally {
      this.#isLooking = false;
    }
    if (this.#isStale) this.#lookIn(0);
  }

  async #withPhones(overview: DeskOverview): Promise<DeskOverview> {
    const { phones } = this.#options;
    if (!phones) return overview;
    const registered = await phones.registeredOf(overview.agents.map(({ agentId }) => agentId));
    return {
      ...overview,
      agents: overview.agents.map((agent) => ({ ...agent, hasPhone: registered.has(agent.agentId) })),
    };
  }

  /** Whoever watches is told where a phone has come or gone. */
  #lookAtPhones(): void {
    this.#phonesTimer = undefined;
    const { clock, logger } = this.#options;
    const before = this.#latest;
    if (!before) return;
    this.#withPhones(before)
      .then((now) => {
        if (this.#latest !== before) return;
        if (now.agents.some(({ hasPhone }, index) => hasPhone !== before.agents[index]?.hasPhone)) this.#changed();
      })
      .catch((error: unknown) => logger.debug({ err: errorMessage(error) }, 'phones could not be looked at'))
      .finally(() => {
        if (this.#watch) this.#phonesTimer ??= clock.setTimeout(() => this.#lookAtPhones(), phonesEveryMs);
      });
  }

  #failed(error: unknown): void {
    if (this.#watch === undefined) return;
    this.#options.logger.warn({ err: errorMessage(error) }, 'the desk could not be looked at');
    this.#isStale = true;
    this.#lookIn(retryMs);
  }
}
