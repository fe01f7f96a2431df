import { type Clock, deadlinePassed, type TimerHandle, withDeadline } from '../../kernel/clock.ts';
import { errorMessage } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { Gate } from './gate.ts';

/** The gates of a database: SQLite can be read while another program holds it for writing. */
export interface Gates {
  reads: Gate;
  writes: Gate;
}

export function makeGates(clock: Clock): Gates {
  return { reads: new Gate(clock), writes: new Gate(clock) };
}

/** `read-only`: it can be read, but does not take anything. */
export interface DatabaseStatus {
  state: 'up' | 'read-only' | 'away';
  /** ms since the epoch; of a state other than `up`. */
  sinceMs?: number;
  why?: string;
}

/** Looks that go past the gates. Each rejects where the database does not do it. */
export interface DatabaseProbe {
  read(): Promise<unknown>;
  write(): Promise<unknown>;
}

export interface DatabaseWatchOptions {
  gates: Gates;
  probe: DatabaseProbe;
  /** Brings the schema up to date; done before the gates open for the first time. */
  prepare(): Promise<void>;
  /** The database is there (again): for the first time, or after it was away. */
  onUp?(): void;
  onAway?(): void;
  clock: Clock;
  logger: Logger;
}

const everyMs = 1_000;
/** Twice in a row without an answer within this time, and the database is away: known within 5 s in any case. */
const answerMs = 1_500;
const prepareMs = 60_000;

/** Finds out that the database is away, and that it is back, and works its gates. */
export class DatabaseWatch {
  readonly #options: DatabaseWatchOptions;
  #timer: TimerHandle | undefined;
  #looking = false;
  #again = false;
  #silences = 0;
  #isPrepared: boolean;
  #isStopped = false;
  /** Looks that have not been answered yet: no second one of a kind is put behind them. */
  readonly #unanswered = new Map<string, Promise<unknown>>();

  constructor(options: DatabaseWatchOptions, isPrepared: boolean) {
    this.#options = options;
    this.#isPrepared = isPrepared;
  }

  start(): void {
    this.#plan(everyMs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  get status(): DatabaseStatus {
    const { reads, writes } = this.#options.gates;
    const closed = reads.closed ?? writes.closed;
    if (!closed) return { state: 'up' };
    return { state: reads.closed ? 'away' : 'read-only', ...closed };
  }

  /** Something has failed in a way that the database may be to blame for: looked at at once. */
  suspect(): void {
    if (this.#looking) this.#again = true;
    else this.#plan(0);
  }

  #plan(inMs: number): void {
    const { clock } = this.#options;
    if (this.#isStopped) return;
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => {
      this.#look().then(() => this.#plan(this.#again ? 0 : everyMs));
    }, inMs);
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { reads, writes } = this.#options.gates;
    const { probe } = this.#options;
    this.#looking = true;
    this.#again = false;
    const before = this.status.state;
    const [read, write] = await Promise.all([
      this.#ask('read', () => probe.read()),
      this.#ask('write', () => probe.write()),
    ]);
    const isSilent = read === silent || write === silent;
    this.#silences = isSilent ? this.#silences + 1 : 0;
    // One look without an answer can have other causes: a machine that was busy for a moment.
    const counts = !isSilent || this.#silences > 1 || before !== 'up';
    if (counts && !this.#isStopped) {
      const problem = read ?? write;
      if (problem === undefined && !(await this.#prepared())) return this.#looked();
      turn(reads, read);
      turn(writes, read ?? write);
      this.#tell(before);
    } else if (isSilent) this.#again = true;
    this.#looked();
  }

  #looked(): void {
    this.#looking = false;
  }

  /** Gives what is wrong. */
  async #ask(kind: 'read' | 'write', ask: () => Promise<unknown>): Promise<string | undefined> {
    const answer = this.#unanswered.get(kind) ?? ask().finally(() => this.#unanswered.delete(kind));
    this.#unanswered.set(kind, answer);
    try {
      return (await withDeadline(this.#options.clock, answer, answerMs)) === deadlinePassed ? silent : undefined;
    } catch (error) {
      return errorMessage(error);
    }
  }

  async #prepared(): Promise<boolean> {
    if (this.#isPrepared) return true;
    const { prepare, clock, logger, gates } = this.#options;
    try {
      if ((await withDeadline(clock, prepare(), prepareMs)) === deadlinePassed) throw new Error(silent);
      this.#isPrepared = true;
      return true;
    } catch (error) {
      const why = errorMessage(error);
      logger.warn({ err: why }, 'the database is there, but its schema cannot be brought up to date; tried again');
      for (const gate of [gates.reads, gates.writes]) gate.close(why);
      return false;
    }
  }

  #tell(before: DatabaseStatus['state']): void {
    const { logger, onUp, onAway, clock } = this.#options;
    const { state, why, sinceMs } = this.status;
    if (state === before) return;
    if (state === 'up') {
      logger.info({}, 'the database is there again');
      onUp?.();
      return;
    }
    const forMs = clock.nowMs() - (sinceMs ?? clock.nowMs());
    logger.warn({ err: why, state, forMs }, 'the database is away: calls go on from what is known, facts wait');
    if (state === 'away') onAway?.();
  }
}

const silent = 'it does not answer';

function turn(gate: Gate, problem: string | undefined): void {
  if (problem === undefined) gate.open();
  else gate.close(problem);
}
