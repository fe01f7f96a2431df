import { EventEmitter } from 'node:events';
import { header, headers, listValues, type SipMessage, serializeMessage } from '../../kernel/sip/message.ts';
import { parseNameAddr, parseUri, type SipUri } from '../../kernel/sip/uri.ts';
import { AckWait } from './ack-wait.ts';
import type { ClientTransaction, Dialog, DialogEvents, HeaderMap, HostPort, SentMessage } from './api.ts';
import { newId } from './build.ts';
import type { Core, DialogInit, DialogPart, Ending, InDialogOptions, Target, UacPart, UasPart } from './core.ts';
import { type OverlapRefusal, overlapRefusal, partialUsages, targetRefreshers } from './dialog-rules.ts';
import type { Envelope } from './envelope.ts';
import { fillRequest, fixedInDialog } from './fill.ts';
import { SessionKeeper } from './session-keeper.ts';
import { acceptedAgreement, intervalTooSmall, parseSessionExpires } from './session-timer.ts';
import { TimerSet } from './transaction/machine.ts';
import { UacTransaction } from './uac.ts';

/** A dialog started by INVITE (RFC 3261 12). */
export class SipDialog extends EventEmitter<DialogEvents> implements DialogPart {
  readonly id = newId();
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly role: 'uac' | 'uas';
  state: Dialog['state'] = 'early';
  remoteTarget: string;
  /** The peer's INVITE that waits for our final answer. */
  serverInvite: UasPart | undefined;
  /** Our INVITE that waits for the peer's. */
  clientInvite: UacPart | undefined;
  /** RSeq and CSeq of the newest reliable provisional answer, for a PRACK. */
  lastReliable: { rseq: number; cseq: number } | undefined;
  remoteCseq: number | undefined;
  readonly #core: Core;
  readonly #init: DialogInit;
  readonly #ackWaits = new Map<number, { wait: AckWait; transaction: UasPart }>();
  readonly #session: SessionKeeper;
  readonly #linger = new TimerSet<'linger'>();
  #routeSet: string[];
  #localCseq: number;
  #ackDue: { cseq: number; invite: SipMessage } | undefined;
  #lastInvite: UasPart | undefined;
  #serverUpdate: UasPart | undefined;
  #lastAck: { cseq: number; text: string; target: Target } | undefined;
  #heldBye: UacTransaction | undefined;
  #byeUnderWay = false;
  #challenged = false;

  constructor(core: Core, init: DialogInit) {
    super();
    this.#core = core;
    this.#init = init;
    this.callId = init.callId;
    this.localTag = init.localTag;
    this.remoteTag = init.remoteTag;
    this.role = init.role;
    this.remoteTarget = init.remoteTarget;
    this.remoteCseq = init.remoteCseq;
    this.#routeSet = init.routeSet;
    this.#localCseq = init.localCseq;
    if (init.role === 'uas') this.serverInvite = init.invite;
    else this.clientInvite = init.invite;
    this.#session = new SessionKeeper(this, () => this.hangUp('session-expired'));
    this.#session.notePeer(init.peerMessage);
  }

  // --- requests of ours

