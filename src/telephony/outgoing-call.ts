import type { PhoneAddress, PhoneSource } from '../call/phones.ts';
import type { DialAttempt, DialOutcome, DialRequest, LegSnapshot } from '../call/telephony.ts';
import type { Clock, TimerHandle } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { isBehindNat } from './announced-address.ts';
import { anonymous } from './caller-number.ts';
import { dialFailureOf, dialFailureOfCause, passableStatus } from './causes.ts';
import type { DescriptionReader } from './description-reader.ts';
import { type ExpectedInvite, originate, safeUser } from './expected-invite.ts';
import { forkInvites } from './forked-invite.ts';
import { type LegDialogs, SwitchLeg } from './leg.ts';
import type { MediaServer } from './media-server.ts';
import { firstHop, withRoute } from './path.ts';
import type { InviteOptions, OutgoingInvite, SipServer } from './sip-server.ts';
import type { SrfRequest, SrfResponse } from './types/srf.ts';

/** How much longer than we do the phone's transaction and FreeSWITCH may wait: ours is the deadline that counts. */
const graceMs = 3_000;

const nameMaxBytes = 150;
/** A phone that has not begun to ring after this is not there (any more), whatever its registration says. */
const phoneSilenceMs = 6_000;

/** Where calls go out: a SIP URI whose user part is put in for each number, and how to log in there. */
export interface Trunk {
  /** e.g. `sip:trunk.example.net:5060;transport=udp` */
  uri: string;
  user?: string;
  password?: string;
  /** Domain of our From where the trunk wants its own. */
  fromDomain?: string;
}

export interface OutgoingCallOptions {
  request: DialRequest;
  server: MediaServer;
  sip: SipServer;
  /** Must be there where the request names a number. */
  trunk: Trunk | undefined;
  clock: Clock;
  logger: Logger;
  reader: DescriptionReader;
  acceptDeadlineMs: number;
  byeDeadlineMs: number;
  keep(leg: SwitchLeg): void;
  drop(leg: SwitchLeg): void;
  /** The dial is decided: INVITEs for it are no longer expected. */
  onDecided(): void;
}

/**
 * A dial: FreeSWITCH calls us with its SDP under our leg id, we call the phone with it, and pass the phone's answers
 * back. Once both dialogs stand and FreeSWITCH has parked the channel, there is a leg.
 */
export class OutgoingCall implements DialAttempt, ExpectedInvite {
  readonly legId: string;
  readonly outcome: Promise<DialOutcome>;
  readonly #options: OutgoingCallOptions;
  readonly #leg: SwitchLeg;
  #settle: (outcome: DialOutcome) => void = () => undefined;
  #decided = false;
  #ringTimer: TimerHandle | undefined;
  #phone: OutgoingInvite | undefined;
  #media: { req: SrfRequest; res: SrfResponse } | undefined;
  #dialogs: LegDialogs | undefined;
  /** The phone's final answer, where it was a refusal. */
  #refusedWith: number | undefined;
  #ringing = false;

