import { type Clock, deadlinePassed, withDeadline } from '../kernel/clock.ts';
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

/** A little more than a SIP transaction may take (RFC 3261, timer F): drachtio has answered 408 by then. */
const requestDeadlineMs = 33_000;

const forwarded = ['info', 'update', 'refer', 'message', 'notify'] as const;

/**
 * One SIP dialog on drachtio, known by its id: requests out need no more than that, so it works for a dialog of a dead
 * controller too. Requests in arrive only where srf made the dialog itself. Whatever arrives before `listen` is kept.
 */
export class SipDialog {
  readonly id: string;
  readonly #srf: SrfClient;
  readonly #clock: Clock;
  readonly #dialog: SrfDialog | undefined;
  #handlers: DialogHandlers | undefined;
  #early: ((handlers: DialogHandlers) => void)[] = [];
  #over = false;
  #onAck: ((sdp: string) => void) | undefined;
  #ackSdp: string | undefined;

  /** `dialog`: srf's own, or the id of one that another controller made; '' where there is none. */
  constructor(srf: SrfClient, clock: Clock, dialog: SrfDialog | string) {
    this.#srf = srf;
    this.#clock = clock;
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

  /** Sends BYE, once; resolves with its answer. */
  bye(headers: Record<string, string> = {}): Promise<InDialogAnswer> {
    if (this.#over) return Promise.resolve({ ok: false, reason: 'the dialog has ended' });
    this.#forget();
    return this.#send({ method: 'BYE', headers });
  }

  /** Sends a request in the dialog; resolves with its final answer. */
  request(method: string, options: { headers?: Record<string, string>; body?: string } = {}): Promise<InDialogAnswer> {
    if (this.#over) return Promise.resolve({ ok: false, reason: 'the dialog has ended' });
    return this.#send({ method, ...options });
  }

  async #send(options: SentRequest): Promise<InDialogAnswer> {
    const answer = await withDeadline(this.#clock, this.#sendAndWait(options), requestDeadlineMs);
    return answer === deadlinePassed ? { ok: false, reason: noAnswer } : answer;
  }

  #sendAndWait(options: SentRequest): Promise<InDialogAnswer> {
    return new Promise((resolve) => {
      const failed = (error: unknown) => resolve({ ok: false, reason: String(error) });
      try {
        this.#srf.request('sip:placeholder', { ...options, stackDialogId: this.id }, (error, req) => {
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
    if (this.#dialog) this.#srf.removeDialog(this.#dialog);
  }
}
