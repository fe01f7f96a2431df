import type { OutboxChannel, OutboxEntry } from './entry.ts';

/** Why an attempt failed, in words for counting and for the log: none holds personal data. */
export type FailureReason =
  | 'timeout'
  | 'stopped'
  | 'unreachable'
  | 'tls'
  | 'http-status'
  | 'redirect'
  | 'smtp-reply'
  | 'smtp-login'
  | 'smtp'
  | 'forbidden-target'
  | 'not-configured'
  | 'fault';

/** How an attempt failed. `detail` is for the record alone: it may hold personal data. */
export interface Failure {
  readonly reason: FailureReason;
  readonly detail?: string;
  /** HTTP status or SMTP reply code. */
  readonly statusCode?: number;
}

/** What came of one attempt. `failed` may pass by itself and is tried again; `refused` will not. */
export type DeliveryOutcome =
  | { readonly result: 'delivered'; readonly statusCode?: number }
  /** `retryAfterMs`: the receiver asked for this pause. */
  | ({ readonly result: 'failed'; readonly retryAfterMs?: number } & Failure)
  | ({ readonly result: 'refused' } & Failure);

/** One way out of the house. */
export interface Deliverer {
  /**
   * Makes one attempt. Ends soon after `signal` aborts. An expected failure is a value; what is thrown counts as a
   * failure that may pass.
   */
  deliver(entry: OutboxEntry, signal: AbortSignal): Promise<DeliveryOutcome>;
}

/** By channel. One that is not set up fails its entries until it is, or until they are given up. */
export type Deliverers = Readonly<Record<OutboxChannel, Deliverer | undefined>>;

/** Whether a Node error code tells of TLS: no agreement, or a certificate that nobody vouches for. */
export function isTlsCode(code: string): boolean {
  return /^(ERR_TLS|ERR_SSL|EPROTO$|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED)/.test(code);
}

const maxErrorCharacters = 500;

/** `reason: detail`, for the record: one line, bounded. */
export function failureText({ reason, detail }: Failure): string {
  const text = detail === undefined ? reason : `${reason}: ${detail}`;
  // Receivers' answers: control characters, and NUL which PostgreSQL refuses.
  return text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .slice(0, maxErrorCharacters)
    .toWellFormed()
    .trim();
}
