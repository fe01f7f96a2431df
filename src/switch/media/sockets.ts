import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Endpoint } from './latch.ts';

/**
 * The two UDP sockets of a leg: RTP on an even port, RTCP above it. What comes from port 0 can't be answered (RFC 768)
 * and is dropped unread.
 */

/**
 * Receive buffer in bytes: holds about half a second of a stream; what is older after a stall is of no use.
 */
const recvBufferSize = 64 * 1024;

type Receive = (message: Buffer, address: string, port: number) => void;

let openSockets = 0;
/** UDP sockets open in this thread, for the tests that look for leaks. */
export const openSocketCount = (): number => openSockets;

/** Addresses are numbers already: answering at once keeps a queue and a promise out of every packet sent. */
const noLookup = (
  address: string,
  _options: unknown,
  callback: (error: null, address: string, family: number) => void,
) => callback(null, address, isIPv6(address) ? 6 : 4);

function bind(address: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', reuseAddr: false, lookup: noLookup });
    openSockets++;
    socket.once('close', () => openSockets--);
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port, address, exclusive: true }, () => {
      // From here on the errors of sends are counted by MediaSockets; until then there are none to tell of.
      socket.removeAllListeners('error').on('error', () => undefined);
      socket.setRecvBufferSize(recvBufferSize);
      resolve(socket);
    });
  });
}

export class MediaSockets {
  readonly #rtp: Socket;
  readonly #rtcp: Socket;
  /** Sends that the system refused (no route, buffer full). */
  sendErrors = 0;

  constructor(rtp: Socket, rtcp: Socket) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    for (const socket of [rtp, rtcp]) {
      socket.on('error', () => {
        this.sendErrors++;
      });
    }
  }

  onRtp(receive: Receive): void {
    this.#rtp.on('message', (message, { address, port }) => {
      if (port > 0) receive(message, address, port);
    });
  }

  onRtcp(receive: Receive): void {
    this.#rtcp.on('message', (message, { address, port }) => {
      if (port > 0) receive(message, address, port);
    });
  }

  /** Sends the first `length` bytes; `packet` may be written again once two more were sent. */
  sendRtp(packet: Buffer, length: number, to: Endpoint): void {
    this.#rtp.send(packet, 0, length, to.port, to.address);
  }

  sendRtcp(packet: Buffer, to: Endpoint): void {
    this.#rtcp.send(packet, 0, packet.length, to.port, to.address);
  }

  async close(): Promise<void> {
    await Promise.all([this.#rtp, this.#rtcp].map((socket) => new Promise<void>((done) => socket.close(done))));
  }
}

/** Binds both. @throws Error with `code` EADDRINUSE when either port is taken; nothing stays open then. */
export async function openMediaSockets(address: string, rtpPort: number): Promise<MediaSockets> {
  const rtp = await bind(address, rtpPort);
  try {
    return new MediaSockets(rtp, await bind(address, rtpPort + 1));
  } catch (error) {
    await new Promise<void>((done) => rtp.close(done));
    throw error;
  }
}
