import { BlockList } from 'node:net';

/** Says of an address whether it is one of those listed: IPv4 addresses and networks (`10.0.0.0/8`). */
export function addressList(listed: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const entry of listed) {
    const [network = '', bits] = entry.split('/');
    if (bits === undefined) list.addAddress(network);
    else list.addSubnet(network, Number(bits));
  }
  return (address) => list.check(address);
}
