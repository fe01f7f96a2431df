import { Worker } from 'node:worker_threads';
import type { CompiledQuery, QueryResult } from 'kysely';

/** To the worker: run this statement. */
export interface SqliteQuestion {
  id: number;
  sql: string;
  parameters: readonly unknown[];
  /** Close the database instead and end. */
  close?: boolean;
  /** Undo a transaction that nobody will end, if there is one, instead. */
  reset?: boolean;
}

export type SqliteAnswer =
  | { id: number; rows: object[]; changes: number }
  | { id: number; error: string; errcode: number };

/** What the worker is told at its start. */
export interface SqliteThreadOptions {
  path: string;
  /** Only reads, so that it waits for no writer. */
  readOnly: boolean;
}

/** What SQLite refused. `errcode` is its extended result code. */
export class SqliteError extends Error {
  readonly errcode: number;
  constructor(message: string, errcode: number) {
    super(message);
    this.name = 'SqliteError';
    this.errcode = errcode;
  }
}

/** A connection in a thread of its own, so that nobody waits for the disk but those who ask it. */
export class SqliteThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (answer: SqliteAnswer) => void>();
  #nextId = 1;
  #gone: string | undefined;

  constructor(options: SqliteThreadOptions) {
    this.#worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { workerData: options });
    this.#worker.on('message', (answer: SqliteAnswer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    this.#worker.on('error', (error) => this.#fail(error instanceof Error ? error.message : String(error)));
    this.#worker.on('exit', () => this.#fail('the database is closed'));
  }

  /** It has ended, by itself or because it could not open the file. */
  get isGone(): boolean {
    return this.#gone !== undefined;
  }

  /** Statements that have not been answered. */
  get waiting(): number {
    return this.#waiting.size;
  }

  async execute<R>(query: Pick<CompiledQuery, 'sql' | 'parameters'>): Promise<QueryResult<R>> {
    const answer = await this.#ask({ sql: query.sql, parameters: query.parameters });
    if ('error' in answer) throw new SqliteError(answer.error, answer.errcode);
    return { rows: answer.rows as R[], numAffectedRows: BigInt(answer.changes) };
  }

  /** Undoes what a transaction has left open that was given up. */
  reset(): void {
    this.#ask({ sql: '', parameters: [], reset: true });
  }

  async close(): Promise<void> {
    if (this.#gone !== undefined) return;
    const exited = new Promise((resolve) => this.#worker.once('exit', resolve));
    await this.#ask({ sql: '', parameters: [], close: true });
    await exited;
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
