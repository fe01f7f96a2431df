import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { type Clock, delay, type TimerHandle, withDeadline } from '../../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { RedisAdmin } from './redis-admin.ts';
import { foundRedis, type RedisProcess, redisLeftIn, spawnRedis } from './redis-process.ts';

/** A Redis of our own, on a Unix socket, that is started again whenever it ends, hangs or has lost its files. */
export interface PrivateRedis {
  /** Path of its socket, the same for as long as it is there. */
  readonly socketPath: string;
  /** Of the process that runs now. */
  readonly pid: number;
  /** Saves and stops it. */
  stop(): Promise<void>;
}

export interface PrivateRedisOptions {
  /** For this process alone: whoever calls holds the lock of the data folder around it. */
  folder: string;
  clock: Clock;
  logger: Logger;
}

const startDeadlineMs = 10_000;
/** As long as it says that it reads its data. */
const loadDeadlineMs = 120_000;
const stopDeadlineMs = 10_000;
const startPollMs = 20;
/** While it starts. */
const answerDeadlineMs = 1_000;
/** Linux refuses longer socket paths. */
const maxSocketPathBytes = 100;
const lookEveryMs = 250;
/**
 * Looks in a row without an answer to what was asked: it hangs. Looks are counted, not time: a controller that was
 * itself held up has not heard an answer that is there. One that merely waits for its turn on a busy machine is given
 * longer: to start it again would make that worse.
 */
const looksUntilHung = { halted: 4, running: 16 };
const firstPauseMs = 100;
const longestPauseMs = 2_000;

/**
 * Starts a private redis-server on a folder: append-only file on, no TCP port. One that a killed controller left
 * running on the same folder is taken over instead, so a crash never blocks the next start; one that was left and hangs
 * is ended first. From then on it is looked after.
 * @throws DenwabanError `REDIS_MISSING`, `REDIS_FAILED`.
 */
export async function startPrivateRedis(options: PrivateRedisOptions): Promise<PrivateRedis> {
  const { folder } = options;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { socketPath, ownFolder } = socketPlace(folder);
    const redis = new SupervisedRedis(options, socketPath, ownFolder);
    await redis.start();
    return redis;
  } catch (error) {
    throw error instanceof DenwabanError ? error : startFailure(folder, errorMessage(error));
  }
}

class SupervisedRedis implements PrivateRedis {
  readonly socketPath: string;
  readonly #options: PrivateRedisOptions;
  /** Made for a socket whose path would have been too long. */
  readonly #ownFolder: string | undefined;
  #process: RedisProcess | undefined;
  #admin: RedisAdmin | undefined;
  /** The files as they were when it began: others in their place are not the ones it writes to. */
  #files = '';
  #timer: TimerHandle | undefined;
  #isAsked = false;
  #unansweredLooks = 0;
  #isRestarting = false;
  #isStopped = false;

