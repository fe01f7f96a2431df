import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { Voicemail, VoicemailReport, VoicemailStore } from '../../desk/voicemail.ts';
import type { CallFact } from '../../kernel/call-fact.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';

/** Messages of callers in SQL. */
export class SqlVoicemailStore implements VoicemailStore {
  readonly #db: Kysely<Schema>;

  constructor(database: Pick<SqlDatabase, 'db'>) {
    this.#db = database.db;
  }

  async unreported({ beforeMs, limit }: { beforeMs: number; limit: number }): Promise<Voicemail[]> {
    const query = this.#db.selectFrom('voicemails').selectAll();
    // Written out, so that the index of these alone serves it.
    const rows = await query
      .where('state', '=', sql.lit('new'))
      .where('at_ms', '<=', beforeMs)
      .orderBy('at_ms')
      .orderBy('recording_id')
      .limit(limit)
      .execute();
    return rows.map(toVoicemail);
  }

  async report(recordingId: string, report: VoicemailReport): Promise<boolean> {
    const { reportedAtMs, ...content } = report;
    const result = await this.#db
      .updateTable('voicemails')
      .set({
        state: 'reported',
        reported_at_ms: reportedAtMs,
        report_json: JSON.stringify(content),
        deliveries: report.destinations.length,
      })
      .where('recording_id', '=', recordingId)
      .where('state', '=', 'new')
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  async drop(recordingId: string): Promise<void> {
    const query = this.#db.updateTable('voicemails').set({ state: 'dropped' });
    await query.where('recording_id', '=', recordingId).where('state', '=', 'new').execute();
  }

  async find(recordingId: string): Promise<Voicemail | undefined> {
    const query = this.#db.selectFrom('voicemails').selectAll().where('recording_id', '=', recordingId);
    const row = await query.executeTakeFirst();
    return row && toVoicemail(row);
  }

  async list({ limit, accountId, beforeMs }: Parameters<VoicemailStore['list']>[0]): Promise<Voicemail[]> {
    let query = this.#db.selectFrom('voicemails').selectAll().where('state', '=', sql.lit('reported'));
    if (accountId !== undefined) query = query.where('account_id', '=', accountId);
    if (beforeMs !== undefined) query = query.where('at_ms', '<', beforeMs);
    const rows = await query.orderBy('at_ms', 'desc').orderBy('recording_id', 'desc').limit(limit).execute();
    return rows.map(toVoicemail);
  }

  async nowhere({ sinceMs }: { sinceMs: number }) {
    const rows = await this.#db
      .selectFrom('voicemails')
      .select((eb) => ['account_id', eb.fn.countAll().as('count'), eb.fn.max('reported_at_ms').as('newest')])
      .where('deliveries', '=', sql.lit(0))
      .where('reported_at_ms', '>=', sinceMs)
      .groupBy('account_id')
      .orderBy('account_id')
      .execute();
    return rows.map(({ account_id, count, newest }) => ({
      ...{ accountId: account_id, count: Number(count), newestAtMs: Number(newest) },
    }));
  }
}

/** Whether this fact is of a message that a caller left. */
export function isVoicemail(fact: CallFact): boolean {
  return fact.type === 'recorded' && fact.agentId === undefined && fact.message !== 'too-short';
}

/** Has the messages among the facts wait to be reported: each once, however often its fact comes. */
export async function addVoicemails(trx: Transaction<Schema>, facts: readonly CallFact[]): Promise<void> {
  const rows = facts.flatMap((fact) => {
    if (fact.type !== 'recorded' || fact.accountId === null || !isVoicemail(fact)) return [];
    const { recordingId, accountId, callId, atMs, durationMs, message } = fact;
    return [
      {
        ...{ recording_id: recordingId, account_id: accountId, call_id: callId, at_ms: atMs },
        ...{ duration_ms: durationMs, is_taken: message === 'taken' ? 1 : 0, state: 'new' },
      },
    ];
  });
  if (rows.length === 0) return;
  await trx
    .insertInto('voicemails')
    .values(rows)
    .onConflict((conflict) => conflict.column('recording_id').doNothing())
    .execute();
}

function toVoicemail(row: Selectable<Schema['voicemails']>): Voicemail {
  return {
    recordingId: row.recording_id,
    accountId: row.account_id,
    callId: row.call_id,
    atMs: row.at_ms,
    durationMs: row.duration_ms,
    isTaken: row.is_taken === 1,
    state: row.state as Voicemail['state'],
    report:
      row.report_json === null || row.reported_at_ms === null
        ? undefined
        : { ...JSON.parse(row.report_json), reportedAtMs: row.reported_at_ms },
  };
}
