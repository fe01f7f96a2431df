import type { NewOutboxEntry, OutboxAttempt, OutboxEntry, OutboxState } from './entry.ts';

/** An entry that one worker has for itself until `entry.nextAttemptAtMs`, or longer if it renews it. */
export interface OutboxClaim {
  readonly claimId: string;
  /** `attempts` counts the attempt that this claim is for. */
  readonly entry: OutboxEntry;
  readonly lane: string;
}

/** How an attempt ended, and what becomes of the entry. */
export interface Settlement {
  readonly outcome: 'delivered' | 'failed' | 'refused';
  readonly statusCode: number | undefined;
  readonly error: string | undefined;
  readonly durationMs: number;
  readonly next:
    | { readonly state: 'delivered' | 'given-up'; readonly endedAtMs: number }
    | { readonly state: 'pending'; readonly nextAttemptAtMs: number };
}

/** What came of {@link OutboxStore.retry}. */
export type RetryResult = 'queued' | 'unknown' | 'delivered' | 'under-way';

/** What a worker takes next. */
export interface ClaimRequest {
  nowMs: number;
  leaseMs: number;
  exceptLanes: readonly string[];
  exceptAccounts?: readonly string[];
}

/**
 * Where entries are kept until they have arrived, and for a while after that. Safe for several workers in several
 * processes; times are the callers' clocks, so claims must be longer than those differ.
 */
export interface OutboxStore {
  /** Adds an entry; one that is there already (same `outboxId`) stays as it is. @throws DenwabanError `OUTBOX_ENTRY_INVALID`. */
  add(entry: NewOutboxEntry): Promise<void>;
  /**
   * Takes the entry that has been due for longest, in none of these lanes and of none of these accounts, and puts the attempt on record. Nobody
   * else gets it for `leaseMs`; after that it is due again, as if it had never been taken, and the attempt counts as
   * lost.
   */
  claim(request: ClaimRequest): Promise<OutboxClaim | undefined>;
  /**
   * The claims that still hold do so until then; for the others this changes nothing. A worker does this while its
   * attempts run, so that `leaseMs` need not be as long as the longest attempt.
   */
  renew(claims: readonly OutboxClaim[], untilMs: number): Promise<void>;
  /**
   * Ends a claim. Gives false when it was lost meanwhile; then only the attempt is put on record, and `delivered`
   * still ends the entry: what has arrived need not be sent again.
   */
  settle(claim: OutboxClaim, settlement: Settlement): Promise<boolean>;
  /** When the next entry in none of the lanes and of none of the accounts is due. */
  nextDueMs(exceptLanes: readonly string[], exceptAccounts?: readonly string[]): Promise<number | undefined>;
  /** Makes an entry that is pending or given up due at once, its age and pauses beginning anew. */
  retry(outboxId: string, nowMs: number): Promise<RetryResult>;
  find(outboxId: string): Promise<OutboxEntry | undefined>;
  /** Oldest first. */
  attempts(outboxId: string): Promise<OutboxAttempt[]>;
  /** Newest first. */
  list(options: { limit: number; accountId?: string; state?: OutboxState; beforeMs?: number }): Promise<OutboxEntry[]>;
  /** Deletes at most `limit` entries that ended before the time, with their attempts. Gives how many. */
  purge(options: { endedBeforeMs: number; limit: number }): Promise<number>;
}
