import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { header, parseMessage, type SipMessage } from '../../src/kernel/sip/message.ts';
import type { HostPort } from '../../src/switch/sip/api.ts';
import { eventually } from './poll.ts';

/**
 * A socket that speaks SIP by hand: what a peer does wrong, it does too. Messages back to back, broken or over-long.
 */
export class RawPeer {
  readonly received: { message: SipMessage; raw: string }[] = [];
  readonly #socket: Socket;
  readonly #to: HostPort;
  readonly address: string;
  port = 0;

  private constructor(socket: Socket, to: HostPort, address: string) {
    this.#socket = socket;
    this.#to = to;
    this.address = address;
  }

  /** `address`: where it sends from, 127.0.0.1 or another of this machine's own (127.0.0.2 …). */
  static async open(to: HostPort, address = '127.0.0.1'): Promise<RawPeer> {
    const socket = createSocket('udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
    const peer = new RawPeer(socket, to, address);
    peer.port = socket.address().port;
    socket.on('message', (bytes, from) => {
      const raw = bytes.toString('utf8');
      // A port of ours may have been another test's a moment ago: what is not from the endpoint is not for us.
      if (from.port !== to.port) return;
      peer.received.push({ message: parseMessage(raw), raw });
    });
    return peer;
  }

  /** Sends each as a datagram, with nothing between them. */
  send(...messages: (string | Uint8Array)[]): void {
    for (const message of messages) this.#socket.send(message, this.#to.port, this.#to.address);
  }

  /** The text of a request with what it must have; `extra` lines come after. */
  text(method: string, options: RawRequest = {}): string {
    const {
      branch = `z9hG4bK${Math.random()}`,
      callId = 'raw-call',
      cseq = 1,
      toTag,
      fromTag = 'raw',
      extra = [],
      body = '',
    } = options;
    const lines = [
      `${method} ${options.uri ?? `sip:desk@127.0.0.1:${this.#to.port}`} SIP/2.0`,
      `Via: SIP/2.0/UDP ${this.address}:${this.port};branch=${branch};rport`,
      `From: <sip:raw@127.0.0.1:${this.port}>;tag=${fromTag}`,
      `To: <sip:desk@127.0.0.1>${toTag ? `;tag=${toTag}` : ''}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${options.cseqMethod ?? method}`,
      `Contact: <sip:raw@${this.address}:${this.port}>`,
      'Max-Forwards: 70',
      ...extra,
    ];
    return `${lines.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  }

  request(method: string, options: RawRequest = {}): void {
    this.send(this.text(method, options));
  }

  /** Answers a request that came. */
  answer(request: SipMessage, status: number, tag = 'rawtag', extra: string[] = [], body = ''): void {
    const lines = [`SIP/2.0 ${status} Raw`];
    for (const [name, value] of request.headers) {
      if (name === 'To') lines.push(`To: ${value}${value.includes('tag=') || status === 100 ? '' : `;tag=${tag}`}`);
      else if (['Via', 'From', 'Call-ID', 'CSeq'].includes(name)) lines.push(`${name}: ${value}`);
    }
    lines.push(`Contact: <sip:raw@127.0.0.1:${this.port}>`, ...extra, `Content-Length: ${Buffer.byteLength(body)}`);
    this.send(`${lines.join('\r\n')}\r\n\r\n${body}`);
  }

  /** Waits for the `count`th answer of a status (to a method). */
  async status(status: number, count = 1, method?: string): Promise<SipMessage> {
    return eventually(`${count} × ${status}`, () => {
      const found = this.received.filter(
        ({ message }) => message.status === status && (!method || header(message, 'CSeq')?.endsWith(method)),
      );
      return found[count - 1]?.message;
    });
  }

  /** Waits for the `count`th request of a method. */
  async requested(method: string, count = 1, timeoutMs = 5_000): Promise<SipMessage> {
    return eventually(`${count} × ${method}`, () => this.requests(method)[count - 1], { timeoutMs });
  }

  requests(method: string): SipMessage[] {
    return this.received.map(({ message }) => message).filter((message) => message.method === method);
  }

  close(): void {
    this.#socket.close();
  }
}

export interface RawRequest {
  branch?: string;
  callId?: string;
  cseq?: number;
  cseqMethod?: string;
  toTag?: string;
  fromTag?: string;
  uri?: string;
  extra?: string[];
  body?: string;
}

export function tagOf(message: SipMessage, name = 'To'): string {
  return /tag=([^;]+)/.exec(header(message, name) ?? '')?.[1] ?? '';
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

/** An offer of G.711 whose audio goes nowhere, for {@link RawPeer.text}; `direction` as in `a=sendonly`. */
export function rawOffer(direction?: string): { body: string; extra: string[] } {
  const lines = ['v=0', 'o=raw 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'];
  lines.push('m=audio 9 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000', ...(direction ? [`a=${direction}`] : []));
  return { body: `${lines.join('\r\n')}\r\n`, extra: ['Content-Type: application/sdp'] };
}
