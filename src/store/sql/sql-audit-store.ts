import type { Kysely, Selectable } from 'kysely';
import type { Actor, AuditEntry, AuditRecord, AuditStore, AuditSubject } from '../../accounts/audit.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';

/** The audit record in SQL. Triggers refuse changes to it (people-migration.ts). */
export class SqlAuditStore implements AuditStore {
  readonly #db: Kysely<Schema>;

  constructor(database: Pick<SqlDatabase, 'db'>) {
    this.#db = database.db;
  }

  async append(entry: AuditEntry): Promise<void> {
    const row = {
      at_ms: entry.atMs,
      actor_json: JSON.stringify(entry.actor),
      action: entry.action,
      subject_kind: entry.subject.kind,
      subject_id: entry.subject.id,
      account_id: entry.subject.accountId ?? null,
      before_json: entry.before === undefined ? null : JSON.stringify(entry.before),
      after_json: entry.after === undefined ? null : JSON.stringify(entry.after),
    };
    await this.#db.insertInto('audit_record').values(row).execute();
  }

  async list({ limit, beforeSeq, accountId }: Parameters<AuditStore['list']>[0]): Promise<AuditRecord[]> {
    let query = this.#db.selectFrom('audit_record').selectAll().orderBy('seq', 'desc').limit(limit);
    if (beforeSeq !== undefined) query = query.where('seq', '<', beforeSeq);
    if (accountId !== undefined) query = query.where('account_id', '=', accountId);
    return (await query.execute()).map(toRecord);
  }
}

function toRecord(row: Selectable<Schema['audit_record']>): AuditRecord {
  return {
    seq: row.seq,
    atMs: row.at_ms,
    actor: JSON.parse(row.actor_json) as Actor,
    action: row.action,
    subject: {
      kind: row.subject_kind as AuditSubject['kind'],
      id: row.subject_id,
      ...(row.account_id === null ? {} : { accountId: row.account_id }),
    },
    ...(row.before_json === null ? {} : { before: JSON.parse(row.before_json) }),
    ...(row.after_json === null ? {} : { after: JSON.parse(row.after_json) }),
  };
}
