import { randomUUID } from 'node:crypto';
import type { AnswerOutcome, IncomingCall, LegEvent } from '../call/telephony.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { calledNumber } from './called-number.ts';
import { callerNumber, knownAs, type TrustedPeers } from './caller-number.ts';
import { answerFailureOf } from './causes.ts';
import { type DescriptionReader, warningOf } from './description-reader.ts';
import type { ExpectedInvite } from './expected-invite.ts';
import { type LegDialogs, SwitchLeg } from './leg.ts';
import type { MediaServer } from './media-server.ts';
import { answerWithOurOffer } from './offerless.ts';
import {
  type DescriptionFault,
  forMedia,
  forPhone,
  hasOpenAudio,
  type Medium,
  readDescription,
  type Usable,
} from './session-description.ts';
import type { OutgoingInvite, SipServer } from './sip-server.ts';
import type { SrfRequest, SrfResponse } from './types/srf.ts';

export interface IncomingCallOptions {
  req: SrfRequest;
  res: SrfResponse;
  sip: SipServer;
  clock: Clock;
  logger: Logger;
  answerDeadlineMs: number;
  byeDeadlineMs: number;
  sickMs: number;
  reader: DescriptionReader;
  trusts: TrustedPeers;
  /** Of these peers the number dialled is in To. */
  namesItInTo: TrustedPeers;
  /** The media server to try next; undefined when none is left. */
  chooseServer(tried: readonly MediaServer[]): MediaServer | undefined;
  keep(leg: SwitchLeg): void;
  drop(leg: SwitchLeg): void;
  expect(legId: string, invite: ExpectedInvite): () => void;
}

const serversTried = 2;

/** An INVITE from the network on its way to an answer: caller's SDP to FreeSWITCH, FreeSWITCH's SDP to the caller. */
export class NetworkCall implements IncomingCall {
  readonly legId = `leg_${randomUUID()}`;
  readonly sipCallId: string;
  readonly fromNumber: string;
  readonly toNumber: string;
  readonly receivedMonotonicMs: number;
  readonly source: { address: string; isTrusted: boolean };
  readonly #options: IncomingCallOptions;
  #cancelled = false;
  #rejected: number | undefined;
  #onCancelled: (() => void) | undefined;
  #invite: OutgoingInvite | undefined;
  /** What is wrong with the caller's offer. */
  #fault: DescriptionFault | undefined;

  constructor(options: IncomingCallOptions) {
    this.#options = options;
    const { req, clock } = options;
    this.sipCallId = req.get('Call-ID') ?? '';
    this.fromNumber = knownAs(callerNumber(req, options.trusts));
    this.toNumber = calledNumber(req, options.namesItInTo);
    this.receivedMonotonicMs = clock.monotonicMs();
    const address = req.source_address;
    this.source = { address, isTrusted: options.trusts(address) };
    req.on('cancel', () => {
      this.#cancelled = true;
      this.#invite?.cancel();
      this.#onCancelled?.();
    });
  }

  reject(status: number, options: { retryAfterSeconds?: number; reason?: string } = {}): void {
    const { res } = this.#options;
    if (this.#cancelled || this.#rejected !== undefined || res.finalResponseSent) return;
    this.#rejected = status;
    this.#invite?.cancel();
    const { retryAfterSeconds } = options;
    res.send(status, {
      headers: {
        ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }),
        ...(this.#fault && status === 488 ? warningOf(this.#fault) : {}),
      },
    });
  }

