import {
  laneOf,
  type NewOutboxEntry,
  type OutboxAttempt,
  type OutboxEntry,
  type OutboxState,
  parseNewEntry,
} from '../../src/outbox/entry.ts';
import type { ClaimRequest, OutboxClaim, OutboxStore, RetryResult, Settlement } from '../../src/outbox/outbox-store.ts';

interface Row {
  entry: OutboxEntry;
  lane: string;
  claimId: string | undefined;
  attempts: OutboxAttempt[];
}

/** The OutboxStore port in memory; passes the same contract suite as the databases. */
export class MemoryOutboxStore implements OutboxStore {
  readonly #rows = new Map<string, Row>();
  #claims = 0;

  async add(entry: NewOutboxEntry): Promise<void> {
    const { nextAttemptAtMs, ...parsed } = parseNewEntry(entry);
    if (this.#rows.has(parsed.outboxId)) return;
    this.#rows.set(parsed.outboxId, {
      entry: {
        ...parsed,
        state: 'pending',
        nextAttemptAtMs,
        attempts: 0,
        failures: 0,
        sinceMs: nextAttemptAtMs,
        endedAtMs: undefined,
        lastError: undefined,
      },
      lane: laneOf(parsed.channel, parsed.target),
      claimId: undefined,
      attempts: [],
    });
  }

  async claim(request: ClaimRequest) {
    const { nowMs, leaseMs } = request;
    const [row] = this.#pending(request.exceptLanes, request.exceptAccounts);
    if (!row || row.entry.nextAttemptAtMs > nowMs) return undefined;
    const attempt = row.entry.attempts + 1;
    row.entry = { ...row.entry, nextAttemptAtMs: nowMs + leaseMs, attempts: attempt };
    row.claimId = `claim ${++this.#claims}`;
    row.attempts = row.attempts.map((each) => (each.outcome === 'started' ? { ...each, outcome: 'lost' } : each));
    const open = { statusCode: undefined, error: undefined, durationMs: undefined };
    row.attempts.push({ attempt, atMs: nowMs, outcome: 'started', ...open });
    return { claimId: row.claimId, entry: row.entry, lane: row.lane };
  }

  async renew(claims: readonly OutboxClaim[], untilMs: number): Promise<void> {
    for (const { claimId, entry } of claims) {
      const row = this.#rows.get(entry.outboxId);
      if (row?.claimId === claimId) row.entry = { ...row.entry, nextAttemptAtMs: untilMs };
    }
  }

  async settle({ claimId, entry }: OutboxClaim, settlement: Settlement): Promise<boolean> {
    const row = this.#rows.get(entry.outboxId);
    if (!row) return false;
    const { next, outcome, statusCode, error, durationMs } = settlement;
    const held = row.claimId === claimId;
    if (held || (outcome === 'delivered' && row.entry.state !== 'delivered')) {
      const failures = row.entry.failures + (outcome === 'delivered' ? 0 : 1);
      row.entry = { ...row.entry, ...next, failures, lastError: error };
      row.claimId = undefined;
    }
    row.attempts = row.attempts.map((each) =>
      each.attempt === entry.attempts
        ? { ...each, outcome, statusCode, error, durationMs: Math.round(durationMs) }
        : each,
    );
    return held;
  }

  async nextDueMs(exceptLanes: readonly string[], exceptAccounts?: readonly string[]): Promise<number | undefined> {
    return this.#pending(exceptLanes, exceptAccounts)[0]?.entry.nextAttemptAtMs;
  }

  async retry(outboxId: string, nowMs: number): Promise<RetryResult> {
    const row = this.#rows.get(outboxId);
    if (!row) return 'unknown';
    if (row.entry.state === 'delivered') return 'delivered';
    if (row.claimId !== undefined && row.entry.nextAttemptAtMs > nowMs) return 'under-way';
    const anew = { nextAttemptAtMs: nowMs, sinceMs: nowMs, failures: 0, endedAtMs: undefined };
    row.entry = { ...row.entry, state: 'pending', ...anew };
    return 'queued';
  }

  async find(outboxId: string): Promise<OutboxEntry | undefined> {
    return this.#rows.get(outboxId)?.entry;
  }

  async attempts(outboxId: string): Promise<OutboxAttempt[]> {
    return this.#rows.get(outboxId)?.attempts ?? [];
  }

  async list(options: { limit: number; accountId?: string; state?: OutboxState; beforeMs?: number }) {
    const { limit, accountId, state, beforeMs } = options;
    return [...this.#rows.values()]
      .map(({ entry }) => entry)
      .filter((entry) => accountId === undefined || entry.accountId === accountId)
      .filter((entry) => state === undefined || entry.state === state)
      .filter((entry) => beforeMs === undefined || entry.createdAtMs < beforeMs)
      .sort((a, b) => b.createdAtMs - a.createdAtMs || (a.outboxId < b.outboxId ? 1 : -1))
      .slice(0, limit);
  }

  async purge({ endedBeforeMs, limit }: { endedBeforeMs: number; limit: number }): Promise<number> {
    const endedMs = ({ entry }: Row) => entry.endedAtMs ?? Number.POSITIVE_INFINITY;
    const ended = [...this.#rows.values()]
      .filter((row) => endedMs(row) < endedBeforeMs)
      .sort((a, b) => endedMs(a) - endedMs(b))
      .slice(0, limit);
    for (const { entry } of ended) this.#rows.delete(entry.outboxId);
    return ended.length;
  }

  #pending(exceptLanes: readonly string[], exceptAccounts: readonly string[] = []): Row[] {
    return [...this.#rows.values()]
      .filter(({ entry, lane }) => entry.state === 'pending' && !exceptLanes.includes(lane))
      .filter(({ entry }) => !exceptAccounts.includes(entry.accountId ?? ''))
      .sort((a, b) => a.entry.nextAttemptAtMs - b.entry.nextAttemptAtMs);
  }
}
