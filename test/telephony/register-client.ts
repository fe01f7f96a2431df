import { createHash } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, Socket } from 'node:net';

export interface RegisterReply {
  status: number;
  /** All lines of a header. */
  all(name: string): string[];
  header(name: string): string | undefined;
}

export interface RegisterOptions {
  username?: string;
  password?: string;
  /** User part of To; the user name unless told. */
  to?: string;
  algorithm?: 'SHA-256' | 'MD5';
  contact?: string | undefined;
  expires?: number | undefined;
  callId?: string;
  /** Of the first request; the one that answers a challenge has the next. */
  cseq?: number;
  headers?: string[];
  /** Changes the Authorization parameters before they are sent. */
  alter?(params: Record<string, string>): Record<string, string>;
}

let calls = 0;

/** Registers as a phone does: plain SIP on loopback, with no code of the product in it. */
export class RegisterClient {
  readonly #server: number;
  readonly #send: (text: string) => void;
  readonly #close: () => void;
  readonly port: number;
  readonly transport: 'udp' | 'tcp';
  readonly #waiting = new Map<string, (reply: RegisterReply) => void>();
  /** First lines of all that came in. */
  readonly received: string[] = [];
  callId = `register-${process.pid}-${++calls}`;
  cseq = 0;

  private constructor(transport: 'udp' | 'tcp', server: number, socket: UdpSocket | Socket) {
    this.transport = transport;
    this.#server = server;
    socket.on('data', (data: Buffer) => this.#receive(data.toString()));
    socket.on('message', (data: Buffer) => this.#receive(data.toString()));
    if (socket instanceof Socket) {
      this.port = socket.localPort ?? 0;
      this.#send = (text) => socket.write(text);
      this.#close = () => socket.destroy();
    } else {
      this.port = socket.address().port;
      this.#send = (text) => socket.send(text, server, '127.0.0.1');
      this.#close = () => socket.close();
    }
  }

  static async open(server: number, transport: 'udp' | 'tcp' = 'udp'): Promise<RegisterClient> {
    if (transport === 'tcp') {
      const socket = connect(server, '127.0.0.1');
      await new Promise<void>((resolve) => socket.once('connect', resolve));
      return new RegisterClient('tcp', server, socket);
    }
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return new RegisterClient('udp', server, socket);
  }

  close(): void {
    this.#close();
  }

  get contact(): string {
    return `<sip:phone@127.0.0.1:${this.port}>`;
  }

  /** Sends REGISTER, answers the challenge, gives the reply to that. */
  async register(options: RegisterOptions = {}): Promise<RegisterReply> {
    const challenged = await this.send(options);
    const { cseq: _, ...again } = options;
    return challenged.status === 401 ? this.answer(challenged, again) : challenged;
  }

  /** Answers a challenge. */
  answer(challenged: RegisterReply, options: RegisterOptions = {}, nc = 1): Promise<RegisterReply> {
    const { algorithm = 'SHA-256', username = 'alice', password = 'wonderland' } = options;
    const challenge = challenged.all('WWW-Authenticate').find((line) => line.includes(`algorithm=${algorithm}`)) ?? '';
    const [realm = '', nonce = ''] = ['realm', 'nonce'].map(
      (name) => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1],
    );
    const uri = `sip:127.0.0.1:${this.#server}`;
    const hash = (text: string) =>
      createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
        .update(text)
        .digest('hex');
    const count = nc.toString(16).padStart(8, '0');
    const secret = hash(`${username}:${realm}:${password}`);
    const response = hash(`${secret}:${nonce}:${count}:cn:auth:${hash(`REGISTER:${uri}`)}`);
    const params = { username: `"${username}"`, realm: `"${realm}"`, nonce: `"${nonce}"`, uri: `"${uri}"`, algorithm };
    const all = { ...params, response: `"${response}"`, cnonce: '"cn"', qop: 'auth', nc: count };
    const sent = Object.entries(options.alter?.(all) ?? all).map(([name, value]) => `${name}=${value}`);
    return this.send(options, `Digest ${sent.join(', ')}`);
  }

  /** One REGISTER and its reply. */
  send(options: RegisterOptions = {}, authorization?: string): Promise<RegisterReply> {
    this.cseq = options.cseq ?? this.cseq + 1;
    const user = options.to ?? options.username ?? 'alice';
    const contact = 'contact' in options ? options.contact : this.contact;
    const branch = `z9hG4bK${Math.random().toString(36).slice(2)}`;
    const lines = [
      `REGISTER sip:127.0.0.1:${this.#server} SIP/2.0`,
      `Via: SIP/2.0/${this.transport.toUpperCase()} 127.0.0.1:${this.port};rport;branch=${branch}`,
      'Max-Forwards: 70',
      `From: <sip:${user}@127.0.0.1>;tag=t`,
      `To: <sip:${user}@127.0.0.1>`,
      `Call-ID: ${options.callId ?? this.callId}`,
      `CSeq: ${this.cseq} REGISTER`,
      'User-Agent: register client',
      ...(contact === undefined ? [] : [`Contact: ${contact}`]),
      ...(options.expires === undefined ? [] : [`Expires: ${options.expires}`]),
      ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
      ...(options.headers ?? []),
    ];
    return new Promise((resolve) => {
      this.#waiting.set(branch, resolve);
      this.#send([...lines, 'Content-Length: 0', '', ''].join('\r\n'));
    });
  }

  #receive(text: string): void {
    const [first = '', ...lines] = text.split('\r\n');
    this.received.push(first);
    const status = Number(/^SIP\/2.0 (\d+)/.exec(first)?.[1]);
    const all = (name: string) =>
      lines
        .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
        .map((line) => line.slice(name.length + 1).trim());
    const branch = /branch=([^;]+)/.exec(all('Via')[0] ?? '')?.[1] ?? '';
    if (status < 200) return;
    this.#waiting.get(branch)?.({ status, all, header: (name) => all(name)[0] });
    this.#waiting.delete(branch);
  }
}
