/** What a client sends in one frame: `<msgId>|<verb>|<token>|…`, then, for SIP, CRLF and the message. */
export interface ClientMessage {
  msgId: string;
  verb: string;
  /** What follows the verb, split at `|`. */
  tokens: string[];
  /** First line of the SIP message; empty when there is none. */
  startLine: string;
  headers: [name: string, value: string][];
  body: string;
}

const CRLF = '\r\n';
/** RFC 3261 25.1, token. */
const HEADER_NAME = /^[A-Za-z0-9\-.!%*_+`'~]+$/;

/** Takes a frame apart. Header lines that are no headers are left out, as drachtio-server does. */
export function parseClientMessage(text: string): ClientMessage {
  const [leader, sip] = cut(text, CRLF);
  const [msgId = '', verb = '', ...tokens] = leader.split('|');
  const [head, body] = cut(sip, CRLF + CRLF);
  const [startLine, headerBlock] = cut(head, CRLF);
  return { msgId, verb, tokens, startLine, headers: parseHeaders(headerBlock), body };
}

function parseHeaders(block: string): [string, string][] {
  const headers: [string, string][] = [];
  for (const line of block.split(CRLF)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).trim();
    if (HEADER_NAME.test(name))
      headers.push([
        name,
        line
          .slice(colon + 1)
          .replaceAll(/[\r\n]/g, ' ')
          .trim(),
      ]);
  }
  return headers;
}

function cut(text: string, separator: string): [before: string, after: string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** The request line `METHOD uri SIP/2.0`; undefined when it is none. */
export function parseRequestLine(line: string): { method: string; uri: string } | undefined {
  const match = /^([A-Za-z0-9\-.!%*_+`'~]+) +(\S+)(?: +SIP\/2\.0)?\s*$/.exec(line);
  return match?.[1] && match[2] ? { method: match[1], uri: match[2] } : undefined;
}

/** The status line `SIP/2.0 200 OK`; undefined when it is none. */
export function parseStatusLine(line: string): { status: number; reason: string } | undefined {
  const match = /^SIP\/2\.0 +([1-6]\d\d)(?: +(.*))?$/.exec(line);
  return match?.[1] ? { status: Number(match[1]), reason: (match[2] ?? '').trim() } : undefined;
}
