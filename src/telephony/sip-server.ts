import Srf from 'drachtio-srf';
import { type Clock, deadlinePassed, type TimerHandle, withDeadline } from '../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import type { PartHealth } from '../kernel/health.ts';
import type { Logger } from '../kernel/logger.ts';
import { DrachtioLink, maxRetryMs } from './drachtio-link.ts';
import { EarlyAnswers } from './early-answers.ts';
import { MessageGuard, type RefusedRequest } from './message-guard.ts';
import { Abilities, declinedMethods } from './methods.ts';
import { minSessionSeconds, sessionHeaders, sessionTooShort } from './session-timers.ts';
import { type DialogHome, SipDialog } from './sip-dialog.ts';
import type { SrfClient, SrfError, SrfRequest, SrfResponse, UacOptions } from './types/srf.ts';

const closeDeadlineMs = 500;

export interface DrachtioAddress {
  host: string;
  port: number;
  secret: string;
}

export interface SipServerOptions {
  drachtio: DrachtioAddress;
  clock: Clock;
  logger: Logger;
  connectDeadlineMs: number;
  onInvite(req: SrfRequest, res: SrfResponse): void;
  /** Somebody asks what an INVITE would get. */
  onOptions(req: SrfRequest, res: SrfResponse): void;
  /** A phone registers. Without it, drachtio is not asked for REGISTERs, and refuses them. */
  onRegister?: ((req: SrfRequest, res: SrfResponse) => void) | undefined;
  /** A request was refused here, before anybody saw a call in it. */
  onRefused?: ((refused: RefusedRequest) => void) | undefined;
  /** Connected again after a loss: dialogs of before may be gone, and requests in them do not reach us. */
  onReconnected(): void;
}

export type InviteOutcome =
  | { ok: true; dialog: SipDialog; sdp: string }
  | { ok: false; status: number; reason: string };

export interface OutgoingInvite {
  outcome: Promise<InviteOutcome>;
  /** Sends CANCEL, or BYE where the answer was faster; the outcome is then a failure. */
  cancel(): void;
  /** drachtio's ids of the INVITEs that are out: any of its clients can cancel them by these. */
  transactionIds(): string[];
}

export interface InviteOptions {
  uri: string;
  sdp: string;
  headers: Record<string, string>;
  proxy?: string;
  auth?: { username: string; password: string };
  /** No final answer within this: given up as 408. */
  deadlineMs: number;
  /** Neither ringing (18x) nor a final answer within this: given up as 503, nobody is there. */
  silenceMs?: number;
  /** It is out: from here on `transactionIds` has it. */
  onSent?(): void;
  onProvisional?(status: number): void;
}

/** The one place that talks to drachtio. Everything here settles: in time, with a value, whatever happens to the link. */
export class SipServer implements DialogHome {
  readonly srf: SrfClient;
  readonly abilities: Abilities;
  readonly #options: SipServerOptions;
  readonly #guard: MessageGuard;
  readonly #pending = new Set<() => void>();
  readonly #link: DrachtioLink;
  readonly #waiting = new Set<() => void>();
  #hostPorts: string | undefined;
  #connected = false;
  #stopped = false;
  #withdrawn = false;
  /** Methods that drachtio offers us requests of. */
  readonly #routed = new Set<string>();

  constructor(options: SipServerOptions) {
    this.#options = options;
    this.abilities = new Abilities({ takesRegister: options.onRegister !== undefined });
    this.#guard = new MessageGuard(options);
    this.srf = new Srf() as unknown as SrfClient;
    this.#link = new DrachtioLink(this.srf, options.clock);
  }

