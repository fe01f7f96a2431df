import { hasToken, header, listValues, type SipMessage } from '../../kernel/sip/message.ts';
import { parseNameAddr } from '../../kernel/sip/uri.ts';
import type { Core, DialogPart, UacPart } from './core.ts';
import type { ReceivedResponse } from './transaction/client.ts';

/** A proxy may fork far; more early dialogs than these are not followed. */
const maxForks = 32;

/** The answers to one INVITE of ours, by the branch they come from (RFC 3261 13.2.2.4), and their PRACKs (RFC 3262). */
export class Forks {
  readonly #core: Core;
  readonly #invite: UacPart;
  /** Set for a re-INVITE: then there is one dialog, and no fork. */
  readonly #existing: DialogPart | undefined;
  readonly #byTag = new Map<string, DialogPart>();
  readonly #lastRseq = new Map<string, number>();
  #winner: DialogPart | undefined;

  constructor(core: Core, invite: UacPart, existing: DialogPart | undefined) {
    this.#core = core;
    this.#invite = invite;
    this.#existing = existing;
  }

  /** Takes an answer: whether it is to be passed on, and the dialog it belongs to. */
  take(response: ReceivedResponse): { pass: boolean; dialog?: DialogPart } {
    const { message } = response;
    const status = message.status ?? 0;
    if (status >= 300) {
      this.failed();
      this.#existing?.peerAnswered(this.#invite, message);
      return { pass: true, ...(this.#existing ? { dialog: this.#existing } : {}) };
    }
    const tag = parseNameAddr(header(message, 'To') ?? '')?.tag ?? '';
    if (status >= 200) return this.#answered(response, tag);
    if (status === 100 || tag === '') return { pass: true };
    const dialog = this.#dialogFor(response, tag);
    if (!dialog) return { pass: true };
    return this.#inOrder(message, tag, dialog) ? { pass: true, dialog } : { pass: false };
  }

  /** No answer will come, or a failure did: early dialogs end. */
  failed(): void {
    for (const dialog of this.#byTag.values()) dialog.abandon();
  }

  /** Sends the PRACK of a reliable provisional, unless its reader has done so, or must as it holds an offer. */
  acknowledgeProvisional(message: SipMessage, dialog: DialogPart | undefined): void {
    if (!this.#core.options.autoPrack || !dialog?.lastReliable || !isReliable(message)) return;
    const offered = this.#invite.sent.message.body === '' && message.body !== '';
    if (!offered) dialog.request({ method: 'PRACK' });
  }

  /** Nobody listens for this answer: it is acknowledged, and a new call that nobody wants is not left standing. */
  settleUnheard(dialog: DialogPart): void {
    if (this.#existing) dialog.ack();
    else this.#decline(dialog);
  }

  #decline(dialog: DialogPart): void {
    dialog.ack();
    dialog.hangUp('local-bye');
  }

  #answered(response: ReceivedResponse, tag: string): { pass: boolean; dialog?: DialogPart } {
    const { message } = response;
    const known = this.#existing ?? (this.#winner?.remoteTag === tag ? this.#winner : undefined);
    if (known && (this.#winner || !this.#existing)) {
      known.ackAgain(this.#invite.cseq);
      return { pass: false };
    }
    if (this.#existing) {
      this.#winner = this.#existing;
      this.#existing.peerAnswered(this.#invite, message);
      return { pass: true, dialog: this.#existing };
    }
    const before = this.#byTag.get(tag);
    if (before?.ackAgain(this.#invite.cseq)) return { pass: false };
    const dialog = before?.state === 'early' ? before : this.#open(response, tag);
    dialog.establish(this.#invite, message);
    if (this.#winner) {
      // A second phone answered: it hears that the call is over
      this.#decline(dialog);
      return { pass: false };
    }
    this.#winner = dialog;
    for (const other of this.#byTag.values()) {
      if (other !== dialog) other.abandon();
    }
    return { pass: true, dialog };
  }

  #dialogFor(response: ReceivedResponse, tag: string): DialogPart | undefined {
    if (this.#existing) return this.#existing;
    if (this.#winner) return this.#winner.remoteTag === tag ? this.#winner : undefined;
    return this.#byTag.get(tag) ?? (this.#byTag.size < maxForks ? this.#open(response, tag) : undefined);
  }

  #open({ message, source }: ReceivedResponse, tag: string): DialogPart {
    const request = this.#invite.sent.message;
    const contact = parseNameAddr(listValues(message, 'Contact')[0] ?? '')?.uri;
    const from = header(request, 'From') ?? '';
    const dialog = this.#core.openDialog({
      role: 'uac',
      invite: this.#invite,
      callId: header(request, 'Call-ID') ?? '',
      localTag: parseNameAddr(from)?.tag ?? '',
      remoteTag: tag,
      localAddress: from,
      remoteAddress: header(message, 'To') ?? '',
      remoteTarget: contact ?? request.uri ?? '',
      routeSet: listValues(message, 'Record-Route').reverse(),
      localCseq: this.#invite.cseq,
      remoteCseq: undefined,
      link: undefined,
      peer: source,
      peerMessage: message,
    });
    dialog.noteLocalBody(request);
    this.#byTag.set(tag, dialog);
    return dialog;
  }

  /** RFC 3262 4: reliable provisionals are taken one after the other; repeats and those ahead of their turn are not. */
  #inOrder(message: SipMessage, tag: string, dialog: DialogPart): boolean {
    if (!isReliable(message)) return true;
    const rseq = Number(header(message, 'RSeq'));
    const last = this.#lastRseq.get(tag);
    if (last !== undefined && rseq !== last + 1) return false;
    this.#lastRseq.set(tag, rseq);
    dialog.lastReliable = { rseq, cseq: this.#invite.cseq };
    return true;
  }
}

function isReliable(message: SipMessage): boolean {
  return hasToken(message, 'Require', '100rel') && /^\d{1,10}$/.test(header(message, 'RSeq') ?? '');
}