  request(options: InDialogOptions): ClientTransaction {
    const { method } = options;
    if (method === 'ACK' || method === 'CANCEL') throw new Error(`${method} has a method of its own`);
    const transaction = this.#newRequest(options);
    const refusal = this.#refusalOf(method);
    if (refusal !== undefined) {
      transaction.failLocally(refusal);
      return transaction;
    }
    this.noteLocalBody(transaction.sent.message);
    if (method === 'INVITE') this.clientInvite = transaction;
    if (method !== 'BYE') {
      transaction.start();
      return transaction;
    }
    // 15: no BYE before the ACK of our 2xx, or its time-out
    if (this.#ackWaits.size > 0) this.#heldBye = transaction;
    else transaction.start();
    this.#byeUnderWay = true;
    this.#end('local-bye');
    return transaction;
  }

  ack(options: { headers?: HeaderMap; body?: string } = {}): SentMessage {
    const due = this.#ackDue;
    if (!due) throw new Error('no 2xx to acknowledge');
    this.#ackDue = undefined;
    const target = this.#target(undefined);
    const message = this.#skeleton('ACK', due.cseq, target);
    message.body = options.body ?? '';
    // 13.2.2.4: the ACK carries the credentials of its INVITE
    for (const name of ['Authorization', 'Proxy-Authorization']) {
      for (const value of headers(due.invite, name)) message.headers.push([name, value]);
    }
    fillRequest(this.#core, message, target, options.headers, fixedInDialog);
    this.noteLocalBody(message);
    const text = serializeMessage(message);
    this.#lastAck = { cseq: due.cseq, text, target };
    this.#core.sendAlone(text, target, this.#init.link);
    return { message, raw: text, peer: target.peer };
  }

  /** Says whether the 2xx to our INVITE of that CSeq was acknowledged, and if so does it again (13.2.2.4). */
  ackAgain(cseq: number): boolean {
    if (this.#lastAck?.cseq !== cseq) return false;
    this.#core.sendAlone(this.#lastAck.text, this.#lastAck.target, this.#init.link);
    return true;
  }

  /** Ends the dialog with a BYE of the stack's own. */
  hangUp(why: Ending): void {
    if (this.state === 'terminated') return;
    const bye = this.#newRequest({ method: 'BYE' });
    this.#byeUnderWay = true;
    this.#end(why);
    bye.start();
  }

  // --- answers to them

  /** A final answer to a request of ours in this dialog; made here when the peer gave none. */
  peerAnswered(transaction: UacPart, response: SipMessage): void {
    const { method } = transaction.sent.message;
    const status = response.status ?? 0;
    if (this.clientInvite === transaction) this.clientInvite = undefined;
    if (method === 'BYE') this.#byeAnswered(status);
    else if (status < 300 && (method === 'INVITE' || method === 'UPDATE')) this.#refreshed(transaction, response);
    else if (status === 481 && !partialUsages.has(method ?? '')) this.#end('gone');
    // 12.2.1.2; the peer may well be there still, so it hears a BYE
    else if (status === 408 && !partialUsages.has(method ?? '')) this.hangUp('gone');
  }

  /** A 2xx to the INVITE that made the dialog: the route set is what this answer says (13.2.2.4). */
  establish(transaction: UacPart, response: SipMessage): void {
    this.#routeSet = listValues(response, 'Record-Route').reverse();
    this.confirm();
    this.peerAnswered(transaction, response);
  }

  #refreshed(transaction: UacPart, response: SipMessage): void {
    this.#takeTarget(response);
    this.#session.notePeer(response);
    if (this.state !== 'terminated')
      this.#session.restart(acceptedAgreement(response, this.#core.options.minSessionExpiresSeconds));
    const invite = transaction.sent.message;
    if (invite.method === 'INVITE') this.#ackDue = { cseq: transaction.cseq, invite };
  }

  #byeAnswered(status: number): void {
    this.#byeUnderWay = false;
    if (status !== 401 && status !== 407) {
      this.#core.dropDialog(this);
      return;
    }
    // The one who sent it may try again with credentials
    this.#challenged = true;
    this.#linger.set('linger', 64 * this.#core.timing.t1Ms, () => this.#core.dropDialog(this));
  }

  // --- requests of the peer

  receive(transaction: UasPart): void {
    const refusal = this.#refusalOfPeer(transaction);
    if (refusal) {
      transaction.respond(refusal.status, { headers: refusal.headers });
      return;
    }
    const { request, envelope } = transaction;
    const { method } = request;
    this.remoteCseq = envelope.cseq;
    if (targetRefreshers.has(method ?? '')) this.#takeTarget(request);
    if (method === 'INVITE' || method === 'UPDATE') this.#session.notePeer(request);
    if (method === 'UPDATE') this.#serverUpdate = transaction;
    if (method === 'INVITE') {
      this.serverInvite = transaction;
      transaction.trying();
    }
    if (method === 'PRACK') this.#takePrack(transaction);
    else if (method === 'BYE') this.#takeBye(transaction);
    else this.#core.offer(transaction, this);
  }

  #refusalOfPeer({ envelope, request }: UasPart): OverlapRefusal | undefined {
    const { method } = request;
    if (this.state === 'terminated') return { status: method === 'BYE' ? 200 : 481, headers: {} };
    if (this.remoteCseq !== undefined && envelope.cseq < this.remoteCseq) return { status: 500, headers: {} }; // 12.2.2
    if (method !== 'INVITE' && method !== 'UPDATE') return undefined;
    const { minSessionExpiresSeconds, overlapStatus } = this.#core.options;
    if (intervalTooSmall(request, minSessionExpiresSeconds)) {
      return { status: 422, headers: { 'Min-SE': String(minSessionExpiresSeconds) } };
    }
    return overlapRefusal(request, {
      confirmed: this.state === 'confirmed',
      serverInvite: this.serverInvite !== undefined,
      serverUpdate: this.#serverUpdate !== undefined,
      clientInvite: this.clientInvite !== undefined,
      overlapStatus,
    });
  }

