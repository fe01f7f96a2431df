import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import { DenwabanError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import {
  laneOf,
  type NewOutboxEntry,
  type OutboxAttempt,
  type OutboxEntry,
  type OutboxState,
  parseNewEntry,
} from '../../outbox/entry.ts';
import type { ClaimRequest, OutboxClaim, OutboxStore, RetryResult, Settlement } from '../../outbox/outbox-store.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema, SqlKind } from './schema.ts';
import { asOne } from './sql-transaction.ts';

/** The outbox in SQL. Other stores add to it inside their own transactions: {@link addToOutbox}. */
export class SqlOutboxStore implements OutboxStore {
  readonly #db: Kysely<Schema>;
  readonly #kind: SqlKind;

  constructor(database: Pick<SqlDatabase, 'db' | 'kind'>) {
    this.#db = database.db;
    this.#kind = database.kind;
  }

  /** With `trx`: as part of that transaction. */
  async add(entry: NewOutboxEntry, trx?: Transaction<Schema>): Promise<void> {
    await addToOutbox(trx ?? this.#db, entry);
  }

  async claim(request: ClaimRequest) {
    const { nowMs, leaseMs, exceptLanes, exceptAccounts = [] } = request;
    // Looking first costs no write lock; there is nothing to do most of the time.
    const dueMs = await this.nextDueMs(exceptLanes, exceptAccounts);
    if (dueMs === undefined || dueMs > nowMs) return undefined;
    return this.#db.transaction().execute(async (trx): Promise<OutboxClaim | undefined> => {
      const due = pendingIn(trx, exceptLanes, exceptAccounts)
        .select('outbox_id')
        .where('next_attempt_at_ms', '<=', nowMs)
        .orderBy('next_attempt_at_ms')
        .limit(1);
      const claimId = newId('claim');
      const row = await trx
        .updateTable('outbox')
        .set((eb) => ({
          claim_id: claimId,
          next_attempt_at_ms: nowMs + leaseMs,
          attempts: eb('attempts', '+', 1),
        }))
        // On SQLite the transaction has held the only write lock from its start.
        .where('outbox_id', '=', this.#kind === 'postgres' ? due.forUpdate().skipLocked() : due)
        .returningAll()
        .executeTakeFirst();
      if (!row) return undefined;
      await trx
        .updateTable('outbox_attempts')
        .set({ outcome: 'lost' })
        .where('outbox_id', '=', row.outbox_id)
        .where('outcome', '=', 'started')
        .execute();
      const attempt = { outbox_id: row.outbox_id, attempt: row.attempts, at_ms: nowMs, outcome: 'started' };
      await trx.insertInto('outbox_attempts').values(attempt).execute();
      return { claimId, entry: toEntry(row), lane: row.lane };
    });
  }

  async renew(claims: readonly OutboxClaim[], untilMs: number): Promise<void> {
    if (claims.length === 0) return;
    await this.#db
      .updateTable('outbox')
      .set({ next_attempt_at_ms: untilMs })
      .where(
        'claim_id',
        'in',
        claims.map(({ claimId }) => claimId),
      )
      // By its key, and so that one that ended meanwhile is left alone.
      .where(
        'outbox_id',
        'in',
        claims.map(({ entry }) => entry.outboxId),
      )
      .where('state', '=', 'pending')
      .execute();
  }

  async settle({ claimId, entry }: OutboxClaim, settlement: Settlement): Promise<boolean> {
    const { next, outcome, durationMs } = settlement;
    const error = settlement.error ?? null;
    return this.#db.transaction().execute(async (trx) => {
      const ended =
        next.state === 'pending'
          ? { next_attempt_at_ms: next.nextAttemptAtMs }
          : { state: next.state, ended_at_ms: next.endedAtMs };
      const update = trx
        .updateTable('outbox')
        .set((eb) => ({
          ...ended,
          claim_id: null,
          last_error: error,
          ...(outcome === 'delivered' ? {} : { failures: eb('failures', '+', 1) }),
        }))
        .where('outbox_id', '=', entry.outboxId);
      const held = await update.where('claim_id', '=', claimId).executeTakeFirst();
      const isHeld = held.numUpdatedRows > 0n;
      if (!isHeld && outcome === 'delivered') await update.where('state', '<>', 'delivered').execute();
      await trx
        .updateTable('outbox_attempts')
        .set({ outcome, error, status_code: settlement.statusCode ?? null, duration_ms: Math.round(durationMs) })
        .where('outbox_id', '=', entry.outboxId)
        .where('attempt', '=', entry.attempts)
        .execute();
      return isHeld;
    });
  }

  async nextDueMs(exceptLanes: readonly string[], exceptAccounts: readonly string[] = []): Promise<number | undefined> {
    const row = await pendingIn(this.#db, exceptLanes, exceptAccounts)
      .select('next_attempt_at_ms')
      .orderBy('next_attempt_at_ms')
      .limit(1)
      .executeTakeFirst();
    return row?.next_attempt_at_ms;
  }

  async retry(outboxId: string, nowMs: number): Promise<RetryResult> {
    return asOne(this.#db, async (trx): Promise<RetryResult> => {
      const query = trx.selectFrom('outbox').selectAll().where('outbox_id', '=', outboxId);
      const row = await (this.#kind === 'postgres' ? query.forUpdate() : query).executeTakeFirst();
      if (!row) return 'unknown';
      if (row.state === 'delivered') return 'delivered';
      if (row.claim_id !== null && row.next_attempt_at_ms > nowMs) return 'under-way';
      await trx
        .updateTable('outbox')
        .set({ state: 'pending', next_attempt_at_ms: nowMs, since_ms: nowMs, failures: 0, ended_at_ms: null })
        .where('outbox_id', '=', outboxId)
        .execute();
      return 'queued';
    });
  }

  async find(outboxId: string): Promise<OutboxEntry | undefined> {
    const query = this.#db.selectFrom('outbox').selectAll().where('outbox_id', '=', outboxId);
    const row = await query.executeTakeFirst();
    return row && toEntry(row);
  }

  async attempts(outboxId: string): Promise<OutboxAttempt[]> {
    const query = this.#db.selectFrom('outbox_attempts').selectAll().where('outbox_id', '=', outboxId);
    return (await query.orderBy('attempt').execute()).map(toAttempt);
  }

  /** @throws DenwabanError `LIMIT_INVALID`. */
  async list(options: { limit: number; accountId?: string; state?: OutboxState; beforeMs?: number }) {
    const { limit, accountId, state, beforeMs } = options;
    if (!Number.isInteger(limit) || limit < 1) {
      throw new DenwabanError('LIMIT_INVALID', `a list of ${limit} entries was asked for`, {
        remedy: 'Ask for 1 or more',
      });
    }
    let query = this.#db
      .selectFrom('outbox')
      .selectAll()
      .orderBy('created_at_ms', 'desc')
      .orderBy('outbox_id', 'desc')
      .limit(limit);
    if (accountId !== undefined) query = query.where('account_id', '=', accountId);
    // Written out, so that the index of these alone serves it.
    if (state === 'given-up') query = query.where('state', '=', sql.lit(state));
    else if (state !== undefined) query = query.where('state', '=', state);
    if (beforeMs !== undefined) query = query.where('created_at_ms', '<', beforeMs);
    return (await query.execute()).map(toEntry);
  }

  async purge({ endedBeforeMs, limit }: { endedBeforeMs: number; limit: number }): Promise<number> {
    const ended = this.#db
      .selectFrom('outbox')
      .select('outbox_id')
      .where('ended_at_ms', '<', endedBeforeMs)
      .orderBy('ended_at_ms')
      .limit(limit);
    const result = await this.#db.deleteFrom('outbox').where('outbox_id', 'in', ended).executeTakeFirst();
    return Number(result.numDeletedRows);
  }
}

