import { createHmac, timingSafeEqual } from 'node:crypto';
import { assert } from '../kernel/assert.ts';
import type { WebhookSecretStore } from '../outbox/webhook-secrets.ts';

/** Links by which a recording is heard by whoever has them, for a while, without signing in. */
export interface RecordingLinks {
  /** The link to a recording, from now on. */
  make(recording: { accountId: string; recordingId: string }): Promise<{ url: string; expiresAtMs: number }>;
}

/** Why a link does not lead to the recording. */
export type LinkFault = 'forged' | 'expired';

interface SignedLink {
  recordingId: string;
  untilSeconds: number;
  signature: string;
}

/**
 * Under which an account's links keep their secret; no account can have this id. A new secret in its place ends every
 * link that was ever sent.
 */
export const linkSecretsOf = (accountId: string): string => `(recordings) ${accountId}`;

/** Signs links with the account's secret. `baseUrl`: where the pages are reached from outside. */
export function createRecordingLinks(options: {
  secrets: Pick<WebhookSecretStore, 'current'>;
  baseUrl: () => string;
  nowMs: () => number;
  lifetimeMs: number;
}): RecordingLinks {
  const { secrets, baseUrl, nowMs, lifetimeMs } = options;
  return {
    make: async ({ accountId, recordingId }) => {
      const untilSeconds = Math.floor((nowMs() + lifetimeMs) / 1_000);
      const [newest] = await secrets.current(linkSecretsOf(accountId), nowMs());
      assert(newest, 'an account without a secret for its links');
      const signature = sign(newest.secret, { recordingId, untilSeconds }).toString('base64url');
      const query = new URLSearchParams({ until: String(untilSeconds), sig: signature });
      const url = `${baseUrl().replace(/\/+$/, '')}/recordings/${encodeURIComponent(recordingId)}?${query}`;
      return { url, expiresAtMs: untilSeconds * 1_000 };
    },
  };
}

/** What is wrong with a link; undefined: it holds. Who forged it is not told whether it would have expired. */
export async function linkFault(
  secrets: Pick<WebhookSecretStore, 'current'>,
  accountId: string,
  link: SignedLink,
  nowMs: number,
): Promise<LinkFault | undefined> {
  const given = Buffer.from(link.signature, 'base64url');
  const known = await secrets.current(linkSecretsOf(accountId), nowMs);
  const holds = known.some(({ secret }) => {
    const right = sign(secret, link);
    return right.length === given.length && timingSafeEqual(right, given);
  });
  if (!holds) return 'forged';
  return link.untilSeconds * 1_000 < nowMs ? 'expired' : undefined;
}

function sign(secret: string, { recordingId, untilSeconds }: Pick<SignedLink, 'recordingId' | 'untilSeconds'>): Buffer {
  return createHmac('sha256', secret).update(`recording\n${recordingId}\n${untilSeconds}`).digest();
}
