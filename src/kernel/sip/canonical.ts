import { goodUri, type SipMessage, serializeMessage, splitList } from './message.ts';
import { type NameAddr, parseNameAddr } from './uri.ts';

/**
 * A message in one spelling, as it was understood: so that the next reader, whose rules we do not make, has nothing
 * left to understand otherwise. Long header names, CRLF, one line a header, addresses in angle brackets.
 */

/** Headers that hold one address, where a comma in an unquoted name is no separator; and those that hold a list. */
const oneAddress: ReadonlySet<string> = new Set(['From', 'To']);
const addressLists: ReadonlySet<string> = new Set(['Contact', 'Refer-To', 'Referred-By', 'Reply-To']);
/** drachtio-srf undoes `%41` in header names, so that such a name could become one that counts. */
const plainName = /^[A-Za-z0-9\-.!*_+`'~]+$/;
/** All but the tab. */
const controls = /[^\P{Cc}\t]/gu;
/** In place of a Request-URI that nobody could read, in a request that ends something all the same. */
const unreadableUri = 'sip:unreadable.invalid';

/** The text of a message in one spelling. */
export function canonicalText(message: SipMessage): string {
  const { method, uri = '', reason } = message;
  const headers: SipMessage['headers'] = [];
  for (const [name, value] of message.headers) {
    if (plainName.test(name)) headers.push([name, canonicalValue(name, withoutControls(value))]);
  }
  if (method === undefined) return serializeMessage({ ...message, reason: withoutControls(reason ?? ''), headers });
  return serializeMessage({ ...message, uri: goodUri.test(uri) ? uri : unreadableUri, headers });
}

function withoutControls(text: string): string {
  return text.replace(controls, ' ').trim();
}

function canonicalValue(name: string, value: string): string {
  if (oneAddress.has(name)) return canonicalAddress(value);
  if (!addressLists.has(name) || value === '*') return value;
  return splitList(value).map(canonicalAddress).join(', ');
}

/** An address in one form; what cannot be read stays as it is. */
function canonicalAddress(value: string): string {
  const address = parseNameAddr(value);
  return address ? addressText(address) : value;
}

function addressText({ displayName, uri, params }: NameAddr): string {
  const name = displayName ? `"${displayName.replace(/["\\]/g, '\\$&')}" ` : '';
  let text = `${name}<${uri}>`;
  for (const [param, value] of params) text += value === '' ? `;${param}` : `;${param}=${value}`;
  return text;
}
