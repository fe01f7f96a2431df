import { BlockList, isIP } from 'node:net';

const networks = new BlockList();
networks.addSubnet('10.0.0.0', 8);
networks.addSubnet('172.16.0.0', 12);
networks.addSubnet('192.168.0.0', 16);
networks.addSubnet('100.64.0.0', 10);
networks.addSubnet('169.254.0.0', 16);
networks.addSubnet('0.0.0.0', 8);
networks.addSubnet('fc00::', 7, 'ipv6');
networks.addSubnet('fe80::', 10, 'ipv6');

/**
 * Whether an address that a phone announces is one of a private network: then its audio comes from another, that of its
 * NAT. The same list stands in `freeswitch-conf/dialplan.xml`. False for what is no address.
 */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && networks.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
