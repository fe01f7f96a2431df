import type { AccountsStores } from '../accounts/accounts-data.ts';
import { type Change, onRecord } from '../accounts/change.ts';
import { linkSecretsOf } from '../desk/recording-links.ts';
import { DenwabanError } from '../kernel/errors.ts';
import type { OutboxStore, RetryResult } from '../outbox/outbox-store.ts';
import type { WebhookSecret, WebhookSecretStore } from '../outbox/webhook-secrets.ts';

/** What leaves the house, with whom it is for. */
export interface OutboxStores extends AccountsStores {
  outbox: OutboxStore;
  webhookSecrets: WebhookSecretStore;
}

/** Tries a delivery again now, on record. @throws DenwabanError `OUTBOX_ENTRY_UNKNOWN`. */
export async function retryDelivery(
  change: Change<OutboxStores>,
  outboxId: string,
): Promise<Exclude<RetryResult, 'unknown'>> {
  const { outbox } = change.stores;
  const entry = await outbox.find(outboxId);
  const result = await outbox.retry(outboxId, change.atMs);
  if (!entry || result === 'unknown') {
    throw new DenwabanError('OUTBOX_ENTRY_UNKNOWN', `there is nothing in the outbox with the id "${outboxId}"`, {
      remedy: 'denwaban outbox list; what has ended is deleted after OUTBOX_KEEP_DAYS',
    });
  }
  const account = entry.accountId === null ? {} : { accountId: entry.accountId };
  if (result === 'queued') await onRecord(change, 'delivery.retry', { kind: 'delivery', id: outboxId, ...account });
  return result;
}

/**
 * Makes a new secret for an account's webhooks, on record; the one before signs for `overlapMs` more.
 * @throws DenwabanError `ACCOUNT_UNKNOWN`.
 */
export async function rotateWebhookSecret(
  change: Change<OutboxStores>,
  accountId: string,
  overlapMs: number,
): Promise<WebhookSecret> {
  await requireAccount(change, accountId);
  const secret = await change.stores.webhookSecrets.rotate(accountId, { nowMs: change.atMs, overlapMs });
  await onRecord(change, 'account.rotate-webhook-secret', { kind: 'account', id: accountId, accountId });
  return secret;
}

/**
 * Ends every link to an account's recordings that was sent, on record: what was signed before holds no more.
 * @throws DenwabanError `ACCOUNT_UNKNOWN`.
 */
export async function endRecordingLinks(change: Change<OutboxStores>, accountId: string): Promise<void> {
  await requireAccount(change, accountId);
  await change.stores.webhookSecrets.rotate(linkSecretsOf(accountId), { nowMs: change.atMs, overlapMs: 0 });
  await onRecord(change, 'account.end-recording-links', { kind: 'account', id: accountId, accountId });
}

async function requireAccount({ stores }: Change<OutboxStores>, accountId: string): Promise<void> {
  if (await stores.accounts.findAccount(accountId)) return;
  throw new DenwabanError('ACCOUNT_UNKNOWN', `there is no account "${accountId}"`);
}
