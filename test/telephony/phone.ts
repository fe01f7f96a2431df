import { createSocket, type Socket } from 'node:dgram';
import { eventually } from '../support/poll.ts';
import { linear, strength, ulaw } from './ulaw.ts';

/** A SIP message in pieces. */
interface Message {
  first: string;
  header(name: string): string;
  lines: string[];
  body: string;
}

export interface Answer {
  status: number;
  message: Message;
}

/**
 * A telephone of a few lines: one call at a time, G.711 µ-law, RFC 4733 keys; it says a steady tone and knows what it
 * has heard. Plain SIP over UDP on loopback, with no code of the product in it.
 */
export class TestPhone {
  readonly #sip: Socket;
  #rtp: Socket;
  readonly #tag = token();
  #server = { host: '127.0.0.1', port: 0 };
  #callId = `${token()}@phone`;
  #to = '';
  #target = '';
  #cseq = 0;
  #branch = '';
  #remoteRtp: { host: string; port: number } | undefined;
  #waiting: { cseq: string; resolve: (answer: Answer) => void }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #invite: Message | undefined;
  #sequence = 1;
  #timestamp = 0;
  #key: { code: number; packets: number; sent: number; done: () => void } | undefined;
  #level = 0;
  /** Methods of the requests that came in, in order. */
  readonly requests: string[] = [];
  /** Bodies of the INFO requests that came in, by CSeq: one that is repeated is one. */
  readonly infos = new Map<string, string>();
  /** Final status of the call this phone has made. */
  status: number | undefined;
  /** Description in the answer to its call. */
  answeredWith = '';
  /** Loudest sample of the last packet heard, and how many packets were heard. */
  heard = { peak: 0, packets: 0 };
  /** Sends no audio: on hold in a way, or it suppresses silence. */
  mute = false;
  /** Neither hears nor says anything any more: without power. */
  dead = false;
  /** Statuses that it answers requests of a method with, where not 200; 0: it leaves them unanswered. */
  readonly answers = new Map<string, number>();
  /** What this phone says: 0 is silence, up to 1. */
  voice = 0;
  /** Says a tone of this pitch instead; 0 = not. */
  pitchHz = 0;
  #spoken = 0;
  /** The last audio it heard, at most `earSamples`. */
  #ear = new Float64Array(0);
  /** Put into its INVITE. */
  extraHeaders: string[] = [];
  /** Makes calls without an offer: the ACK brings the answer. */
  offerless = false;
  /** Changes the description of its session before it is sent, in offers and answers. */
  describe: (sdp: string) => string = (sdp) => sdp;
  /** Brings its answer with 183, and a 200 without one. */
  answersEarly = false;
  /** Leaves out who it is: its 200 has no Contact. */
  withoutContact = false;
  /** What it believes to be its address: another one than it is reached at where it is behind NAT. */
  contactHost = '127.0.0.1';
  /** Request-URI, From and Expires of the INVITE that came in. */
  calledAs = { uri: '', from: '', expires: '', privacy: '' };
  /** Answers at once, also after CANCEL: as where the two cross on the way. */
  answersLate = false;
  /** For a phone that is called: what it answers to an INVITE; `ring` leaves it ringing. */
  onCalled: number | 'ring' = 200;

  private constructor(sip: Socket, rtp: Socket) {
    this.#sip = sip;
    this.#rtp = rtp;
    sip.on('message', (data, from) => this.#receive(parse(data.toString()), from));
    rtp.on('message', (packet) => this.#hear(packet));
  }

  static async open(): Promise<TestPhone> {
    const [sip, rtp] = await Promise.all([bound(), bound()]);
    return new TestPhone(sip, rtp);
  }

  get port(): number {
    return this.#sip.address().port;
  }

  get ended(): boolean {
    return this.requests.includes('BYE');
  }

  /** Sends INVITE; resolves with its final answer, acknowledged, and talks from then on. */
  async call(number: string, server: { port: number }): Promise<number> {
    this.startCall(number, server);
    return eventually('a final answer', () => this.status);
  }

  startCall(number: string, server: { port: number }): void {
    this.#server.port = server.port;
    this.#to = `<sip:${number}@127.0.0.1:${server.port}>`;
    this.#target = `sip:${number}@127.0.0.1:${server.port}`;
    this.#request('INVITE', this.offerless ? '' : this.#sdp()).then(({ status, message }) => {
      this.status = status;
      this.answeredWith = message.body;
      this.#to = message.header('To');
      if (status >= 300) {
        this.#send('ACK', this.#cseq);
        return;
      }
      this.#target = /<([^>]*)>/.exec(message.header('Contact'))?.[1] ?? this.#target;
      this.#send('ACK', this.#cseq, this.offerless ? this.#sdp() : '', undefined, 'application/sdp');
      this.#talkTo(message.body);
    });
  }

  /** Gives the call up before it is answered. */
  cancel(): void {
    this.#send('CANCEL', this.#cseq, '', this.#branch);
  }

