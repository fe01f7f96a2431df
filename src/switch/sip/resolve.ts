import { lookup, resolveSrv } from 'node:dns/promises';
import { isIP } from 'node:net';
import { parseUri } from '../../kernel/sip/uri.ts';
import type { HostPort } from './api.ts';
import type { Target } from './core.ts';

/**
 * Where a URI leads (RFC 3263 4.1, without NAPTR): the transport is what it says, else UDP.
 * Requests stay on UDP whatever their size unless the URI says TCP: many phones and trunks know nothing else, and on
 * loopback size does not matter (a deviation from RFC 3261 18.1.1).
 * @returns undefined for what we can't speak: sips, tel, other transports.
 */
export function locate(uriText: string, hasUdp: boolean): Target | undefined {
  const uri = parseUri(uriText);
  if (uri?.scheme !== 'sip') return undefined;
  const transport = uri.params.get('transport')?.toLowerCase() ?? (hasUdp ? 'udp' : 'tcp');
  if (transport !== 'udp' && transport !== 'tcp') return undefined;
  const address = uri.params.get('maddr') ?? uri.host;
  return {
    peer: { protocol: transport, address, port: uri.port ?? 5060 },
    askSrv: uri.port === undefined && isIP(address) === 0,
  };
}

/** The address of a target whose host is a name. @throws Error when the name is unknown. */
export async function resolveTarget({ peer, askSrv }: Target): Promise<HostPort> {
  const record = askSrv ? await firstSrv(`_sip._${peer.protocol}.${peer.address}`) : undefined;
  const { address } = await lookup(record?.name ?? peer.address);
  return { protocol: peer.protocol, address, port: record?.port ?? peer.port };
}

/** The SRV record to try first; undefined when there is none (RFC 3263 4.2: then the address record counts). */
async function firstSrv(name: string): Promise<{ name: string; port: number } | undefined> {
  const records = await resolveSrv(name).catch(() => []);
  return records.sort((one, other) => one.priority - other.priority || other.weight - one.weight)[0];
}
