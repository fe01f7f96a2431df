import type { AgentSettingsStore } from '../accounts/agents.ts';
import type { QueueSettingsStore } from '../accounts/queues.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorMessage, isDatabaseAway } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { Rounds } from '../kernel/rounds.ts';
import type { DeskSettingsStore } from './desk-store.ts';

const defaultEveryMs = 5_000;

export interface SettingsMirrorOptions {
  queues: Pick<QueueSettingsStore, 'list'>;
  agents: Pick<AgentSettingsStore, 'list'>;
  /** The same while the database is away, as it was last known: for a desk that knows nothing at all. */
  known?: { queues: Pick<QueueSettingsStore, 'list'>; agents: Pick<AgentSettingsStore, 'list'> };
  store: Omit<DeskSettingsStore, 'findQueue'>;
  clock: Clock;
  logger: Logger;
  /** A change made by another process is taken over within this time. */
  everyMs?: number;
}

/**
 * Keeps the desk's copies of agents' and queues' settings as they stand in the database, whoever has changed them, also
 * while no process ran. Only what has changed, or is missing there, is written; all is written again now and then, since
 * how a queue's hours fall is known for some days ahead.
 */
export class SettingsMirror {
  readonly #options: SettingsMirrorOptions;
  #written = new Map<string, string>();
  #rounds = 0;
  readonly #looks: Rounds;
  #running: Promise<void> = Promise.resolve();

  constructor(options: SettingsMirrorOptions) {
    this.#options = options;
    const { clock, logger, everyMs = defaultEveryMs } = options;
    this.#looks = new Rounds({
      ...{ clock, everyMs },
      work: () => this.refresh(),
      onFailed: (error) => logger.warn({ err: errorMessage(error) }, 'desk settings could not be copied; tried again'),
    });
  }

  /** Resolves when all is written for the first time; where the database is away, as far as the desk needs it. */
  async start(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
      await this.#copyKnown();
    }
    this.#looks.start();
  }

  /** A desk that knows something knows it from a database that was there later than the copy, perhaps. */
  async #copyKnown(): Promise<void> {
    const { known, store } = this.#options;
    const there = await store.known();
    if (!known || there.queueIds.length > 0 || there.agentIds.length > 0) return;
    for (const queue of await known.queues.list()) await store.putQueue(queue);
    for (const agent of await known.agents.list()) if (agent.active) await store.putAgent(agent);
  }

  /** Takes changes over at once. */
  refresh(): Promise<void> {
    this.#running = this.#running.catch(() => undefined).then(() => this.#copy());
    return this.#running;
  }

  async stop(): Promise<void> {
    await this.#looks.stop();
    await this.#running.catch(() => undefined);
  }

  async #copy(): Promise<void> {
    const { queues, agents, store } = this.#options;
    if (this.#rounds++ % 12 === 0) this.#written = new Map();
    // Before the database is read: what is there and not in the database has been removed, and not just been added.
    const known = await store.known();
    const there = new Set([...known.queueIds.map(queueName), ...known.agentIds.map(agentName)]);
    const [allQueues, allAgents] = await Promise.all([queues.list(), agents.list()]);
    const wanted = new Map<string, { settings: unknown; write: () => Promise<void> }>();
    for (const queue of allQueues) {
      wanted.set(queueName(queue.queueId), { settings: queue, write: () => store.putQueue(queue) });
    }
    for (const agent of allAgents.filter(({ active }) => active)) {
      wanted.set(agentName(agent.agentId), { settings: agent, write: () => store.putAgent(agent) });
    }
    for (const [name, { settings, write }] of wanted) {
      const text = JSON.stringify(settings);
      if (there.has(name) && this.#written.get(name) === text) continue;
      await write();
      this.#written.set(name, text);
    }
    for (const id of known.agentIds) if (!wanted.has(agentName(id))) await store.removeAgent(id);
    for (const id of known.queueIds) if (!wanted.has(queueName(id))) await store.removeQueue(id);
  }
}

const queueName = (queueId: string) => `queue ${queueId}`;
const agentName = (agentId: string) => `agent ${agentId}`;