/**
 * Adds an entry, or leaves the one with its id as it is. In a transaction it is there when the transaction is
 * committed, and not before: call `outbox.notify()` after that.
 * @throws DenwabanError `OUTBOX_ENTRY_INVALID`.
 */
export async function addToOutbox(db: Kysely<Schema> | Transaction<Schema>, entry: NewOutboxEntry): Promise<void> {
  const { outboxId, accountId, kind, channel, target, payload, createdAtMs, nextAttemptAtMs } = parseNewEntry(entry);
  await db
    .insertInto('outbox')
    .values({
      outbox_id: outboxId,
      account_id: accountId,
      kind,
      channel,
      target,
      lane: laneOf(channel, target),
      payload_json: JSON.stringify(payload),
      created_at_ms: createdAtMs,
      state: 'pending',
      next_attempt_at_ms: nextAttemptAtMs,
      attempts: 0,
      failures: 0,
      since_ms: nextAttemptAtMs,
    })
    .onConflict((conflict) => conflict.column('outbox_id').doNothing())
    .execute();
}

function pendingIn(db: Kysely<Schema>, exceptLanes: readonly string[], exceptAccounts: readonly string[]) {
  let query = db.selectFrom('outbox').where('state', '=', 'pending');
  if (exceptLanes.length > 0) query = query.where('lane', 'not in', exceptLanes);
  if (exceptAccounts.length > 0) {
    query = query.where((eb) => eb.or([eb('account_id', 'is', null), eb('account_id', 'not in', exceptAccounts)]));
  }
  return query;
}

function toEntry(row: Selectable<Schema['outbox']>): OutboxEntry {
  // Checked when it was written; a newer program may have written what this one does not know.
  return {
    outboxId: row.outbox_id,
    accountId: row.account_id,
    kind: row.kind as OutboxEntry['kind'],
    channel: row.channel as OutboxEntry['channel'],
    target: row.target,
    payload: JSON.parse(row.payload_json),
    createdAtMs: row.created_at_ms,
    state: row.state as OutboxState,
    nextAttemptAtMs: row.next_attempt_at_ms,
    attempts: row.attempts,
    failures: row.failures,
    sinceMs: row.since_ms,
    endedAtMs: row.ended_at_ms ?? undefined,
    lastError: row.last_error ?? undefined,
  };
}

function toAttempt(row: Selectable<Schema['outbox_attempts']>): OutboxAttempt {
  return {
    attempt: row.attempt,
    atMs: row.at_ms,
    outcome: row.outcome as OutboxAttempt['outcome'],
    statusCode: row.status_code ?? undefined,
    error: row.error ?? undefined,
    durationMs: row.duration_ms ?? undefined,
  };
}
