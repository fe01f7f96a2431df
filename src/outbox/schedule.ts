import { type DeliveryOutcome, failureText } from './delivery.ts';
import type { OutboxEntry } from './entry.ts';
import type { Settlement } from './outbox-store.ts';

/** When to try again, and when not to any more. */
export interface RetryPolicy {
  /** Longest pause after the first failure; it doubles with each one. */
  readonly firstRetryMs: number;
  readonly maxRetryMs: number;
  /** A receiver that asks for a longer pause (Retry-After) gets this one. */
  readonly maxRetryAfterMs: number;
  /** Entries that have failed for so long are given up. The last attempt is made when this is over. */
  readonly giveUpAfterMs: number;
}

/**
 * What becomes of an entry after an attempt. Pure.
 * @param entry As it was claimed: `failures` does not count this attempt.
 * @param random In [0, 1): a pause is between half and the whole of its length, so that what failed together is not
 * tried again together.
 */
export function settlementOf(
  entry: Pick<OutboxEntry, 'failures' | 'sinceMs'>,
  outcome: DeliveryOutcome,
  { nowMs, durationMs, policy, random }: { nowMs: number; durationMs: number; policy: RetryPolicy; random: number },
): Settlement {
  const { statusCode, result } = outcome;
  if (result === 'delivered') {
    const next = { state: 'delivered', endedAtMs: nowMs } as const;
    return { outcome: result, statusCode, error: undefined, durationMs, next };
  }
  const record = { outcome: result, statusCode, error: failureText(outcome), durationMs };
  const giveUpAtMs = entry.sinceMs + policy.giveUpAfterMs;
  if (result === 'refused' || nowMs >= giveUpAtMs) {
    return { ...record, next: { state: 'given-up', endedAtMs: nowMs } };
  }
  const longestMs = Math.min(policy.maxRetryMs, policy.firstRetryMs * 2 ** Math.min(entry.failures, 30));
  const askedForMs = Math.min(outcome.retryAfterMs ?? 0, policy.maxRetryAfterMs);
  const pauseMs = Math.max(Math.round(longestMs * (0.5 + random / 2)), askedForMs);
  return { ...record, next: { state: 'pending', nextAttemptAtMs: Math.min(nowMs + pauseMs, giveUpAtMs) } };
}
