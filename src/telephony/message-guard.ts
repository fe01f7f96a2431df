import type { Socket } from 'node:net';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { canonicalText } from '../kernel/sip/canonical.ts';
import { header, readMessage, type SipMessage } from '../kernel/sip/message.ts';
import { faultOfRequest } from '../kernel/sip/request-faults.ts';
import { sessionBodyOf } from '../kernel/sip/session-body.ts';
import type { SrfWire } from './types/srf.ts';

/** A request from the network that was refused before anybody saw a call in it, as because of how it is written. */
export interface RefusedRequest {
  /** '' where not even that could be read. */
  method: string;
  status: number;
  /** Reason phrase of the answer: names what is wrong, in words of ours. */
  reason: string;
  sourceAddress: string;
}

export interface MessageGuardOptions {
  clock: Clock;
  logger: Logger;
  onRefused?: ((refused: RefusedRequest) => void) | undefined;
}

const crlf = '\r\n';
/** Strangers decide how many broken messages come: the log hears of them at most so often. */
const logEveryMs = 10_000;
const unreadable: Refusal = { status: 400, reason: 'Bad Request' };

/** A frame of drachtio's that carries SIP: its first line, CRLF, the message. */
interface SipFrame {
  leader: string;
  /** `network`: of a peer's. Else drachtio tells of itself, or of what was sent. */
  origin: string;
  address: string;
  transactionId: string;
  sip: string;
}

/**
 * Stands between drachtio's connection and srf. drachtio passes headers on as they came, with line ends and spellings
 * that srf reads otherwise, or not at all. So srf gets each message as our own reader understood it; a request that is
 * broken is answered here and now; and whatever a handler throws ends with this message, not with the process.
 */
export class MessageGuard {
  readonly #options: MessageGuardOptions;
  #unsaid = 0;
  #saidAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: MessageGuardOptions) {
    this.#options = options;
  }

  /** Puts the guard in front of whoever listens to the connection now. */
  attach(wire: SrfWire): void {
    const listeners = wire.listeners('msg');
    wire.removeAllListeners('msg');
    wire.on('msg', (socket, text) => {
      const frame = sipFrameOf(text);
      const passed = frame ? this.#read(wire, socket, frame) : text;
      if (passed === undefined) return;
      try {
        for (const listener of listeners) listener(socket, passed);
      } catch (error) {
        this.#failed(error);
        if (frame?.origin === 'network') this.#refuseFailed(wire, socket, frame);
      }
    });
  }

  /** The frame with its message in one spelling; undefined where nobody shall hear of it. */
  #read(wire: SrfWire, socket: Socket, frame: SipFrame): string | undefined {
    const read = readMessage(frame.sip, { bodyIsRest: true });
    const textOf = (message: SipMessage) => `${frame.leader}${crlf}${canonicalText(message)}`;
    if (frame.origin !== 'network') return read ? textOf(read.message) : `${frame.leader}${crlf}${frame.sip}`;
    const fault = read ? (faultOfRequest(read) ?? takeSession(read.message)) : unreadable;
    if (!fault && read) return textOf(read.message);
    const { method = '' } = read?.message ?? {};
    const refusal: Refusal = fault ?? unreadable;
    if (method !== 'ACK') refuse(wire, socket, frame, refusal);
    const { status, reason } = refusal;
    this.#report({ method, status, reason, sourceAddress: frame.address });
    return undefined;
  }

  /** Nobody else answers what a handler has thrown at. */
  #refuseFailed(wire: SrfWire, socket: Socket, frame: SipFrame): void {
    const { method, status } = readMessage(frame.sip, { bodyIsRest: true })?.message ?? {};
    if (status !== undefined || method === 'ACK') return;
    const refusal = { status: 500, reason: 'Server Internal Error' };
    refuse(wire, socket, frame, refusal);
    this.#options.onRefused?.({ method: method ?? '', ...refusal, sourceAddress: frame.address });
  }

  #report(refused: RefusedRequest): void {
    const { clock, logger, onRefused } = this.#options;
    onRefused?.(refused);
    this.#unsaid += 1;
    if (clock.monotonicMs() - this.#saidAtMs < logEveryMs) return;
    const { status, reason } = refused;
    logger.warn({ count: this.#unsaid, status, reason }, 'broken SIP requests were refused; the last of them as named');
    this.#unsaid = 0;
    this.#saidAtMs = clock.monotonicMs();
  }

  #failed(error: unknown): void {
    // Its message may well repeat the SIP message: the place alone is told.
    const where = error instanceof Error ? /^ +at .*$/m.exec(error.stack ?? '')?.[0].trim() : undefined;
    const name = error instanceof Error ? error.constructor.name : typeof error;
    this.#options.logger.error({ error: name, where }, 'a SIP message could not be handled');
  }
}

interface Refusal {
  status: number;
  reason: string;
  headers?: Record<string, string>;
}

/** Requests that are refused where their body holds no session that we can read; others go on without it. */
const refusedWithoutSession: ReadonlySet<string> = new Set(['INVITE', 'UPDATE', 'PRACK']);

/** Puts the session description in place of the body that holds it; what stands beside it is nothing to us. */
function takeSession(message: SipMessage): Refusal | undefined {
  if (!speaksOfSession(message) || message.body === '') return undefined;
  const session = sessionBodyOf(message);
  if (!session.ok && refusedWithoutSession.has(message.method ?? '')) return session.fault;
  message.body = session.ok ? session.sdp : '';
  message.headers = message.headers.filter(([name]) => !/^content-/i.test(name));
  if (message.body !== '') message.headers.push(['Content-Type', 'application/sdp']);
  return undefined;
}

/** INVITE and UPDATE do, what belongs to an INVITE, and what answers them other than by a failure. */
function speaksOfSession(message: SipMessage): boolean {
  const { method, status = 0 } = message;
  if (method !== undefined) return method === 'ACK' || refusedWithoutSession.has(method);
  const answered = header(message, 'CSeq')?.split(/\s+/)[1] ?? '';
  return status > 100 && status < 300 && refusedWithoutSession.has(answered);
}

function refuse(wire: SrfWire, socket: Socket, frame: SipFrame, { status, reason, headers = {} }: Refusal): void {
  if (frame.transactionId === '') return;
  const lines = [
    `SIP/2.0 ${status} ${reason}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'Content-Length: 0',
  ];
  wire.send(socket, `sip|${frame.transactionId}|${crlf}${lines.join(crlf)}${crlf}${crlf}`);
}

/** The layout of the first line is drachtio's: `<id>|sip|network|<bytes>|udp|<ip>|<port>|<time>|<transaction>|…`. */
function sipFrameOf(text: string): SipFrame | undefined {
  const end = text.indexOf(crlf);
  if (end < 0) return undefined;
  const leader = text.slice(0, end);
  const [, verb, source = '', , , address = '', , , transactionId = ''] = leader.split('|');
  const sip = text.slice(end + crlf.length);
  // What drachtio tells of messages that were sent holds one, too.
  if (verb !== 'sip') return sip === '' ? undefined : { leader, origin: '', address: '', transactionId: '', sip };
  return { leader, origin: source, address, transactionId, sip };
}
