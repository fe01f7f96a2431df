import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { PhoneAddress } from '../../src/call/phones.ts';
import { eventually } from '../support/poll.ts';
import type { Bench } from './harness.ts';

/** A request that the edge has got. */
export interface EdgeRequest {
  method: string;
  uri: string;
  /** Values of all lines of a header. */
  all(name: string): string[];
}

const sdp = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 40002 RTP/AVP 0', ''];

/**
 * An edge proxy on TCP with a phone behind it, by hand: it answers each request as the phone would, and puts itself and
 * the proxy behind it into the route of the dialog.
 */
export class EdgeProxy {
  readonly requests: EdgeRequest[] = [];
  /** What an INVITE gets. */
  answersInvite: '180 Ringing' | '200 OK' = '200 OK';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      let text = '';
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        text += data.toString();
        for (let message = cut(text); message; message = cut(text)) {
          text = text.slice(message.length);
          this.#take(message, socket);
        }
      });
    });
  }

  static async open(): Promise<EdgeProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new EdgeProxy(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As the proxies write themselves into Path, nearest to the registrar first. */
  get path(): string[] {
    return [`<sip:127.0.0.1:${this.port};transport=tcp;lr>`, '<sip:inner@10.9.9.9:5062;lr;ob>'];
  }

  request(method: string): Promise<EdgeRequest> {
    return eventually(`${method} at the edge`, () => this.requests.find((request) => request.method === method));
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #take(message: string, socket: Socket): void {
    const [first = '', ...lines] = message.split('\r\n');
    const [method = '', uri = ''] = first.split(' ');
    const all = (name: string) =>
      lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
    this.requests.push({ method, uri, all });
    if (method === 'ACK') return;
    const invited = method === 'INVITE';
    const status = invited ? this.answersInvite : '200 OK';
    const body = invited && status.startsWith('200') ? sdp.join('\r\n') : '';
    const copied = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].flatMap((name) =>
      all(name).map((value) => `${name}: ${value}${name === 'To' && !value.includes(';tag=') ? ';tag=edge' : ''}`),
    );
    const dialog = invited
      ? [...this.path.toReversed().map((hop) => `Record-Route: ${hop}`), 'Contact: <sip:agent@10.255.255.1:41234>']
      : [];
    const type = body === '' ? [] : ['Content-Type: application/sdp'];
    const head = [`SIP/2.0 ${status}`, ...copied, ...dialog, ...type, `Content-Length: ${body.length}`, '', ''];
    socket.write(head.join('\r\n') + body);
  }
}

let dials = 0;
/** Dials an agent's phones, and gives up once one rings. */
export async function ringAndCancel(bench: Bench, phones: readonly PhoneAddress[]): Promise<void> {
  let rings = false;
  const attempt = bench.telephony.dial({
    ...{ legId: `leg_edge-${process.pid}-${++dials}`, kind: 'agent', phones, fromNumber: '0312345678' },
    ...{ ringTimeoutMs: 5_000, onEvent: () => undefined },
    onRinging: () => {
      rings = true;
    },
  });
  await eventually('ringing', () => rings);
  attempt.cancel();
  await attempt.outcome;
}

/** The first whole message of the text. */
function cut(text: string): string | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const length = end + 4 + Number(/^Content-Length: (\d+)/im.exec(text.slice(0, end))?.[1] ?? 0);
  return text.length < length ? undefined : text.slice(0, length);
}
