import { type Clock, deadlinePassed, withDeadline } from '../kernel/clock.ts';
import { type DialogIdentity, identityOf } from './dialog-identity.ts';
import type { SrfClient, SrfDialog, SrfRequest, SrfResponse } from './types/srf.ts';

/** What a request in a dialog came to: a final answer, or no dialog any more. */
export type InDialogAnswer =
  | { ok: true; status: number; reason: string; body: string; header(name: string): string | undefined }
  | { ok: false; reason: string };

/** The reason where nobody answered at all: the dialog may well be there. */
export const noAnswer = 'no answer';

interface SentRequest {
  method: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface DialogHandlers {
  /** The other side (or drachtio for it) has ended the dialog; `reason` is its Reason header (RFC 3326). */
  onBye(reason: string): void;
  /** A request to be answered by `res.send`. */
  onRequest(req: SrfRequest, res: SrfResponse): void;
}

/** What a dialog needs of the connection to drachtio. */
export interface DialogHome {
  readonly srf: SrfClient;
  readonly clock: Clock;
  /** Calls back once drachtio is connected: at once, or when it is again. */
  whenConnected(callback: () => void): void;
}

/** drachtio's words where it knows no such dialog, as after a restart. */
const unknownDialog = /unable to find (dialog for dialog id|active leg)/i;

/** Whether drachtio refused a request since it knows no such dialog. */
export const isForgotten = (answer: InDialogAnswer): boolean => !answer.ok && unknownDialog.test(answer.reason);

/** A BYE that is owed is sent when drachtio is back within this time; longer than a restart takes. */
const owedByeMs = 60_000;

/** A little more than a SIP transaction may take (RFC 3261, timer F): drachtio has answered 408 by then. */
const requestDeadlineMs = 33_000;

const forwarded = ['info', 'update', 'refer', 'message', 'notify'] as const;

/**
 * One SIP dialog on drachtio, known by its id: requests out need no more than that, so it works for a dialog of a dead
 * controller too. Requests in arrive only where srf made the dialog itself. Whatever arrives before `listen` is kept.
 */
export class SipDialog {
  readonly id: string;
  /** What the phone knows it by. */
  readonly identity: DialogIdentity | undefined;
  readonly #home: DialogHome;
  readonly #dialog: SrfDialog | undefined;
  #handlers: DialogHandlers | undefined;
  #early: ((handlers: DialogHandlers) => void)[] = [];
  #over = false;
  #onAck: ((sdp: string) => void) | undefined;
  #ackSdp: string | undefined;

