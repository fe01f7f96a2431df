import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { ConnectionLimits, type LimitedConnection } from '../../../kernel/connection-limits.ts';
import type { HostPort } from '../api.ts';
import { StreamFramer } from './framing.ts';
import { type Link, type OnArrival, plainAddress } from './link.ts';

/** An office with phones behind one address has some hundred; one silent stranger has a few. */
const connectionLimits = { total: 2_000, perAddress: 500, silentPerAddress: 32 };
const maxUnsentBytes = 1024 * 1024;
const connectTimeoutMs = 10_000;
/** A message must be complete, and a new connection must bring its first one, within this time. */
const messageTimeoutMs = 10_000;
/** No call lasts longer, and no phone stays registered so long without a word: nobody is there any more. */
const idleTimeoutMs = 4 * 3_600_000;
const keepAliveMs = 60_000;

/** One TCP connection, whoever opened it (RFC 3261 18). */
class TcpLink implements Link, LimitedConnection {
  /** No message has come yet; a mere keep-alive is none. */
  silent = true;
  heardAtMs = performance.now();
  readonly local: HostPort;
  readonly peer: HostPort;
  readonly #socket: Socket;
  readonly #framer: StreamFramer;
  readonly #onArrival: OnArrival;
  #deadline: NodeJS.Timeout | undefined;

  constructor(socket: Socket, local: HostPort, peer: HostPort, maxMessageBytes: number, onArrival: OnArrival) {
    this.#socket = socket;
    this.local = local;
    this.peer = peer;
    this.#framer = new StreamFramer(maxMessageBytes);
    this.#onArrival = onArrival;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveMs);
    socket.setTimeout(idleTimeoutMs, () => this.destroy('idle'));
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => undefined); // 'close' follows; senders hear of it by their callbacks
    socket.on('close', () => clearTimeout(this.#deadline));
  }

  get address(): string {
    return this.peer.address;
  }

  get usable(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  send(text: string, _peer: HostPort, failed: (error: Error) => void): void {
    if (!this.usable) {
      process.nextTick(failed, new Error('connection closed'));
      return;
    }
    this.#socket.write(text, (error) => {
      if (error) failed(error);
    });
    if (this.#socket.writableLength > maxUnsentBytes) this.destroy('peer does not read');
  }

  /** Closes unless a whole message comes in time. */
  expectMessage(): void {
    this.#deadline ??= setTimeout(() => this.destroy('no whole message in time'), messageTimeoutMs).unref();
  }

  destroy(why: string): void {
    this.#socket.destroy(new Error(why));
  }

  close(why: string): void {
    this.destroy(why);
  }

  #receive(chunk: Buffer): void {
    this.heardAtMs = performance.now();
    for (const frame of this.#framer.push(chunk)) {
      if (frame.kind === 'broken') this.#socket.destroySoon();
      else if (frame.kind === 'ping') this.#pong();
      else {
        this.silent = false;
        this.#settleDeadline();
        this.#onArrival({ bytes: frame.bytes, source: this.peer, link: this });
      }
    }
    if (this.#framer.heldBytes > 2) this.expectMessage();
  }

  #pong(): void {
    if (!this.silent) this.#settleDeadline();
    if (this.usable && this.#socket.writableLength < maxUnsentBytes) this.#socket.write('\r\n');
  }

  #settleDeadline(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }
}

/** A listening TCP socket and all connections, taken and made. One connection to a peer serves both ways. */
export class TcpPort {
  readonly #server: Server;
  readonly #maxMessageBytes: number;
  readonly #onArrival: OnArrival;
  readonly #byPeer = new Map<string, TcpLink>();
  readonly #links = new Set<TcpLink>();
  readonly #limits = new ConnectionLimits(connectionLimits);
  /** Port 0 was asked for. */
  readonly picksPort: boolean;
  #local: HostPort;

  constructor(listen: HostPort, maxMessageBytes: number, onArrival: OnArrival) {
    this.#local = listen;
    this.picksPort = listen.port === 0;
    this.#maxMessageBytes = maxMessageBytes;
    this.#onArrival = onArrival;
    this.#server = createServer({ noDelay: true }, (socket) => {
      const peer = {
        protocol: 'tcp' as const,
        address: plainAddress(socket.remoteAddress ?? ''),
        port: socket.remotePort ?? 0,
      };
      const link = this.#adopt(socket, peer);
      link.expectMessage();
      this.#limits.add(link);
      socket.once('close', () => this.#limits.remove(link));
    });
  }

  /** @throws Error when the address is taken or not ours. */
  async start(): Promise<void> {
    this.#server.listen({ port: this.picksPort ? 0 : this.#local.port, host: this.#local.address });
    await once(this.#server, 'listening');
    const bound = this.#server.address();
    if (bound && typeof bound === 'object') this.#local = { ...this.#local, port: bound.port };
    this.#server.on('error', () => undefined); // accept failed (out of descriptors): the next one may do
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const link of this.#links) link.destroy('endpoint stopped');
    await closed;
  }

  get local(): HostPort {
    return this.#local;
  }

  get connectionCount(): number {
    return this.#links.size;
  }

  /** The open connection to a peer, or a new one on its way. */
  linkTo(peer: HostPort): Link {
    const open = this.#byPeer.get(peerKey(peer));
    if (open?.usable) return open;
    const socket = connect({ host: peer.address, port: peer.port });
    const link = this.#adopt(socket, peer);
    const slow = setTimeout(() => link.destroy('connecting took too long'), connectTimeoutMs).unref();
    socket.once('connect', () => clearTimeout(slow));
    socket.once('close', () => clearTimeout(slow));
    return link;
  }

  #adopt(socket: Socket, peer: HostPort): TcpLink {
    const link = new TcpLink(socket, this.#local, peer, this.#maxMessageBytes, this.#onArrival);
    const key = peerKey(peer);
    this.#links.add(link);
    this.#byPeer.set(key, link);
    socket.once('close', () => {
      this.#links.delete(link);
      if (this.#byPeer.get(key) === link) this.#byPeer.delete(key);
    });
    return link;
  }
}

function peerKey(peer: HostPort): string {
  return `${peer.address} ${peer.port}`;
}
