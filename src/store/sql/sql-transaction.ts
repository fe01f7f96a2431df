import type { Kysely } from 'kysely';
import type { Schema } from './schema.ts';

/** Runs several statements as one: in the transaction that a store was made for, else in one of its own. */
export function asOne<T>(db: Kysely<Schema>, work: (trx: Kysely<Schema>) => Promise<T>): Promise<T> {
  return db.isTransaction ? work(db) : db.transaction().execute(work);
}
