import { addressList } from '../kernel/address-list.ts';
import { stripFormatting, tryNormalizePhoneNumber } from '../kernel/phone-number.ts';

/** The number of a caller who has none, or does not want it known. */
export const anonymous = 'anonymous';

/** Says of an address whether it is a peer whose word on callers is believed. */
export type TrustedPeers = (address: string) => boolean;

/** `peers`: IPv4 addresses and networks (`10.0.0.0/8`). */
export const trustedPeers: (peers: readonly string[]) => TrustedPeers = addressList;

interface CallerHeaders {
  get(name: string): string | undefined;
  readonly source_address: string;
}

/**
 * Who calls. From a trusted peer it is the P-Asserted-Identity (RFC 3325, 9.1) or, of those who are older, the
 * Remote-Party-ID, else the From that the caller wrote. P-Preferred-Identity is a caller's wish to a proxy that could
 * check it (9.2); we cannot, so it counts for nothing. {@link anonymous} where the caller withholds the number (`Privacy`
 * of RFC 3323 and 3325, or that of Remote-Party-ID, whoever says so), be it known to us or not, so that it reaches
 * neither flow, record nor account; and where there is none.
 */
export function callerNumber(headers: CallerHeaders, trusts: TrustedPeers): string {
  const remoteParty = remotePartyOf(headers.get('Remote-Party-ID') ?? '');
  if (withheld(headers.get('Privacy') ?? '') || remoteParty.isWithheld) return anonymous;
  const asserted = trusts(headers.source_address)
    ? assertedNumber(headers.get('P-Asserted-Identity') ?? '') || remoteParty.number
    : '';
  const number = asserted || userOf(headers.get('From') ?? '');
  return isNoNumber(number) ? anonymous : number;
}

/** As callers are known from here on: one spelling for each number. What is no number stays as it is. */
export function knownAs(number: string): string {
  return tryNormalizePhoneNumber(number) ?? number;
}

/**
 * What exchanges, gateways and phones write where there is no number: words, and the letters by which Japan's exchanges
 * say why (P withheld, C payphone, O out of area, S service conflict).
 */
const noNumberWords = new Set([
  ...['anonymous', 'unavailable', 'unknown', 'restricted', 'private', 'withheld', 'blocked', 'hidden', 'none', 'null'],
  ...['nonumber', 'noid', 'nocallerid', 'unassigned', 'undefined', 'outofarea', 'interactionwithotherservice'],
  ...['payphone', 'coinline', 'coinlinepayphone', 'public', 'pay', 'invalid', 'notavailable', 'blank', 'empty'],
  ...['p', 'c', 'o', 's', '非通知', '公衆電話', '表示圏外', '通知不可'],
]);

function isNoNumber(user: string): boolean {
  const word = stripFormatting(user).replace(/[_]/g, '').toLowerCase();
  // A lone digit, or nothing but zeros, is nobody's number either; nor is what could not be written in a record.
  return noNumberWords.has(word) || /^\+?(?:0*|\d)$/.test(word) || !/^[\p{L}\p{N}_+*#.%~!$&'()=/-]{1,64}$/u.test(user);
}

/** Remote-Party-ID (draft-ietf-sip-privacy): of the calling party, and whether it is to be shown. */
function remotePartyOf(header: string): { number: string; isWithheld: boolean } {
  const parties = splitAddresses(header).map((party) => ({ party, parameters: party.replace(/^.*>/s, '') }));
  const calling = parties.find(({ parameters }) => !/;\s*party\s*=\s*"?(?!calling)/i.test(parameters));
  if (!calling) return { number: '', isWithheld: false };
  const privacy = /;\s*privacy\s*=\s*"?([^";]*)/i.exec(calling.parameters)?.[1] ?? '';
  const isWithheld = /\b(?:full|uri|id)\b/i.test(privacy);
  return { number: userOf(calling.party), isWithheld };
}

function withheld(privacy: string): boolean {
  const wishes = privacy.toLowerCase().split(/[;,\s]+/);
  return ['id', 'user', 'header'].some((wish) => wishes.includes(wish));
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
 * does not count, whatever it looks like; a tel number is without its visual separators (RFC 3966, 5.1.1), and a local
 * one whose context is a country's or area's number is written out (5.1.5). Parameters (`;npdi`, `;rn=`) and a password
 * are no part of it.
 */
export function userOf(text: string): string {
  const named = text.replace(/"(?:[^"\\]|\\.)*"/g, '');
  const uri = /<([^>]*)>/.exec(named)?.[1] ?? named;
  const [, scheme = '', rest = ''] = /^\s*(sips?|tel):([^>]*)/i.exec(uri) ?? [];
  const isTel = scheme.toLowerCase() === 'tel';
  const at = rest.lastIndexOf('@');
  if (!isTel && at < 0) return '';
  const [written = '', ...parameters] = (isTel ? rest : rest.slice(0, at)).split(';');
  const [user = '', ...escaped] = decoded(isTel ? written : written.replace(/:.*$/s, '')).split(';');
  // RFC 3261 19.1.6 has the context within the user part; gateways write it behind the host, too.
  const behindHost = isTel ? [] : rest.slice(at).split(';').slice(1);
  return inContext(isTel ? stripFormatting(user) : user, [...parameters.map(decoded), ...escaped, ...behindHost]);
}

function inContext(user: string, parameters: readonly string[]): string {
  const context = parameters.map((parameter) => /^\s*phone-context\s*=\s*"?(\+[\d().-]+)/i.exec(parameter)?.[1]);
  const prefix = context.find((found) => found !== undefined);
  return prefix === undefined || !/^\d+$/.test(stripFormatting(user)) ? user : stripFormatting(`${prefix}${user}`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A stray percent sign: what was sent is what there is.
  }
}