  /** An ACK of the peer's with our tags; ignored when no 2xx of ours waits for it. */
  receiveAck(ack: Envelope): void {
    const waiting = this.#ackWaits.get(ack.cseq);
    if (!waiting) return;
    this.#ackWaits.delete(ack.cseq);
    waiting.wait.stop();
    this.#releaseBye();
    waiting.transaction.emit('ack', ack.message, ack.raw);
  }

  /** Our 2xx to an INVITE went out: it is resent until the ACK; without one the dialog ends (13.3.1.4). */
  awaitAck(transaction: UasPart, raw: string): void {
    if (this.state === 'terminated') return;
    const { cseq } = transaction.envelope;
    const wait = new AckWait(
      this.#core.timing,
      () => transaction.resend(raw),
      () => {
        this.#ackWaits.delete(cseq);
        this.#releaseBye();
        this.hangUp('ack-timeout');
        transaction.emit('ack-timeout');
      },
    );
    this.#ackWaits.set(cseq, { wait, transaction });
  }

  /** A final answer of ours to a request of the peer's in this dialog. */
  answered(transaction: UasPart, response: SipMessage): void {
    const { method } = transaction.request;
    const status = response.status ?? 0;
    if (this.serverInvite === transaction) {
      this.serverInvite = undefined;
      this.#lastInvite = transaction;
      if (status >= 300 && this.state === 'early') this.#end('gone');
    }
    if (this.#serverUpdate === transaction) this.#serverUpdate = undefined;
    if (status >= 300 || this.state === 'terminated' || (method !== 'INVITE' && method !== 'UPDATE')) return;
    this.noteLocalBody(response);
    const agreed = parseSessionExpires(header(response, 'Session-Expires'));
    this.#session.restart(agreed && { intervalSeconds: agreed.seconds, weRefresh: agreed.refresher === 'uas' });
  }

  /** The dialog becomes confirmed (12.3 for those that don't). */
  confirm(): void {
    if (this.state === 'early') this.state = 'confirmed';
  }

  /** The INVITE failed, or was answered on another branch: an early dialog ends without a word. */
  abandon(): void {
    if (this.state === 'early') this.#end('gone');
  }

  /** Stops all timers without a word: the endpoint stops. */
  dispose(): void {
    this.#session.stop();
    this.#linger.clearAll();
    for (const { wait } of this.#ackWaits.values()) wait.stop();
    this.#ackWaits.clear();
  }

  noteLocalBody(message: SipMessage): void {
    this.#session.noteLocalBody(message);
  }

  // --- inside

  /** Why a request of ours must not be sent now (12.2.1, 14.1, 15); undefined when it may. */
  #refusalOf(method: string): number | undefined {
    if (this.state === 'terminated')
      return method === 'BYE' && this.#challenged && !this.#byeUnderWay ? undefined : 481;
    if (method === 'INVITE' && (this.clientInvite || this.serverInvite)) return 491;
    if (method === 'BYE' && this.state === 'early' && this.role === 'uas') return 481;
    return undefined;
  }

  #newRequest(options: InDialogOptions): UacTransaction {
    const { method } = options;
    const target = this.#target(options.destination);
    const cseq = ++this.#localCseq;
    const message = this.#skeleton(method, cseq, target);
    message.body = options.body ?? '';
    if (method === 'PRACK' && this.lastReliable) {
      message.headers.push(['RAck', `${this.lastReliable.rseq} ${this.lastReliable.cseq} INVITE`]);
      this.lastReliable = undefined;
    }
    fillRequest(this.#core, message, target, options.headers, fixedInDialog);
    return new UacTransaction(this.#core, message, target, { dialog: this, link: this.#init.link });
  }

  /** Request line, Via, Route, From, To, Call-ID, CSeq (12.2.1.1). */
  #skeleton(method: string, cseq: number, target: Target): SipMessage {
    let uri = this.remoteTarget;
    let routes = this.#routeSet;
    const first = this.#firstRoute();
    if (first && !first.params.has('lr')) {
      // A strict router: it takes our Request-URI, and the true one goes last
      uri = parseNameAddr(routes[0] ?? '')?.uri ?? uri;
      routes = [...routes.slice(1), `<${this.remoteTarget}>`];
    }
    const message: SipMessage = { method, uri, headers: [['Via', this.#core.newVia(target.peer)]], body: '' };
    for (const route of routes) message.headers.push(['Route', route]);
    message.headers.push(
      ['From', this.#init.localAddress],
      ['To', this.#init.remoteAddress],
      ['Call-ID', this.callId],
      ['CSeq', `${cseq} ${method}`],
    );
    return message;
  }

  #firstRoute(): SipUri | undefined {
    const first = this.#routeSet[0];
    return first === undefined ? undefined : parseUri(parseNameAddr(first)?.uri ?? '');
  }

  #target(destination: HostPort | undefined): Target {
    if (destination) return { peer: destination, askSrv: false };
    const route = this.#routeSet[0];
    if (route === undefined && this.#peerIsBehindNat()) return { peer: this.#init.peer, askSrv: false };
    const uri = (route === undefined ? undefined : parseNameAddr(route)?.uri) ?? this.remoteTarget;
    return this.#core.locate(uri) ?? { peer: { ...this.#init.peer, port: 0 }, askSrv: false };
  }

  /** drachtio-server's rule: an answer's host alone counts, and of callers only those on UDP are looked at. */
  #peerIsBehindNat(): boolean {
    const { peer, role } = this.#init;
    const target = parseUri(this.remoteTarget);
    if (!this.#core.options.natAware || target?.scheme !== 'sip') return false;
    if (role === 'uac') return target.host !== peer.address;
    if (peer.protocol !== 'udp') return false;
    return target.host !== peer.address || (target.port !== undefined && target.port !== peer.port);
  }

  #takeTarget(message: SipMessage): void {
    const contact = parseNameAddr(listValues(message, 'Contact')[0] ?? '');
    if (contact && parseUri(contact.uri)) this.remoteTarget = contact.uri;
  }

  #takePrack(transaction: UasPart): void {
    const invite = this.serverInvite ?? this.#lastInvite;
    const { request, raw } = transaction;
    if (!invite?.acknowledgeProvisional(header(request, 'RAck') ?? '')) {
      transaction.respond(481);
      return;
    }
    transaction.respond(200);
    invite.emit('prack', request, raw);
  }

  /** 15.1.2: what waits for an answer of ours gets 487; the BYE itself is the application's to answer. */
  #takeBye(transaction: UasPart): void {
    this.#close();
    this.serverInvite?.cancelled(transaction.request, transaction.raw);
    this.#core.offer(transaction, this);
    this.#core.dropDialog(this);
    process.nextTick(() => this.emit('terminated', 'remote-bye'));
  }

  #close(): void {
    this.state = 'terminated';
    this.#session.stop();
    if (this.#heldBye) return;
    for (const { wait } of this.#ackWaits.values()) wait.stop();
    this.#ackWaits.clear();
  }

  /** Ends at once; listeners hear of it when the caller has returned. */
  #end(why: Ending): void {
    if (this.state === 'terminated') return;
    this.#close();
    if (why !== 'gone' && this.serverInvite?.finalStatus === 0) this.serverInvite.respond(487);
    if (!this.#byeUnderWay) this.#core.dropDialog(this);
    process.nextTick(() => this.emit('terminated', why));
  }

  #releaseBye(): void {
    if (this.#ackWaits.size > 0) return;
    const bye = this.#heldBye;
    this.#heldBye = undefined;
    bye?.start();
  }
}
