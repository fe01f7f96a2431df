import { SqliteError } from './sqlite-dialect.ts';

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

function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}
