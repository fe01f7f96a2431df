import { header, type SipMessage } from '../../kernel/sip/message.ts';
import type { ClientTransaction, Dialog, HeaderMap } from '../sip/api.ts';
import { causeOfStatus, q850Of, reasonHeader } from './causes.ts';
import type { Channel } from './channel.ts';
import type { Core, InfoRequest, Leg, SipLeg } from './core.ts';
import { serveDialog } from './dialog-requests.ts';
import type { Negotiation } from './negotiation.ts';
import { partyOf } from './sip-variables.ts';
import { nowMicros } from './time.ts';

export interface OutboundTarget {
  uri: string;
  headers: HeaderMap;
}

export interface OutboundEvents {
  /** 183 with SDP: the peer can be heard before it answers. */
  onEarlyMedia(): void;
  onAnswered(): void;
}

/** A call that we make: its INVITE, and then its dialog. */
export class OutboundLeg implements SipLeg {
  readonly #core: Core;
  readonly #channel: Channel;
  #transaction: ClientTransaction | undefined;
  #dialog: Dialog | undefined;
  #dialogOver = false;
  #finalAnswer = false;
  #earlyMedia = false;

  constructor(core: Core, channel: Channel) {
    this.#core = core;
    this.#channel = channel;
  }

  /** Sends the INVITE. @throws Error when the address is none. */
  invite(leg: Leg, negotiation: Negotiation, target: OutboundTarget, events: OutboundEvents): void {
    const transaction = this.#core.sip.request({
      method: 'INVITE',
      uri: target.uri,
      headers: { ...target.headers, 'Content-Type': 'application/sdp', 'Content-Disposition': 'session' },
      body: negotiation.offer(),
    });
    this.#transaction = transaction;
    this.#setSentVariables(transaction);
    transaction.on('response', (response, { dialog }) => {
      const status = response.status ?? 0;
      if (status < 200) this.#provisional(response, negotiation, events);
      else if (status < 300) this.#success(response, dialog, leg, negotiation, events);
      else this.#failure(response, leg);
    });
  }

  answer(): boolean {
    return this.#channel.answered;
  }

  sendInfo({ contentType, body }: InfoRequest): void {
    if (this.#dialogOver) return;
    this.#dialog?.request({ method: 'INFO', headers: { 'Content-Type': contentType }, body });
  }

  hangup(cause: string): void {
    const headers = { Reason: reasonHeader(cause) };
    if (this.#dialog) {
      if (this.#dialogOver || this.#channel.get('sip_hangup_disposition') === 'recv_bye') return;
      this.#channel.set('sip_hangup_disposition', 'send_bye');
      this.#dialog.request({ method: 'BYE', headers });
      return;
    }
    if (this.#finalAnswer || !this.#transaction) return;
    this.#channel.set('sip_hangup_disposition', 'send_cancel');
    this.#transaction.cancel(headers);
  }

  #provisional(response: SipMessage, negotiation: Negotiation, events: OutboundEvents): void {
    const channel = this.#channel;
    if (channel.hangupCause !== undefined || channel.answered || response.status === 100) return;
    if (response.body.trim() !== '' && !this.#earlyMedia && negotiation.accept(response.body)) {
      this.#earlyMedia = true;
      channel.times.progressMedia = nowMicros();
      channel.answerState = 'early';
      channel.fire('CHANNEL_PROGRESS_MEDIA');
      channel.setCallState('EARLY');
      events.onEarlyMedia();
      return;
    }
    if (channel.times.progress > 0 || this.#earlyMedia) return;
    channel.times.progress = nowMicros();
    channel.fire('CHANNEL_PROGRESS');
    channel.setCallState('RINGING');
  }

  #success(
    response: SipMessage,
    dialog: Dialog | undefined,
    leg: Leg,
    negotiation: Negotiation,
    events: OutboundEvents,
  ): void {
    if (!dialog) return;
    dialog.ack();
    const channel = this.#channel;
    // A second branch of a fork that answered, or a 200 that crossed our CANCEL: nobody wants it any more.
    if (this.#finalAnswer || channel.hangupCause !== undefined) {
      dialog.request({ method: 'BYE', headers: { Reason: reasonHeader(channel.hangupCause ?? 'LOSE_RACE') } });
      return;
    }
    this.#finalAnswer = true;
    this.#dialog = dialog;
    dialog.once('terminated', () => {
      this.#dialogOver = true;
    });
    serveDialog(this.#core, leg, dialog, negotiation);
    channel.setAll({ sip_to_tag: dialog.remoteTag, sip_full_to: header(response, 'To') });
    // Where early media was agreed on, a 200 without SDP repeats nothing.
    const agreed = response.body.trim() === '' ? this.#earlyMedia : negotiation.accept(response.body);
    if (!agreed) {
      this.#core.hangup(leg, 'INCOMPATIBLE_DESTINATION');
      return;
    }
    this.#flipCaller();
    channel.markAnswered();
    events.onAnswered();
  }

  #failure(response: SipMessage, leg: Leg): void {
    const status = response.status ?? 500;
    this.#finalAnswer = true;
    const cause = causeOfStatus(status);
    const channel = this.#channel;
    if (channel.hangupCause === undefined) {
      channel.setAll({
        sip_hangup_disposition: 'recv_refuse',
        sip_invite_failure_status: status,
        sip_invite_failure_phrase: response.reason,
        sip_term_status: status,
        proto_specific_hangup_cause: `sip:${status}`,
        sip_term_cause: q850Of(cause),
      });
    }
    this.#core.hangup(leg, cause);
  }

  /** For its own peer an outgoing channel is the callee: FreeSWITCH swaps the names once it answered. */
  #flipCaller(): void {
    const { profile } = this.#channel;
    profile.calleeName = profile.originalCallerName;
    profile.calleeNumber = profile.originalCallerNumber;
    profile.callerName = 'Outbound Call';
    profile.callerNumber = profile.destination;
    this.#channel.set('channel_cid_flipped', 'yes');
  }

  #setSentVariables(transaction: ClientTransaction): void {
    const { message, peer } = transaction.sent;
    this.#channel.setAll({
      sip_call_id: header(message, 'Call-ID'),
      sip_from_tag: partyOf(message, 'From').tag,
      sip_full_from: header(message, 'From'),
      sip_full_to: header(message, 'To'),
      sip_cseq: Number.parseInt(header(message, 'CSeq') ?? '', 10) || undefined,
      sip_network_ip: peer.address,
      sip_network_port: peer.port,
      sip_reply_host: peer.address,
      sip_reply_port: peer.port,
    });
    this.#channel.profile.networkAddress = peer.address;
  }
}
