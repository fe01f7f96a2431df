import { isIP } from 'node:net';
import {
  header,
  headers,
  type MessageFault,
  readMessage,
  type SipMessage,
  splitList,
} from '../../kernel/sip/message.ts';
import { parseNameAddr, parseUri, parseVia, type Via } from '../../kernel/sip/uri.ts';
import type { HostPort } from './api.ts';
import type { Arrival, Link } from './transport/link.ts';

/** A message from the network with what every layer needs of it, read once. */
export interface Envelope {
  message: SipMessage;
  /** The text exactly as it came. */
  raw: string;
  source: HostPort;
  link: Link;
  /** The topmost Via. */
  via: Via;
  branch: string;
  callId: string;
  fromTag: string;
  toTag: string;
  cseq: number;
  cseqMethod: string;
}

/** `envelope` is undefined when too much is missing to answer; `fault` says why a request must be refused. */
export interface OpenedEnvelope {
  envelope: Envelope | undefined;
  fault: MessageFault | undefined;
}

const single = ['From', 'To', 'Call-ID', 'CSeq', 'Max-Forwards', 'Content-Length'];
const maxCseq = 2 ** 31;

/** Reads an arrival (RFC 3261 8.1.1, 18.3; 16.3 step 1 for what makes a request unreasonable). */
export function openEnvelope(arrival: Arrival): OpenedEnvelope {
  const raw = arrival.bytes.toString('utf8');
  const read = readMessage(raw, isAscii(raw, arrival.bytes) ? undefined : bodyBytes(arrival.bytes));
  if (!read) return { envelope: undefined, fault: undefined };
  const { message } = read;
  let fault = read.fault;
  const refuse = (reason: string): void => {
    fault ??= { status: 400, reason };
  };
  const via = splitTopVia(message);
  const from = header(message, 'From');
  const to = header(message, 'To');
  const callId = header(message, 'Call-ID');
  const cseqText = header(message, 'CSeq');
  if (!via || !from || !to || !callId || !cseqText) return { envelope: undefined, fault };
  const [fromAddress, toAddress] = [parseNameAddr(from), parseNameAddr(to)];
  if (!fromAddress) refuse('Bad From');
  if (!toAddress) refuse('Bad To');
  const cseqParts = /^(\d{1,10})\s+(\S+)$/.exec(cseqText);
  const cseq = Number(cseqParts?.[1]);
  if (!cseqParts || cseq >= maxCseq) refuse('Bad CSeq');
  else if (message.method !== undefined && cseqParts[2] !== message.method) refuse('CSeq Method Mismatch');
  for (const name of single) {
    if (headers(message, name).length > 1) refuse(`More Than One ${name}`);
  }
  if (!fault && message.method !== undefined) fault = requestFault(message);
  const envelope: Envelope = {
    message,
    raw,
    source: arrival.source,
    link: arrival.link,
    via,
    branch: via.params.get('branch') ?? '',
    callId,
    fromTag: fromAddress?.tag ?? '',
    toTag: toAddress?.tag ?? '',
    cseq: Number.isFinite(cseq) ? cseq : 0,
    cseqMethod: cseqParts?.[2] ?? '',
  };
  return { envelope, fault };
}

function isAscii(text: string, bytes: Buffer): boolean {
  return text.length === bytes.length;
}

function bodyBytes(bytes: Buffer): Buffer {
  for (const end of ['\r\n\r\n', '\n\n']) {
    const position = bytes.indexOf(end);
    if (position > 0) return bytes.subarray(position + end.length);
  }
  return Buffer.alloc(0);
}

/** The topmost Via, made a line of its own if it shares one. */
function splitTopVia(message: SipMessage): Via | undefined {
  const index = message.headers.findIndex(([name]) => name === 'Via');
  const line = message.headers[index];
  if (!line) return undefined;
  const [first, ...rest] = splitList(line[1]);
  if (rest.length > 0) {
    line[1] = first ?? '';
    message.headers.splice(index + 1, 0, ['Via', rest.join(', ')]);
  }
  return parseVia(line[1]);
}

function requestFault(message: SipMessage): MessageFault | undefined {
  const uri = parseUri(message.uri ?? '');
  if (!uri) return { status: 400, reason: 'Bad Request-URI' };
  if (uri.scheme !== 'sip' && uri.scheme !== 'sips' && uri.scheme !== 'tel') {
    return { status: 416, reason: 'Unsupported URI Scheme' };
  }
  const maxForwards = header(message, 'Max-Forwards');
  if (maxForwards !== undefined && !(/^\d{1,4}$/.test(maxForwards) && Number(maxForwards) <= 255)) {
    return { status: 400, reason: 'Bad Max-Forwards' };
  }
  if (message.method !== 'INVITE') return undefined;
  const contacts = headers(message, 'Contact');
  const contact = parseNameAddr(splitList(contacts[0] ?? '')[0] ?? '');
  if (!contact || !parseUri(contact.uri))
    return { status: 400, reason: contacts.length ? 'Bad Contact' : 'Missing Contact' };
  return undefined;
}

/** Writes `received` and `rport` into the topmost Via (RFC 3261 18.2.1, RFC 3581 4). */
export function stampVia(envelope: Envelope): void {
  const line = envelope.message.headers.find(([name]) => name === 'Via');
  if (!line) return;
  const { via, source } = envelope;
  const wantsPort = via.params.get('rport') === '';
  if (wantsPort) {
    line[1] = line[1].replace(/(;\s*rport)\s*(=\s*)?(?=;|$)/i, `$1=${source.port}`);
    via.params.set('rport', String(source.port));
  }
  if ((wantsPort || via.host !== source.address) && !via.params.has('received')) {
    line[1] += `;received=${source.address}`;
    via.params.set('received', source.address);
  }
}

/** Where answers go: back to the source when it asked for that or is TCP, else to the port in the Via (18.2.2). */
export function replyAddress(envelope: Envelope): HostPort {
  const { via, source } = envelope;
  if (source.protocol === 'tcp' || via.params.get('rport') !== undefined) return source;
  return { protocol: 'udp', address: source.address, port: via.port ?? 5060 };
}

/** For a TCP answer whose connection has gone: the address a new one goes to (18.2.2). */
export function reconnectAddress(envelope: Envelope): HostPort {
  const { via, source } = envelope;
  const address = isIP(via.host) && !via.params.has('received') ? via.host : source.address;
  return { protocol: 'tcp', address, port: via.port ?? 5060 };
}

/** The key of a server transaction (17.2.3). An ACK has that of its INVITE. */
export function serverKey(envelope: Envelope, method = envelope.message.method ?? ''): string {
  const kind = method === 'ACK' ? 'INVITE' : method;
  const { via, branch } = envelope;
  if (branch.startsWith('z9hG4bK')) return `${branch}|${via.host}:${via.port ?? ''}|${kind}`;
  const line = envelope.message.headers.find(([name]) => name === 'Via')?.[1] ?? '';
  const { uri } = envelope.message;
  return `2543|${uri}|${envelope.callId}|${envelope.fromTag}|${envelope.cseq}|${line}|${kind}`;
}

/** What identical copies of one request over different ways have in common (8.2.2.2). */
export function mergeKey(envelope: Envelope): string {
  return `${envelope.callId}|${envelope.fromTag}|${envelope.cseq}|${envelope.cseqMethod}`;
}
