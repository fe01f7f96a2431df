import { Worker } from 'node:worker_threads';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';

/** To the worker: run this statement. */
export interface SqliteQuestion {
  id: number;
  sql: string;
  parameters: readonly unknown[];
  /** Close the database instead and end. */
  close?: boolean;
}

export type SqliteAnswer =
  | { id: number; rows: object[]; changes: number }
  | { id: number; error: string; errcode: number };

/** What SQLite refused. `errcode` is its extended result code. */
export class SqliteError extends Error {
  readonly errcode: number;
  constructor(message: string, errcode: number) {
    super(message);
    this.name = 'SqliteError';
    this.errcode = errcode;
  }
}

/** Kysely on `node:sqlite`, with the connection in a thread of its own. One connection, hence one writer. */
export function sqliteDialect(path: string): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new SqliteThreadDriver(path),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

class SqliteThreadDriver implements Driver {
  readonly #path: string;
  #thread: SqliteThread | undefined;
  /** The end of the line of those who wait for the connection. */
  #lastTurn: Promise<void> = Promise.resolve();
  #endTurn: (() => void) | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async init(): Promise<void> {
    this.#thread = new SqliteThread(this.#path);
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const myTurn = this.#lastTurn;
    let endTurn: () => void = () => undefined;
    this.#lastTurn = new Promise((resolve) => {
      endTurn = resolve;
    });
    await myTurn;
    this.#endTurn = endTurn;
    if (!this.#thread) throw new SqliteError('the database is closed', 0);
    return this.#thread;
  }

  async releaseConnection(): Promise<void> {
    this.#endTurn?.();
  }

  /** `immediate`: takes the write lock at once, so that reading first and writing then can't fail half-way. */
  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async destroy(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.close();
  }
}

class SqliteThread implements DatabaseConnection {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (answer: SqliteAnswer) => void>();
  #nextId = 1;
  #gone: string | undefined;

  constructor(path: string) {
    this.#worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { workerData: { path } });
    this.#worker.on('message', (answer: SqliteAnswer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    this.#worker.on('error', (error) => this.#fail(error instanceof Error ? error.message : String(error)));
    this.#worker.on('exit', () => this.#fail('the database is closed'));
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const answer = await this.#ask({ sql: query.sql, parameters: query.parameters });
    if ('error' in answer) throw new SqliteError(answer.error, answer.errcode);
    return { rows: answer.rows as R[], numAffectedRows: BigInt(answer.changes) };
  }

  /** Required by Kysely; results here are small enough to be read whole. */
  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new SqliteError('streaming is not supported on SQLite', 0);
  }

  async close(): Promise<void> {
    if (this.#gone === undefined) {
      const exited = new Promise((resolve) => this.#worker.once('exit', resolve));
      await this.#ask({ sql: '', parameters: [], close: true });
      await exited;
    }
  }

  #ask(question: Omit<SqliteQuestion, 'id'>): Promise<SqliteAnswer> {
    const id = this.#nextId++;
    if (this.#gone !== undefined) return Promise.resolve({ id, error: this.#gone, errcode: 0 });
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#worker.postMessage({ id, ...question } satisfies SqliteQuestion);
    });
  }

  #fail(why: string): void {
    this.#gone ??= why;
    for (const [id, resolve] of this.#waiting) resolve({ id, error: this.#gone, errcode: 0 });
    this.#waiting.clear();
  }
}
