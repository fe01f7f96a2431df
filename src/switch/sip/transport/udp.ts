import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIP } from 'node:net';
import type { HostPort } from '../api.ts';
import { type Link, type OnArrival, plainAddress } from './link.ts';

/** Room for a burst of messages while the process is busy. The kernel may grant less. */
const bufferBytes = 4 * 1024 * 1024;

/** A bound UDP socket (RFC 3261 18). */
export class UdpLink implements Link {
  readonly #socket: Socket;
  readonly #onArrival: OnArrival;
  readonly #maxMessageBytes: number;
  #local: HostPort;
  #open = false;

  constructor(listen: HostPort, maxMessageBytes: number, onArrival: OnArrival) {
    this.#local = listen;
    this.#maxMessageBytes = maxMessageBytes;
    this.#onArrival = onArrival;
    this.#socket = createSocket({
      type: listen.address.includes(':') ? 'udp6' : 'udp4',
      recvBufferSize: bufferBytes,
      sendBufferSize: bufferBytes,
      // Addresses are looked up before they come here; without this Node looks up even literal ones
      lookup: (host, _options, done) => done(null, host, isIP(host)),
    });
  }

  /** @throws Error when the address is taken or not ours. */
  async start(port: number): Promise<void> {
    const listening = once(this.#socket, 'listening'); // first: binding a literal address is done at once
    this.#socket.bind({ port, address: this.#local.address, exclusive: true });
    await listening;
    this.#open = true;
    this.#local = { ...this.#local, port: this.#socket.address().port };
    this.#socket.on('message', (bytes, from) => {
      if (bytes.length > this.#maxMessageBytes) return; // bounded: what is over-long is not read at all
      const source: HostPort = { protocol: 'udp', address: plainAddress(from.address), port: from.port };
      this.#onArrival({ bytes, source, link: this });
    });
    // Errors of single sends go to their callers; a socket that breaks as a whole is noticed by their time-outs
    this.#socket.on('error', () => undefined);
  }

  async stop(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  get local(): HostPort {
    return this.#local;
  }

  get usable(): boolean {
    return this.#open;
  }

  send(text: string, peer: HostPort, failed: (error: Error) => void): void {
    if (!this.#open) {
      process.nextTick(failed, new Error('socket closed'));
      return;
    }
    if (peer.port === 0 || isIP(peer.address) === 0) {
      process.nextTick(failed, new Error(`no address to send to: ${peer.address}:${peer.port}`));
      return;
    }
    this.#socket.send(text, peer.port, peer.address, (error) => {
      if (error) failed(error);
    });
  }
}
