import type { CompiledQuery, QueryResult } from 'kysely';
import type { Clock } from '../../kernel/clock.ts';
import { databaseAway, isDatabaseAway } from '../../kernel/errors.ts';
import type { DatabaseProbe, Gates } from './database-watch.ts';
import { isPassing } from './sql-errors.ts';
import { SqliteError, SqliteThread } from './sqlite-thread.ts';

/** How a SQLite database is used. */
export interface SqliteOptions {
  path: string;
  gates: Gates;
  clock: Clock;
  /** Threads that only read, beside the one that writes; 0: that one does both. */
  readers: number;
  /** A statement failed in a way that passes by itself. */
  onTrouble(): void;
}

export type Statement = Pick<CompiledQuery, 'sql' | 'parameters'>;

/** The one who writes is at work as long as its last answer is not older than this. */
const progressMs = 1_000;

/** The threads of one SQLite database: one that writes, whose users take turns, and some that read. */
export class SqliteConnections {
  readonly #options: SqliteOptions;
  readonly #readers: SqliteThread[] = [];
  #writer: SqliteThread | undefined;
  /** The end of the line of those who wait for the writer. */
  #lastTurn: Promise<void> = Promise.resolve();
  #turns = 0;
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  /** A statement was given up, and its transaction may be open. */
  #isDirty = false;
  #isClosed = false;

  constructor(options: SqliteOptions) {
    this.#options = options;
  }

  /** Looks past the gates. */
  get probe(): DatabaseProbe {
    return {
      read: () => this.#reader().execute({ sql: 'select count(*) from sqlite_master', parameters: [] }),
      write: () => this.#tryToWrite(),
    };
  }

  /** Waits in line for the writer. Resolves with what ends the turn. */
  async turn(): Promise<() => void> {
    const { writes } = this.#options.gates;
    if (writes.closed) throw databaseAway(writes.closed.why);
    const { mine, end } = this.#standInLine();
    await writes.pass(() => mine, end);
    return end;
  }

  /** Only within a turn. */
  write<R>(statement: Statement): Promise<QueryResult<R>> {
    const { gates, clock } = this.#options;
    const run = async () => {
      const answer = await this.#clean().execute<R>(statement);
      this.#answeredAtMs = clock.monotonicMs();
      return answer;
    };
    return this.#judged(gates.writes.pass(run), () => {
      this.#isDirty = true;
    });
  }

  /** Outside of transactions. */
  read<R>(statement: Statement): Promise<QueryResult<R>> {
    return this.#judged(this.#options.gates.reads.pass(() => this.#reader().execute<R>(statement)));
  }

  get hasReaders(): boolean {
    return this.#options.readers > 0;
  }

  assertOpen(): void {
    if (this.#isClosed) throw new SqliteError('the database is closed', 0);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const threads = [...this.#readers.splice(0), ...(this.#writer ? [this.#writer] : [])];
    this.#writer = undefined;
    await Promise.all(threads.map((thread) => thread.close()));
  }

  #standInLine(): { mine: Promise<void>; end: () => void } {
    const mine = this.#lastTurn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#lastTurn = promise;
    this.#turns += 1;
    let isOver = false;
    const end = () => {
      if (!isOver) this.#turns -= 1;
      isOver = true;
      resolve();
    };
    return { mine, end };
  }

  /** Takes the lock for writing and gives it back; that writes nothing. */
  async #tryToWrite(): Promise<void> {
    const { clock } = this.#options;
    if (this.#turns > 0 && clock.monotonicMs() - this.#answeredAtMs < progressMs) return;
    const { mine, end } = this.#standInLine();
    await mine;
    try {
      const thread = this.#clean();
      await thread.execute({ sql: 'begin immediate', parameters: [] });
      await thread.execute({ sql: 'rollback', parameters: [] });
    } finally {
      end();
    }
  }

  /** The writer, with no transaction open that was given up. */
  #clean(): SqliteThread {
    this.assertOpen();
    if (!this.#writer || this.#writer.isGone) this.#writer = this.#open(false);
    if (this.#isDirty) this.#writer.reset();
    this.#isDirty = false;
    return this.#writer;
  }

  /** The one with the least to do. */
  #reader(): SqliteThread {
    this.assertOpen();
    if (!this.hasReaders) return this.#clean();
    const alive = this.#readers.filter((thread) => !thread.isGone);
    const free = alive.find(({ waiting }) => waiting === 0);
    if (!free && alive.length < this.#options.readers) alive.push(this.#open(true));
    this.#readers.splice(0, this.#readers.length, ...alive);
    return free ?? alive.reduce((least, thread) => (thread.waiting < least.waiting ? thread : least));
  }

  #open(readOnly: boolean): SqliteThread {
    return new SqliteThread({ path: this.#options.path, readOnly });
  }

  /** Says so where the statement failed in a way that passes, or was given up. */
  async #judged<T>(work: Promise<T>, onGivenUp: () => void = () => undefined): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof SqliteError)) onGivenUp();
      if (this.#isClosed || !isPassing(error) || isDatabaseAway(error)) throw error;
      this.#options.onTrouble();
      throw databaseAway(error instanceof Error ? error.message : String(error), error);
    }
  }
}