  /** Hangs up; resolves with the answer to BYE. */
  async hangUp(): Promise<number> {
    this.#stopTalking();
    return (await this.#request('BYE')).status;
  }

  /** A re-INVITE with this direction (`sendonly` is hold). */
  async renegotiate(direction: string): Promise<Answer> {
    const answer = await this.#request('INVITE', this.#sdp(direction));
    this.#send('ACK', this.#cseq);
    return answer;
  }

  /** A re-INVITE without an offer; the ACK brings the answer that `answer` makes, or none. */
  async renegotiateOfferless(answer: (sdp: string) => string = (sdp) => sdp): Promise<Answer> {
    const offered = await this.#request('INVITE', '');
    this.#send('ACK', this.#cseq, answer(this.#sdp()), undefined, 'application/sdp');
    return offered;
  }

  /** Sends bytes as they are to where its audio goes, or its RTCP. */
  sendRaw(bytes: Buffer, to: 'rtp' | 'rtcp' = 'rtp'): void {
    const { host = '127.0.0.1', port = 9 } = this.#remoteRtp ?? {};
    this.#rtp.send(bytes, to === 'rtp' ? port : port + 1, host);
  }

  /** Its audio comes from, and goes to, another port from now on: the description says so. */
  async moveAudio(): Promise<void> {
    const before = this.#rtp;
    this.#rtp = await bound();
    this.#rtp.on('message', (packet) => this.#hear(packet));
    before.close();
  }

  /** Sends a request in the dialog. */
  request(method: string, body = '', contentType = ''): Promise<Answer> {
    return this.#request(method, body, contentType);
  }

  /** Presses keys one after the other, 100 ms each unless told. */
  async press(keys: string, ms = 100): Promise<void> {
    for (const key of keys) {
      await new Promise<void>((done) => {
        this.#key = { code: '0123456789*#'.indexOf(key), packets: ms / 20, sent: 0, done };
      });
    }
  }

  /** The phone that rings is picked up. */
  pickUp(): void {
    if (this.#invite) this.#answer(this.#invite, 200);
  }

  /** Where it sends its audio. */
  get remoteRtpPort(): number {
    return this.#remoteRtp?.port ?? 0;
  }

  /** Strength, in samples of 16 bit, of a pitch in the last 200 ms heard. */
  hears(hz: number): number {
    return strength(this.#ear, hz);
  }

  async close(): Promise<void> {
    this.#stopTalking();
    await Promise.all([this.#sip, this.#rtp].map((socket) => new Promise<void>((resolve) => socket.close(resolve))));
  }

  #receive(message: Message, from: { port: number }): void {
    if (this.dead) return;
    if (message.first.startsWith('SIP/2.0')) {
      const status = Number(message.first.split(' ')[1]);
      const cseq = message.header('CSeq');
      if (status < 200) return;
      const waiting = this.#waiting.find((one) => one.cseq === cseq);
      this.#waiting = this.#waiting.filter((one) => one !== waiting);
      waiting?.resolve({ status, message });
      return;
    }
    const method = message.first.split(' ')[0] ?? '';
    this.requests.push(method);
    if (method === 'INFO') this.infos.set(message.header('CSeq'), message.body);
    this.#server.port = from.port;
    if (method === 'INVITE' && !this.#invite) this.#called(message);
    else if (method === 'CANCEL' && this.#invite) {
      this.#respond(message, 200);
      if (this.answersLate) this.#answer(this.#invite, 200);
      else this.#respond(this.#invite, 487);
    } else if (method !== 'ACK') {
      if (method === 'BYE') this.#stopTalking();
      const status = this.answers.get(method) ?? 200;
      if (status !== 0) this.#respond(message, status);
    }
  }

  #called(invite: Message): void {
    this.#invite = invite;
    const uri = invite.first.split(' ')[1] ?? '';
    const [from, expires, privacy] = ['From', 'Expires', 'Privacy'].map((name) => invite.header(name));
    this.calledAs = { uri, from: from ?? '', expires: expires ?? '', privacy: privacy ?? '' };
    this.#callId = invite.header('Call-ID');
    this.#to = invite.header('From');
    this.#target = /<([^>]*)>/.exec(invite.header('Contact'))?.[1] ?? '';
    if (this.onCalled === 'ring' || this.onCalled === 200) this.#respond(invite, 180);
    if (this.onCalled !== 'ring') this.#answer(invite, this.onCalled);
  }

  #answer(invite: Message, status: number): void {
    if (this.answersEarly) this.#respond(invite, 183, this.#sdp());
    this.#respond(invite, status, status === 200 && !this.answersEarly ? this.#sdp() : '');
    if (status === 200) this.#talkTo(invite.body);
  }

  #respond(request: Message, status: number, body = ''): void {
    const kept = request.lines.filter((line) => /^(via|from|call-id|cseq|record-route):/i.test(line));
    const to = request.header('To');
    const tagged = to.includes('tag=') ? to : `${to};tag=${this.#tag}`;
    const contact = this.withoutContact ? [] : [`Contact: <sip:phone@${this.contactHost}:${this.port}>`];
    const type = body === '' ? [] : ['Content-Type: application/sdp'];
    const head = [`SIP/2.0 ${status} Answer`, ...kept, `To: ${tagged}`, ...contact, ...type];
    this.#write([...head, `Content-Length: ${body.length}`, '', body]);
  }

  #request(method: string, body = '', contentType = 'application/sdp'): Promise<Answer> {
    this.#cseq += 1;
    const cseq = `${this.#cseq} ${method}`;
    const answer = new Promise<Answer>((resolve) => this.#waiting.push({ cseq, resolve }));
    this.#branch = `z9hG4bK${token()}`;
    this.#send(method, this.#cseq, body, this.#branch, contentType);
    return answer;
  }

  #send(method: string, cseq: number, body = '', branch = `z9hG4bK${token()}`, contentType = ''): void {
    const me = `<sip:0901112222@127.0.0.1:${this.port}>;tag=${this.#tag}`;
    this.#write([
      `${method} ${this.#target} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${this.port};rport;branch=${branch}`,
      'Max-Forwards: 70',
      `From: ${me}`,
      `To: ${this.#to}`,
      `Call-ID: ${this.#callId}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:phone@127.0.0.1:${this.port}>`,
      ...(method === 'INVITE' ? this.extraHeaders : []),
      ...(contentType && body ? [`Content-Type: ${contentType}`] : []),
      `Content-Length: ${body.length}`,
      '',
      body,
    ]);
  }

  #write(lines: string[]): void {
    this.#sip.send(lines.join('\r\n'), this.#server.port, this.#server.host);
  }

  #sdp(direction = 'sendrecv'): string {
    const lines = [
      'v=0',
      `o=phone 1 ${this.#cseq + 1} IN IP4 127.0.0.1`,
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=audio ${this.#rtp.address().port} RTP/AVP 0 101`,
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-15',
      'a=ptime:20',
      `a=${direction}`,
      '',
    ];
    return this.describe(lines.join('\r\n'));
  }

  #talkTo(sdp: string): void {
    const port = Number(/m=audio ([1-9]\d*)/.exec(sdp)?.[1]);
    this.#remoteRtp = { host: /c=IN IP4 (\S+)/.exec(sdp)?.[1] ?? '127.0.0.1', port };
    const startedAt = performance.now();
    let sent = 0;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      for (; (performance.now() - startedAt) / 20 > sent; sent += 1) this.#say();
    }, 5);
  }

  #stopTalking(): void {
    clearInterval(this.#timer);
  }

  #say(): void {
    this.#timestamp += 160;
    const key = this.#key;
    if (!key) {
      if (this.pitchHz > 0) {
        this.#packet(0, this.#timestamp, this.#tone());
        return;
      }
      this.#level = this.voice === 0 ? 0xff : 0x80 + Math.round((1 - this.voice) * 0x60);
      this.#packet(0, this.#timestamp, Buffer.alloc(160, this.#level));
      return;
    }
    const end = key.sent >= key.packets;
    const payload = Buffer.from([key.code, (end ? 0x80 : 0) | 10, 0, 0]);
    payload.writeUInt16BE((key.sent + 1) * 160, 2);
    const repeats = end ? 3 : 1;
    for (let i = 0; i < repeats; i++) this.#packet(101, this.#timestamp - key.sent * 160, payload);
    key.sent += 1;
    if (!end) return;
    this.#key = undefined;
    key.done();
  }

  #tone(): Buffer {
    return Buffer.from(
      Array.from({ length: 160 }, () => {
        this.#spoken += 1;
        return ulaw(Math.round(toneLevel * Math.sin((2 * Math.PI * this.pitchHz * this.#spoken) / 8_000)));
      }),
    );
  }

  #packet(payloadType: number, timestamp: number, payload: Buffer): void {
    if (!this.#remoteRtp || this.mute || this.dead) return;
    const head = Buffer.alloc(12);
    head[0] = 0x80;
    head[1] = payloadType;
    head.writeUInt16BE(this.#sequence++ & 0xffff, 2);
    head.writeUInt32BE(timestamp >>> 0, 4);
    head.writeUInt32BE(this.port, 8);
    this.#rtp.send(Buffer.concat([head, payload]), this.#remoteRtp.port, this.#remoteRtp.host);
  }

  #hear(packet: Buffer): void {
    if (((packet[1] ?? 0) & 0x7f) !== 0) return;
    const samples = Array.from(packet.subarray(12), linear);
    const peak = Math.max(0, ...samples.map(Math.abs));
    this.#ear = Float64Array.from([...this.#ear, ...samples].slice(-earSamples));
    this.heard = { peak, packets: this.heard.packets + 1 };
  }
}

/** 200 ms. */
const earSamples = 1_600;
/** How loud a phone says its tone. */
export const toneLevel = 6_000;

function parse(text: string): Message {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  const [first = '', ...lines] = head.split('\r\n');
  const header = (name: string) => {
    const line = lines.find((one) => one.toLowerCase().startsWith(`${name.toLowerCase()}:`));
    return line?.slice(line.indexOf(':') + 1).trim() ?? '';
  };
  return { first, lines, header, body };
}

function token(): string {
  return Math.random().toString(36).slice(2, 12);
}

function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.bind(0, '127.0.0.1', () => resolve(socket));
  });
}
