import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../kernel/clock.ts';
import type { AccountsStores, Transactions } from './accounts-data.ts';
import { type Actor, type AuditSubject, auditChange } from './audit.ts';

/** Somebody changes something: the stores of one transaction, who it is, and when. */
export interface Change<Stores extends AccountsStores = AccountsStores> {
  stores: Stores;
  actor: Actor;
  atMs: number;
}

/** Runs a change in one transaction with its entries on the audit record ({@link onRecord}). */
export function makeChange<T, Stores extends AccountsStores = AccountsStores>(
  on: { data: Transactions<Stores>; clock: Clock },
  actor: Actor,
  work: (change: Change<Stores>) => Promise<T>,
): Promise<T> {
  return on.data.inTransaction((stores) => work({ stores, actor, atMs: on.clock.nowMs() }));
}

/** Puts a change on the audit record, without what has not changed. Nothing has changed: no entry. */
export async function onRecord(
  { stores, actor, atMs }: Change,
  action: string,
  subject: AuditSubject,
  { before, after }: { before?: unknown; after?: unknown } = {},
): Promise<void> {
  if (before !== undefined && isDeepStrictEqual(before, after)) return;
  await stores.audit.append({ atMs, actor, action, subject, ...auditChange(before, after) });
}
