import type { Kysely } from 'kysely';
import type { ChannelRecord } from '../../kernel/channel-record.ts';
import type { ChannelRecordStore } from '../../ledger/ledger.ts';
import { inChunks } from './chunks.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';

/** 6 columns each: well under the parameter limits of both databases. */
const rowsPerInsert = 500;
const idsPerQuery = 500;

/** The switches' records of their channels in SQL. */
export class SqlChannelRecordStore implements ChannelRecordStore {
  readonly #db: Kysely<Schema>;

  constructor(database: SqlDatabase) {
    this.#db = database.db;
  }

  async add(records: readonly ChannelRecord[]): Promise<number> {
    if (records.length === 0) return 0;
    return this.#db.transaction().execute(async (trx) => {
      let added = 0n;
      // Every controller writes what every switch says: in one order, so that two never wait for each other.
      const inOrder = [...records].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
      for (const chunk of inChunks(inOrder, rowsPerInsert)) {
        const result = await trx
          .insertInto('channel_records')
          .values(chunk.map(toRow))
          .onConflict((conflict) => conflict.columns(['leg_id', 'server', 'created_at_ms']).doNothing())
          .executeTakeFirst();
        added += result.numInsertedOrUpdatedRows ?? 0n;
      }
      return Number(added);
    });
  }

  async ofLegs(legIds: readonly string[]): Promise<ChannelRecord[]> {
    const records: ChannelRecord[] = [];
    for (const ids of inChunks(legIds, idsPerQuery)) {
      const query = this.#db.selectFrom('channel_records').selectAll().where('leg_id', 'in', ids);
      const rows = await query.orderBy('leg_id').orderBy('created_at_ms').orderBy('server').execute();
      records.push(...rows.map(toRecord));
    }
    return records;
  }

  async created(options: {
    fromMs: number;
    toMs: number;
    limit: number;
    after?: ChannelRecord;
  }): Promise<ChannelRecord[]> {
    const { fromMs, toMs, limit, after } = options;
    let query = this.#db
      .selectFrom('channel_records')
      .selectAll()
      .where('created_at_ms', '>=', after?.createdAtMs ?? fromMs)
      .where('created_at_ms', '<', toMs)
      .orderBy('created_at_ms')
      .orderBy('leg_id')
      .orderBy('server')
      .limit(limit);
    if (after) {
      const { createdAtMs, legId, server } = after;
      query = query.where((is) =>
        is.or([
          is('created_at_ms', '>', createdAtMs),
          is('leg_id', '>', legId),
          is.and([is('leg_id', '=', legId), is('server', '>', server)]),
        ]),
      );
    }
    return (await query.execute()).map(toRecord);
  }
}

function keyOf({ legId, server, createdAtMs }: ChannelRecord): string {
  return `${legId} ${server} ${createdAtMs}`;
}

function toRow(record: ChannelRecord): Schema['channel_records'] {
  return {
    leg_id: record.legId,
    server: record.server,
    created_at_ms: record.createdAtMs,
    answered_at_ms: record.answeredAtMs,
    ended_at_ms: record.endedAtMs,
    hangup_cause: record.hangupCause,
  };
}

function toRecord(row: Schema['channel_records']): ChannelRecord {
  return {
    legId: row.leg_id,
    server: row.server,
    createdAtMs: row.created_at_ms,
    answeredAtMs: row.answered_at_ms,
    endedAtMs: row.ended_at_ms,
    hangupCause: row.hangup_cause,
  };
}
