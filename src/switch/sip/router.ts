import { headers, type SipMessage, serializeMessage } from '../../kernel/sip/message.ts';
import { buildResponse } from './build.ts';
import { refusalOf } from './checks.ts';
import type { Core } from './core.ts';
import { type Envelope, openEnvelope, serverKey, stampVia } from './envelope.ts';
import type { Tables } from './tables.ts';
import type { Arrival } from './transport/link.ts';
import { UasTransaction } from './uas.ts';

/** Brings what arrives to the transaction or dialog it belongs to (RFC 3261 17.1.3, 17.2.3, 8.2, 12.2.2). */
export class Router {
  readonly #core: Core;
  readonly #tables: Tables;
  readonly #answer: (envelope: Envelope, text: string) => void;

  /** @param answer sends an answer that has no transaction. */
  constructor(core: Core, tables: Tables, answer: (envelope: Envelope, text: string) => void) {
    this.#core = core;
    this.#tables = tables;
    this.#answer = answer;
  }

  /** Takes one message. What can't be understood enough to be answered is dropped. */
  receive(arrival: Arrival): void {
    const { envelope, fault } = openEnvelope(arrival);
    if (!envelope) return;
    if (envelope.message.status !== undefined) this.#response(envelope);
    else if (envelope.message.method === 'ACK') {
      if (!fault) this.#ack(envelope);
    } else if (fault) {
      stampVia(envelope);
      this.#answerAlone(envelope, fault.status, fault.reason);
    } else this.#request(envelope);
  }

  #response(envelope: Envelope): void {
    const { message } = envelope;
    if (headers(message, 'Via').length > 1) return; // 8.1.3.3: not for us
    const machine = this.#tables.clients.get(`${envelope.branch}|${envelope.cseqMethod}`);
    if (machine) machine.receive(envelope);
    else if (envelope.cseqMethod === 'INVITE' && (message.status ?? 0) >= 200 && (message.status ?? 0) < 300) {
      // The transaction is over, the peer still has no ACK
      this.#tables.findDialog(envelope.callId, envelope.fromTag, envelope.toTag)?.ackAgain(envelope.cseq);
    }
  }

  #ack(envelope: Envelope): void {
    const entry = this.#tables.servers.get(serverKey(envelope));
    if (entry && entry.transaction.finalStatus >= 300) {
      const first = entry.machine.state === 'completed';
      entry.machine.dispatch('ack');
      if (first) entry.transaction.emit('ack', envelope.message, envelope.raw);
      return;
    }
    this.#tables.findDialog(envelope.callId, envelope.toTag, envelope.fromTag)?.receiveAck(envelope);
  }

  #request(envelope: Envelope): void {
    const { message } = envelope;
    const known = this.#tables.servers.get(serverKey(envelope));
    if (known) {
      known.machine.dispatch('request');
      return;
    }
    stampVia(envelope);
    if (this.#tables.servers.size >= this.#core.options.maxServerTransactions && envelope.toTag === '') {
      this.#answerAlone(envelope, 503, undefined);
      return;
    }
    if (message.method === 'CANCEL') {
      this.#cancel(envelope);
      return;
    }
    const merged = this.#tables.isMerged(envelope);
    const dialog =
      envelope.toTag === '' ? undefined : this.#tables.findDialog(envelope.callId, envelope.toTag, envelope.fromTag);
    const transaction = new UasTransaction(this.#core, envelope, dialog);
    const refusal = refusalOf(envelope, this.#core.options, dialog !== undefined, merged);
    if (refusal) {
      this.#core.refused(message.method ?? '', refusal.status, envelope.source);
      transaction.respond(refusal.status, refusal.headers ? { headers: refusal.headers } : {});
    } else if (dialog) dialog.receive(transaction);
    else {
      if (transaction.isInvite) transaction.trying();
      this.#core.offer(transaction);
    }
  }

  /** 9.2: answered in its own right, whatever becomes of the INVITE. */
  #cancel(envelope: Envelope): void {
    const invite = this.#tables.servers.get(serverKey(envelope, 'INVITE'));
    const transaction = new UasTransaction(this.#core, envelope, invite?.transaction.dialog);
    if (invite) transaction.answerCancel(invite.transaction.localTag);
    else transaction.respond(481);
    invite?.transaction.cancelled(envelope.message, envelope.raw);
  }

  /** An answer without a transaction (8.2.7): a repeat of the request gets the very same. */
  #answerAlone(envelope: Envelope, status: number, reason: string | undefined): void {
    this.#core.refused(envelope.message.method ?? '', status, envelope.source);
    const toTag = `s${checksum(`${envelope.callId}${envelope.fromTag}${envelope.branch}`)}`;
    const response: SipMessage = buildResponse(envelope.message, status, { reason, toTag });
    response.headers.push(['Server', this.#core.options.userAgent]);
    if (status === 503) response.headers.push(['Retry-After', '10']);
    this.#answer(envelope, serializeMessage(response));
  }
}

function checksum(text: string): string {
  let sum = 5381;
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 33) ^ text.charCodeAt(i)) >>> 0;
  return sum.toString(16);
}
