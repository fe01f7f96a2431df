import { type Dialect, PostgresDialect } from 'kysely';
import { Pool, types } from 'pg';
import { errorMessage } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';

const oidInt8 = 20;
const oidJson = 114;

/**
 * Kysely on a pool of PostgreSQL connections. A connection, a statement and a silent server are each waited for with
 * a limit, so that a dead database shows as an error and not as a hang.
 */
export function postgresDialect(url: string, logger: Logger): Dialect {
  const pool = new Pool({
    connectionString: url,
    application_name: 'denwaban',
    max: 10,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 30_000,
    query_timeout: 35_000,
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    types: { getTypeParser },
  });
  const broke = (error: unknown) => logger.warn({ err: errorMessage(error) }, 'a database connection broke');
  // Without listeners a break would end the process. The pool tells of idle connections and drops them; of one that
  // is in a transaction, between two statements, only the connection tells, and the next statement fails.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', broke));
  return new PostgresDialect({ pool });
}

/** Counts and times are bigint in the database and safe integers here; JSON stays text, as it was written. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (format !== 'binary') {
    if (oid === oidInt8) return parseSafeInteger;
    if (oid === oidJson) return (text: string) => text;
  }
  return types.getTypeParser(oid, format === 'binary' ? 'binary' : 'text');
}

function parseSafeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} does not fit a JavaScript number`);
  return value;
}
