import { type Kysely, sql, type Transaction } from 'kysely';
import type { CallFact } from '../../kernel/call-fact.ts';
import { DenwabanError, errorMessage } from '../../kernel/errors.ts';
import {
  type FactIndex,
  type FactStore,
  factRejected,
  type OfferedCallRef,
  type OfferedFact,
} from '../../ledger/ledger.ts';
import { type RefusalIndex, type RefusedFact, refusalsCallId } from '../../ledger/refusal-log.ts';
import { inChunks } from './chunks.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';
import { isContentError } from './sql-errors.ts';
import { addVoicemails, isVoicemail } from './sql-voicemail-store.ts';

/** Rows in one statement: well under the parameter limits of both databases (9 columns each). */
const rowsPerInsert = 250;
const idsPerQuery = 500;
/** The condition of the index over the beginnings and ends of legs, in the very words that the databases look for. */
const legMark = sql<boolean>`type in ('offered', 'ended')`;

/** Call facts in SQL, for ever: nothing here updates or deletes one. */
export class SqlFactStore implements FactStore, FactIndex, RefusalIndex {
  readonly #db: Kysely<Schema>;

  constructor(database: SqlDatabase) {
    this.#db = database.db;
  }

  /** @throws DenwabanError `FACT_REJECTED` for content that will never be taken; anything else may pass by itself. */
  async append(facts: readonly CallFact[]): Promise<number> {
    if (facts.length === 0) return 0;
    try {
      const messages = facts.filter(isVoicemail);
      if (facts.length <= rowsPerInsert && messages.length === 0) return await insertFacts(this.#db, facts);
      return await this.#db.transaction().execute(async (trx) => {
        let added = 0;
        for (let start = 0; start < facts.length; start += rowsPerInsert) {
          added += await insertFacts(trx, facts.slice(start, start + rowsPerInsert));
        }
        // With its fact, or not at all: what is on record is reported.
        await addVoicemails(trx, messages);
        return added;
      });
    } catch (error) {
      throw isContentError(error) ? factRejected(errorMessage(error), error) : error;
    }
  }

  async factsOfCall(callId: string): Promise<CallFact[]> {
    const query = this.#db.selectFrom('call_facts').select('body').where('call_id', '=', callId).orderBy('seq');
    // Checked when it was written; a newer program may have written fields that this one does not know.
    return (await query.execute()).map((row) => JSON.parse(row.body) as CallFact);
  }

  /** Facts of refusals from `fromMs` on and before `toMs`, oldest first. */
  async refusals({ fromMs, toMs, limit }: { fromMs: number; toMs: number; limit: number }): Promise<RefusedFact[]> {
    // By the index over calls: no other column tells them apart.
    const query = this.#db
      .selectFrom('call_facts')
      .select('body')
      .where('call_id', '>=', refusalsCallId)
      .where('call_id', '<', `${refusalsCallId}~`)
      .where('at_ms', '>=', fromMs)
      .where('at_ms', '<', toMs)
      .orderBy('at_ms')
      .limit(limit);
    return (await query.execute()).map((row) => JSON.parse(row.body) as RefusedFact);
  }

  async factsOfCalls(callIds: readonly string[]): Promise<CallFact[]> {
    const facts: CallFact[] = [];
    for (const ids of inChunks(callIds, idsPerQuery)) {
      const query = this.#db.selectFrom('call_facts').select('body').where('call_id', 'in', ids);
      const rows = await query.orderBy('call_id').orderBy('seq').execute();
      for (const { body } of rows) facts.push(JSON.parse(body) as CallFact);
    }
    return facts;
  }

  async callsOffered(options: {
    fromMs: number;
    toMs: number;
    limit: number;
    after?: OfferedCallRef;
  }): Promise<OfferedCallRef[]> {
    const { fromMs, toMs, limit, after } = options;
    let query = this.#db
      .selectFrom('call_facts')
      .select(['call_id', 'at_ms'])
      .where('opens_call', '=', 1)
      .where('at_ms', '>=', after?.atMs ?? fromMs)
      .where('at_ms', '<', toMs)
      .orderBy('at_ms')
      .orderBy('call_id')
      .limit(limit);
    if (after) {
      query = query.where((is) => is.or([is('at_ms', '>', after.atMs), is('call_id', '>', after.callId)]));
    }
    return (await query.execute()).map((row) => ({ callId: row.call_id, atMs: row.at_ms }));
  }

  async knownLegs(legIds: readonly string[]): Promise<Set<string>> {
    const known = new Set<string>();
    for (const ids of inChunks(legIds, idsPerQuery)) {
      const query = this.#db.selectFrom('call_facts').select('leg_id').distinct();
      const rows = await query.where('leg_id', 'in', ids).where(legMark).execute();
      for (const { leg_id } of rows) known.add(leg_id);
    }
    return known;
  }

  async openLegs(options: { fromMs: number; toMs: number; limit: number }): Promise<OfferedFact[]> {
    const { fromMs, toMs, limit } = options;
    const rows = await this.#db
      .selectFrom('call_facts')
      .select('body')
      .where(sql<boolean>`type = 'offered'`)
      .where('at_ms', '>=', fromMs)
      .where('at_ms', '<', toMs)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('call_facts as other')
              .select('other.leg_id')
              .whereRef('other.leg_id', '=', 'call_facts.leg_id')
              .where(sql<boolean>`other.type = 'ended' and other.type in ('offered', 'ended')`),
          ),
        ),
      )
      .orderBy('at_ms')
      .limit(limit)
      .execute();
    return rows.map(({ body }) => JSON.parse(body) as OfferedFact);
  }

  async listCallIds(options: { limit: number; accountId?: string; before?: OfferedCallRef }): Promise<string[]> {
    const { limit, accountId, before } = options;
    if (!Number.isInteger(limit) || limit < 1) {
      throw new DenwabanError('LIMIT_INVALID', `a list of ${limit} calls was asked for`, {
        remedy: 'Ask for 1 or more',
      });
    }
    let query = this.#db
      .selectFrom('call_facts')
      .select('call_id')
      .where('opens_call', '=', 1)
      .orderBy('at_ms', 'desc')
      .orderBy('call_id', 'desc')
      .limit(limit);
    if (accountId !== undefined) query = query.where('account_id', '=', accountId);
    if (before) {
      query = query
        .where('at_ms', '<=', before.atMs)
        .where((is) => is.or([is('at_ms', '<', before.atMs), is('call_id', '<', before.callId)]));
    }
    const rows = await query.execute();
    return [...new Set(rows.map((row) => row.call_id))];
  }
}

async function insertFacts(db: Kysely<Schema> | Transaction<Schema>, facts: readonly CallFact[]): Promise<number> {
  const result = await db
    .insertInto('call_facts')
    .values(facts.map(toRow))
    .onConflict((conflict) => conflict.column('fact_id').doNothing())
    .executeTakeFirst();
  return Number(result.numInsertedOrUpdatedRows ?? 0n);
}

function toRow(fact: CallFact): Schema['call_facts'] {
  return {
    fact_id: fact.factId,
    call_id: fact.callId,
    seq: fact.seq,
    type: fact.type,
    at_ms: fact.atMs,
    leg_id: fact.legId,
    account_id: fact.accountId,
    opens_call: fact.type === 'offered' && (fact.kind === 'caller' || fact.kind === 'canary') ? 1 : 0,
    body: JSON.stringify(fact),
  };
}
