import { type Clock, deadlinePassed, withDeadline } from '../kernel/clock.ts';
import { type DialogIdentity, identityOf } from './dialog-identity.ts';
import { isUsableWay, withRoute } from './path.ts';
import { type SecondBye, secondBye } from './second-bye.ts';
import type { SrfClient, SrfDialog, SrfRequest, SrfResponse } from './types/srf.ts';

/** What a request in a dialog came to: a final answer, or no dialog any more. */
export type InDialogAnswer =
  | { ok: true; status: number; reason: string; body: string; header(name: string): string | undefined }
  | { ok: false; reason: string };

/** What FreeSWITCH offers when asked; a 2xx must be acknowledged with the answer to it. */
export type OfferAnswer = InDialogAnswer & { ack(sdp: string): void };

/** The reason where nobody answered at all: the dialog may well be there. */
export const noAnswer = 'no answer';

type AckOf = (options?: { body?: string }) => void;

interface SentRequest {
  method: string;
  headers?: Record<string, string>;
  body?: string;
  /** The ACK of a 2xx is the caller's to send. */
  takeAck?(ack: AckOf): void;
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

/** A phone behind NAT has answered by then. */
const secondByeAfterMs = 1_000;

const forwarded = ['info', 'update', 'refer', 'message', 'notify', 'options'] as const;

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
  /** Who waits for the ACK of an INVITE, by its CSeq; bodies that came before anybody waited. */
  readonly #ackWaits = new Map<number, (sdp: string) => void>();
  readonly #acked = new Map<number, string>();

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

  /** The body of the ACK to our 200 to the INVITE of that CSeq; '' where the dialog ended without one. */
  acknowledged(cseq: number): Promise<string> {
    return new Promise((resolve) => {
      const early = this.#acked.get(cseq);
      if (early !== undefined || this.#over) resolve(early ?? '');
      else this.#ackWaits.set(cseq, resolve);
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
    const answered = this.#send({ method: 'BYE', headers });
    const { identity } = this;
    const second = this.#dialog && identity && secondBye(this.#dialog, identity, clock.nowMs());
    return second ? this.#byeTwice(answered, { ...second, headers: { ...headers, ...second.headers } }) : answered;
  }

  /** Ends when either has been answered. */
  async #byeTwice(first: Promise<InDialogAnswer>, second: SecondBye): Promise<InDialogAnswer> {
    if (!second.isSameHost) {
      const answer = await withDeadline(this.#home.clock, first, secondByeAfterMs);
      if (answer !== deadlinePassed && wasHeard(answer)) return answer;
    }
    const byContact = this.#sendAndWait(second.uri, { method: 'BYE', headers: second.headers });
    const answers = [first, byContact].map(async (answer) => {
      if (!wasHeard(await answer)) throw new Error('not heard');
      return answer;
    });
    return Promise.any(answers).catch(() => first);
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

  /** Sends an INVITE without an offer. */
  async askForOffer(): Promise<OfferAnswer> {
    let ack: AckOf = () => undefined;
    const acknowledge = (sdp: string) => {
      try {
        ack(sdp === '' ? {} : { body: sdp });
      } catch {
        // srf throws when it has no connection; the dialog ends by itself then.
      }
    };
    if (this.#over) return { ok: false, reason: 'the dialog has ended', ack: acknowledge };
    const takeAck = (given: AckOf) => {
      ack = given;
    };
    return { ...(await this.#send({ method: 'INVITE', takeAck })), ack: acknowledge };
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
    const { callId, from, to, target, via, route = [] } = this.identity;
    const headers = { ...options.headers, 'Call-ID': callId, From: from, To: to };
    const uri = isUsableWay(target, route) ? withRoute(target, route) : target;
    return this.#sendAndWait(uri, { ...options, headers, ...(via && { proxy: via }) });
  }

  #sendAndWait(
    uri: string,
    { takeAck, ...options }: SentRequest & { stackDialogId?: string; proxy?: string },
  ): Promise<InDialogAnswer> {
    return new Promise((resolve) => {
      const failed = (error: unknown) => resolve({ ok: false, reason: String(error) });
      try {
        this.#home.srf.request(uri, options, (error, req) => {
          if (error || !req) return failed(error);
          req.on('response', (res, ack) => {
            if (res.status < 200) return;
            if (takeAck && res.status < 300) takeAck(ack);
            else if (options.method === 'INVITE') ack();
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
      for (const resolve of this.#ackWaits.values()) resolve('');
      this.#ackWaits.clear();
      const reason = req?.get('Reason') ?? '';
      this.#tell((handlers) => handlers.onBye(reason));
    });
    dialog.on('ack', (req) => this.#onAck(Number.parseInt(req.get('CSeq') ?? '', 10), req.body ?? ''));
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

  #onAck(cseq: number, sdp: string): void {
    const waiting = this.#ackWaits.get(cseq);
    this.#ackWaits.delete(cseq);
    if (waiting) waiting(sdp);
    // Only the first can come before somebody waits for it.
    else if (this.#acked.size === 0) this.#acked.set(cseq, sdp);
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

/** Somebody at the other end has answered; 408 and 503 are drachtio's own where nobody has. */
function wasHeard(answer: InDialogAnswer): boolean {
  return answer.ok && answer.status !== 408 && answer.status !== 503;
}
