import { EventEmitter } from 'node:events';
import { hasToken, header, listValues, type SipMessage, serializeMessage } from '../../kernel/sip/message.ts';
import { parseNameAddr } from '../../kernel/sip/uri.ts';
import type { Dialog, HeaderMap, HostPort, SentMessage, ServerTransactionEvents } from './api.ts';
import { addMissing, addToken, applyHeaders, buildResponse, newId, newTag, removeToken, setHeader } from './build.ts';
import type { Core, DialogInit, DialogPart, UasPart } from './core.ts';
import { type Envelope, replyAddress } from './envelope.ts';
import { ReliableProvisionals } from './reliable.ts';
import { answerAgreement } from './session-timer.ts';
import { TimerSet } from './transaction/machine.ts';
import type { ServerMachine } from './transaction/server.ts';

type RespondOptions = { reason?: string; headers?: HeaderMap; body?: string };

/** Only the stack knows these in an answer. */
const fixedInAnswers = ['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Record-Route', 'Content-Length', 'RSeq'];
/** Whose 101–299 answers say where we are reached (12.1.1, RFC 3311, RFC 6665). */
const contactMethods = new Set(['INVITE', 'UPDATE', 'SUBSCRIBE', 'REFER', 'NOTIFY', 'OPTIONS']);
/** 13.3.1.1: a provisional at every minute, in T1; and the number of minutes an INVITE may stay unanswered. */
const provisionalEveryT1 = 120;
const maxUnansweredMinutes = 10;

/** A request from the network and our answers to it. */
export class UasTransaction extends EventEmitter<ServerTransactionEvents> implements UasPart {
  readonly id = newId();
  readonly request: SipMessage;
  readonly source: HostPort;
  readonly receivedAtMs = Date.now();
  readonly envelope: Envelope;
  readonly localTag: string;
  dialog: DialogPart | undefined;
  finalStatus = 0;
  readonly #core: Core;
  readonly #machine: ServerMachine;
  readonly #timers = new TimerSet<'minute'>();
  #reliable: ReliableProvisionals | undefined;
  #minutes = 0;
  #rang = false;

  constructor(core: Core, envelope: Envelope, dialog: DialogPart | undefined) {
    super();
    this.#core = core;
    this.envelope = envelope;
    this.request = envelope.message;
    this.source = envelope.source;
    this.dialog = dialog;
    this.localTag = dialog?.localTag ?? (envelope.toTag || newTag());
    this.#machine = core.openServer(envelope, this);
  }

  get raw(): string {
    return this.envelope.raw;
  }

  get isInvite(): boolean {
    return this.request.method === 'INVITE';
  }

  /** 17.2.1: says that we have it, and watches that somebody answers. */
  trying(): void {
    this.#machine.respond(100, serializeMessage(buildResponse(this.request, 100, {})));
    this.#timers.set('minute', provisionalEveryT1 * this.#core.timing.t1Ms, () => this.#minutePassed());
  }

  respond(status: number, options: RespondOptions = {}): SentMessage & { dialog?: Dialog } {
    if (this.finalStatus !== 0) throw new Error(`${this.request.method} was answered ${this.finalStatus} already`);
    if (!Number.isInteger(status) || status < 100 || status > 699) throw new RangeError(`no SIP status: ${status}`);
    const toTag = status > 100 ? this.localTag : undefined;
    const response = buildResponse(this.request, status, { reason: options.reason, toTag, body: options.body });
    this.#fill(response, status, options);
    if (this.isInvite && status > 100 && status < 300) this.#enterDialog(response, status);
    const raw = this.#deliver(response, status);
    const sent = { message: response, raw, peer: replyAddress(this.envelope) };
    return this.dialog ? { ...sent, dialog: this.dialog } : sent;
  }

  /** CANCEL came (9.2): 487 unless it was answered before. */
  cancelled(cancel: SipMessage, raw: string): void {
    if (this.finalStatus !== 0) return;
    this.respond(487);
    this.emit('cancel', cancel, raw);
  }

