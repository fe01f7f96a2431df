/** SIP URIs, name-addr values and Via values (RFC 3261 19.1, 20.10, 20.42). Parsed by hand: these run per message. */

/** Parameters by lower-case name; '' for one without a value. */
export type Params = Map<string, string>;

export interface SipUri {
  /** Lower case: `sip`, `sips`, `tel` … */
  scheme: string;
  /** As written, escapes and password left in. For `tel` the number. */
  user: string | undefined;
  /** Without brackets of IPv6. Empty for schemes that have no host. */
  host: string;
  port: number | undefined;
  params: Params;
  /** The text after `?`. */
  headers: string | undefined;
}

export interface NameAddr {
  displayName: string | undefined;
  /** The URI as text; see `parseUri`. */
  uri: string;
  /** Parameters of the header, `tag` among them. */
  params: Params;
  tag: string | undefined;
}

export interface Via {
  /** Upper case: `UDP`, `TCP`, `TLS` … */
  transport: string;
  host: string;
  port: number | undefined;
  params: Params;
}

/** Reads a URI of any scheme; undefined when it is none. Host and port are only taken apart for `sip` and `sips`. */
export function parseUri(text: string): SipUri | undefined {
  const colon = text.indexOf(':');
  if (colon <= 0 || !/^[a-z][a-z0-9+.-]*$/i.test(text.slice(0, colon)) || /[\s<>]/.test(text)) return undefined;
  const scheme = text.slice(0, colon).toLowerCase();
  let rest = text.slice(colon + 1);
  if (rest === '') return undefined;
  if (scheme !== 'sip' && scheme !== 'sips') return parseOpaque(scheme, rest);
  // The user part may hold ; and ?, so the @ comes first
  const at = rest.lastIndexOf('@');
  const user = at >= 0 ? rest.slice(0, at) : undefined;
  if (user === '') return undefined;
  rest = rest.slice(at + 1);
  const question = rest.indexOf('?');
  const headers = question >= 0 ? rest.slice(question + 1) : undefined;
  if (question >= 0) rest = rest.slice(0, question);
  const semicolon = rest.indexOf(';');
  const hostPort = parseHostPort(semicolon >= 0 ? rest.slice(0, semicolon) : rest);
  if (!hostPort) return undefined;
  const params = parseParams(semicolon >= 0 ? rest.slice(semicolon) : '');
  return params && { scheme, user, ...hostPort, params, headers };
}

/** A URI without the headers behind its `?`, which a target of requests must not have (RFC 3261 19.1.1, table 1). */
export function withoutHeaders(uri: string): string {
  const { headers } = parseUri(uri) ?? {};
  return headers === undefined ? uri : uri.slice(0, -headers.length - 1);
}

function parseOpaque(scheme: string, rest: string): SipUri | undefined {
  const semicolon = rest.indexOf(';');
  const params = parseParams(semicolon >= 0 ? rest.slice(semicolon) : '') ?? new Map();
  const user = semicolon >= 0 ? rest.slice(0, semicolon) : rest;
  return { scheme, user, host: '', port: undefined, params, headers: undefined };
}

/** Reads `host`, `host:port`, `[v6]:port`. */
export function parseHostPort(text: string): { host: string; port: number | undefined } | undefined {
  const value = text.trim();
  let host = value;
  let portText: string | undefined;
  if (value.startsWith('[')) {
    const close = value.indexOf(']');
    if (close < 0) return undefined;
    host = value.slice(1, close);
    const after = value.slice(close + 1).trim();
    if (!/^[0-9a-f:.]+$/i.test(host) || (after !== '' && !after.startsWith(':'))) return undefined;
    if (after !== '') portText = after.slice(1);
  } else {
    const colon = value.indexOf(':');
    if (colon >= 0) [host, portText] = [value.slice(0, colon).trimEnd(), value.slice(colon + 1)];
    if (!/^[A-Za-z0-9._-]+$/.test(host)) return undefined;
  }
  if (portText === undefined) return { host, port: undefined };
  const port = Number(portText.trim());
  if (!/^\s*\d{1,5}\s*$/.test(portText) || port > 65_535) return undefined;
  return { host, port };
}

