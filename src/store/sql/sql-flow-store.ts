import { isDeepStrictEqual } from 'node:util';
import type { Kysely } from 'kysely';
import type { FlowStore, StoredFlow } from '../../flow/flow-store.ts';
import { DenwabanError } from '../../kernel/errors.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema, SqlKind } from './schema.ts';
import { unknownAccount } from './sql-account-store.ts';
import { isForeignKeyViolation } from './sql-errors.ts';
import { asOne } from './sql-transaction.ts';

/** Flows and their versions in SQL. A flow belongs to the account that published it first. */
export class SqlFlowStore implements FlowStore {
  readonly #db: Kysely<Schema>;
  readonly #kind: SqlKind;

  constructor(database: Pick<SqlDatabase, 'db' | 'kind'>) {
    this.#db = database.db;
    this.#kind = database.kind;
  }

  /** @throws DenwabanError `ACCOUNT_UNKNOWN`, `FLOW_OF_ANOTHER_ACCOUNT`. */
  async publish(flow: { flowId: string; accountId: string; definition: unknown; atMs: number }): Promise<StoredFlow> {
    const { flowId, accountId, atMs } = flow;
    const definitionJson = JSON.stringify(flow.definition);
    const definition: unknown = JSON.parse(definitionJson);
    return asOne(this.#db, async (trx) => {
      await this.#ownFlow(trx, flowId, accountId);
      const newest = await newestVersions(trx).where('flows.flow_id', '=', flowId).executeTakeFirst();
      if (newest && isDeepStrictEqual(JSON.parse(newest.definition_json), definition)) return toStoredFlow(newest);
      const version = (newest?.version ?? 0) + 1;
      const row = { flow_id: flowId, version, published_at_ms: atMs, definition_json: definitionJson };
      await trx.insertInto('flow_versions').values(row).execute();
      return { flowId, accountId, version, publishedAtMs: atMs, definition };
    });
  }

  async findFlow(flowId: string, version?: number): Promise<StoredFlow | undefined> {
    const query =
      version === undefined ? newestVersions(this.#db) : allVersions(this.#db).where('version', '=', version);
    const row = await query.where('flows.flow_id', '=', flowId).executeTakeFirst();
    return row && toStoredFlow(row);
  }

  async listFlows(accountId?: string): Promise<StoredFlow[]> {
    const query = newestVersions(this.#db).orderBy('flows.flow_id');
    const rows = await (accountId === undefined ? query : query.where('flows.account_id', '=', accountId)).execute();
    return rows.map(toStoredFlow);
  }

  /** Makes the flow's row where missing and locks it, so that publishers of one flow take turns. */
  async #ownFlow(trx: Kysely<Schema>, flowId: string, accountId: string): Promise<void> {
    try {
      await trx
        .insertInto('flows')
        .values({ flow_id: flowId, account_id: accountId })
        .onConflict((conflict) => conflict.column('flow_id').doNothing())
        .execute();
    } catch (error) {
      throw isForeignKeyViolation(error) ? unknownAccount(accountId) : error;
    }
    const query = trx.selectFrom('flows').select('account_id').where('flow_id', '=', flowId);
    // On SQLite the transaction has held the only write lock from its start.
    const owner = await (this.#kind === 'postgres' ? query.forUpdate() : query).executeTakeFirstOrThrow();
    if (owner.account_id !== accountId) {
      throw new DenwabanError('FLOW_OF_ANOTHER_ACCOUNT', `the flow "${flowId}" belongs to another account`, {
        remedy: 'Publish it under another id',
      });
    }
  }
}

interface FlowRow {
  flow_id: string;
  account_id: string;
  version: number;
  published_at_ms: number;
  definition_json: string;
}

function allVersions(db: Kysely<Schema>) {
  return db
    .selectFrom('flows')
    .innerJoin('flow_versions', 'flow_versions.flow_id', 'flows.flow_id')
    .select(['flows.flow_id', 'account_id', 'version', 'published_at_ms', 'definition_json']);
}

function newestVersions(db: Kysely<Schema>) {
  return allVersions(db).where('version', '=', (eb) =>
    eb
      .selectFrom('flow_versions as newer')
      .whereRef('newer.flow_id', '=', 'flows.flow_id')
      .select((inner) => inner.fn.max('newer.version').as('version')),
  );
}

function toStoredFlow(row: FlowRow): StoredFlow {
  return {
    flowId: row.flow_id,
    accountId: row.account_id,
    version: row.version,
    publishedAtMs: row.published_at_ms,
    definition: JSON.parse(row.definition_json),
  };
}
