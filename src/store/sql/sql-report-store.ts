import { type Kysely, type Selectable, sql } from 'kysely';
import type { IntakeOutcome, KeptReport, Report, ReportStore, Urgency } from '../../desk/intake-store.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';

/** Reports to accounts in SQL: added, never changed. */
export class SqlReportStore implements ReportStore {
  readonly #db: Kysely<Schema>;

  constructor(database: Pick<SqlDatabase, 'db'>) {
    this.#db = database.db;
  }

  async add(report: Report): Promise<void> {
    const { reportId, intakeId, accountId, callId, createdAtMs, complete, outcome, urgency, language } = report;
    const { subject, text, fields, destinations } = report;
    const row = {
      ...{ report_id: reportId, intake_id: intakeId, account_id: accountId, call_id: callId },
      ...{ created_at_ms: createdAtMs, complete: complete ? 1 : 0, outcome, urgency, language },
      content_json: JSON.stringify({ subject, text, fields }),
      destinations_json: destinations === undefined ? null : JSON.stringify(destinations),
      deliveries: destinations?.length ?? null,
    };
    await this.#db.insertInto('reports').values(row).execute();
  }

  async ofIntake(intakeId: string): Promise<KeptReport[]> {
    const query = this.#db.selectFrom('reports').selectAll().where('intake_id', '=', intakeId).orderBy('seq');
    return (await query.execute()).map(toReport);
  }

  async list({ limit, beforeSeq, accountId }: Parameters<ReportStore['list']>[0]): Promise<KeptReport[]> {
    let query = this.#db.selectFrom('reports').selectAll().orderBy('seq', 'desc').limit(limit);
    if (beforeSeq !== undefined) query = query.where('seq', '<', beforeSeq);
    if (accountId !== undefined) query = query.where('account_id', '=', accountId);
    return (await query.execute()).map(toReport);
  }

  async nowhere({ sinceMs }: { sinceMs: number }) {
    const rows = await this.#db
      .selectFrom('reports')
      .select((eb) => ['account_id', 'outcome', eb.fn.countAll().as('count'), eb.fn.max('created_at_ms').as('newest')])
      // Written out, so that the index of these alone serves it.
      .where('deliveries', '=', sql.lit(0))
      .where('created_at_ms', '>=', sinceMs)
      .groupBy(['account_id', 'outcome'])
      .orderBy('account_id')
      .orderBy('outcome')
      .execute();
    return rows.map(({ account_id, outcome, count, newest }) => ({
      ...{ accountId: account_id, outcome: outcome as IntakeOutcome | null },
      ...{ count: Number(count), newestAtMs: Number(newest) },
    }));
  }
}

function toReport(row: Selectable<Schema['reports']>): KeptReport {
  const content = JSON.parse(row.content_json) as Pick<Report, 'subject' | 'text' | 'fields'>;
  return {
    ...content,
    seq: row.seq,
    reportId: row.report_id,
    intakeId: row.intake_id,
    accountId: row.account_id,
    callId: row.call_id,
    createdAtMs: row.created_at_ms,
    complete: row.complete === 1,
    outcome: row.outcome as IntakeOutcome | null,
    urgency: row.urgency as Urgency,
    language: row.language as Report['language'],
    ...(row.destinations_json === null ? {} : { destinations: JSON.parse(row.destinations_json) as string[] }),
  };
}
