import type { Kysely, Transaction } from 'kysely';
import { newWebhookSecret, type WebhookSecret, type WebhookSecretStore } from '../../outbox/webhook-secrets.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';
import { asOne } from './sql-transaction.ts';

/** Webhook secrets in SQL, as they are: they must sign, so a hash would not do. */
export class SqlWebhookSecretStore implements WebhookSecretStore {
  readonly #db: Kysely<Schema>;

  constructor(database: Pick<SqlDatabase, 'db'>) {
    this.#db = database.db;
  }

  async current(accountId: string, nowMs: number): Promise<WebhookSecret[]> {
    const known = await this.#signing(accountId, nowMs);
    if (known.length > 0) return known;
    // Where another process was first, its secret stays.
    await insertNewest(this.#db, { accountId, secret: newWebhookSecret(), nowMs })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return this.#signing(accountId, nowMs);
  }

  async rotate(accountId: string, { nowMs, overlapMs }: { nowMs: number; overlapMs: number }): Promise<WebhookSecret> {
    const secret = newWebhookSecret();
    await asOne(this.#db, async (trx) => {
      const ofAccount = trx.deleteFrom('webhook_secrets').where('account_id', '=', accountId);
      await ofAccount.where('retires_at_ms', 'is not', null).execute();
      await trx
        .updateTable('webhook_secrets')
        .set({ retires_at_ms: nowMs + overlapMs })
        .where('account_id', '=', accountId)
        .execute();
      await insertNewest(trx, { accountId, secret, nowMs }).execute();
    });
    return { secret, createdAtMs: nowMs, retiresAtMs: undefined };
  }

  async #signing(accountId: string, nowMs: number): Promise<WebhookSecret[]> {
    const rows = await this.#db
      .selectFrom('webhook_secrets')
      .selectAll()
      .where('account_id', '=', accountId)
      .where((eb) => eb.or([eb('retires_at_ms', 'is', null), eb('retires_at_ms', '>', nowMs)]))
      .orderBy('created_at_ms', 'desc')
      .execute();
    const secrets = rows.map((row) => ({
      secret: row.secret,
      createdAtMs: row.created_at_ms,
      retiresAtMs: row.retires_at_ms ?? undefined,
    }));
    // Made within the same millisecond: the one that does not retire is the newest.
    return secrets.sort((a, b) => Number(a.retiresAtMs !== undefined) - Number(b.retiresAtMs !== undefined));
  }
}

const insertNewest = (db: Kysely<Schema> | Transaction<Schema>, secret: NewSecret) =>
  db
    .insertInto('webhook_secrets')
    .values({ account_id: secret.accountId, secret: secret.secret, created_at_ms: secret.nowMs });

interface NewSecret {
  accountId: string;
  secret: string;
  nowMs: number;
}