/** Reads `;a=b;c`; undefined when a name is missing or a quote stays open. */
export function parseParams(text: string): Params | undefined {
  const params: Params = new Map();
  let position = 0;
  const skipSpace = () => {
    while (text[position] === ' ' || text[position] === '\t') position++;
  };
  skipSpace();
  while (position < text.length) {
    if (text[position] !== ';') return undefined;
    const end = endOfParam(text, position + 1);
    if (end === undefined) return undefined;
    const param = text.slice(position + 1, end);
    const equals = param.indexOf('=');
    const name = (equals >= 0 ? param.slice(0, equals) : param).trim().toLowerCase();
    if (name === '') return undefined;
    if (!params.has(name)) params.set(name, equals >= 0 ? param.slice(equals + 1).trim() : '');
    position = end;
  }
  return params;
}

function endOfParam(text: string, from: number): number | undefined {
  for (let i = from; i < text.length; i++) {
    if (text[i] === ';') return i;
    if (text[i] !== '"') continue;
    const close = endOfQuote(text, i);
    if (close === undefined) return undefined;
    i = close;
  }
  return text.length;
}

/** Position of the quote that closes the one at `open`. */
function endOfQuote(text: string, open: number): number | undefined {
  for (let i = open + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i;
  }
  return undefined;
}

/** Reads the value of From, To, Contact, Route, Refer-To …: `"Name" <uri>;params` or `uri;params`. */
export function parseNameAddr(value: string): NameAddr | undefined {
  const text = value.trim();
  let displayName: string | undefined;
  let position = 0;
  if (text.startsWith('"')) {
    const close = endOfQuote(text, 0);
    if (close === undefined) return undefined;
    displayName = text.slice(1, close).replace(/\\(.)/g, '$1');
    position = close + 1;
  }
  const open = text.indexOf('<', position);
  let uri: string;
  let paramText: string;
  if (open >= 0) {
    const between = text.slice(position, open).trim();
    const close = text.indexOf('>', open);
    // 25.1 wants quotes around a comma, but `Yamada, Taro <sip:…>` is met, and can mean nothing else.
    if (close < 0 || (displayName !== undefined && between !== '') || /[";<>]/.test(between)) return undefined;
    if (displayName === undefined && between !== '') displayName = between;
    uri = text.slice(open + 1, close).trim();
    paramText = text.slice(close + 1);
  } else {
    // 20.10: without angle brackets, parameters belong to the header
    if (displayName !== undefined) return undefined;
    const semicolon = text.indexOf(';');
    uri = (semicolon >= 0 ? text.slice(0, semicolon) : text).trim();
    paramText = semicolon >= 0 ? text.slice(semicolon) : '';
  }
  const params = parseParams(paramText);
  if (!params || !/^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>]+$/.test(uri)) return undefined;
  return { displayName, uri, params, tag: params.get('tag') };
}

/** Reads one Via value (`SIP/2.0/UDP host:port;branch=…`). */
export function parseVia(value: string): Via | undefined {
  const match = /^SIP\s*\/\s*2\.0\s*\/\s*([A-Za-z0-9\-.!%*_+`'~]+)\s+(.*)$/is.exec(value.trim());
  if (!match) return undefined;
  const rest = match[2] ?? '';
  const semicolon = rest.indexOf(';');
  const hostPort = parseHostPort(semicolon >= 0 ? rest.slice(0, semicolon) : rest);
  const params = parseParams(semicolon >= 0 ? rest.slice(semicolon) : '');
  return hostPort && params && { transport: (match[1] ?? '').toUpperCase(), ...hostPort, params };
}

/** An address as it stands in a URI or Via: IPv6 in brackets. */
export function uriHost(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
