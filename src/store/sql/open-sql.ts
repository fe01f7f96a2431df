import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Dialect, Kysely, sql } from 'kysely';
import type { Clock } from '../../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Migration } from './migration.ts';
import { migrate } from './migrations.ts';
import { postgresDialect } from './postgres-dialect.ts';
import type { Schema, SqlKind } from './schema.ts';
import { sqliteDialect } from './sqlite-dialect.ts';

/** An open database whose schema is up to date. */
export interface SqlDatabase {
  readonly kind: SqlKind;
  readonly db: Kysely<Schema>;
  /** Waits for what is running, then closes. */
  close(): Promise<void>;
}

/**
 * Opens the database behind `sqlite:<path>` (file made when missing) or `postgres://…`, and migrates it. `steps`:
 * only these, so that an upgrade can be tried.
 * @throws DenwabanError `DATABASE_URL_INVALID`, `DATABASE_UNREACHABLE`, `DATABASE_TOO_NEW`.
 */
export async function openSql(
  url: string,
  options: { clock: Clock; logger: Logger; steps?: readonly Migration[] },
): Promise<SqlDatabase> {
  const { kind, name, dialect } = chooseDialect(url, options.logger);
  try {
    const db = new Kysely<Schema>({ dialect: dialect() });
    try {
      await migrate(db, kind, options.clock, options.steps);
      if (kind === 'postgres') await warnIfForgetful(db, options.logger);
    } catch (error) {
      await db.destroy();
      throw error;
    }
    return { kind, db, close: () => db.destroy() };
  } catch (error) {
    if (error instanceof DenwabanError) throw error;
    throw new DenwabanError('DATABASE_UNREACHABLE', `the database ${name} cannot be opened: ${errorMessage(error)}`, {
      cause: error,
      remedy:
        kind === 'sqlite'
          ? 'Check that the folder is writable, the disk has room and the file is a denwaban database'
          : 'Check that PostgreSQL runs there and takes the user and password of DATABASE_URL',
    });
  }
}

/** The ledger forgets a fact once the database has taken it, so "taken" must mean "on disk". */
async function warnIfForgetful(db: Kysely<Schema>, logger: Logger): Promise<void> {
  for (const setting of ['fsync', 'synchronous_commit']) {
    const { rows } = await sql<{ value: string }>`select current_setting(${setting}) as value`.execute(db);
    if (rows[0]?.value === 'off')
      logger.warn({ setting }, 'PostgreSQL may lose facts in a crash: switch this setting on');
  }
}

function chooseDialect(url: string, logger: Logger): { kind: SqlKind; name: string; dialect: () => Dialect } {
  if (url.startsWith('sqlite:')) {
    const path = url.slice('sqlite:'.length);
    const dialect = () => {
      if (path !== ':memory:') {
        mkdirSync(dirname(path), { recursive: true });
        // Callers' numbers and digits are in it: for this user alone. SQLite gives its other files the same rights.
        closeSync(openSync(path, 'a', 0o600));
      }
      return sqliteDialect(path);
    };
    if (path) return { kind: 'sqlite', name: path, dialect };
  }
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) {
    const { host, pathname } = new URL(url);
    return { kind: 'postgres', name: `${host}${pathname}`, dialect: () => postgresDialect(url, logger) };
  }
  throw new DenwabanError('DATABASE_URL_INVALID', 'the database url is neither sqlite:<path> nor postgres://…', {
    remedy: 'Set DATABASE_URL to sqlite:/path/to/file or postgres://user:password@host/database',
  });
}
