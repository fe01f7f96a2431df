import { isDatabaseAway } from '../../kernel/errors.ts';
import { SqliteError } from './sqlite-thread.ts';

const sqliteForeignKey = 787;
/** Primary result codes that mean "this value": TOOBIG, CONSTRAINT, MISMATCH. */
const sqliteContent = new Set([18, 19, 20]);
/** SQLITE_CONSTRAINT_UNIQUE, SQLITE_CONSTRAINT_PRIMARYKEY */
const sqliteUnique = new Set([2067, 1555]);
const postgresForeignKey = '23503';
const postgresUnique = '23505';
/** serialization_failure, deadlock_detected */
const postgresTryAgain = new Set(['40001', '40P01']);

/** A row names another that does not exist. */
export function isForeignKeyViolation(error: unknown): boolean {
  return error instanceof SqliteError ? error.errcode === sqliteForeignKey : sqlState(error) === postgresForeignKey;
}

/** There is such a row already. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof SqliteError ? sqliteUnique.has(error.errcode) : sqlState(error) === postgresUnique;
}

/** Another transaction came in between: the same again may well succeed. */
export function isTryAgain(error: unknown): boolean {
  return postgresTryAgain.has(sqlState(error) ?? '');
}

/**
 * The database will never take this content, however often it is tried: a constraint, a wrong type, a value too big.
 * Anything else (connection, lock, disk, time-out) may pass.
 */
export function isContentError(error: unknown): boolean {
  if (error instanceof SqliteError) return sqliteContent.has(error.errcode & 0xff);
  // Classes 22 data exception, 23 integrity constraint, 54 program limit exceeded.
  return /^(22|23|54)/.test(sqlState(error) ?? '');
}

/** BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL. */
const sqlitePassing = new Set([5, 6, 7, 8, 10, 13, 14, 15]);
/** Of sockets and names, where PostgreSQL is on another machine. */
const networkPassing =
  /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|EAI_AGAIN|ENOTFOUND|ENOENT$|EADDRNOTAVAIL)/;
/** What pg says without a code. */
const pgPassing = /connection terminated|connection ended|timeout|not queryable/i;

/**
 * The database is away, or does not take anything at the moment: no connection, a lock, no room, a server that starts,
 * stops or is a standby. Nothing is wrong with what was asked of it.
 */
export function isPassing(error: unknown): boolean {
  if (isDatabaseAway(error)) return true;
  if (error instanceof SqliteError) return error.errcode === 0 || sqlitePassing.has(error.errcode & 0xff);
  const state = sqlState(error);
  // Classes 08 connection, 53 resources, 57 operator's intervention, 58 system; 25006: read only; 55P03: a lock.
  if (state !== undefined) return /^(08|53|57|58|25006|55P03)/.test(state);
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isPassing);
  if ('code' in error && typeof error.code === 'string') return networkPassing.test(error.code);
  return pgPassing.test(error.message);
}

function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}