  constructor(options: PrivateRedisOptions, socketPath: string, ownFolder: string | undefined) {
    this.#options = options;
    this.socketPath = socketPath;
    this.#ownFolder = ownFolder;
  }

  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  async start(): Promise<void> {
    if (!(await this.#adopt())) await this.#launch();
    this.#look();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const { clock } = this.#options;
    clock.clearTimeout(this.#timer);
    await this.#admin?.shutDown(stopDeadlineMs);
    this.#admin?.close();
    await this.#end();
    if (this.#ownFolder) rmSync(this.#ownFolder, { recursive: true, force: true });
  }

  /** One that a controller before us has left here. False: there is none (any more). */
  async #adopt(): Promise<boolean> {
    const { folder } = this.#options;
    const admin = await RedisAdmin.connect(this.socketPath, this.#options.clock);
    const pid = await admin?.processId();
    if (admin && pid) {
      this.#process = foundRedis(pid, this.socketPath);
      this.#admin = admin;
      await this.#untilReady();
      return true;
    }
    admin?.close();
    // It takes no connection or gives no answer, yet it may run, and would write to the same files.
    this.#process = redisLeftIn(folder, this.socketPath);
    await this.#end();
    return false;
  }

  async #launch(): Promise<void> {
    const launched = spawnRedis(this.#options.folder, this.socketPath);
    this.#process = launched;
    launched.onExit((how) => {
      if (this.#process === launched && this.#admin) this.#restart(how);
    });
    await this.#untilReady();
  }

  async #untilReady(): Promise<void> {
    const { clock, folder } = this.#options;
    const launched = this.#process;
    const begunMs = clock.monotonicMs();
    let deadlineMs = begunMs + startDeadlineMs;
    for (;;) {
      if (this.#admin && !this.#admin.isConnected) this.#admin = undefined;
      const admin = this.#admin ?? (await RedisAdmin.connect(this.socketPath, clock));
      const answer = admin && (await withDeadline(clock, admin.ping(), answerDeadlineMs));
      if (answer === 'loading') deadlineMs = begunMs + loadDeadlineMs;
      if (answer === 'up') {
        this.#admin = admin;
        this.#files = this.#fileMarks();
        this.#unansweredLooks = 0;
        this.#isAsked = false;
        return;
      }
      admin?.close();
      this.#admin = undefined;
      if (!launched?.isRunning() || clock.monotonicMs() > deadlineMs) {
        launched?.kill();
        throw startFailure(folder, launched?.said() ?? '');
      }
      await delay(clock, startPollMs);
    }
  }

  #look(): void {
    const { clock } = this.#options;
    if (this.#isStopped) return;
    this.#timer = clock.setTimeout(() => {
      if (!this.#isRestarting) this.#check();
      this.#look();
    }, lookEveryMs);
  }

  #check(): void {
    const admin = this.#admin;
    if (!this.#process?.isRunning()) {
      this.#restart('it has ended');
      return;
    }
    if (admin?.isConnected && this.#fileMarks() !== this.#files) {
      this.#restart('its files were removed', admin);
      return;
    }
    if (this.#isAsked) {
      this.#unansweredLooks += 1;
      const looksMax = looksUntilHung[this.#process.isHalted() ? 'halted' : 'running'];
      if (this.#unansweredLooks >= looksMax) this.#restart('it gives no answer');
      return;
    }
    this.#isAsked = true;
    this.#ask(admin).then((hasAnswered) => {
      if (this.#isRestarting) return;
      this.#isAsked = false;
      this.#unansweredLooks = hasAnswered ? 0 : this.#unansweredLooks + 1;
    });
  }

  /** On a new connection where the old one is lost: somebody may have closed it. */
  async #ask(admin: RedisAdmin | undefined): Promise<boolean> {
    if (admin?.isConnected) return (await admin.ping()) !== 'gone';
    const again = await RedisAdmin.connect(this.socketPath, this.#options.clock);
    if (again && !this.#isRestarting && !this.#isStopped) this.#admin = again;
    else again?.close();
    return again !== undefined;
  }

  /** `saver`: the connection by which it can still be told to save what it has in memory. */
  #restart(why: string, saver?: RedisAdmin): void {
    if (this.#isRestarting || this.#isStopped) return;
    this.#isRestarting = true;
    const { logger, clock } = this.#options;
    const begunMs = clock.monotonicMs();
    logger.error({ why }, 'the private Redis is started again');
    this.#restartUntilUp(saver).then(
      () => {
        this.#isRestarting = false;
        const tookMs = Math.round(clock.monotonicMs() - begunMs);
        if (!this.#isStopped) logger.info({ tookMs }, 'the private Redis is back');
      },
      (error: unknown) => {
        this.#isRestarting = false;
        logger.error({ err: errorMessage(error) }, 'the private Redis could not be started again');
      },
    );
  }

  async #restartUntilUp(saver: RedisAdmin | undefined): Promise<void> {
    const { clock, folder, logger } = this.#options;
    if (saver && (await saver.saveTo(folder))) await saver.shutDown(stopDeadlineMs);
    this.#admin?.close();
    this.#admin = undefined;
    for (let pauseMs = firstPauseMs; !this.#isStopped; pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
      try {
        await this.#end();
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        await this.#launch();
        break;
      } catch (error) {
        const { message } = error instanceof DenwabanError ? error : { message: errorMessage(error) };
        logger.error({ err: message }, 'the private Redis does not start; tried again');
        await delay(clock, pauseMs);
      }
    }
    if (this.#isStopped) await this.#end();
  }

  /** Resolves when the process is gone: two on the same files would ruin them. */
  async #end(): Promise<void> {
    const { clock, folder } = this.#options;
    const ended = this.#process;
    ended?.kill();
    const deadlineMs = clock.monotonicMs() + stopDeadlineMs;
    while (ended?.isRunning()) {
      if (clock.monotonicMs() > deadlineMs) throw startFailure(folder, `process ${ended.pid} can't be ended`);
      await delay(clock, startPollMs);
    }
    this.#process = undefined;
  }

  /** Of the socket and the append-only files' folder. */
  #fileMarks(): string {
    return [this.socketPath, join(this.#options.folder, 'appendonlydir')]
      .map((path) => statSync(path, { throwIfNoEntry: false })?.ino ?? 'none')
      .join(' ');
  }
}

/** In the folder itself, or where that path is too long in a folder of our own that every start finds again. */
function socketPlace(folder: string): { socketPath: string; ownFolder?: string } {
  const inFolder = join(folder, 'redis.sock');
  if (Buffer.byteLength(inFolder) <= maxSocketPathBytes) return { socketPath: inFolder };
  const { uid } = userInfo();
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const ownFolder = join(tmpdir(), `denwaban-${uid}-${name}`);
  mkdirSync(ownFolder, { recursive: true, mode: 0o700 });
  const found = lstatSync(ownFolder);
  // Everybody may make folders there: in somebody else's they could answer in our Redis's place.
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw startFailure(folder, `${ownFolder} is not this user's alone`);
  }
  return { socketPath: join(ownFolder, 'redis.sock'), ownFolder };
}

function startFailure(folder: string, said: string): DenwabanError {
  if (/spawn redis-server ENOENT/.test(said)) {
    return new DenwabanError('REDIS_MISSING', 'redis-server is not installed', {
      remedy: 'apt-get install redis-server, or set REDIS_URL to a Redis that runs elsewhere',
    });
  }
  return new DenwabanError('REDIS_FAILED', `the private redis-server did not start on ${folder}: ${said.slice(-500)}`, {
    remedy: 'Check that the folder is writable and its append-only file is whole, or set REDIS_URL',
  });
}
