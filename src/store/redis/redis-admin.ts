import { mkdir } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { type Clock, deadlinePassed, delay, withDeadline } from '../../kernel/clock.ts';
import { errorMessage } from '../../kernel/errors.ts';

const connectDeadlineMs = 1_000;
const rescueDeadlineMs = 5_000;
const lookEveryMs = 20;

/** One connection to a Redis by which its supervisor looks after it. It does not come back once lost. */
export class RedisAdmin {
  readonly #client: Redis;
  readonly #clock: Clock;

  private constructor(client: Redis, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Undefined: nobody listens there, or nobody takes the connection. */
  static async connect(socketPath: string, clock: Clock): Promise<RedisAdmin | undefined> {
    const client = new Redis(socketPath, {
      lazyConnect: true,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      disableClientInfo: true,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    // What is wrong shows in the answers that do not come.
    client.on('error', () => undefined);
    const connected = client.connect().then(
      () => true,
      () => false,
    );
    if ((await withDeadline(clock, connected, connectDeadlineMs)) === true) return new RedisAdmin(client, clock);
    client.disconnect();
    return undefined;
  }

  get isConnected(): boolean {
    return this.#client.status === 'ready' || this.#client.status === 'connect';
  }

  /** `up`: it answers; `loading`: it reads its data; `gone`: the connection is lost. Never resolves while it hangs. */
  async ping(): Promise<'up' | 'loading' | 'gone'> {
    try {
      await this.#client.ping();
      return 'up';
    } catch (error) {
      if (errorMessage(error).startsWith('LOADING')) return 'loading';
      return this.isConnected ? 'up' : 'gone';
    }
  }

  /** Undefined where there is no answer in time. */
  async processId(): Promise<number | undefined> {
    return Number(await this.#info('server', 'process_id')) || undefined;
  }

  /** Writes all that is in memory to the folder, which may have been removed, as a new append-only file. */
  async saveTo(folder: string): Promise<boolean> {
    const saving = this.#saveTo(folder).then(
      () => true,
      () => false,
    );
    return (await withDeadline(this.#clock, saving, rescueDeadlineMs)) === true;
  }

  /** Saves and ends the server. Resolves when it has closed the connection, or at the deadline. */
  async shutDown(deadlineMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#client.once('end', () => resolve()));
    // No answer comes where it works.
    this.#client.call('SHUTDOWN').catch(() => undefined);
    if (this.isConnected) await withDeadline(this.#clock, closed, deadlineMs);
  }

  close(): void {
    this.#client.disconnect();
  }

  async #saveTo(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const set = (name: string, value: string) => this.#client.call('CONFIG', 'SET', name, value);
    await set('dir', folder);
    // Off and on again: only then all is written anew, into a folder that is made for it.
    await set('appendonly', 'no');
    await set('appendonly', 'yes');
    const isBusy = async () =>
      (await this.#info('persistence', 'aof_rewrite_in_progress')) !== '0' ||
      (await this.#info('persistence', 'aof_rewrite_scheduled')) !== '0';
    while (await isBusy()) await delay(this.#clock, lookEveryMs);
  }

  async #info(section: string, field: string): Promise<string | undefined> {
    const answer = await withDeadline(this.#clock, this.#client.info(section), connectDeadlineMs).catch(
      () => deadlinePassed,
    );
    if (typeof answer !== 'string') return undefined;
    return new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(answer)?.[1];
  }
}
