/** Header values as REGISTER has them (RFC 3261, 20.10, 25.1). */

/** A SIP URI taken apart, as far as two of them are compared (RFC 3261, 19.1.4). */
export interface SipUri {
  scheme: 'sip' | 'sips';
  user: string;
  /** Lower case; IPv6 in brackets. */
  host: string;
  port: number | undefined;
  /** By lower-case name. */
  params: Map<string, string>;
}

/** `"name" <uri>;params` or `uri;params`. */
export interface AddressValue {
  uri: string;
  /** By lower-case name; quotes are left on. */
  params: Map<string, string>;
}

const uriMax = 500;

/** Reads a `sip` or `sips` URI; undefined for any other, for one with headers, and for one too long. */
export function parseSipUri(text: string): SipUri | undefined {
  if (text.length > uriMax) return undefined;
  const match = /^(sips?):(?:([^@\s<>"]+)@)?(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?((?:;[^;?\s<>",]+)*)$/i.exec(text);
  if (!match) return undefined;
  const [, scheme = '', user = '', host = '', port, params = ''] = match;
  return {
    scheme: scheme.toLowerCase() === 'sips' ? 'sips' : 'sip',
    user,
    host: host.toLowerCase(),
    port: port === undefined ? undefined : Number(port),
    params: new Map(params.split(';').filter(Boolean).map(nameAndValue)),
  };
}

/** A text that is the same for URIs that are the same; a parameter that only one of them has makes them differ. */
export function uriKey({ scheme, user, host, port, params }: SipUri): string {
  const sorted = [...params].map(([name, value]) => `;${name}=${value.toLowerCase()}`).sort();
  return `${scheme}:${user}@${host}:${port ?? ''}${sorted.join('')}`;
}

/** Splits a header value at its commas, not at those in quotes or angle brackets. Square in its length: bound it. */
export function splitList(value: string): string[] {
  const parts = value.match(/(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<]|["<])+/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** Reads one value of Contact, From or To. */
export function parseAddress(value: string): AddressValue | undefined {
  const bracketed = /^(?:"(?:[^"\\]|\\.)*"\s*|[^"<]*)<([^<>\s]+)>\s*((?:;.*)?)$/.exec(value);
  // Without brackets, parameters are the header's (20.10).
  const [, uri, rest = ''] = bracketed ?? /^([^;<>"\s]+)\s*((?:;.*)?)$/.exec(value) ?? [];
  if (uri === undefined) return undefined;
  const params = rest.match(/;(?:"(?:[^"\\]|\\.)*"|[^;"])*/g) ?? [];
  return { uri, params: new Map(params.map((param) => nameAndValue(param.slice(1)))) };
}

function nameAndValue(param: string): [string, string] {
  const at = param.indexOf('=');
  if (at < 0) return [param.trim().toLowerCase(), ''];
  return [param.slice(0, at).trim().toLowerCase(), param.slice(at + 1).trim()];
}
