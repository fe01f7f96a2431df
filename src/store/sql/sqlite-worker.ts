import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { SqliteAnswer, SqliteQuestion, SqliteThreadOptions } from './sqlite-thread.ts';

/**
 * The thread that owns the SQLite connection. `node:sqlite` blocks while it waits for the disk; here it blocks nobody
 * who has a call to serve.
 */
const busyTimeoutMs = 10_000;
const maxCachedStatements = 100;
const sqliteBusy = 5;

const db = open(workerData as SqliteThreadOptions);
const statements = new Map<string, StatementSync>();

parentPort?.on('message', (question: SqliteQuestion) => {
  parentPort?.postMessage(answer(question));
  if (question.close) parentPort?.close();
});

function open({ path, readOnly }: SqliteThreadOptions): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let attempt = 1; ; attempt++) {
    try {
      database.exec('pragma journal_mode = wal');
      break;
    } catch (error) {
      // Changing to WAL ignores the busy timeout when another process opens the file at the same moment.
      if (errcodeOf(error) !== sqliteBusy || attempt === 100) throw error;
      Atomics.wait(pause, 0, 0, 50);
    }
  }
  database.exec('pragma synchronous = full');
  if (readOnly) database.exec('pragma query_only = on');
  return database;
}

function answer({ id, sql, parameters, close, reset }: SqliteQuestion): SqliteAnswer {
  try {
    if (close) {
      db.close();
      return { id, rows: [], changes: 0 };
    }
    if (reset) {
      if (db.isTransaction) db.exec('rollback');
      return { id, rows: [], changes: 0 };
    }
    const statement = prepare(sql);
    if (statement.columns().length > 0)
      return { id, rows: statement.all(...(parameters as SQLInputValue[])), changes: 0 };
    return { id, rows: [], changes: Number(statement.run(...(parameters as SQLInputValue[])).changes) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { id, error: message, errcode: errcodeOf(error) ?? 0 };
  }
}

function prepare(sql: string): StatementSync {
  const known = statements.get(sql);
  if (known) return known;
  const statement = db.prepare(sql);
  const oldest = statements.size >= maxCachedStatements ? statements.keys().next().value : undefined;
  if (oldest !== undefined) statements.delete(oldest);
  statements.set(sql, statement);
  return statement;
}

function errcodeOf(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) : undefined;
}
