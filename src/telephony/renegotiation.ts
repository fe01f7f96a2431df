import { type Clock, deadlinePassed, withDeadline } from '../kernel/clock.ts';
import { type DescriptionReader, warningOf } from './description-reader.ts';
import {
  type DescriptionFault,
  forMedia,
  forPhone,
  hasOpenAudio,
  readDescription,
  withVersion,
} from './session-description.ts';
import { sessionHeaders } from './session-timers.ts';
import type { SipDialog } from './sip-dialog.ts';
import type { SrfRequest, SrfResponse } from './types/srf.ts';

export interface RenegotiationOptions {
  network: SipDialog;
  media: SipDialog;
  /** What FreeSWITCH knows of the phone's side. */
  remoteSdp: string;
  reader: DescriptionReader;
  clock: Clock;
}

const sdpType = { 'Content-Type': 'application/sdp' };
/** A phone whose ACK does not come has lost the dialog by then (RFC 3261, 13.3.1.4). */
const ackDeadlineMs = 33_000;
const refusedByMedia: DescriptionFault = { code: 399, text: 'the media server cannot do it' };

/**
 * Changes of a session that stands: hold, resume, a moved phone, another codec. One at a time (RFC 3261, 14.2).
 * FreeSWITCH spoils a call whose change it refuses, and ends one whose ACK brings no answer: so it is asked only for what
 * it can do, and otherwise told again what held before.
 */
export class Renegotiation {
  readonly #options: RenegotiationOptions;
  #remoteSdp: string;
  #busy = false;
  /** Of what we say again: higher than any that a phone would count up to. */
  #version = 4_000_000_000;

  constructor(options: RenegotiationOptions) {
    this.#options = options;
    this.#remoteSdp = options.remoteSdp;
  }

  /** Answers a re-INVITE, or an UPDATE with SDP, of the phone. */
  async fromPhone(req: SrfRequest, res: SrfResponse): Promise<void> {
    await this.#alone(res, () => ((req.body ?? '').trim() === '' ? this.#askPhone(req, res) : this.#offer(req, res)));
  }

  /** Answers a re-INVITE of FreeSWITCH. */
  async fromMedia(req: SrfRequest, res: SrfResponse): Promise<void> {
    await this.#alone(res, async () => {
      const answer = await this.#options.network.request('INVITE', req.body ? { body: req.body } : {});
      if (!answer.ok) return res.send(481);
      if (answer.status >= 300) return res.send(answer.status);
      const read = await this.#options.reader.readAnswer(answer.body);
      if (!read.ok) return res.send(488);
      this.#remoteSdp = read.sdp;
      return res.send(200, { headers: sdpType, body: this.#remoteSdp });
    });
  }

  /** Tells FreeSWITCH once more what holds: it waits for audio anew. */
  async refreshMedia(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.#repeat();
    } finally {
      this.#busy = false;
    }
  }

  async #repeat(): Promise<void> {
    if (this.#remoteSdp === '') return;
    this.#version += 1;
    await this.#options.media.request('INVITE', { body: withVersion(this.#remoteSdp, this.#version) });
  }

  async #alone(res: SrfResponse, work: () => Promise<void>): Promise<void> {
    if (this.#busy) return res.send(491);
    this.#busy = true;
    try {
      await work();
    } finally {
      this.#busy = false;
    }
  }

  async #offer(req: SrfRequest, res: SrfResponse): Promise<void> {
    const { media, reader } = this.#options;
    const offer = await reader.readOffer(req.body ?? '');
    if (!offer.ok) return res.send(488, { headers: warningOf(offer.fault) });
    let status = 488;
    for (const medium of offer.choices) {
      const remoteSdp = forMedia(offer, medium);
      const outcome = await media.request('INVITE', { body: remoteSdp });
      if (!outcome.ok) return res.send(481);
      const answer = outcome.status < 300 ? readDescription(outcome.body) : undefined;
      if (answer && hasOpenAudio(answer)) {
        this.#remoteSdp = remoteSdp;
        const headers = { ...sdpType, ...sessionHeaders(req) };
        return res.send(200, { headers, body: forPhone(answer, offer, medium) });
      }
      status = outcome.status < 300 ? 488 : outcome.status;
      if (status !== 488) break;
    }
    await this.#repeat();
    return res.send(status, status === 488 ? { headers: warningOf(refusedByMedia) } : {});
  }

  /** Without an offer of theirs: FreeSWITCH offers, and the phone's answer comes in its ACK. */
  async #askPhone(req: SrfRequest, res: SrfResponse): Promise<void> {
    const { network, media, clock } = this.#options;
    const asked = await media.askForOffer();
    if (!asked.ok) return res.send(481);
    if (asked.status >= 300) return res.send(asked.status);
    let answer = this.#remoteSdp;
    try {
      const acknowledged = network.acknowledged(cseqOf(req));
      res.send(200, { headers: { ...sdpType, ...sessionHeaders(req) }, body: asked.body });
      const body = await withDeadline(clock, acknowledged, ackDeadlineMs);
      if (body !== deadlinePassed) answer = await this.#answerIn(body);
    } finally {
      asked.ack(this.#remoteSdp || answer);
    }
    if (answer === this.#remoteSdp) return;
    // FreeSWITCH takes address and codec from an ACK, but not that the phone holds: it is told as by any other offer.
    const told = await media.request('INVITE', { body: answer });
    if (told.ok && told.status < 300) this.#remoteSdp = answer;
  }

  /** An ACK without an answer, or with one that nobody can use, leaves the session as it was. */
  async #answerIn(ack: string): Promise<string> {
    if (ack.trim() === '') return this.#remoteSdp;
    const read = await this.#options.reader.readAnswer(ack);
    return read.ok ? read.sdp : this.#remoteSdp;
  }
}

/** Number of the request's CSeq. */
function cseqOf(req: SrfRequest): number {
  return Number.parseInt(req.get('CSeq') ?? '', 10);
}