  /** Answers a CANCEL, with the tag its INVITE's answers have (9.2). */
  answerCancel(toTag: string): void {
    const response = buildResponse(this.request, 200, { toTag });
    response.headers.push(['Server', this.#core.options.userAgent]);
    this.finalStatus = 200;
    this.#machine.respond(200, serializeMessage(response));
  }

  /** Stops all timers without a word: the endpoint stops. */
  dispose(): void {
    this.#timers.clearAll();
    this.#reliable?.stop();
  }

  /** PRACK came: whether it acknowledges an answer of ours. */
  acknowledgeProvisional(rack: string): boolean {
    return this.#reliable?.acknowledge(rack) ?? false;
  }

  /** Sends our 2xx once more (13.3.1.4). */
  resend(raw: string): void {
    this.#machine.respond(this.finalStatus, raw);
  }

  /** The machine is done; `answered` false when no answer came in time. */
  onTerminated(answered: boolean): void {
    this.#timers.clearAll();
    this.#reliable?.stop();
    if (!answered && this.finalStatus === 0) this.finalStatus = 408;
    this.emit('terminated');
  }

  #fill(response: SipMessage, status: number, options: RespondOptions): void {
    const method = this.request.method ?? '';
    const { userAgent, tellAllow, supported } = this.#core.options;
    if (status > 100 && status < 300 && contactMethods.has(method)) {
      response.headers.push(['Contact', this.#core.contact(this.source)]);
    }
    applyHeaders(response, options.headers, fixedInAnswers);
    addMissing(response, 'Server', userAgent);
    if ((status < 300 && status >= 200 && contactMethods.has(method)) || status === 405) {
      addMissing(response, 'Allow', tellAllow.join(', '));
      if (status !== 405) addMissing(response, 'Supported', supported.join(', '));
    }
    if (response.body !== '') addMissing(response, 'Content-Type', 'application/sdp');
    if (status >= 200 && status < 300 && (method === 'INVITE' || method === 'UPDATE')) {
      this.#agreeOnSession(response, options.headers);
    }
  }

  #agreeOnSession(response: SipMessage, given: HeaderMap | undefined): void {
    const agreement = answerAgreement(this.request, given, this.#core.options.minSessionExpiresSeconds);
    if (!agreement) return;
    setHeader(response, 'Session-Expires', agreement.header);
    if (agreement.requireTimer) addToken(response, 'Require', 'timer');
  }

  #enterDialog(response: SipMessage, status: number): void {
    if (!this.dialog) this.dialog = this.#core.openDialog(this.#dialogInit(response));
    const dialog = this.dialog;
    dialog.noteLocalBody(response);
    if (status >= 200) dialog.confirm();
  }

  #dialogInit(response: SipMessage): DialogInit {
    const { envelope, request } = this;
    return {
      role: 'uas',
      invite: this,
      callId: envelope.callId,
      localTag: this.localTag,
      remoteTag: envelope.fromTag,
      localAddress: header(response, 'To') ?? '',
      remoteAddress: header(request, 'From') ?? '',
      remoteTarget: parseNameAddr(listValues(request, 'Contact')[0] ?? '')?.uri ?? '',
      routeSet: listValues(request, 'Record-Route'),
      localCseq: 0,
      remoteCseq: envelope.cseq,
      link: envelope.link,
      peer: this.source,
      peerMessage: request,
    };
  }

  #deliver(response: SipMessage, status: number): string {
    if (status > 100 && status < 200) {
      this.#rang = true;
      if (this.#goesReliably(response)) return this.#deliverReliably(response, status);
    }
    const raw = serializeMessage(response);
    if (status < 200) {
      this.#machine.respond(status, raw);
      return raw;
    }
    this.finalStatus = status;
    this.#timers.clearAll();
    const send = (): void => {
      this.#machine.respond(status, raw);
      if (this.isInvite && status < 300) this.dialog?.awaitAck(this, raw);
    };
    if (this.#reliable && status < 300) this.#reliable.beforeFinal(send);
    else {
      this.#reliable?.stop();
      send();
    }
    this.dialog?.answered(this, response);
    return raw;
  }

  /** RFC 3262 3: always when the peer requires it, when asked for if the peer supports it, else never. */
  #goesReliably(response: SipMessage): boolean {
    if (!this.isInvite) return false;
    if (hasToken(this.request, 'Require', '100rel')) return true;
    if (!hasToken(response, 'Require', '100rel')) return false;
    if (hasToken(this.request, 'Supported', '100rel')) return true;
    removeToken(response, 'Require', '100rel');
    return false;
  }

  #deliverReliably(response: SipMessage, status: number): string {
    this.#reliable ??= new ReliableProvisionals(
      this.envelope.cseq,
      this.#core.timing,
      (text) => this.#machine.respond(status, text),
      () => this.#refuse(504),
    );
    const rseq = this.#reliable.allotRseq();
    addToken(response, 'Require', '100rel');
    setHeader(response, 'RSeq', String(rseq));
    const raw = serializeMessage(response);
    this.#reliable.add({ rseq, raw, hasBody: response.body !== '' });
    return raw;
  }

  #minutePassed(): void {
    if (++this.#minutes >= maxUnansweredMinutes) {
      this.#refuse(408);
      return;
    }
    if (this.#rang && !this.#reliable) this.#machine.retransmit();
    this.#timers.set('minute', provisionalEveryT1 * this.#core.timing.t1Ms, () => this.#minutePassed());
  }

  #refuse(status: number): void {
    if (this.finalStatus === 0) this.respond(status);
  }
}