  /** `dialog`: srf's own, or the id of one that another controller made; '' where there is none. */
  constructor(home: DialogHome, dialog: SrfDialog | string, identity?: DialogIdentity) {
    this.#home = home;
    this.identity = typeof dialog === 'string' ? identity : identityOf(dialog);
    this.#over = dialog === '';
    this.#dialog = typeof dialog === 'string' ? undefined : dialog;
    this.id = typeof dialog === 'string' ? dialog : dialog.id;
    if (this.#dialog) this.#attach(this.#dialog);
  }

  /** Ended by BYE, from either side. */
  get over(): boolean {
    return this.#over;
  }

  get callId(): string | undefined {
    return this.#dialog?.sip.callId;
  }

  get remoteSdp(): string {
    return this.#dialog?.remote.sdp ?? '';
  }

  /** The body of the ACK to our 200, where the INVITE had no offer; '' where the dialog ended without one. */
  acknowledged(): Promise<string> {
    return new Promise((resolve) => {
      this.#onAck = resolve;
      if (this.#ackSdp !== undefined || this.#over) resolve(this.#ackSdp ?? '');
    });
  }

  listen(handlers: DialogHandlers): void {
    this.#handlers = handlers;
    for (const tell of this.#early.splice(0)) tell(handlers);
  }

  /** Sends BYE, once, when drachtio is connected or as soon as it is again; resolves with its answer. */
  async bye(headers: Record<string, string> = {}): Promise<InDialogAnswer> {
    if (this.#over) return { ok: false, reason: 'the dialog has ended' };
    this.#forget();
    const { clock } = this.#home;
    const connected = new Promise<void>((resolve) => this.#home.whenConnected(resolve));
    if ((await withDeadline(clock, connected, owedByeMs)) === deadlinePassed) return { ok: false, reason: noAnswer };
    return this.#send({ method: 'BYE', headers });
  }

  /**
   * Asks the phone whether it is there, past drachtio, which may have forgotten the dialog. Undefined where it cannot
   * be asked so.
   */
  async askByHand(): Promise<InDialogAnswer | undefined> {
    if (this.#over || !this.identity) return undefined;
    const answer = await withDeadline(this.#home.clock, this.#sendByHand({ method: 'OPTIONS' }), requestDeadlineMs);
    return answer === deadlinePassed ? { ok: false, reason: noAnswer } : answer;
  }

  /** Sends a request in the dialog; resolves with its final answer. */
  request(method: string, options: { headers?: Record<string, string>; body?: string } = {}): Promise<InDialogAnswer> {
    if (this.#over) return Promise.resolve({ ok: false, reason: 'the dialog has ended' });
    return this.#send({ method, ...options });
  }

  async #send(options: SentRequest): Promise<InDialogAnswer> {
    const answer = await withDeadline(this.#home.clock, this.#sendAnyhow(options), requestDeadlineMs);
    return answer === deadlinePassed ? { ok: false, reason: noAnswer } : answer;
  }

  /** By drachtio's dialog; a BYE in one that it has forgotten by hand: the phone may not have. */
  async #sendAnyhow(options: SentRequest): Promise<InDialogAnswer> {
    const answer = await this.#sendAndWait('sip:placeholder', { ...options, stackDialogId: this.id });
    if (!isForgotten(answer) || options.method !== 'BYE') return answer;
    return (await this.#sendByHand(options)) ?? answer;
  }

  async #sendByHand(options: SentRequest): Promise<InDialogAnswer | undefined> {
    if (!this.identity) return undefined;
    const { callId, from, to, target, via } = this.identity;
    const headers = { ...options.headers, 'Call-ID': callId, From: from, To: to };
    return this.#sendAndWait(target, { ...options, headers, ...(via && { proxy: via }) });
  }

  #sendAndWait(
    uri: string,
    options: SentRequest & { stackDialogId?: string; proxy?: string },
  ): Promise<InDialogAnswer> {
    return new Promise((resolve) => {
      const failed = (error: unknown) => resolve({ ok: false, reason: String(error) });
      try {
        this.#home.srf.request(uri, options, (error, req) => {
          if (error || !req) return failed(error);
          req.on('response', (res, ack) => {
            if (res.status < 200) return;
            if (options.method === 'INVITE') ack();
            const header = (name: string) => res.get(name);
            resolve({ ok: true, status: res.status, reason: res.reason, body: res.body ?? '', header });
          });
          return undefined;
        });
      } catch (error) {
        failed(error); // srf throws when it has no connection.
      }
    });
  }

  #attach(dialog: SrfDialog): void {
    dialog.on('destroy', (req) => {
      if (this.#over) return;
      this.#over = true;
      this.#onAck?.('');
      const reason = req?.get('Reason') ?? '';
      this.#tell((handlers) => handlers.onBye(reason));
    });
    dialog.on('ack', (req) => {
      this.#ackSdp ??= req.body ?? '';
      this.#onAck?.(this.#ackSdp);
    });
    for (const event of forwarded) {
      dialog.on(event, (req, res) => this.#tell((handlers) => handlers.onRequest(req, res)));
    }
    // srf's own handling of re-INVITE compares SDP texts and fails without one: ours replaces it.
    const handle = dialog.handle.bind(dialog);
    dialog.handle = (req, res) => {
      if (req.method === 'INVITE') this.#tell((handlers) => handlers.onRequest(req, res));
      else handle(req, res);
    };
  }

  #tell(what: (handlers: DialogHandlers) => void): void {
    if (this.#handlers) what(this.#handlers);
    else this.#early.push(what);
  }

  #forget(): void {
    this.#over = true;
    this.#handlers = undefined;
    this.#early = [];
    if (this.#dialog) this.#home.srf.removeDialog(this.#dialog);
  }
}
