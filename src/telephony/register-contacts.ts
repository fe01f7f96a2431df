import type { ContactChange, PhoneContact, PhoneSource } from '../call/phones.ts';
import { parseAddress, parseSipUri, type SipUri, splitList, uriKey } from './sip-values.ts';

/** In seconds. */
export interface ExpiryRules {
  min: number;
  max: number;
  /** For a phone behind NAT on UDP. */
  maxNat: number;
}

export type RequestedContacts =
  | { ok: true; changes: ContactChange[] | 'all' }
  | { ok: false; status: 400 }
  /** 423: Min-Expires is to be told. */
  | { ok: false; status: 423 };

/** RFC 3261, 10.2.1.1: what is malformed counts as this. */
const usualExpirySeconds = 3_600;
/** Longest Contact header; ten long contacts have room. */
const contactMax = 8_000;
const malformed = { ok: false, status: 400 } as const;

/** What the Contact and Expires headers of a REGISTER ask for (RFC 3261, 10.3, steps 6 and 7). */
export function requestedContacts(
  contact: string,
  expires: string | undefined,
  source: PhoneSource,
  rules: ExpiryRules,
): RequestedContacts {
  if (contact.length > contactMax) return malformed;
  const values = splitList(contact);
  if (values.includes('*')) {
    return values.length === 1 && expires?.trim() === '0' ? { ok: true, changes: 'all' } : malformed;
  }
  const changes: ContactChange[] = [];
  for (const value of values) {
    const address = parseAddress(value);
    const uri = address && parseSipUri(address.uri);
    if (!address || !uri) return malformed;
    const wanted = seconds(address.params.get('expires') ?? expires);
    if (wanted > 0 && wanted < rules.min) return { ok: false, status: 423 };
    const granted = Math.min(wanted, isBehindNat(uri, source) ? Math.min(rules.max, rules.maxNat) : rules.max);
    changes.push(changeOf(address.uri, uri, address.params, granted));
  }
  return { ok: true, changes };
}

/** A contact as a 200 lists it. */
export function contactValue({ uri, expiresInMs, q, instance, regId }: PhoneContact): string {
  // Rounded down: a phone must not believe itself registered for longer than it is.
  const params = [`expires=${Math.floor(expiresInMs / 1_000)}`];
  if (q < 1_000) params.push(`q=${q / 1_000}`);
  if (instance !== '') params.push(`+sip.instance=${instance}`);
  if (regId > 0) params.push(`reg-id=${regId}`);
  return `<${uri}>;${params.join(';')}`;
}

function changeOf(uri: string, parsed: SipUri, params: Map<string, string>, expiresSeconds: number): ContactChange {
  const instance = /^"<[^<>"\s]{1,150}>"$/.exec(params.get('+sip.instance') ?? '')?.[0] ?? '';
  const regId = /^[1-9]\d{0,5}$/.test(params.get('reg-id') ?? '') ? Number(params.get('reg-id')) : 0;
  return {
    // RFC 5626, 6: with instance and reg-id the flow is the binding, whatever its Contact says.
    bindingId: instance !== '' && regId > 0 ? `${regId};${instance}` : uriKey(parsed),
    uri,
    q: preference(params.get('q')),
    expiresMs: expiresSeconds * 1_000,
    instance,
    regId,
  };
}

function seconds(text: string | undefined): number {
  if (!/^\s*\d{1,10}\s*$/.test(text ?? '')) return usualExpirySeconds;
  return Number(text);
}

/** q in thousandths; whoever says none is as good as any. */
function preference(q: string | undefined): number {
  return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(q ?? '') ? Math.round(Number(q) * 1_000) : 1_000;
}

/** What the phone believes to be its address is not where it came from. */
function isBehindNat({ host, port }: SipUri, source: PhoneSource): boolean {
  if (source.transport !== 'udp') return false;
  return host.replace(/[[\]]/g, '') !== source.address || (port ?? 5060) !== source.port;
}
