import { BlockList, isIP, type LookupFunction } from 'node:net';
import { isMailbox } from '../kernel/mailbox.ts';
import type { OutboxChannel } from './entry.ts';
import { createResolve, type Resolve } from './resolve.ts';

/**
 * Addresses of special use (IANA's special-purpose registries, RFC 6890): loopback, private, link-local (cloud
 * metadata among them), shared, multicast, documentation. None belongs to a receiver on the internet.
 */
const special4: [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];
/** Within 2000::/3, the only IPv6 space given out: Teredo and other protocol space, documentation, 6to4. */
const special6: [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const blocked = new BlockList();
for (const [net, prefix] of special4) blocked.addSubnet(net, prefix, 'ipv4');
for (const [net, prefix] of special6) blocked.addSubnet(net, prefix, 'ipv6');
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');
const nat64 = new BlockList();
nat64.addSubnet('64:ff9b::', 96, 'ipv6');
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether an IP address can be a receiver on the internet. IPv4 inside IPv6 (mapped, NAT64) is judged as IPv4. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !blocked.check(address, 'ipv4');
  if (family !== 6) return false;
  const inner = innerIpv4(address);
  if (inner !== undefined) return isPublicAddress(inner);
  return global6.check(address, 'ipv6') && !blocked.check(address, 'ipv6');
}

function isLoopback(address: string): boolean {
  const inner = innerIpv4(address) ?? address;
  return isIP(inner) !== 0 && loopback.check(inner, isIP(inner) === 4 ? 'ipv4' : 'ipv6');
}

function innerIpv4(address: string): string | undefined {
  if (isIP(address) !== 6 || !URL.canParse(`http://[${address}]/`)) return undefined;
  // The URL's form of it: shortest hexadecimal groups.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const groups = /^(?:::ffff:|64:ff9b::)(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})$/.exec(canonical);
  if (!groups || (canonical.startsWith('64:') && !nat64.check(address, 'ipv6'))) return undefined;
  const [high, low] = [Number.parseInt(groups[1] ?? '0', 16), Number.parseInt(groups[2] ?? '0', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** The `code` of the error when a name leads where no delivery may go. */
export const forbiddenTargetCode = 'FORBIDDEN_TARGET';

/** Which targets may be reached, so that nobody makes the house speak to its own insides (SSRF). */
export interface TargetGuard {
  /** Why this URL may not be a target, as far as it says itself; undefined: it may. */
  fault(url: string): string | undefined;
  /**
   * For `node:http(s)`: resolves a name and refuses it where one of its addresses may not be reached. What it checks
   * is what is connected to. Not asked by Node for literal addresses: those are {@link fault}'s.
   */
  lookupFor(url: URL): LookupFunction;
}

/** `allowInsecureTargets`: also private addresses, and plain HTTP to loopback; for tests and receivers next door. */
export function createTargetGuard(options: { allowInsecureTargets: boolean; resolve?: Resolve }): TargetGuard {
  const { allowInsecureTargets, resolve = createResolve() } = options;
  const mayReach = (url: URL, address: string) =>
    allowInsecureTargets ? url.protocol === 'https:' || isLoopback(address) : isPublicAddress(address);
  return {
    fault: (text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      if (!url || !/^https?:$/.test(url.protocol) || url.hostname === '') return 'is not a web address (https://…)';
      if (url.username || url.password) return 'must hold no user name or password';
      if (url.protocol === 'http:' && !allowInsecureTargets) return 'must begin with https://';
      const host = url.hostname.replace(/^\[|\]$/g, '');
      if (isIP(host) !== 0 && !mayReach(url, host)) return 'is an address that may not be reached';
      return undefined;
    },
    lookupFor:
      (url) =>
      (hostname, { all }, callback) =>
        resolve(hostname, (error, addresses) => {
          const [first] = addresses ?? [];
          if (error || !first) {
            callback(error ?? Object.assign(new Error('the name has no address'), { code: 'ENOTFOUND' }), []);
            return;
          }
          const forbidden = addresses.find(({ address }) => !mayReach(url, address));
          if (forbidden) {
            const why = `the name leads to ${forbidden.address}, which may not be reached`;
            callback(Object.assign(new Error(why), { code: forbiddenTargetCode }), []);
          } else if (all) callback(null, addresses);
          else callback(null, first.address, first.family);
        }),
  };
}

/** Why this is not the address of one mailbox; undefined: it is. */
export function mailAddressFault(target: string): string | undefined {
  return isMailbox(target) ? undefined : 'is not one mail address';
}

/**
 * Why this cannot be the target of a channel, for people who set it; undefined: it can. Where a name leads is checked
 * at each delivery.
 */
export function targetFault(guard: TargetGuard, channel: OutboxChannel, target: string): string | undefined {
  return channel === 'mail' ? mailAddressFault(target) : guard.fault(target);
}
