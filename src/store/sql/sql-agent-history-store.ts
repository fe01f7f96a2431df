import type { Kysely } from 'kysely';
import type { AgentHistoryStore } from '../../desk/agent-history.ts';
import type { AgentChange, AgentState } from '../../desk/desk-store.ts';
import { inChunks } from './chunks.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';

/** 8 columns each: well under the parameter limits of both databases. */
const rowsPerInsert = 500;

/** What agents did when, in SQL. */
export class SqlAgentHistoryStore implements AgentHistoryStore {
  readonly #db: Kysely<Schema>;

  constructor(database: Pick<SqlDatabase, 'db'>) {
    this.#db = database.db;
  }

  async add(changes: readonly AgentChange[]): Promise<number> {
    if (changes.length === 0) return 0;
    return this.#db.transaction().execute(async (trx) => {
      let added = 0n;
      // Several controllers may carry the same: in one order, so that two never wait for each other.
      const inOrder = [...changes].sort((a, b) => (a.changeId < b.changeId ? -1 : 1));
      for (const chunk of inChunks(inOrder, rowsPerInsert)) {
        const result = await trx
          .insertInto('agent_changes')
          .values(chunk.map(toRow))
          .onConflict((conflict) => conflict.column('change_id').doNothing())
          .executeTakeFirst();
        added += result.numInsertedOrUpdatedRows ?? 0n;
      }
      return Number(added);
    });
  }

  async list({ agentId, fromMs, limit, before }: Parameters<AgentHistoryStore['list']>[0]): Promise<AgentChange[]> {
    let query = this.#db
      .selectFrom('agent_changes')
      .selectAll()
      .where('agent_id', '=', agentId)
      .where('at_ms', '>=', fromMs)
      .orderBy('at_ms', 'desc')
      .orderBy('change_id', 'desc')
      .limit(limit);
    if (before !== undefined) {
      const last = await this.#db
        .selectFrom('agent_changes')
        .select('at_ms')
        .where('change_id', '=', before)
        .executeTakeFirst();
      if (!last) return [];
      query = query
        .where('at_ms', '<=', last.at_ms)
        .where((is) => is.or([is('at_ms', '<', last.at_ms), is('change_id', '<', before)]));
    }
    return (await query.execute()).map(toChange);
  }
}

function toRow(change: AgentChange): Schema['agent_changes'] {
  return {
    change_id: change.changeId,
    agent_id: change.agentId,
    from_state: change.from,
    state: change.state,
    // Typed by people; PostgreSQL takes every character but this.
    reason: change.reason.replaceAll('\0', ''),
    at_ms: change.atMs,
    call_id: change.callId ?? null,
    by_user_id: change.byUserId ?? null,
  };
}

function toChange(row: Schema['agent_changes']): AgentChange {
  return {
    changeId: row.change_id,
    agentId: row.agent_id,
    from: row.from_state as AgentState,
    state: row.state as AgentState,
    reason: row.reason,
    atMs: row.at_ms,
    callId: row.call_id ?? undefined,
    byUserId: row.by_user_id ?? undefined,
  };
}
