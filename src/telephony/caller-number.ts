import { BlockList } from 'node:net';
import { stripFormatting } from '../kernel/phone-number.ts';

/** The number of a caller who has none, or does not want it known. */
export const anonymous = 'anonymous';

/** Says of an address whether it is a peer whose word on callers is believed. */
export type TrustedPeers = (address: string) => boolean;

/** `peers`: IPv4 addresses and networks (`10.0.0.0/8`). */
export function trustedPeers(peers: readonly string[]): TrustedPeers {
  const list = new BlockList();
  for (const peer of peers) {
    const [network = '', bits] = peer.split('/');
    if (bits === undefined) list.addAddress(network);
    else list.addSubnet(network, Number(bits));
  }
  return (address) => list.check(address);
}

interface CallerHeaders {
  get(name: string): string | undefined;
  readonly source_address: string;
}

/**
 * Who calls. From a trusted peer it is the P-Asserted-Identity (RFC 3325, 9.1), else the From that the caller wrote.
 * P-Preferred-Identity is a caller's wish to a proxy that could check it (9.2); we cannot, so it counts for nothing.
 * {@link anonymous} where the caller withholds the number (`Privacy: id` of RFC 3325, `user` of RFC 3323), be it known
 * to us or not: it reaches neither flow, record nor account.
 */
export function callerNumber(headers: CallerHeaders, trusts: TrustedPeers): string {
  if (withheld(headers.get('Privacy') ?? '')) return anonymous;
  const asserted = trusts(headers.source_address) ? assertedNumber(headers.get('P-Asserted-Identity') ?? '') : '';
  const number = asserted || userOf(headers.get('From') ?? '');
  return number === '' || number.toLowerCase() === anonymous ? anonymous : number;
}

function withheld(privacy: string): boolean {
  const wishes = privacy.toLowerCase().split(/[;,\s]+/);
  return wishes.includes('id') || wishes.includes('user');
}

/** There may be a SIP and a tel URI (9.1): the first that is a number, else the first. */
function assertedNumber(header: string): string {
  const users = splitAddresses(header).map(userOf).filter(Boolean);
  return users.find((user) => /^\+?\d+$/.test(user)) ?? users[0] ?? '';
}

/** A list of addresses at its commas, other than those within quotes or angle brackets. */
function splitAddresses(header: string): string[] {
  return header.match(/(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<])+/g) ?? [];
}

/**
 * The user part of a SIP or tel URI, or of a header that holds one; '' where there is none. What a display name says
 * does not count, whatever it looks like; a tel number is without its visual separators (RFC 3966, 5.1.1).
 */
export function userOf(text: string): string {
  const named = text.replace(/"(?:[^"\\]|\\.)*"/g, '');
  const uri = /<([^>]*)>/.exec(named)?.[1] ?? named;
  const [, scheme = '', written = ''] = /^\s*(sips?|tel):([^@;>]*)/i.exec(uri) ?? [];
  const hasUser = scheme.toLowerCase() === 'tel' || uri.includes('@');
  const user = hasUser ? decoded(written) : '';
  return scheme.toLowerCase() === 'tel' ? stripFormatting(user) : user;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A stray percent sign: what was sent is what there is.
  }
}
