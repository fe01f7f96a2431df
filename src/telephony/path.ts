import { parseAddress, parseSipUri, splitList } from './sip-values.ts';

/** The way back to a phone through the proxies before it (Path, RFC 3327), and how drachtio is told of it. */

const headerMax = 4_000;
/** No edge stands behind so many others. */
const hopsMax = 10;
/** drachtio-server takes a Request-URI of less than 1,024 bytes, and this one carries the way. */
const requestUriMax = 1_000;

/**
 * The values of a Path header, nearest to us first: as they are, the Route of calls to the phone. None where there is no
 * Path; undefined where it cannot be read.
 */
export function readPath(header: string | undefined): string[] | undefined {
  if (header === undefined || header.trim() === '') return [];
  if (header.length > headerMax) return undefined;
  const hops: string[] = [];
  for (const value of splitList(header)) {
    const address = parseAddress(value);
    if (!value.includes('<') || !address || !parseSipUri(address.uri)) return undefined;
    const params = [...address.params].map(([name, text]) => `;${name}${text === '' ? '' : `=${text}`}`);
    hops.push(`<${address.uri}>${params.join('')}`);
  }
  return hops.length > hopsMax ? undefined : hops;
}

/**
 * A Request-URI that carries the Route in its headers part: drachtio-server takes no Route header from its clients, but
 * makes headers of what stands there (RFC 3261, 19.1.5) and takes it off before it sends.
 */
export function withRoute(uri: string, hops: readonly string[]): string {
  return hops.length === 0 ? uri : `${uri}?Route=${encodeURIComponent(hops.join(', '))}`;
}

/** Where a request with this Route goes first. */
export function firstHop(hops: readonly string[]): string | undefined {
  return hops[0] === undefined ? undefined : parseAddress(hops[0])?.uri;
}

/** Whether a phone at `uri` can be rung by this way. */
export function isUsableWay(uri: string, hops: readonly string[]): boolean {
  return hops.length === 0 || withRoute(uri, hops).length <= requestUriMax;
}
