import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type {
  ClientTransaction,
  Dialog,
  HostPort,
  ServerTransaction,
  SipEndpoint,
  SipMessage,
} from '../../../src/switch/sip/api.ts';
import { createSipEndpoint } from '../../../src/switch/sip/endpoint.ts';
import { header, parseMessage } from '../../../src/switch/sip/message.ts';
import { eventually } from '../../support/poll.ts';

export const sdp =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n';

type Options = Partial<Parameters<typeof createSipEndpoint>[0]>;

/** A started endpoint on loopback, UDP and TCP, with fast timers. */
export async function startEndpoint(options: Options = {}): Promise<SipEndpoint> {
  const endpoint = createSipEndpoint({
    listen: [
      { protocol: 'udp', address: '127.0.0.1', port: 0 },
      { protocol: 'tcp', address: '127.0.0.1', port: 0 },
    ],
    userAgent: 'test',
    t1Ms: 20,
    ...options,
  });
  await endpoint.start();
  return endpoint;
}

export function addressOf(endpoint: SipEndpoint, protocol: 'udp' | 'tcp' = 'udp'): HostPort {
  const address = endpoint.addresses.find((each) => each.protocol === protocol);
  if (!address) throw new Error(`no ${protocol} socket`);
  return address;
}

export function uriOf(endpoint: SipEndpoint, protocol: 'udp' | 'tcp' = 'udp', user = 'desk'): string {
  const { address, port } = addressOf(endpoint, protocol);
  return `sip:${user}@${address}:${port}${protocol === 'tcp' ? ';transport=tcp' : ''}`;
}

/** Waits until nothing is left: no dialog, no transaction. */
export async function settled(...endpoints: SipEndpoint[]): Promise<void> {
  for (const endpoint of endpoints) {
    await eventually(
      `nothing left, ${JSON.stringify(endpoint.counts)}`,
      () => {
        const { dialogs, clientTransactions, serverTransactions } = endpoint.counts;
        return dialogs + clientTransactions + serverTransactions === 0;
      },
      { timeoutMs: 10_000 },
    );
  }
}

/** All answers to a request, as they come. */
export function answersTo(
  transaction: ClientTransaction,
): { status: number; message: SipMessage; dialog?: Dialog; local: boolean }[] {
  const answers: { status: number; message: SipMessage; dialog?: Dialog; local: boolean }[] = [];
  transaction.on('response', (message, info) => {
    answers.push({
      status: message.status ?? 0,
      message,
      local: info.local,
      ...(info.dialog ? { dialog: info.dialog } : {}),
    });
  });
  return answers;
}

/** Waits for the final answer. */
export async function finalOf(
  transaction: ClientTransaction,
): Promise<{ message: SipMessage; dialog?: Dialog; local: boolean; raw: string }> {
  return new Promise((resolve) => {
    transaction.on('response', (message, { dialog, local, raw }) => {
      if ((message.status ?? 0) >= 200) resolve({ message, local, raw, ...(dialog ? { dialog } : {}) });
    });
  });
}

/** The next request that comes to an endpoint outside a dialog. */
export async function nextRequest(endpoint: SipEndpoint): Promise<ServerTransaction> {
  const [transaction] = await once(endpoint, 'request');
  return transaction as ServerTransaction;
}

/** A socket that speaks SIP by hand: what a peer does wrong, it does too. */
export class RawPeer {
  readonly received: { message: SipMessage; raw: string }[] = [];
  readonly #socket: Socket;
  readonly #to: HostPort;
  port = 0;

  private constructor(socket: Socket, to: HostPort) {
    this.#socket = socket;
    this.#to = to;
  }

  static async open(to: HostPort): Promise<RawPeer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const peer = new RawPeer(socket, to);
    peer.port = socket.address().port;
    socket.on('message', (bytes, from) => {
      const raw = bytes.toString('utf8');
      // A port of ours may have been another test's a moment ago: what is not from the endpoint is not for us.
      if (from.port !== to.port) return;
      peer.received.push({ message: parseMessage(raw), raw });
    });
    return peer;
  }

  send(text: string | Buffer): void {
    this.#socket.send(text, this.#to.port, this.#to.address);
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
      `Via: SIP/2.0/UDP 127.0.0.1:${this.port};branch=${branch};rport`,
      `From: <sip:raw@127.0.0.1:${this.port}>;tag=${fromTag}`,
      `To: <sip:desk@127.0.0.1>${toTag ? `;tag=${toTag}` : ''}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${options.cseqMethod ?? method}`,
      `Contact: <sip:raw@127.0.0.1:${this.port}>`,
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
