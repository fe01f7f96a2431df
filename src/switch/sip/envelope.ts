import { isIP } from 'node:net';
import { canonicalText } from '../../kernel/sip/canonical.ts';
import { header, type MessageFault, readMessageBytes, type SipMessage, splitList } from '../../kernel/sip/message.ts';
import { faultOfRequest, parseCseq } from '../../kernel/sip/request-faults.ts';
import { parseNameAddr, parseVia, type Via } from '../../kernel/sip/uri.ts';
import type { HostPort } from './api.ts';
import type { Arrival, Link } from './transport/link.ts';

/** A message from the network with what every layer needs of it, read once. */
export interface Envelope {
  message: SipMessage;
  /** The text of the message as it was understood, in one spelling: made when first asked for. */
  readonly raw: string;
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

/** Reads an arrival (RFC 3261 8.1.1, 18.3; 16.3 step 1 for what makes a request unreasonable). */
export function openEnvelope(arrival: Arrival): OpenedEnvelope {
  const read = readMessageBytes(arrival.bytes);
  if (!read) return { envelope: undefined, fault: undefined };
  const { message } = read;
  const via = splitTopVia(message);
  const callId = header(message, 'Call-ID') ?? '';
  const cseq = parseCseq(header(message, 'CSeq') ?? '');
  // An answer that says what it is an answer to is taken, whatever else is wrong with it: a call may hang on it.
  const isAnswer = message.status !== undefined;
  if (!via || (isAnswer && (callId === '' || !cseq || read.fault?.status === 505))) {
    return { envelope: undefined, fault: undefined };
  }
  let text: string | undefined;
  const envelope: Envelope = {
    message,
    get raw() {
      text ??= canonicalText(message);
      return text;
    },
    source: arrival.source,
    link: arrival.link,
    via,
    branch: via.params.get('branch') ?? '',
    callId,
    fromTag: parseNameAddr(header(message, 'From') ?? '')?.tag ?? '',
    toTag: parseNameAddr(header(message, 'To') ?? '')?.tag ?? '',
    cseq: cseq?.number ?? 0,
    cseqMethod: cseq?.method ?? '',
  };
  return { envelope, fault: faultOfRequest(read) };
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
