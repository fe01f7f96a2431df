import { canonicalName, reasonPhrase, sameName } from './names.ts';

/**
 * SIP messages between text and `SipMessage` (RFC 3261 7). One scan over the lines; values are left as text until
 * somebody asks (uri.ts). Known header names get their usual spelling; text keeps its own.
 */

/** A SIP message. Header names are matched without regard to case and compact forms. */
export interface SipMessage {
  /** Set on requests. */
  method?: string;
  uri?: string;
  /** Set on responses. */
  status?: number;
  reason?: string;
  headers: [name: string, value: string][];
  body: string;
}

/** Thrown by `parseMessage` on text that is no SIP message. */
export class SipSyntaxError extends Error {
  override name = 'SipSyntaxError';
}

/** What is wrong with a message, as the status and phrase to answer it with. */
export interface MessageFault {
  status: number;
  reason: string;
}

/** A message read as far as it can be, with the first fault met. */
export interface ReadMessage {
  message: SipMessage;
  fault: MessageFault | undefined;
}

const maxHeaderLines = 256;
const tokenPattern = /^[A-Za-z0-9\-.!%*_+`'~]+$/;
/** What may stand as a URI in a start line. */
export const goodUri = /^[^\s\p{Cc}<>"]+$/u;
const goodNames = new Set<string>();
const maxGoodNames = 1_024;

/**
 * Reads text from the wire or from the control port. Headers that must be there (Via, CSeq …) are not asked for.
 * @throws SipSyntaxError when it is no SIP message.
 */
export function parseMessage(raw: string): SipMessage {
  const read = readMessage(raw);
  if (!read) throw new SipSyntaxError('no SIP start line');
  if (read.fault) throw new SipSyntaxError(read.fault.reason);
  return read.message;
}

export interface ReadOptions {
  /** The bytes after the empty line, where the text stands for bytes; else the text is counted in UTF-8. */
  bodyBytes?: Buffer;
  /** The body is all that follows the empty line, whatever Content-Length says: somebody has cut it before us. */
  bodyIsRest?: boolean;
}

/**
 * Reads text that may be broken. Gives undefined when it has no start line of SIP at all: then nobody can answer it.
 * CRLF, LF and CR each end a line, and white space before the start line is passed over, as sofia-sip reads them.
 */
export function readMessage(raw: string, options: ReadOptions = {}): ReadMessage | undefined {
  const start = startOf(raw); // 7.5: CRLFs before the start line
  const lineEnd = lineEndAt(raw, start);
  const read = readStartLine(raw.slice(start, lineEnd));
  if (!read) return undefined;
  const bodyStart = readHeaders(raw, afterLineEnd(raw, lineEnd), read);
  readBody(raw, bodyStart, options, read);
  return read;
}

/** {@link readMessage} for bytes from the network: Content-Length counts bytes, also those that are no UTF-8. */
export function readMessageBytes(bytes: Buffer): ReadMessage | undefined {
  const raw = bytes.toString('utf8');
  if (raw.length === bytes.length) return readMessage(raw);
  const headEnd = endOfHead(bytes, 0);
  return readMessage(raw, { bodyBytes: bytes.subarray(headEnd ?? bytes.length) });
}

const cr = 13;
const lf = 10;

/**
 * Position after the first empty line at or behind `from`, where a line ends; undefined when there is none yet. A CR
 * that is the last byte of all may be half of a CRLF: it does not count.
 */
export function endOfHead(bytes: Buffer, from: number): number | undefined {
  for (let i = from; i < bytes.length; i++) {
    const length = lineEndLength(bytes, i);
    if (length === 0) continue;
    const next = lineEndLength(bytes, i + length);
    if (next > 0 && (bytes[i + length] === lf || next === 2 || i + length + 1 < bytes.length)) return i + length + next;
    i += length - 1;
  }
  return undefined;
}

function lineEndLength(bytes: Buffer, at: number): 0 | 1 | 2 {
  if (bytes[at] === cr) return bytes[at + 1] === lf ? 2 : 1;
  return bytes[at] === lf ? 1 : 0;
}

function startOf(raw: string): number {
  let start = 0;
  while (start < raw.length && ' \t\r\n'.includes(raw.charAt(start))) start++;
  return start;
}

function lineEndAt(raw: string, from: number): number {
  for (let i = from; i < raw.length; i++) {
    const code = raw.charCodeAt(i);
    if (code === cr || code === lf) return i;
  }
  return raw.length;
}

function afterLineEnd(raw: string, end: number): number {
  return end + (raw.charCodeAt(end) === cr && raw.charCodeAt(end + 1) === lf ? 2 : 1);
}

const statusLine = /^SIP[ \t]*\/[ \t]*(\d+\.\d+)[ \t]+([1-6]\d\d)(?!\d)[ \t]?(.*)$/i;
const requestLine = /^(\S+)[ \t](.*)[ \t]SIP[ \t]*\/[ \t]*(\d+\.\d+)(.*)$/i;
/** Of something else, or of a version that is none: what it speaks, we do not. */
const otherProtocol = /^(\S+)[ \t](.*)[ \t][A-Za-z]+\/[A-Za-z0-9.]+$/;
const badVersion: MessageFault = { status: 505, reason: 'Version Not Supported' };

function readStartLine(line: string): ReadMessage | undefined {
  const answer = statusLine.exec(line);
  if (answer) {
    const [, version, status, reason = ''] = answer;
    const message: SipMessage = { status: Number(status), reason, headers: [], body: '' };
    return { message, fault: version === '2.0' ? undefined : badVersion };
  }
  const [, method = '', uri = '', version, trailing] = requestLine.exec(line) ?? otherProtocol.exec(line) ?? [];
  if (!tokenPattern.test(method)) return undefined;
  const read: ReadMessage = { message: { method, uri, headers: [], body: '' }, fault: undefined };
  if (version !== '2.0') read.fault = badVersion;
  else if (trailing !== '' || !goodUri.test(uri)) read.fault = { status: 400, reason: 'Bad Request Line' };
  return read;
}

/** Reads header lines into `read`; gives the position where the body begins. */
function readHeaders(raw: string, from: number, read: ReadMessage): number {
  const { headers } = read.message;
  let position = from;
  while (position < raw.length) {
    const end = lineEndAt(raw, position);
    const line = raw.slice(position, end);
    position = afterLineEnd(raw, end);
    if (line === '') return position;
    const first = line.charCodeAt(0);
    const last = headers[headers.length - 1];
    if (first === 32 || first === 9) {
      // 7.3.1: a line that begins with white space goes on with the line above
      if (last) last[1] = `${last[1]} ${line.trim()}`.trimStart();
      else read.fault ??= { status: 400, reason: 'Bad Header Line' };
    } else readHeaderLine(line, read);
    if (headers.length > maxHeaderLines) {
      read.fault ??= { status: 400, reason: 'Too Many Headers' };
      headers.length = maxHeaderLines;
    }
  }
  read.fault ??= { status: 400, reason: 'No Empty Line' }; // 7: also where there is no body; the rest may be missing
  return position;
}

function readHeaderLine(line: string, read: ReadMessage): void {
  const colon = line.indexOf(':');
  let name = colon > 0 ? line.slice(0, colon) : '';
  if (name.endsWith(' ') || name.endsWith('\t')) name = name.trimEnd();
  if (!isGoodName(name)) {
    read.fault ??= { status: 400, reason: 'Bad Header Line' };
    return;
  }
  read.message.headers.push([canonicalName(name), line.slice(colon + 1).trim()]);
}

function isGoodName(name: string): boolean {
  if (goodNames.has(name)) return true;
  if (!tokenPattern.test(name)) return false;
  if (goodNames.size < maxGoodNames) goodNames.add(name);
  return true;
}

/** 18.3: the body is as long as Content-Length says; more is cut off, less is a fault. */
function readBody(raw: string, bodyStart: number, options: ReadOptions, read: ReadMessage): void {
  const rest = bodyStart < raw.length ? raw.slice(bodyStart) : '';
  const stated = header(read.message, 'Content-Length');
  read.message.body = rest;
  if (stated === undefined || options.bodyIsRest) return;
  if (!/^\d{1,9}$/.test(stated)) {
    read.fault ??= { status: 400, reason: 'Bad Content-Length' };
    return;
  }
  const length = Number(stated);
  const bytes = options.bodyBytes ?? Buffer.from(rest);
  if (length > bytes.length) read.fault ??= { status: 400, reason: 'Truncated Body' };
  else if (length < bytes.length) read.message.body = bytes.toString('utf8', 0, length);
}

/** The first value of a header, or undefined. */
export function header(message: SipMessage, name: string): string | undefined {
  const wanted = canonicalName(name);
  for (const pair of message.headers) {
    if (pair[0] === wanted || sameName(pair[0], wanted)) return pair[1];
  }
  return undefined;
}

/** The values of all lines of a header, in order. A line may hold several values: see `listValues`. */
export function headers(message: SipMessage, name: string): string[] {
  const wanted = canonicalName(name);
  const values: string[] = [];
  for (const pair of message.headers) {
    if (pair[0] === wanted || sameName(pair[0], wanted)) values.push(pair[1]);
  }
  return values;
}

/** The single values of a header that is a comma-separated list over one or many lines (7.3.1). */
export function listValues(message: SipMessage, name: string): string[] {
  const lines = headers(message, name);
  if (!lines.some((line) => line.includes(','))) return lines;
  return lines.flatMap(splitList);
}

/** Cuts a header value at its commas, leaving those in quotes and angle brackets alone. */
export function splitList(value: string): string[] {
  if (!value.includes(',')) return [value];
  const values: string[] = [];
  let [start, quoted, bracketed] = [0, false, false];
  for (let i = 0; i < value.length; i++) {
    const char = value[i];
    if (quoted) {
      if (char === '\\') i++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '<') bracketed = true;
    else if (char === '>') bracketed = false;
    else if (char === ',' && !bracketed) {
      values.push(value.slice(start, i).trim());
      start = i + 1;
    }
  }
  values.push(value.slice(start).trim());
  return values;
}

/** Whether a list header names a token, such as `100rel` in Supported. */
export function hasToken(message: SipMessage, name: string, token: string): boolean {
  const wanted = token.toLowerCase();
  return listValues(message, name).some((value) => value.toLowerCase() === wanted);
}

/** The text to send. Content-Length is put right, or added. */
export function serializeMessage(message: SipMessage): string {
  const { body } = message;
  let text =
    message.method === undefined
      ? `SIP/2.0 ${message.status} ${message.reason ?? reasonPhrase(message.status ?? 0)}\r\n`
      : `${message.method} ${message.uri} SIP/2.0\r\n`;
  for (const [name, value] of message.headers) {
    if (!sameName(name, 'Content-Length')) text += `${name}: ${value}\r\n`;
  }
  return `${text}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
