import type { SipMessage } from '../../kernel/sip/message.ts';
import type { HeaderMap } from './api.ts';

/** Requests that carry the peer's new address (12.2.2, RFC 3311 5.2, RFC 6665 4.4.1). */
export const targetRefreshers: ReadonlySet<string> = new Set(['INVITE', 'UPDATE', 'SUBSCRIBE', 'NOTIFY', 'REFER']);

/** A 481 to one of these says that something in the dialog is gone, not the dialog (RFC 5057 5.1, RFC 3262 3). */
export const partialUsages: ReadonlySet<string> = new Set(['PRACK', 'SUBSCRIBE', 'NOTIFY', 'REFER']);

/** A refusal of an offer that comes while another is open. */
export interface OverlapRefusal {
  status: number;
  headers: HeaderMap;
}

/** What stands open in a dialog when the peer's INVITE or UPDATE comes. */
export interface OpenOffers {
  confirmed: boolean;
  /** Requests of the peer's, and of ours, that have no final answer yet. */
  serverInvite: boolean;
  serverUpdate: boolean;
  clientInvite: boolean;
  /** For a request of the peer's on top of one of its own. */
  overlapStatus: 491 | 500;
}

/** Two offers at once (RFC 3261 14.2; RFC 3311 5.2 for UPDATE); undefined when nothing stands in the way. */
export function overlapRefusal(request: SipMessage, open: OpenOffers): OverlapRefusal | undefined {
  const isInvite = request.method === 'INVITE';
  if (isInvite ? open.serverInvite : open.serverUpdate) {
    if (open.overlapStatus === 491) return { status: 491, headers: {} };
    return { status: 500, headers: { 'Retry-After': String(Math.floor(Math.random() * 11)) } };
  }
  // An INVITE that only waits for its answer in an early dialog does not stand in the way of an UPDATE
  const ours = open.clientInvite && (isInvite || open.confirmed);
  return ours && (isInvite || request.body !== '') ? { status: 491, headers: {} } : undefined;
}
