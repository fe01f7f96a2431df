import { createHmac } from 'node:crypto';
import { toRfc3339 } from '../kernel/clock.ts';
import type { Deliverer } from './delivery.ts';
import type { OutboxEntry } from './entry.ts';
import { type HttpContext, postJson } from './http-post.ts';
import type { WebhookSecretStore } from './webhook-secrets.ts';

/** Under which the provider's own webhooks (no account) keep their secret; no account can have this id. */
export const providerSecrets = '(provider)';

/**
 * Webhooks as Standard Webhooks (standardwebhooks.com) describes them: JSON signed with the account's secrets, id and
 * body the same at each attempt. A receiver checks one of the signatures, that the timestamp is recent, and whether it
 * has seen the id.
 */
export function createWebhookDeliverer(context: HttpContext & { secrets: WebhookSecretStore }): Deliverer {
  return {
    deliver: async (entry, signal) => {
      const nowMs = context.clock.nowMs();
      const secrets = await context.secrets.current(entry.accountId ?? providerSecrets, nowMs);
      const body = webhookBody(entry);
      const timestampSeconds = Math.floor(nowMs / 1000);
      const headers = signedHeaders(
        { id: entry.outboxId, timestampSeconds, body },
        secrets.map(({ secret }) => secret),
      );
      return postJson(context, { url: entry.target, body, headers, signal });
    },
  };
}

/** The body: `{ type, timestamp, data: { id, subject, text, fields } }`. */
export function webhookBody({ outboxId, kind, createdAtMs, payload }: OutboxEntry): string {
  const { subject, text, fields } = payload;
  return JSON.stringify({
    type: kind,
    timestamp: toRfc3339(createdAtMs),
    data: { id: outboxId, subject, text, fields },
  });
}

/** `webhook-signature`: one `v1,<base64 HMAC-SHA256 of id.timestamp.body>` per secret, separated by spaces. */
export function signedHeaders(
  message: { id: string; timestampSeconds: number; body: string },
  secrets: readonly string[],
): Record<string, string> {
  const { id, timestampSeconds, body } = message;
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestampSeconds}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': signatures.join(' '),
  };
}