  onCancelled(callback: () => void): void {
    this.#onCancelled = callback;
    if (this.#cancelled) callback();
  }

  async answer(onEvent: (event: LegEvent) => void): Promise<AnswerOutcome> {
    const { logger, sickMs, req, reader } = this.#options;
    const offer = req.body ? await reader.readOffer(req.body) : undefined;
    if (offer?.ok === false) {
      this.#fault = offer.fault;
      return this.#refuse('media-refused', 488);
    }
    const tried: MediaServer[] = [];
    let failure = { cause: 'media-lost' as EndCause, sipStatus: 503 };
    while (tried.length < serversTried) {
      const server = this.#options.chooseServer(tried);
      if (!server) break;
      tried.push(server);
      const outcome = await this.#answerOn(server, offer, onEvent);
      if (typeof outcome !== 'number') return outcome;
      if (this.#over) break;
      failure = answerFailureOf(outcome);
      if (failure.cause === 'media-refused') break;
      logger.warn({ server: server.name, sipStatus: outcome }, 'a media server did not take a call');
      server.markSick(sickMs);
    }
    return this.#refuse(failure.cause, failure.sipStatus);
  }

  get #over(): boolean {
    return this.#cancelled || this.#rejected !== undefined;
  }

  /** The leg; or the SIP status with which the server refused it. */
  async #answerOn(
    server: MediaServer,
    offer: Usable | undefined,
    onEvent: (event: LegEvent) => void,
  ): Promise<AnswerOutcome | number> {
    const { res, clock, byeDeadlineMs, reader, keep, drop } = this.#options;
    const { legId, sipCallId } = this;
    const leg = new SwitchLeg({
      ...{ legId, kind: 'caller', sipCallId, server, uuid: legId },
      ...{ clock, byeDeadlineMs, reader, onEvent, onOver: drop },
    });
    const dialogs = offer ? await this.#offerTo(server, offer) : await this.#askForOffer(server, leg);
    if (typeof dialogs === 'number') {
      leg.abandon();
      return res.finalResponseSent && !this.#over ? { ok: false, cause: 'failed', sipStatus: dialogs } : dialogs;
    }
    server.markWell();
    keep(leg);
    leg.connect(dialogs);
    return { ok: true, leg };
  }

  /** The caller's offer to FreeSWITCH, its answer to the caller. Gives the SIP status where that fails. */
  async #offerTo(server: MediaServer, offer: Usable): Promise<LegDialogs | number> {
    let refused = 488;
    for (const medium of offer.choices) {
      const outcome = await this.#offerMedium(server, offer, medium);
      if (typeof outcome !== 'number') return outcome;
      refused = outcome;
      if (outcome !== 488 || this.#over) break;
    }
    return refused;
  }

  async #offerMedium(server: MediaServer, offer: Usable, medium: Medium): Promise<LegDialogs | number> {
    const { req, res, sip, answerDeadlineMs } = this.#options;
    const remoteSdp = forMedia(offer, medium);
    this.#invite = sip.invite({
      uri: `sip:drachtio@${server.sipAddress}`,
      sdp: remoteSdp,
      headers: { 'Call-ID': this.legId },
      deadlineMs: answerDeadlineMs,
    });
    const invited = await this.#invite.outcome;
    this.#invite = undefined;
    if (!invited.ok) return invited.status;
    const answer = readDescription(invited.sdp);
    // FreeSWITCH has audio on port 0 for what it cannot do after all: nobody is answered into silence.
    if (!answer || !hasOpenAudio(answer)) {
      invited.dialog.bye();
      return 488;
    }
    const sdp = forPhone(answer, offer, medium);
    const network = this.#over ? undefined : await sip.accept(req, res, sdp, answerDeadlineMs);
    if (network) return { network, media: invited.dialog, remoteSdp };
    invited.dialog.bye();
    return this.#over ? 487 : 500;
  }

  #askForOffer(server: MediaServer, leg: SwitchLeg): Promise<LegDialogs | number> {
    const { req, res, sip, clock, reader, answerDeadlineMs, expect } = this.#options;
    const { legId } = this;
    const onInvite = () => leg.startAfresh();
    const ways = { server, sip, clock, reader, expect, deadlineMs: answerDeadlineMs };
    return answerWithOurOffer({ legId, req, res, ...ways, onInvite });
  }

  #refuse(cause: EndCause, sipStatus: number): AnswerOutcome {
    if (this.#cancelled) return { ok: false, cause: 'cancelled', sipStatus: 487 };
    if (this.#rejected !== undefined) return { ok: false, cause: 'failed', sipStatus: this.#rejected };
    this.reject(sipStatus, sipStatus === 503 ? { retryAfterSeconds: 2 } : {});
    const fault = this.#fault?.text;
    return { ok: false, cause, sipStatus, ...(fault === undefined ? {} : { fault }) };
  }
}
