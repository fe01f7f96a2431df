import { knownAs, type TrustedPeers, userOf } from './caller-number.ts';

interface DialledRequest {
  readonly uri: string;
  readonly source_address: string;
  get(name: string): string | undefined;
}

/**
 * The number dialled, in one spelling: by the Request-URI, or by To where `namesItInTo` says so of the peer (carriers
 * that call a trunk's account name by the Request-URI). A To without a number counts for nothing.
 */
export function calledNumber(request: DialledRequest, namesItInTo: TrustedPeers): string {
  const inTo = namesItInTo(request.source_address) ? knownAs(userOf(request.get('To') ?? '')) : '';
  return /^\+?\d{2,}$/.test(inTo) ? inTo : knownAs(userOf(request.uri));
}
