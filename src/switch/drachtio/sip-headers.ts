import { header, type SipMessage, serializeMessage } from '../../kernel/sip/message.ts';
import { canonicalName } from '../../kernel/sip/names.ts';
import { parseNameAddr, parseUri, withoutHeaders } from '../../kernel/sip/uri.ts';
import type { HeaderMap } from '../sip/api.ts';

/** What a client may say in the headers of what it sends (drachtio.cpp, makeTags and makeSafeTags). */

/** Never the client's: the stack writes them. */
const STACKS_OWN = ['via', 'route', 'record-route', 'rseq', 'content-length'];
/** Follow from the transaction or the dialog. */
const DIALOGS_OWN = [...STACKS_OWN, 'from', 'to', 'call-id', 'cseq'];

const WITH_OUR_ADDRESS = new Set(['from', 'to', 'contact', 'p-asserted-identity']);

/** What a message is sent as: outside a dialog, in one, as an answer, or as a CANCEL. */
export type Use = 'new-request' | 'in-dialog' | 'response' | 'cancel';

/**
 * The client's headers as the stack takes them: without those that are not the client's to set, names in their usual
 * spelling, and `localhost` replaced by `hostPort`, our own address.
 */
export function clientHeaders(headers: [string, string][], use: Use, hostPort: string): HeaderMap {
  const forbidden = use === 'new-request' ? STACKS_OWN : DIALOGS_OWN;
  const map: HeaderMap = {};
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    if (forbidden.includes(key) || (use === 'cancel' && WITH_OUR_ADDRESS.has(key))) continue;
    addHeader(map, usualName(name), WITH_OUR_ADDRESS.has(key) ? replaceLocalhost(value, hostPort) : value);
  }
  return map;
}

/**
 * What stands behind the `?` of a Request-URI becomes headers, also those that the client could not set otherwise (Route),
 * as in the real server. @returns the URI without them.
 */
export function addUriHeaders(map: HeaderMap, uri: string): string {
  const { headers } = parseUri(uri) ?? {};
  if (headers === undefined) return uri;
  for (const field of headers.split('&')) {
    const [name = '', ...value] = field.split('=');
    if (name !== '') addHeader(map, usualName(name), unescaped(value.join('=')));
  }
  return withoutHeaders(uri);
}

/** What is no escape stays as it is. */
const unescaped = (text: string): string =>
  Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString();

/** Of these a message has one: the last that is given counts. */
const SINGLE = new Set(['Call-ID', 'CSeq', 'From', 'To']);

function addHeader(map: HeaderMap, name: string, value: string): void {
  const before = map[name];
  if (before === undefined || SINGLE.has(name)) map[name] = value;
  else map[name] = Array.isArray(before) ? [...before, value] : [before, value];
}

/** `call-id` → `Call-ID`, `custom-name` → `Custom-Name`; names that begin with X- stay as they are. */
export function usualName(name: string): string {
  const known = canonicalName(name);
  if (known !== name || /^x-/i.test(name)) return known;
  return name.replaceAll(/(^|-)([a-z])/g, (_all, dash: string, char: string) => dash + char.toUpperCase());
}

/** `sip:1000@localhost` → `<sip:1000@192.0.2.1:5060>`. srf writes `localhost` where it does not know our address. */
export function replaceLocalhost(value: string, hostPort: string): string {
  if (!/(@|sips?:)localhost\b/i.test(value)) return value;
  const bracketed = value.includes('<') ? value : value.replace(/^([^;]*)/, '<$1>');
  return bracketed.replace(/(@|sips?:)localhost(?::\d+)?/i, `$1${hostPort}`);
}

/**
 * Adds the type of the body where the client left it out: SDP is recognised, as in the real server.
 * @returns false when there is a body whose type nobody knows.
 */
export function completeContentType(headers: HeaderMap, body: string): boolean {
  if (body === '' || headers['Content-Type'] !== undefined) return true;
  if (!body.startsWith('v=0')) return false;
  headers['Content-Type'] = 'application/sdp';
  return true;
}

/**
 * drachtio's name of a dialog: the Call-ID and the tag of the one who began it. srf computes it too
 * (`findDialogByCallIDAndFromTag`), so it must not be any other.
 * @param invite the INVITE that began it.
 */
export function dialogIdOf(invite: SipMessage): string {
  const callId = header(invite, 'Call-ID') ?? '';
  return `${callId};from-tag=${tagIn(invite, 'From') ?? ''}`;
}

/** The tag in From or To. */
export function tagIn(message: SipMessage, name: 'From' | 'To'): string | undefined {
  return parseNameAddr(header(message, name) ?? '')?.tag;
}

/** RFC 3261 9.1: CANCEL repeats the INVITE's topmost Via, Route, From, To, Call-ID and CSeq number. */
export function cancelOf(invite: SipMessage, headers: HeaderMap = {}): string {
  const copied: [string, string][] = [];
  for (const name of ['Via', 'Route', 'Max-Forwards', 'From', 'To', 'Call-ID']) {
    const value = header(invite, name);
    if (value !== undefined) copied.push([name, value]);
  }
  copied.push(['CSeq', `${Number.parseInt(header(invite, 'CSeq') ?? '1', 10)} CANCEL`]);
  for (const [name, value] of Object.entries(headers)) for (const one of [value].flat()) copied.push([name, one]);
  return serializeMessage({ method: 'CANCEL', uri: invite.uri ?? '', headers: copied, body: '' });
}
