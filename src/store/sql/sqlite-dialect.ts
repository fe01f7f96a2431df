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
import { isDatabaseAway } from '../../kernel/errors.ts';
import type { SqliteConnections } from './sqlite-connections.ts';
import { SqliteError } from './sqlite-thread.ts';

/** Kysely on `node:sqlite`: what only reads, outside of transactions, waits for nobody who writes. */
export function sqliteDialect(connections: SqliteConnections): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new SqliteDriver(connections),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

class SqliteDriver implements Driver {
  readonly #connections: SqliteConnections;

  constructor(connections: SqliteConnections) {
    this.#connections = connections;
  }

  async init(): Promise<void> {
    this.#connections.assertOpen();
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    this.#connections.assertOpen();
    return new Session(this.#connections);
  }

  async releaseConnection(session: DatabaseConnection): Promise<void> {
    (session as Session).end();
  }

  /** `immediate`: takes the write lock at once, so that reading first and writing then can't fail half-way. */
  async beginTransaction(session: DatabaseConnection): Promise<void> {
    await (session as Session).hold();
    await session.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  async commitTransaction(session: DatabaseConnection): Promise<void> {
    await session.executeQuery(CompiledQuery.raw('commit'));
  }

  /** What was given up is undone by whoever has the next turn. */
  async rollbackTransaction(session: DatabaseConnection): Promise<void> {
    if (!(session as Session).isGivenUp) await session.executeQuery(CompiledQuery.raw('rollback'));
  }

  async destroy(): Promise<void> {
    await this.#connections.close();
  }
}

/** One user of the database, for one statement or one transaction. */
class Session implements DatabaseConnection {
  readonly #connections: SqliteConnections;
  #endTurn: (() => void) | undefined;
  isGivenUp = false;

  constructor(connections: SqliteConnections) {
    this.#connections = connections;
  }

  /** From here on all goes to the writer, and nobody else writes. */
  async hold(): Promise<void> {
    this.#endTurn = await this.#connections.turn();
  }

  end(): void {
    this.#endTurn?.();
    this.#endTurn = undefined;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#endTurn) return this.#write(query);
    if (this.#connections.hasReaders && isReading(query)) return this.#connections.read<R>(query);
    await this.hold();
    try {
      return await this.#write(query);
    } finally {
      this.end();
    }
  }

  /** Required by Kysely; results here are small enough to be read whole. */
  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new SqliteError('streaming is not supported on SQLite', 0);
  }

  async #write<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      return await this.#connections.write<R>(query);
    } catch (error) {
      this.isGivenUp ||= isDatabaseAway(error);
      throw error;
    }
  }
}

function isReading({ query, sql }: CompiledQuery): boolean {
  return query.kind === 'SelectQueryNode' || (query.kind === 'RawNode' && /^\s*select\b/i.test(sql));
}
