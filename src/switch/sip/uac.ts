import { EventEmitter } from 'node:events';
import { header, type SipMessage, serializeMessage } from '../../kernel/sip/message.ts';
import type { ClientTransactionEvents, HeaderMap, SentMessage } from './api.ts';
import { applyHeaders, buildCompanion, buildResponse, newId } from './build.ts';
import type { Core, DialogPart, Target, UacPart } from './core.ts';
import { Forks } from './forks.ts';
import type { ClientMachine, ClientUser, ReceivedResponse } from './transaction/client.ts';
import { TimerSet } from './transaction/machine.ts';
import type { Link } from './transport/link.ts';

/** 16.6 step 11: an INVITE that rings on without a word for three minutes is given up. In T1. */
const timerCT1 = 362;
const fixedInCancel = ['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Route', 'Max-Forwards', 'Content-Length'];

/** A request of ours on its way, in a dialog or outside. */
export class UacTransaction extends EventEmitter<ClientTransactionEvents> implements UacPart, ClientUser {
  readonly id = newId();
  readonly sent: SentMessage;
  readonly cseq: number;
  readonly #core: Core;
  readonly #target: Target;
  readonly #dialog: DialogPart | undefined;
  readonly #link: Link | undefined;
  readonly #forks: Forks | undefined;
  readonly #timers = new TimerSet<'timerC' | 'after-cancel'>();
  #machine: ClientMachine | undefined;
  #cancelHeaders: HeaderMap | undefined;
  #cancel: 'no' | 'wanted' | 'sent' = 'no';
  #provisional = false;
  #final = false;

  /** Nothing is sent before `start`. */
  constructor(
    core: Core,
    request: SipMessage,
    target: Target,
    context: { dialog?: DialogPart; link?: Link | undefined },
  ) {
    super();
    this.#core = core;
    this.#target = target;
    this.#dialog = context.dialog;
    this.#link = context.link;
    this.sent = { message: request, raw: serializeMessage(request), peer: target.peer };
    this.cseq = Number.parseInt(header(request, 'CSeq') ?? '0', 10);
    if (request.method === 'INVITE') this.#forks = new Forks(core, this, context.dialog);
  }

  start(): void {
    this.#machine = this.#core.openClient(this.sent.message, this.sent.raw, this.#target, this, this.#link);
    this.#machine.dispatch('start');
  }

  /** Answers in the peer's place, soon: the request is not sent (any more). */
  failLocally(status: number): void {
    process.nextTick(() => {
      this.#answerLocally(status, null);
      this.onTerminated();
    });
  }

  cancel(headers?: HeaderMap): void {
    if (!this.#forks || this.#final || this.#cancel !== 'no') return;
    this.#cancelHeaders = headers;
    this.#cancel = 'wanted';
    if (this.#provisional) this.#sendCancel();
  }

  onResponse(response: ReceivedResponse): void {
    const status = response.message.status ?? 0;
    if (status < 200) this.#progress();
    else this.#timers.clearAll();
    const first = !this.#final;
    if (status >= 200) this.#final = true;
    if (this.#forks) this.#inviteAnswered(this.#forks, response);
    else if (status < 200 || first) {
      if (status >= 200) this.#dialog?.peerAnswered(this, response.message);
      this.#pass(response, this.#dialog);
    }
  }

  onFailure(status: 408 | 503): void {
    this.#answerLocally(status);
  }

  /** 17.1.1.3 */
  ackFor(response: SipMessage): string {
    return serializeMessage(buildCompanion(this.sent.message, 'ACK', header(response, 'To') ?? ''));
  }

  onTerminated(): void {
    this.#timers.clearAll();
    this.emit('terminated');
  }

  dispose(): void {
    this.#timers.clearAll();
  }

  #inviteAnswered(forks: Forks, response: ReceivedResponse): void {
    const taken = forks.take(response);
    if (!taken.pass) return;
    const heard = this.#pass(response, taken.dialog);
    const status = response.message.status ?? 0;
    if (status < 200) forks.acknowledgeProvisional(response.message, taken.dialog);
    else if (status < 300 && taken.dialog && !heard) forks.settleUnheard(taken.dialog);
  }

  #pass(response: ReceivedResponse, dialog: DialogPart | undefined): boolean {
    const { message, source } = response;
    const info = {
      source,
      local: false,
      get raw() {
        return response.raw;
      },
    };
    return this.emit('response', message, dialog ? Object.assign(info, { dialog }) : info);
  }

  #progress(): void {
    this.#provisional = true;
    if (!this.#forks) return;
    if (this.#cancel === 'wanted') this.#sendCancel();
    else if (this.#cancel === 'no') {
      this.#timers.set('timerC', timerCT1 * this.#core.timing.t1Ms, () => {
        this.cancel();
      });
    }
  }

  /** 9.1: over the branch of the INVITE, to the same place; what doesn't end the INVITE then ends it here. */
  #sendCancel(): void {
    this.#cancel = 'sent';
    const request = this.sent.message;
    const cancel = buildCompanion(request, 'CANCEL', header(request, 'To') ?? '');
    applyHeaders(cancel, this.#cancelHeaders, fixedInCancel);
    const user: ClientUser = {
      onResponse: () => undefined,
      onFailure: () => undefined,
      ackFor: () => '',
      onTerminated: () => undefined,
      dispose: () => undefined,
    };
    const text = serializeMessage(cancel);
    this.#core.openClient(cancel, text, this.#target, user, this.#link).dispatch('start');
    this.#timers.set('after-cancel', 64 * this.#core.timing.t1Ms, () => {
      this.#answerLocally(487);
      this.#machine?.dispatch('give-up');
    });
  }

  /** @param dialog what hears of it too, where the request was really sent. */
  #answerLocally(status: number, dialog: DialogPart | undefined | null = this.#dialog): void {
    if (this.#final) return;
    this.#final = true;
    this.#timers.clearAll();
    const request = this.sent.message;
    const message = buildResponse(request, status, {});
    this.#forks?.failed();
    dialog?.peerAnswered(this, message);
    const info = { raw: serializeMessage(message), source: this.sent.peer, local: true };
    this.emit('response', message, this.#dialog ? { ...info, dialog: this.#dialog } : info);
  }
}
