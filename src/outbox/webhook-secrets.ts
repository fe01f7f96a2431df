import { randomBytes } from 'node:crypto';

/** A secret that webhooks of one account are signed with. */
export interface WebhookSecret {
  /** `whsec_` and base64 of 32 random bytes, as Standard Webhooks writes them. */
  readonly secret: string;
  readonly createdAtMs: number;
  /** From when it signs no more; undefined for the newest. */
  readonly retiresAtMs: number | undefined;
}

/** Where accounts' webhook secrets are kept. */
export interface WebhookSecretStore {
  /** Those that sign at this time, newest first: one, or two while the receiver changes over. The first is made here. */
  current(accountId: string, nowMs: number): Promise<WebhookSecret[]>;
  /** Makes a new secret. The one before it signs for `overlapMs` more; any older one no more. */
  rotate(accountId: string, options: { nowMs: number; overlapMs: number }): Promise<WebhookSecret>;
}

/** A fresh secret. */
export function newWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