  get connected(): boolean {
    return this.#connected;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  whenConnected(callback: () => void): void {
    if (this.#connected) callback();
    else this.#waiting.add(callback);
  }

  /** Connected, and drachtio answers. */
  get answers(): boolean {
    return this.#connected && this.#link.answers;
  }

  /** How drachtio is, for people. */
  get health(): PartHealth {
    if (!this.#connected) return { state: 'away', why: 'it cannot be reached' };
    return this.#link.answers ? { state: 'ok' } : { state: 'away', why: 'it does not answer' };
  }

  /** Where drachtio takes SIP by UDP (else by its first transport). */
  get sipAddress(): { address: string; port: number } | undefined {
    const all = this.#hostPorts?.split(',') ?? [];
    const hostPort = (all.find((entry) => entry.startsWith('udp/')) ?? all[0])?.split('/').at(-1);
    const match = /^(.+):(\d+)$/.exec(hostPort ?? '');
    return match?.[1] && match[2] ? { address: match[1], port: Number(match[2]) } : undefined;
  }

  /** Connects; srf itself connects again after a loss. @throws DenwabanError `DRACHTIO` when that fails in time. */
  async start(): Promise<void> {
    const { drachtio, clock, connectDeadlineMs } = this.#options;
    const where = `drachtio at ${drachtio.host}:${drachtio.port}`;
    this.srf.invite((req, res) => this.#onInvite(req, res));
    const { onRegister, onOptions } = this.#options;
    this.srf.options(onOptions);
    if (onRegister) this.srf.register(onRegister);
    for (const method of declinedMethods) {
      this.srf.use(method, (req, res) => this.#tellRefused(req, this.abilities.decline(req, res)));
    }
    const asked = ['invite', 'options', ...declinedMethods, ...(onRegister ? ['register'] : [])];
    for (const method of asked) this.#routed.add(method);
    let lastError = 'no answer';
    const ready = new Promise<void>((resolve, reject) => {
      this.srf.on('connect', (error, hostPorts) => {
        if (error) return reject(new DenwabanError('DRACHTIO', `${where}: ${error.message}`));
        resolve();
        return this.#onConnected(hostPorts);
      });
    });
    this.srf.on('error', (error) => {
      lastError = errorMessage(error);
      this.#onLost();
    });
    this.srf.on('close', () => this.#onLost());
    this.srf.connect({ ...drachtio, reconnect: { retryMaxDelay: maxRetryMs } });
    if (this.srf.app.client) this.#guard.attach(this.srf.app.client.wp);
    this.#link.start();
    if ((await withDeadline(clock, ready, connectDeadlineMs)) !== deadlinePassed) return;
    throw new DenwabanError('DRACHTIO', `${where} cannot be reached: ${lastError}`, {
      remedy: 'Check that it runs, and DRACHTIO_URL',
    });
  }

  /**
   * Asks drachtio for no more requests but those in our dialogs: other controllers that it has get them all. Where it
   * has none, it answers 503 by itself, and what it refuses so is on no record.
   */
  withdraw(): void {
    this.#withdrawn = true;
    if (!this.#connected) return; // Done when it is again.
    for (const method of this.#routed) {
      this.#routed.delete(method);
      try {
        this.srf.unregisterForMessages(method);
      } catch (error) {
        this.#options.logger.debug({ method, err: errorMessage(error) }, 'drachtio has not been told'); // srf throws
      }
    }
  }

  /** After {@link withdraw}: INVITEs are offered to us for a while, since one is to come that only we can take. */
  offerInvites(): void {
    if (!this.#withdrawn || !this.#connected || this.#routed.has('invite')) return;
    this.#routed.add('invite');
    try {
      this.srf.reregisterForMessages('invite');
    } catch (error) {
      this.#options.logger.debug({ err: errorMessage(error) }, 'drachtio has not been told'); // srf throws
    }
  }

  /** Resolves when drachtio has seen us leave, or soon. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#link.stop();
    const sockets = [...(this.srf.app.client?.mapServer.keys() ?? [])];
    const closed = sockets.map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())));
    // drachtio is not to offer us anything while the connection closes.
    this.withdraw();
    try {
      this.srf.disconnect();
    } catch (error) {
      this.#options.logger.debug({ err: errorMessage(error) }, 'drachtio was not connected'); // srf throws then
    }
    this.#onLost();
    await withDeadline(this.#options.clock, Promise.all(closed), closeDeadlineMs);
  }

  /** Sends an INVITE. */
  invite(options: InviteOptions): OutgoingInvite {
    let request: SrfRequest | undefined;
    let settled = false;
    let cancelled = false;
    let settle: (outcome: InviteOutcome) => void = () => undefined;
    const outcome = new Promise<InviteOutcome>((resolve) => {
      settle = (result) => {
        settled = true;
        this.#pending.delete(onLost);
        this.#options.clock.clearTimeout(deadline);
        this.#options.clock.clearTimeout(silence);
        resolve(result);
      };
    });
    const onLost = () => settle({ ok: false, status: 503, reason: 'drachtio is not connected' });
    const cancel = () => {
      if (cancelled || settled) return;
      cancelled = true;
      if (request) request.cancel({}, () => undefined);
    };
    const deadline: TimerHandle = this.#options.clock.setTimeout(() => {
      cancel();
      settle({ ok: false, status: 408, reason: 'no final answer in time' });
    }, options.deadlineMs);
    const { silenceMs, onProvisional } = options;
    const silence: TimerHandle | undefined =
      silenceMs === undefined
        ? undefined
        : this.#options.clock.setTimeout(() => {
            cancel();
            settle({ ok: false, status: 503, reason: 'no sign of life' });
          }, silenceMs);
    const heardOf = (status: number) => {
      if (status >= 180) this.#options.clock.clearTimeout(silence);
      onProvisional?.(status);
    };
    this.#pending.add(onLost);
    const answered = (result: InviteOutcome) => {
      // An answer that nobody waits for any more is hung up at once: no dialog stays without an owner.
      if (result.ok && (settled || cancelled)) {
        result.dialog.bye();
        settle({ ok: false, status: 487, reason: 'cancelled' });
      } else if (!settled) settle(result);
    };
    this.#sendInvite({ ...options, onProvisional: heardOf }, answered, (req) => {
      request = req;
      if (cancelled) req.cancel({}, () => undefined);
      else options.onSent?.();
    });
    const transactionIds = () => (settled || !request?.stackTxnId ? [] : [request.stackTxnId]);
    return { outcome, cancel, transactionIds };
  }

  /** Cancels an INVITE that another controller, which is gone, has sent. */
  cancelInvite(transactionId: string): void {
    const { logger } = this.#options;
    const failed = (error: unknown) => logger.debug({ err: errorMessage(error) }, 'an INVITE was not cancelled');
    try {
      const cancel = { method: 'CANCEL', stackTxnId: transactionId };
      this.srf.request('sip:placeholder', cancel, (error) => (error ? failed(error) : undefined));
    } catch (error) {
      failed(error); // srf throws when it has no connection.
    }
  }

  /** Answers an INVITE with 200; undefined where the caller had given up, or drachtio did not take it in time. */
  async accept(req: SrfRequest, res: SrfResponse, sdp: string, deadlineMs: number): Promise<SipDialog | undefined> {
    let late = false;
    let lost: () => void = () => undefined;
    const accepted = new Promise<SipDialog | undefined>((resolve) => {
      lost = () => resolve(undefined);
      this.#pending.add(lost);
      try {
        const headers = { ...this.abilities.headers, ...sessionHeaders(req) };
        this.srf.createUAS(req, res, { localSdp: sdp, headers }, (error, dialog) => {
          if (error || !dialog) return resolve(undefined);
          const answered = new SipDialog(this, dialog);
          if (late) answered.bye();
          else resolve(answered);
          return undefined;
        });
      } catch (error) {
        this.#options.logger.warn({ err: errorMessage(error) }, 'an INVITE could not be answered');
        resolve(undefined);
      }
    });
    const dialog = await withDeadline(this.#options.clock, accepted, deadlineMs);
    this.#pending.delete(lost);
    late = dialog === deadlinePassed;
    return dialog === deadlinePassed ? undefined : dialog;
  }

  #sendInvite(
    { uri, sdp, headers, proxy, auth, onProvisional }: InviteOptions,
    answered: (outcome: InviteOutcome) => void,
    onSent: (req: SrfRequest) => void,
  ): void {
    const options: UacOptions = {
      headers,
      localSdp: sdp,
      ...(proxy ? { proxy } : {}),
      ...(auth ? { auth } : {}),
    };
    const early = new EarlyAnswers();
    const progress = {
      cbRequest: (error: Error | null, req: SrfRequest) => {
        if (!error) onSent(req);
      },
      cbProvisional: (res: SrfResponse) => {
        early.take(res);
        onProvisional?.(res.status);
      },
    };
    try {
      this.srf.createUAC(uri, options, progress, (error, dialog) => {
        if (error || !dialog) {
          this.#hangUpAt(uri, proxy, error);
          answered(failureOf(error));
        } else {
          const sdp = dialog.remote.sdp || early.of(dialog.sip.remoteTag);
          answered({ ok: true, dialog: new SipDialog(this, dialog), sdp });
        }
      });
    } catch (error) {
      answered({ ok: false, status: 503, reason: errorMessage(error) }); // srf throws when it has no connection.
    }
  }

  /** Somebody has answered without saying where they are (no Contact): that is no dialog for srf, but they wait. */
  #hangUpAt(uri: string, proxy: string | undefined, error: SrfError | null): void {
    const answer = error?.res;
    if (!answer || answer.status < 200 || answer.status > 299) return;
    const headers = Object.fromEntries(['Call-ID', 'From', 'To'].map((name) => [name, answer.get(name) ?? '']));
    try {
      this.srf.request(uri, { method: 'BYE', headers, ...(proxy && { proxy }) }, () => undefined);
    } catch (failure) {
      this.#options.logger.debug({ err: errorMessage(failure) }, 'a phone was not hung up'); // srf throws
    }
  }

