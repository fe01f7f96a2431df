import { randomUUID } from 'node:crypto';
import { header, headers, type SipMessage } from '../../kernel/sip/message.ts';
import { canonicalName, reasonPhrase, sameName } from '../../kernel/sip/names.ts';
import { parseNameAddr } from '../../kernel/sip/uri.ts';
import type { HeaderMap } from './api.ts';

/** A random id without characters that mean anything to anybody. */
export function newId(): string {
  return randomUUID();
}

/** A tag (19.3). */
export function newTag(): string {
  return randomUUID().slice(0, 18).replaceAll('-', '');
}

/** A branch with the cookie of RFC 3261 (8.1.1.7). */
export function newBranch(): string {
  return `z9hG4bK${randomUUID().replaceAll('-', '').slice(0, 20)}`;
}

/** The value of a header in a map, whatever its spelling; the first of several. */
export function mapValue(map: HeaderMap | undefined, name: string): string | undefined {
  for (const key in map) {
    if (!sameName(key, name)) continue;
    const value = map[key];
    return Array.isArray(value) ? value[0] : value;
  }
  return undefined;
}

/** Values that came from elsewhere must not start new header lines. */
function oneLine(value: string): string {
  return /[\r\n]/.test(value) ? value.replace(/\s*[\r\n]+\s*/g, ' ').trim() : value;
}

/**
 * Adds the headers of a map, or puts them in place of those there. The names in `fixed` stay as they are: the stack
 * alone knows them.
 */
export function applyHeaders(message: SipMessage, map: HeaderMap | undefined, fixed: readonly string[]): void {
  for (const key in map) {
    const name = canonicalName(key);
    if (fixed.includes(name)) continue;
    const given = map[key] ?? [];
    const lines = (Array.isArray(given) ? given : [given]).map((value): [string, string] => [name, oneLine(value)]);
    const at = message.headers.findIndex(([present]) => sameName(present, name));
    if (at < 0) message.headers.push(...lines);
    else {
      const kept = message.headers.filter(([present]) => !sameName(present, name));
      kept.splice(at, 0, ...lines);
      message.headers = kept;
    }
  }
}

/** Adds a header unless there is one. */
export function addMissing(message: SipMessage, name: string, value: string): void {
  if (header(message, name) === undefined) message.headers.push([name, value]);
}

/** Puts one value in place of all lines of a header. */
export function setHeader(message: SipMessage, name: string, value: string): void {
  applyHeaders(message, { [name]: value }, []);
}

/** Adds a token to a list header, once. */
export function addToken(message: SipMessage, name: string, token: string): void {
  const present = headers(message, name).join(', ');
  const tokens = present.split(',').map((each) => each.trim().toLowerCase());
  if (tokens.includes(token)) return;
  setHeader(message, name, present === '' ? token : `${present}, ${token}`);
}

/** Takes a token out of a list header. */
export function removeToken(message: SipMessage, name: string, token: string): void {
  const kept = headers(message, name)
    .flatMap((value) => value.split(','))
    .map((each) => each.trim())
    .filter((each) => each !== '' && each.toLowerCase() !== token);
  if (kept.length === 0) message.headers = message.headers.filter(([present]) => !sameName(present, name));
  else setHeader(message, name, kept.join(', '));
}

/** A From or To value with a tag, kept if it has one. */
export function withTag(value: string, tag: string): string {
  return parseNameAddr(value)?.tag === undefined ? `${value};tag=${tag}` : value;
}

/** Methods that start a dialog, so that their answers carry the Record-Route (12.1.1). */
const dialogStarters = new Set(['INVITE', 'SUBSCRIBE', 'REFER', 'NOTIFY', 'UPDATE']);

/** The skeleton of an answer: what must be copied from the request (8.2.6.2, 12.1.1). */
export function buildResponse(
  request: SipMessage,
  status: number,
  options: { reason?: string | undefined; toTag?: string | undefined; body?: string | undefined },
): SipMessage {
  const response: SipMessage = {
    status,
    reason: options.reason ? oneLine(options.reason) : reasonPhrase(status),
    headers: [],
    body: options.body ?? '',
  };
  const to = header(request, 'To');
  const copy = (name: string): void => {
    for (const value of headers(request, name)) response.headers.push([name, value]);
  };
  copy('Via');
  if (status > 100 && status < 300 && dialogStarters.has(request.method ?? '')) copy('Record-Route');
  copy('From');
  if (to !== undefined) response.headers.push(['To', options.toTag ? withTag(to, options.toTag) : to]);
  copy('Call-ID');
  copy('CSeq');
  if (status === 100) copy('Timestamp');
  return response;
}

/** CANCEL for a request, or the ACK for its failure: both run over the request's own branch (9.1, 17.1.1.3). */
export function buildCompanion(request: SipMessage, method: 'CANCEL' | 'ACK', to: string): SipMessage {
  const companion: SipMessage = { method, uri: request.uri ?? '', headers: [], body: '' };
  companion.headers.push(['Via', header(request, 'Via') ?? '']);
  companion.headers.push(['Max-Forwards', header(request, 'Max-Forwards') ?? '70']);
  for (const route of headers(request, 'Route')) companion.headers.push(['Route', route]);
  companion.headers.push(['From', header(request, 'From') ?? '']);
  companion.headers.push(['To', to]);
  companion.headers.push(['Call-ID', header(request, 'Call-ID') ?? '']);
  companion.headers.push(['CSeq', `${Number.parseInt(header(request, 'CSeq') ?? '0', 10)} ${method}`]);
  return companion;
}
