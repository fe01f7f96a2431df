import type { Kysely, Selectable } from 'kysely';
import type { AttemptStore } from '../../accounts/accounts-data.ts';
import type { Session, SessionStore } from '../../accounts/sessions.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';

/** Sessions in SQL, found by the hash of their token. */
export class SqlSessionStore implements SessionStore {
  readonly #db: Kysely<Schema>;

  constructor(database: Pick<SqlDatabase, 'db'>) {
    this.#db = database.db;
  }

  async add(session: Session, tokenHash: string): Promise<void> {
    const row = {
      session_id: session.sessionId,
      user_id: session.userId,
      token_hash: tokenHash,
      created_at_ms: session.createdAtMs,
      last_seen_at_ms: session.lastSeenAtMs,
      expires_at_ms: session.expiresAtMs,
      address: session.address,
      user_agent: session.userAgent,
    };
    await this.#db.insertInto('sessions').values(row).execute();
  }

  async findByToken(tokenHash: string): Promise<Session | undefined> {
    const query = this.#db.selectFrom('sessions').selectAll().where('token_hash', '=', tokenHash);
    const row = await query.executeTakeFirst();
    return row && toSession(row);
  }

  async touch(sessionId: string, atMs: number): Promise<void> {
    const query = this.#db.updateTable('sessions').set({ last_seen_at_ms: atMs });
    await query.where('session_id', '=', sessionId).execute();
  }

  async list(userId: string): Promise<Session[]> {
    const query = this.#db.selectFrom('sessions').selectAll().where('user_id', '=', userId);
    const rows = await query.orderBy('created_at_ms', 'desc').orderBy('session_id').execute();
    return rows.map(toSession);
  }

  async remove(userId: string, sessionId: string): Promise<boolean> {
    const query = this.#db.deleteFrom('sessions').where('user_id', '=', userId).where('session_id', '=', sessionId);
    return (await query.executeTakeFirst()).numDeletedRows > 0n;
  }

  async removeAllOf(userId: string): Promise<number> {
    const result = await this.#db.deleteFrom('sessions').where('user_id', '=', userId).executeTakeFirst();
    return Number(result.numDeletedRows);
  }

  async removeEnded(atMs: number, idleSinceMs: number): Promise<number> {
    const query = this.#db
      .deleteFrom('sessions')
      .where((eb) => eb.or([eb('expires_at_ms', '<=', atMs), eb('last_seen_at_ms', '<=', idleSinceMs)]));
    return Number((await query.executeTakeFirst()).numDeletedRows);
  }
}

/** Counts of failed sign-ins in SQL. */
export class SqlAttemptStore implements AttemptStore {
  readonly #db: Kysely<Schema>;

  constructor(database: Pick<SqlDatabase, 'db'>) {
    this.#db = database.db;
  }

  /** One statement, so that several at the same moment are all counted. */
  async count(key: string, { atMs, windowMs }: { atMs: number; windowMs: number }) {
    const row = await this.#db
      .insertInto('sign_in_attempts')
      .values({ key, count: 1, ends_at_ms: atMs + windowMs })
      .onConflict((conflict) =>
        conflict.column('key').doUpdateSet((eb) => {
          const over = eb('sign_in_attempts.ends_at_ms', '<=', atMs);
          return {
            count: eb
              .case()
              .when(over)
              .then(1)
              .else(eb('sign_in_attempts.count', '+', 1))
              .end(),
            ends_at_ms: eb
              .case()
              .when(over)
              .then(atMs + windowMs)
              .else(eb.ref('sign_in_attempts.ends_at_ms'))
              .end(),
          };
        }),
      )
      .returning(['count', 'ends_at_ms'])
      .executeTakeFirstOrThrow();
    return { count: row.count, endsAtMs: row.ends_at_ms };
  }

  async uncount(key: string): Promise<void> {
    const query = this.#db.updateTable('sign_in_attempts').set((eb) => ({ count: eb('count', '-', 1) }));
    await query.where('key', '=', key).where('count', '>', 0).execute();
  }

  async forget(key: string): Promise<void> {
    await this.#db.deleteFrom('sign_in_attempts').where('key', '=', key).execute();
  }

  async removeEnded(atMs: number): Promise<void> {
    await this.#db.deleteFrom('sign_in_attempts').where('ends_at_ms', '<=', atMs).execute();
  }
}

function toSession(row: Selectable<Schema['sessions']>): Session {
  return {
    sessionId: row.session_id,
    userId: row.user_id,
    createdAtMs: row.created_at_ms,
    lastSeenAtMs: row.last_seen_at_ms,
    expiresAtMs: row.expires_at_ms,
    address: row.address,
    userAgent: row.user_agent,
  };
}
