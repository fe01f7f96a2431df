import { header, type MessageFault, type SipMessage } from './message.ts';
import { parseParams } from './uri.ts';

/**
 * The session description in the body of a message (RFC 3261 7.4, RFC 5621): alone, or a part of a multipart body
 * beside what we do not read (ISUP, a location, a picture).
 */

/** What we read, as Accept says it. */
export const acceptedTypes = 'application/sdp, multipart/mixed';

export type SessionBody =
  /** `sdp` is '' where there is no body. */
  { ok: true; sdp: string } | { ok: false; fault: MessageFault & { headers: Record<string, string> } };

const mostParts = 32;
const deepest = 3;

interface Part {
  type: string;
  disposition: string;
  encoding: string;
  transferEncoding: string;
  content: string;
}

/** Finds the description in a message whose body must be one, or must hold one. */
export function sessionBodyOf(message: SipMessage): SessionBody {
  if (message.body.trim() === '') return { ok: true, sdp: '' };
  const part: Part = {
    type: header(message, 'Content-Type') ?? '',
    disposition: header(message, 'Content-Disposition') ?? '',
    encoding: header(message, 'Content-Encoding') ?? '',
    transferEncoding: header(message, 'Content-Transfer-Encoding') ?? '',
    content: message.body,
  };
  const encoded = isEncoded(part);
  const found = encoded || mustBeUnderstood(part, 0) ? undefined : descriptionIn(part, 0);
  if (found !== undefined) return { ok: true, sdp: found };
  // 8.2.3, 21.4.13
  const headers: Record<string, string> = encoded ? { 'Accept-Encoding': 'identity' } : { Accept: acceptedTypes };
  return { ok: false, fault: { status: 415, reason: 'Unsupported Media Type', headers } };
}

function descriptionIn(part: Part, depth: number): string | undefined {
  const { main, params } = typeOf(part.type);
  if (isEncoded(part) || isEarly(part)) return undefined;
  if (main === 'application/sdp') {
    const text = decoded(part);
    return depth > 0 && text.trim() === '' ? undefined : plainDescription(text);
  }
  // 7.4.1 wants a type; where it was forgotten, the body says what it is.
  if (main === '' && depth === 0) return looksLikeSdp(part.content) ? plainDescription(part.content) : undefined;
  const boundary = params.get('boundary');
  if (!main.startsWith('multipart/') || boundary === undefined || boundary === '' || depth >= deepest) return undefined;
  for (const inner of partsOf(part.content, boundary)) {
    const found = descriptionIn(inner, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** RFC 5621 4.2: a part that says it is required, and of a type we cannot read, forbids to act on the rest. */
function mustBeUnderstood(part: Part, depth: number): boolean {
  const { main, params } = typeOf(part.type);
  const boundary = params.get('boundary');
  if (main.startsWith('multipart/') && boundary && depth < deepest) {
    return partsOf(part.content, boundary).some((inner) => mustBeUnderstood(inner, depth + 1));
  }
  const handling = typeOf(part.disposition).params.get('handling');
  return depth > 0 && main !== 'application/sdp' && handling?.toLowerCase() === 'required';
}

/** RFC 3959: a session of its own, for what is heard before the answer, beside the one that is meant. */
function isEarly({ disposition }: Part): boolean {
  return typeOf(disposition).main === 'early-session';
}

function isEncoded({ encoding }: Part): boolean {
  return encoding !== '' && encoding.toLowerCase() !== 'identity';
}

function decoded({ transferEncoding, content }: Part): string {
  const how = transferEncoding.toLowerCase();
  if (how === 'quoted-printable') return fromQuotedPrintable(content);
  return how === 'base64' ? Buffer.from(content, 'base64').toString('utf8') : content;
}

/** RFC 2045 6.7. */
function fromQuotedPrintable(text: string): string {
  return text
    .replace(/=[ \t]*(?:\r\n|\n|\r)/g, '')
    .replace(/=([0-9A-F]{2})/gi, (_escape, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function looksLikeSdp(text: string): boolean {
  return /^[\s\uFEFF]*v=0/.test(text);
}

/**
 * Without what stands before it, and without the zero byte that ends a text in C; lines ended by CRLF, as every reader of
 * SDP takes it (RFC 8866 5).
 */
function plainDescription(text: string): string {
  const lines = text
    .replace(/^[\s\uFEFF]+/, '')
    .replace(/\0+$/, '')
    .split(/\r\n|\n|\r/);
  while (lines.at(-1)?.trim() === '') lines.pop();
  return `${lines.join('\r\n')}\r\n`;
}

/** A header value `main;param=value`, lower-case main, values without quotes. */
function typeOf(value: string): { main: string; params: Map<string, string> } {
  const semicolon = value.indexOf(';');
  const main = (semicolon < 0 ? value : value.slice(0, semicolon)).replace(/\s/g, '').toLowerCase();
  const params = new Map<string, string>();
  for (const [name, text] of parseParams(semicolon < 0 ? '' : value.slice(semicolon).replace(/;\s*$/, '')) ?? []) {
    params.set(name, text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text);
  }
  return { main, params };
}

/** The parts between the lines that begin with the boundary (RFC 2046 5.1); what stands before and behind is nothing. */
function partsOf(content: string, boundary: string): Part[] {
  const parts: Part[] = [];
  let lines: string[] | undefined;
  for (const line of content.split(/\r\n|\n|\r/)) {
    const mark = line.startsWith(`--${boundary}`) ? line.slice(boundary.length + 2).trimEnd() : undefined;
    if (mark !== '' && mark !== '--') {
      lines?.push(line);
      continue;
    }
    if (lines) parts.push(partOf(lines));
    if (mark === '--' || parts.length >= mostParts) return parts;
    lines = [];
  }
  // The closing line is missing: what there is may do.
  if (lines) parts.push(partOf(lines));
  return parts;
}

function partOf(lines: string[]): Part {
  const part: Part = { type: '', disposition: '', encoding: '', transferEncoding: '', content: '' };
  const empty = lines.indexOf('');
  const head = empty < 0 ? lines : lines.slice(0, empty);
  for (const line of head
    .join('\n')
    .replace(/\n[ \t]+/g, ' ')
    .split('\n')) {
    const [, name = '', value = ''] = /^([^:\s]+)[ \t]*:[ \t]*(.*)$/.exec(line) ?? [];
    const key = fields[name.toLowerCase()];
    if (key) part[key] = value.trim();
  }
  part.type ||= 'text/plain';
  part.content = empty < 0 ? '' : lines.slice(empty + 1).join('\r\n');
  return part;
}

const fields: Record<string, keyof Part | undefined> = {
  'content-type': 'type',
  c: 'type',
  'content-disposition': 'disposition',
  'content-encoding': 'encoding',
  e: 'encoding',
  'content-transfer-encoding': 'transferEncoding',
};
