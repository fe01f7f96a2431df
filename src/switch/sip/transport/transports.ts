import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { uriHost } from '../../../kernel/sip/uri.ts';
import type { HostPort } from '../api.ts';
import type { Link, OnArrival } from './link.ts';
import { TcpPort } from './tcp.ts';
import { UdpLink } from './udp.ts';

const maxPortTries = 20;

/** All sockets of an endpoint. */
export class Transports {
  readonly #udp: UdpLink[];
  readonly #tcp: TcpPort[];
  readonly #publicAddress: string | undefined;

  constructor(listen: HostPort[], publicAddress: string | undefined, maxMessageBytes: number, onArrival: OnArrival) {
    const of = (protocol: string) => listen.filter((address) => address.protocol === protocol);
    this.#udp = of('udp').map((address) => new UdpLink(address, maxMessageBytes, onArrival));
    this.#tcp = of('tcp').map((address) => new TcpPort(address, maxMessageBytes, onArrival));
    this.#publicAddress = publicAddress;
  }

  /** Opens all; on a failure closes those that were opened, and throws. Port 0 is one port for UDP and TCP alike. */
  async start(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        for (const tcp of this.#tcp) await tcp.start();
        for (const udp of this.#udp) await udp.start(this.#portOfTwin(udp));
        return;
      } catch (error) {
        await this.stop();
        const picked = this.#tcp.some(({ picksPort }) => picksPort);
        // The port that TCP was given may be taken for UDP: another one then.
        if (!picked || tries >= maxPortTries || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      }
    }
  }

  /** The port of the TCP socket on the same address, for a UDP socket that may have any. */
  #portOfTwin(udp: UdpLink): number {
    const { address, port } = udp.local;
    return port || (this.#tcp.find(({ local, picksPort }) => picksPort && local.address === address)?.local.port ?? 0);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#udp, ...this.#tcp].map((socket) => socket.stop()));
  }

  get addresses(): HostPort[] {
    return [...this.#udp, ...this.#tcp].map((socket) => socket.local);
  }

  get hasUdp(): boolean {
    return this.#udp.length > 0;
  }

  get connectionCount(): number {
    return this.#tcp.reduce((sum, port) => sum + port.connectionCount, 0);
  }

  /** A link to a peer with a literal address; undefined when no socket of ours speaks its protocol and family. */
  linkTo(peer: HostPort): Link | undefined {
    const socket = this.#socketFor(peer);
    return socket instanceof TcpPort ? socket.linkTo(peer) : socket;
  }

  /** `host:port` that a peer shall send to. Any of our sockets when none fits: the request will fail, with a Via. */
  sentBy(peer: HostPort): string {
    const local = (this.#socketFor(peer) ?? this.#udp[0] ?? this.#tcp[0])?.local;
    return local ? `${uriHost(this.#advertised(local, peer))}:${local.port}` : 'localhost';
  }

  #socketFor(peer: HostPort): UdpLink | TcpPort | undefined {
    const sockets: (UdpLink | TcpPort)[] = peer.protocol === 'udp' ? this.#udp : this.#tcp;
    if (sockets.length < 2) return sockets[0];
    const wantsV6 = isIPv6(peer.address);
    return sockets.find((socket) => isIPv6(socket.local.address) === wantsV6) ?? sockets[0];
  }

  #advertised(local: HostPort, peer: HostPort): string {
    const anyAddress = local.address === '0.0.0.0' || local.address === '::';
    if (anyAddress && isLoopback(peer.address)) return isIPv6(peer.address) ? '::1' : '127.0.0.1';
    if (this.#publicAddress !== undefined) return this.#publicAddress;
    return anyAddress ? firstAddress(isIPv6(peer.address)) : local.address;
  }
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address === 'localhost';
}

let addressCache: { atMs: number; v4: string; v6: string } | undefined;

function firstAddress(v6: boolean): string {
  if (!addressCache || performance.now() - addressCache.atMs > 10_000) {
    const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const first = (family: string) => all.find((each) => each.family === family && !each.internal)?.address;
    addressCache = { atMs: performance.now(), v4: first('IPv4') ?? '127.0.0.1', v6: first('IPv6') ?? '::1' };
  }
  return v6 ? addressCache.v6 : addressCache.v4;
}
