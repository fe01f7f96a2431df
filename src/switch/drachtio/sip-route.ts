import { parseUri } from '../../kernel/sip/uri.ts';
import type { HostPort, TransportProtocol } from '../sip/api.ts';
import type { SwitchState } from './switch-state.ts';

/** Where a request goes, and the address we have there. */
export interface SipRoute {
  /** Given when a proxy is to be used; else the stack follows the request-URI. */
  destination?: HostPort;
  own: HostPort;
}

/**
 * Checks a request-URI and a proxy (both can carry `;transport=`).
 * @returns the reason to refuse it, in drachtio-server's words, where there is one.
 */
export function routeOf(uri: string, proxy: string, { sip, ownAddress }: SwitchState): SipRoute | string {
  const target = parseUri(uri);
  if (!target || !['sip', 'sips', 'tel'].includes(target.scheme)) return `invalid request-uri: ${uri}`;
  if (target.scheme === 'tel' && proxy === '') return `invalid request-uri: ${uri}`;
  const hop = proxy === '' ? target : parseUri(proxy.replaceAll(/[<>]/g, ''));
  if (!hop || hop.host === '') return `invalid route url: ${proxy}`;
  const protocol = (hop.params.get('transport') ?? 'udp').toLowerCase();
  if (!isProtocol(protocol) || hop.scheme === 'sips' || !sip.addresses.some((own) => own.protocol === protocol)) {
    return 'requested protocol/transport not available';
  }
  const own = ownAddress({ protocol });
  const isOurs = sip.addresses.some(
    (address) => address.port === (target.port ?? 5060) && isHost(target.host, address),
  );
  if (isOurs || (target.port === own.port && target.host === own.address)) return 'can not send request to myself';
  if (proxy === '') return { own };
  return { own, destination: { protocol, address: hop.host, port: hop.port ?? 5060 } };
}

function isProtocol(text: string): text is TransportProtocol {
  return text === 'udp' || text === 'tcp';
}

function isHost(host: string, own: HostPort): boolean {
  return host === own.address || (host.toLowerCase() === 'localhost' && own.address === '127.0.0.1');
}