  #onInvite(req: SrfRequest, res: SrfResponse): void {
    try {
      if (sessionTooShort(req)) {
        res.send(422, { headers: { 'Min-SE': String(minSessionSeconds) } });
        this.#tellRefused(req, 422);
      } else this.#options.onInvite(req, res);
    } catch (error) {
      this.#options.logger.error({ err: errorMessage(error) }, 'an INVITE could not be handled');
      if (res.finalResponseSent) return;
      res.send(500);
      this.#tellRefused(req, 500);
    }
  }

  #tellRefused(req: SrfRequest, status: number): void {
    this.#options.onRefused?.({ method: req.method, status, reason: '', sourceAddress: req.source_address });
  }

  #onConnected(hostPorts: string): void {
    const again = this.#hostPorts !== undefined;
    this.#hostPorts = hostPorts;
    this.#connected = true;
    if (this.#withdrawn) this.withdraw();
    for (const waits of this.#waiting) waits();
    this.#waiting.clear();
    if (again && !this.#stopped) this.#options.onReconnected();
  }

  #onLost(): void {
    if (this.#connected && !this.#stopped) this.#options.logger.warn({}, 'the link to drachtio was lost');
    this.#connected = false;
    for (const lost of [...this.#pending]) lost();
  }
}

function failureOf(error: SrfError | null): InviteOutcome {
  return { ok: false, status: error?.status ?? 503, reason: error?.reason ?? errorMessage(error) };
}
