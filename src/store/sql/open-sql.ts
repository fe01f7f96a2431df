import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Dialect, Kysely, sql } from 'kysely';
import { type Clock, deadlinePassed, withDeadline } from '../../kernel/clock.ts';
import { DenwabanError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { type DatabaseProbe, type DatabaseStatus, DatabaseWatch, type Gates, makeGates } from './database-watch.ts';
import type { Migration } from './migration.ts';
import { migrate } from './migrations.ts';
import { type ConnectedAs, openError } from './open-error.ts';
import { PostgresConnections } from './postgres-pool.ts';
import { type PostgresSettings, readPostgresUrl } from './postgres-url.ts';
import type { Schema, SqlKind } from './schema.ts';
import { isPassing } from './sql-errors.ts';
import { SqliteConnections } from './sqlite-connections.ts';
import { sqliteDialect } from './sqlite-dialect.ts';

/** An open database whose schema is up to date. */
export interface SqlDatabase {
  readonly kind: SqlKind;
  readonly db: Kysely<Schema>;
  /** Waits for what is running, then closes. */
  close(): Promise<void>;
}

/** A database that is watched: while it is away what needs it is refused at once, with `DATABASE_AWAY`. */
export interface WatchedDatabase extends SqlDatabase {
  status(): DatabaseStatus;
  /** Called each time that the database is there again; where it was away at the start also for the first time. */
  onUp(listener: () => void): void;
}

export interface OpenOptions {
  clock: Clock;
  logger: Logger;
  /** Only these steps, so that an upgrade can be tried. */
  steps?: readonly Migration[];
}

/** A start waits so long for a database that it could go without. */
const startPatienceMs = 4_000;
const closePatienceMs = 3_000;
const readers = 2;

/**
 * Opens the database behind `sqlite:<path>` (file made when missing) or `postgres://…`, and migrates it.
 * @throws DenwabanError `DATABASE_URL_INVALID`, `DATABASE_UNREACHABLE`, `DATABASE_TOO_NEW`.
 */
export async function openSql(url: string, options: OpenOptions): Promise<SqlDatabase> {
  const database = chooseDatabase(url);
  const { kind, name } = database;
  try {
    const { dialect } = database.connect({
      ...options,
      gates: makeGates(options.clock),
      onTrouble: () => undefined,
      readers: 0,
    });
    const db = new Kysely<Schema>({ dialect });
    try {
      await prepare(db, kind, options);
    } catch (error) {
      await db.destroy();
      throw error;
    }
    return { kind, db, close: () => db.destroy() };
  } catch (error) {
    throw openError(kind, name, error, database.as);
  }
}

/**
 * Opens it for a service: watched, and on SQLite with threads that only read. `mayBeAway`: where it cannot be reached it is
 * opened all the same, and migrated when it comes.
 * @throws DenwabanError as {@link openSql}.
 */
export async function openWatchedSql(
  url: string,
  options: OpenOptions & { mayBeAway: boolean },
): Promise<WatchedDatabase> {
  const { clock, logger } = options;
  const { kind, connect } = chooseDatabase(url);
  const gates = makeGates(clock);
  const migrateIt = async () => (await openSql(url, options)).close();
  const isPrepared = await prepareNow(migrateIt, options);
  const ups: (() => void)[] = [];
  const onUp = () => {
    for (const listener of ups) listener();
  };
  const { dialect, probe, renew } = connect({ logger, clock, gates, onTrouble: () => watch.suspect(), readers });
  const watch = new DatabaseWatch({ gates, probe, prepare: migrateIt, onUp, onAway: renew, clock, logger }, isPrepared);
  if (!isPrepared) for (const gate of [gates.reads, gates.writes]) gate.close('it was not there at the start');
  watch.start();
  const db = new Kysely<Schema>({ dialect });
  return {
    kind,
    db,
    status: () => watch.status,
    onUp: (listener) => void ups.push(listener),
    close: async () => {
      watch.stop();
      // What hangs is not waited for: the program is about to end.
      await withDeadline(clock, db.destroy(), closePatienceMs);
    },
  };
}

/** False: it is away, and may be. */
async function prepareNow(
  migrateIt: () => Promise<void>,
  { mayBeAway, clock }: { mayBeAway: boolean; clock: Clock },
): Promise<boolean> {
  try {
    const work = migrateIt();
    if (mayBeAway) return (await withDeadline(clock, work, startPatienceMs)) !== deadlinePassed;
    await work;
    return true;
  } catch (error) {
    if (mayBeAway && error instanceof DenwabanError && isPassing(error.cause)) return false;
    throw error;
  }
}

async function prepare(db: Kysely<Schema>, kind: SqlKind, { clock, logger, steps }: OpenOptions): Promise<void> {
  await migrate(db, kind, clock, steps);
  if (kind === 'postgres') await warnIfForgetful(db, logger);
}

/** The ledger forgets a fact once the database has taken it, so "taken" must mean "on disk". */
async function warnIfForgetful(db: Kysely<Schema>, logger: Logger): Promise<void> {
  for (const setting of ['fsync', 'synchronous_commit']) {
    const { rows } = await sql<{ value: string }>`select current_setting(${setting}) as value`.execute(db);
    if (rows[0]?.value === 'off')
      logger.warn({ setting }, 'PostgreSQL may lose facts in a crash: switch this setting on');
  }
}

interface ConnectOptions {
  gates: Gates;
  clock: Clock;
  logger: Logger;
  readers: number;
  onTrouble(): void;
}

/** A database as its url names it. */
interface ChosenDatabase {
  kind: SqlKind;
  name: string;
  /** Of PostgreSQL. */
  as?: ConnectedAs;
  /** `renew`: after an outage, before it is used again. */
  connect(options: ConnectOptions): { dialect: Dialect; probe: DatabaseProbe; renew(): void };
}

function chooseDatabase(url: string): ChosenDatabase {
  if (url.startsWith('sqlite:') && url.length > 'sqlite:'.length) {
    const path = url.slice('sqlite:'.length);
    return { kind: 'sqlite', name: path, connect: (options) => connectSqlite(path, options) };
  }
  if (/^postgres(ql)?:\/\//.test(url)) {
    const settings = readPostgresUrl(url);
    return {
      kind: 'postgres',
      name: settings.name,
      as: settings,
      connect: (options) => connectPostgres(settings, options),
    };
  }
  throw new DenwabanError('DATABASE_URL_INVALID', 'the database url is neither sqlite:<path> nor postgres://…', {
    remedy: 'Set DATABASE_URL to sqlite:/path/to/file or postgres://user:password@host/database',
  });
}

function connectSqlite(path: string, options: ConnectOptions) {
  mkdirSync(dirname(path), { recursive: true });
  // Callers' numbers and digits are in it: for this user alone. SQLite gives its other files the same rights.
  closeSync(openSync(path, 'a', 0o600));
  const connections = new SqliteConnections({ ...options, path });
  return { dialect: sqliteDialect(connections), probe: connections.probe, renew: () => undefined };
}

function connectPostgres(settings: PostgresSettings, options: ConnectOptions) {
  const connections = new PostgresConnections({ ...options, settings });
  return { dialect: connections.dialect, probe: connections.probe, renew: () => connections.renew() };
}
