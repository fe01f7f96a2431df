import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { eventually } from './poll.ts';
import { freePort } from './ports.ts';

/**
 * Bytes on the wire as no telephone sends them: messages back to back, broken or over-long ones. Everything else
 * phones with SIPp or baresip.
 */
export class RawSip {
  readonly port: number;
  readonly received: string[] = [];
  readonly #socket: Socket;
  readonly #system: { sipHost: string; sipPort: number };

  private constructor(socket: Socket, port: number, system: { sipHost: string; sipPort: number }) {
    this.#socket = socket;
    this.port = port;
    this.#system = system;
    socket.on('message', (bytes) => this.received.push(String(bytes)));
  }

  static async open(system: { sipHost: string; sipPort: number }): Promise<RawSip> {
    const port = await freePort();
    const socket = createSocket('udp4');
    const listening = once(socket, 'listening');
    socket.bind(port, '127.0.0.1');
    await listening;
    return new RawSip(socket, port, system);
  }

  /** Sends each as a datagram, with nothing between them. */
  send(...messages: (string | Uint8Array)[]): void {
    for (const message of messages) this.#socket.send(message, this.#system.sipPort, this.#system.sipHost);
  }

  /** The first answer of this status to a request of this CSeq (`2 INVITE`). */
  answer(status: number, cseq: string): Promise<string> {
    const isIt = (text: string) => text.startsWith(`SIP/2.0 ${status} `) && text.includes(`CSeq: ${cseq}`);
    return eventually(`${status} to ${cseq}`, () => this.received.find(isIt));
  }

  /** A request with all it needs. `headers` replace those of the same name, or are added. */
  request(
    method: string,
    options: { user: string; callId: string; branch: string; cseq?: number; toTag?: string; body?: string },
  ): string {
    const { user, callId, branch, cseq = 1, toTag, body = '' } = options;
    const { sipHost, sipPort } = this.#system;
    const uri = `sip:${user}@${sipHost}:${sipPort}`;
    const lines = [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${this.port};branch=z9hG4bK${branch};rport`,
      `From: <sip:0901111000@127.0.0.1:${this.port}>;tag=raw${callId}`,
      `To: <${uri}>${toTag ? `;tag=${toTag}` : ''}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:raw@127.0.0.1:${this.port}>`,
      'Max-Forwards: 70',
      ...(body ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    return `${lines.join('\r\n')}\r\n\r\n${body}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}

/** Sends bytes on a TCP connection of their own; gives what came back until the other side closed, or `waitMs` passed. */
export function overTcp(
  system: { sipHost: string; sipPort: number },
  bytes: string | Uint8Array,
  waitMs = 1_000,
): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(system.sipPort, system.sipHost, () => socket.write(bytes));
    socket.setTimeout(waitMs, () => socket.destroy());
    socket.on('data', (data) => {
      received += String(data);
    });
    socket.on('error', (error) => {
      received += String(error);
    });
    socket.on('close', () => resolve(received));
  });
}

/** An offer of G.711 whose audio goes nowhere. */
export const rawSdp = [
  'v=0',
  'o=raw 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 9 RTP/AVP 0 101',
  'a=rtpmap:101 telephone-event/8000',
  '',
].join('\r\n');