  constructor(options: OutgoingCallOptions) {
    this.#options = options;
    const { request, server, clock, byeDeadlineMs, reader, drop } = options;
    const { legId, kind, onEvent } = request;
    this.legId = legId;
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#leg = new SwitchLeg({
      ...{ legId, kind, sipCallId: '', server, uuid: legId },
      ...{ clock, byeDeadlineMs, reader, onEvent, onOver: drop },
    });
  }

  get server(): MediaServer {
    return this.#options.server;
  }

  start(): void {
    const { request, sip, server, clock } = this.#options;
    this.#ringTimer = clock.setTimeout(() => this.#giveUp({ ok: false, cause: 'no-answer' }), request.ringTimeoutMs);
    const call = {
      legId: this.legId,
      user: safeUser(request.toNumber ?? 'phones') || 'unknown',
      timeoutMs: request.ringTimeoutMs,
      beside: request.peer instanceof SwitchLeg ? request.peer.channel.uuid : undefined,
      wanted: () => !this.#decided && this.#media === undefined,
    };
    originate({ sip, server, clock }, call).then((result) => this.#onOriginated(result));
  }

  snapshot(): LegSnapshot {
    const invites = this.#phone?.transactionIds().join(',') ?? '';
    const { legId } = this;
    const adapter = { server: this.server.name, uuid: legId, invites };
    return { legId, kind: this.#options.request.kind, adapter };
  }

  cancel(): void {
    this.#giveUp({ ok: false, cause: 'cancelled', sipStatus: 487 });
  }

  /** FreeSWITCH's INVITE for this dial. */
  onMediaInvite(req: SrfRequest, res: SrfResponse): void {
    if (this.#decided || this.#media) {
      res.send(603);
      return;
    }
    this.#media = { req, res };
    this.#leg.startAfresh();
    req.on('cancel', () => this.#phone?.cancel());
    this.#callPhone(req.body ?? '').catch((error: unknown) => {
      this.#options.logger.error({ legId: this.legId, err: errorMessage(error) }, 'a phone could not be called');
      this.#giveUp({ ok: false, cause: 'failed' });
    });
  }

  async #callPhone(sdp: string): Promise<void> {
    const { sip, request } = this.#options;
    this.#phone = forkInvites(this.#invites(sdp, request).map((invite) => sip.invite(invite)));
    const answered = await this.#phone.outcome;
    const media = this.#media;
    if (!media) return;
    if (!answered.ok) {
      this.#refusedWith = answered.status;
      if (!media.res.finalResponseSent) media.res.send(passableStatus(answered.status));
      if (!this.#decided) this.#giveUp(refusal(answered.status));
      return;
    }
    if (this.#decided) {
      answered.dialog.bye();
      return;
    }
    const { reader, acceptDeadlineMs } = this.#options;
    const answer = await reader.readAnswer(answered.sdp);
    if (!answer.ok) {
      // Somebody has picked up whom we could not hear, or who could not hear us: they are not left to listen to nothing.
      this.#options.logger.info(
        { legId: this.legId, why: answer.fault.text },
        'a phone has answered without usable audio',
      );
      answered.dialog.bye();
      if (!media.res.finalResponseSent) media.res.send(488);
      this.#giveUp({ ok: false, cause: 'failed', sipStatus: 488 });
      return;
    }
    const remoteSdp = answer.sdp;
    // Before FreeSWITCH has the answer: it looks at this when it begins to listen.
    if (!isBehindNat(remoteSdp)) await this.server.api(`uuid_setvar ${this.legId} disable_rtp_auto_adjust true`);
    const accepted = await sip.accept(media.req, media.res, remoteSdp, acceptDeadlineMs);
    if (!accepted || this.#decided) {
      answered.dialog.bye();
      accepted?.bye();
      this.#giveUp({ ok: false, cause: 'failed' });
      return;
    }
    this.#dialogs = { network: answered.dialog, media: accepted, remoteSdp };
    this.#leg.connect(this.#dialogs);
    this.#checkComplete();
  }

  /** One INVITE to the trunk, or one to each phone. */
  #invites(sdp: string, request: DialRequest): InviteOptions[] {
    const { trunk } = this.#options;
    if (request.phones) {
      const from = { ...this.#inviteFrom(request, 'localhost'), silenceMs: phoneSilenceMs };
      // drachtio would take To from the Request-URI, with the way that it carries.
      const headersTo = ({ uri, path }: PhoneAddress) => (path ? { ...from.headers, To: `<${uri}>` } : from.headers);
      return request.phones.map((phone) => ({ ...phoneWay(phone), ...from, headers: headersTo(phone), sdp }));
    }
    if (!trunk) return [];
    const auth = trunk.user && trunk.password ? { auth: { username: trunk.user, password: trunk.password } } : {};
    const from = this.#inviteFrom(request, trunk.fromDomain ?? 'localhost');
    // RFC 3325, 9.3: the carrier, which knows the trunk's number, is not to show it either.
    const privacy: Record<string, string> = request.fromNumber === anonymous ? { Privacy: 'id' } : {};
    const headers = { ...from.headers, ...privacy };
    return [{ uri: withUser(trunk.uri, request.toNumber), ...from, headers, ...auth, sdp }];
  }

  #inviteFrom(
    request: DialRequest,
    domain: string,
  ): Pick<InviteOptions, 'headers' | 'deadlineMs' | 'onSent' | 'onProvisional'> {
    const name = request.displayName ? `"${quotable(request.displayName)}" ` : '';
    const deadlineMs = request.ringTimeoutMs + graceMs;
    return {
      headers: {
        From: `${name}<sip:${safeUser(request.fromNumber) || 'anonymous'}@${domain}>`,
        // RFC 3261 13.2.1: should we die before anyone knows how to cancel this, the phone need not ring on.
        Expires: String(Math.ceil(deadlineMs / 1000)),
      },
      deadlineMs,
      onSent: () => request.onSent?.(),
      onProvisional: (status) => this.#onProvisional(status),
    };
  }

  #onProvisional(status: number): void {
    if (status < 180 || this.#decided) return;
    this.#media?.res.send(180);
    if (this.#ringing) return;
    this.#ringing = true;
    this.#options.request.onRinging();
  }

  #parked = false;

  #onOriginated(result: string): void {
    if (result.startsWith('+OK')) {
      this.#parked = true;
      if (this.#decided && !this.#dialogs) this.#kill();
      else this.#checkComplete();
      return;
    }
    const cause = result.replace(/^-ERR\s*/, '');
    this.#giveUp(
      this.#refusedWith === undefined ? { ok: false, cause: dialFailureOfCause(cause) } : refusal(this.#refusedWith),
    );
  }

  #checkComplete(): void {
    if (this.#decided || !this.#parked || !this.#dialogs) return;
    this.#decide();
    this.#options.keep(this.#leg);
    this.#settle({ ok: true, leg: this.#leg });
  }

  /** The dial comes to nothing: stops the ringing, hangs up what has answered. */
  #giveUp(outcome: Extract<DialOutcome, { ok: false }>): void {
    if (this.#decided) return;
    this.#decide();
    this.#phone?.cancel();
    this.#kill();
    if (this.#dialogs) {
      const settle = () => this.#settle(outcome);
      this.#leg.end(outcome.cause === 'draining' ? 'draining' : 'cancelled').then(settle, settle);
      return;
    }
    this.#leg.abandon();
    this.#settle(outcome);
  }

  #kill(): void {
    this.#options.server.api(`uuid_kill ${this.legId} ORIGINATOR_CANCEL`);
  }

  #decide(): void {
    this.#decided = true;
    this.#options.clock.clearTimeout(this.#ringTimer);
    this.#options.onDecided();
  }
}

