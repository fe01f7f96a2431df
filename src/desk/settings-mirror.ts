import type { AgentSettingsStore } from '../accounts/agents.ts';
import type { QueueSettingsStore } from '../accounts/queues.ts';
import type { Clock, TimerHandle } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { DeskStaffStore } from './desk-store.ts';

const defaultEveryMs = 5_000;

export interface SettingsMirrorOptions {
  queues: Pick<QueueSettingsStore, 'list'>;
  agents: Pick<AgentSettingsStore, 'list'>;
  store: Pick<DeskStaffStore, 'putQueue' | 'putAgent' | 'removeAgent'>;
  clock: Clock;
  logger: Logger;
  /** A change made by another process is taken over within this time. */
  everyMs?: number;
}

/**
 * Keeps the desk's copies of agents' and queues' settings as they stand in the database, whoever has changed them. Only
 * what has changed is written; all is written again now and then, in case the desk's store has lost its data.
 */
export class SettingsMirror {
  readonly #options: SettingsMirrorOptions;
  #written = new Map<string, string>();
  #rounds = 0;
  #timer: TimerHandle | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: SettingsMirrorOptions) {
    this.#options = options;
  }

  /** Resolves when all is written for the first time. */
  async start(): Promise<void> {
    await this.refresh();
    this.#again();
  }

  /** Takes changes over at once. */
  refresh(): Promise<void> {
    this.#running = this.#running.catch(() => undefined).then(() => this.#copy());
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#options.clock.clearTimeout(this.#timer);
    await this.#running.catch(() => undefined);
  }

  #again(): void {
    const { clock, logger, everyMs = defaultEveryMs } = this.#options;
    if (this.#isStopped) return;
    this.#timer = clock.setTimeout(() => {
      const failed = (error: unknown) => {
        logger.warn({ err: errorMessage(error) }, 'desk settings could not be copied; tried again');
      };
      this.refresh()
        .catch(failed)
        .then(() => this.#again(), failed);
    }, everyMs);
  }

  async #copy(): Promise<void> {
    const { queues, agents, store } = this.#options;
    if (this.#rounds++ % 12 === 0) this.#written = new Map();
    const [allQueues, allAgents] = await Promise.all([queues.list(), agents.list()]);
    for (const queue of allQueues) await this.#put(`queue ${queue.queueId}`, queue, () => store.putQueue(queue));
    for (const agent of allAgents) await this.#put(`agent ${agent.agentId}`, agent, () => store.putAgent(agent));
    const known = new Set(allAgents.map(({ agentId }) => `agent ${agentId}`));
    for (const name of this.#written.keys()) {
      if (!name.startsWith('agent ') || known.has(name)) continue;
      await store.removeAgent(name.slice('agent '.length));
      this.#written.delete(name);
    }
  }

  async #put(name: string, settings: unknown, write: () => Promise<void>): Promise<void> {
    const text = JSON.stringify(settings);
    if (this.#written.get(name) === text) return;
    await write();
    this.#written.set(name, text);
  }
}
