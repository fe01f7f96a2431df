import { header, headers, type MessageFault, type ReadMessage, type SipMessage, splitList } from './message.ts';
import { parseNameAddr, parseUri } from './uri.ts';

/**
 * What must be in a request (RFC 3261 8.1.1), and in one that makes a dialog or moves its target (12.1.1, 12.2.2):
 * looked at before anybody acts on it, so that no call is answered that could not be ended.
 */

const single = ['From', 'To', 'Call-ID', 'CSeq', 'Max-Forwards', 'Content-Length', 'Content-Type'];
/** Requests that say where their sender is reached in the dialog. */
const needContact: ReadonlySet<string> = new Set(['INVITE', 'SUBSCRIBE']);
const mayMoveTarget: ReadonlySet<string> = new Set(['INVITE', 'SUBSCRIBE', 'UPDATE']);
/** What ends a call ends it, however badly it is written, as long as it says which call is meant. */
const endings: ReadonlySet<string> = new Set(['ACK', 'BYE', 'CANCEL']);
const maxCseq = 2 ** 31;

/** Why a request must be refused; undefined when nothing speaks against it. A response has no such faults. */
export function faultOfRequest({ message, fault }: ReadMessage): MessageFault | undefined {
  const { method } = message;
  if (method === undefined) return undefined;
  if (fault?.status === 505) return fault;
  const identity = faultOfIdentity(message);
  if (endings.has(method)) return identity;
  return identity ?? fault ?? faultOfSingles(message) ?? faultOfTarget(message) ?? faultOfContact(message, method);
}

/** The number and method of a CSeq value; undefined where it is none (8.1.1.5). */
export function parseCseq(value: string): { number: number; method: string } | undefined {
  const match = /^(\d{1,10})\s+(\S+)$/.exec(value);
  const number = Number(match?.[1]);
  return match?.[2] !== undefined && number < maxCseq ? { number, method: match[2] } : undefined;
}

const bad = (reason: string): MessageFault => ({ status: 400, reason });

/** From, To, Call-ID and CSeq name the dialog and the transaction. */
function faultOfIdentity(message: SipMessage): MessageFault | undefined {
  for (const name of ['From', 'To', 'Call-ID', 'CSeq']) {
    if (!header(message, name)) return bad(`Missing ${name}`);
  }
  if (!parseNameAddr(header(message, 'From') ?? '')) return bad('Bad From');
  if (!parseNameAddr(header(message, 'To') ?? '')) return bad('Bad To');
  const cseq = parseCseq(header(message, 'CSeq') ?? '');
  if (!cseq) return bad('Bad CSeq');
  return cseq.method === message.method ? undefined : bad('CSeq Method Mismatch');
}

function faultOfSingles(message: SipMessage): MessageFault | undefined {
  const doubled = single.find((name) => headers(message, name).length > 1);
  return doubled === undefined ? undefined : bad(`More Than One ${doubled}`);
}

function faultOfTarget(message: SipMessage): MessageFault | undefined {
  const uri = parseUri(message.uri ?? '');
  if (!uri) return bad('Bad Request-URI');
  if (uri.scheme !== 'sip' && uri.scheme !== 'sips' && uri.scheme !== 'tel') {
    return { status: 416, reason: 'Unsupported URI Scheme' };
  }
  const maxForwards = header(message, 'Max-Forwards');
  if (maxForwards === undefined || (/^\d{1,4}$/.test(maxForwards) && Number(maxForwards) <= 255)) return undefined;
  return bad('Bad Max-Forwards');
}

/** 8.1.1.8: one SIP URI, no more and no less. A dialog without a tag of the caller's could not be told from others. */
function faultOfContact(message: SipMessage, method: string): MessageFault | undefined {
  if (needContact.has(method) && !parseNameAddr(header(message, 'From') ?? '')?.tag) return bad('From Without Tag');
  if (!mayMoveTarget.has(method)) return undefined;
  const contacts = headers(message, 'Contact').flatMap(splitList);
  if (contacts.length === 0) return needContact.has(method) ? bad('Missing Contact') : undefined;
  if (contacts.length > 1) return bad('More Than One Contact');
  const uri = parseUri(parseNameAddr(contacts[0] ?? '')?.uri ?? '');
  return uri?.scheme === 'sip' || uri?.scheme === 'sips' ? undefined : bad('Bad Contact');
}