function refusal(sipStatus: number): Extract<DialOutcome, { ok: false }> {
  return { ok: false, cause: dialFailureOf(sipStatus), sipStatus };
}

/**
 * The phone's Contact is the Request-URI; the request goes by the proxies that its REGISTER came by, else where that came
 * from (NAT).
 */
function phoneWay({ uri, source, path = [] }: PhoneAddress): Pick<InviteOptions, 'uri' | 'proxy'> {
  return { uri: withRoute(uri, path), proxy: firstHop(path) ?? sourceUri(source) };
}

function sourceUri({ transport, address, port }: PhoneSource): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return `sip:${host}:${port}${transport === 'udp' ? '' : `;transport=${transport}`}`;
}

/** Nothing in a name may end the quotes or the line it stands in; drachtio-server takes a From of 255 bytes at most. */
function quotable(name: string): string {
  let taken = '';
  for (const character of name.replace(/["\\\p{Cc}]/gu, '')) {
    if (Buffer.byteLength(taken + character) > nameMaxBytes) break;
    taken += character;
  }
  return taken;
}

function withUser(trunkUri: string, number: string): string {
  return trunkUri.replace(/^(sips?):(?:[^@]*@)?/i, (_all, scheme: string) => `${scheme}:${safeUser(number)}@`);
}
