import { randomUUID } from 'node:crypto';
import { header, type SipMessage } from '../../kernel/sip/message.ts';
import type { Dialog, ServerTransaction } from '../sip/api.ts';
import { q850Of, reasonHeader, statusOfCause } from './causes.ts';
import { Channel } from './channel.ts';
import type { Core, InfoRequest, Leg, SipLeg } from './core.ts';
import { serveDialog } from './dialog-requests.ts';
import { parkDialplan, stepsJob } from './jobs.ts';
import { Negotiation } from './negotiation.ts';
import { parseSdp } from './sdp.ts';
import { partyOf, setInviteVariables } from './sip-variables.ts';

/** A call that came in: its INVITE, and then its dialog. */
class InboundLeg implements SipLeg {
  readonly #core: Core;
  readonly #transaction: ServerTransaction;
  readonly #channel: Channel;
  #negotiation: Negotiation | undefined;
  #leg: Leg | undefined;
  #dialog: Dialog | undefined;
  #dialogOver = false;

  constructor(core: Core, transaction: ServerTransaction, channel: Channel) {
    this.#core = core;
    this.#transaction = transaction;
    this.#channel = channel;
  }

  /** Opens the media and runs the dialplan. */
  async begin(leg: Leg): Promise<void> {
    this.#leg = leg;
    const channel = this.#channel;
    this.#transaction.once('cancel', () => {
      channel.setAll({ sip_term_status: 487, sip_term_cause: q850Of('ORIGINATOR_CANCEL') });
      channel.set('sip_hangup_disposition', 'recv_cancel');
      this.#core.hangup(leg, 'ORIGINATOR_CANCEL');
    });
    this.#negotiation = await Negotiation.open(this.#core, channel);
    if (channel.hangupCause !== undefined) {
      // The caller gave up while the sockets were being opened, and the leg was closed before it had them.
      await this.#core.media.closeLeg(channel.uuid);
      return;
    }
    channel.setState('CS_INIT');
    channel.fire('CHANNEL_CREATE');
    channel.state = 'CS_ROUTING';
    channel.setCallState('RINGING');
    channel.setState('CS_ROUTING');
    channel.setState('CS_EXECUTE');
    leg.session.start(stepsJob(parkDialplan));
  }

  answer(): boolean {
    const leg = this.#leg;
    const negotiation = this.#negotiation;
    if (!leg || !negotiation || this.#transaction.finalStatus !== 0) return false;
    const offer = this.#transaction.request.body;
    const sdp = offer.trim() === '' ? negotiation.offer() : negotiation.answer(offer);
    if (sdp === undefined) {
      this.#core.hangup(leg, 'INCOMPATIBLE_DESTINATION');
      return false;
    }
    if (offer.trim() === '') this.#expectAnswerInAck(leg, negotiation);
    const { dialog } = this.#transaction.respond(200, {
      headers: { 'Content-Type': 'application/sdp', 'Content-Disposition': 'session' },
      body: sdp,
    });
    this.#dialog = dialog;
    if (dialog) {
      this.#channel.set('sip_to_tag', dialog.localTag);
      dialog.once('terminated', () => {
        this.#dialogOver = true;
      });
      serveDialog(this.#core, leg, dialog, negotiation);
    }
    this.#channel.markAnswered();
    return true;
  }

  #expectAnswerInAck(leg: Leg, negotiation: Negotiation): void {
    this.#transaction.once('ack', (ack) => {
      if (!negotiation.accept(ack.body)) this.#core.hangup(leg, 'INCOMPATIBLE_DESTINATION');
    });
  }

  sendInfo({ contentType, body }: InfoRequest): void {
    if (this.#dialogOver) return;
    this.#dialog?.request({ method: 'INFO', headers: { 'Content-Type': contentType }, body });
  }

  hangup(cause: string): void {
    const headers = { Reason: reasonHeader(cause) };
    const disposition = this.#channel.get('sip_hangup_disposition');
    if (this.#dialog) {
      if (this.#dialogOver || disposition === 'recv_bye') return;
      this.#channel.set('sip_hangup_disposition', 'send_bye');
      this.#dialog.request({ method: 'BYE', headers });
      return;
    }
    if (this.#transaction.finalStatus !== 0) return;
    this.#channel.set('sip_hangup_disposition', 'send_refuse');
    this.#transaction.respond(statusOfCause(cause), { headers });
  }
}

/** Takes an INVITE from the network: refuses it, or makes a channel of it and answers and parks it. */
export function acceptInvite(core: Core, transaction: ServerTransaction): void {
  const { request, source } = transaction;
  const fault = bodyFault(request);
  if (fault !== 0) {
    transaction.respond(fault, fault === 415 ? { headers: { Accept: 'application/sdp' } } : {});
    return;
  }
  if (!core.counters.begin()) {
    transaction.respond(503, { reason: 'Maximum Calls In Progress', headers: { 'Retry-After': '2' } });
    return;
  }
  const leg = createLeg(core, transaction);
  const { channel } = leg;
  setInviteVariables(channel, request, source, core.settings.profileName);
  channel.set('sofia_profile_url', profileUrl(core));
  channel.fire('CHANNEL_STATE');
  if (request.body.trim() !== '' && !parseSdp(request.body)) {
    core.hangup(leg, 'INCOMPATIBLE_DESTINATION');
    return;
  }
  (leg.sip as InboundLeg).begin(leg).catch((error: unknown) => {
    core.logger.warn({ error: String(error) }, 'a call cannot be taken: no media');
    core.hangup(leg, 'NORMAL_CIRCUIT_CONGESTION');
  });
}

/** The status that refuses a body which is no session description; 0 where there is nothing wrong with it. */
function bodyFault(request: SipMessage): number {
  if (request.body.trim() === '') return 0;
  const type = header(request, 'Content-Type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/sdp') return 415;
  return /^v=0\s/.test(request.body) ? 0 : 400;
}

function createLeg(core: Core, transaction: ServerTransaction): Leg {
  const { request, source } = transaction;
  const from = partyOf(request, 'From');
  const callId = header(request, 'Call-ID') ?? '';
  const user = from.user === '' ? 'anonymous' : from.user;
  const host = from.uri ? `${from.uri.host}${from.uri.port === undefined ? '' : `:${from.uri.port}`}` : source.address;
  const name = from.displayName === '' ? user : from.displayName;
  const destination = partyOfRequest(request.uri);
  const channel = new Channel(core.bus, {
    // A second INVITE under the Call-ID of a live channel (a loop, a fork) is another channel.
    uuid: callId === '' || core.legs.has(callId) ? randomUUID() : callId,
    direction: 'inbound',
    name: `sofia/${core.settings.profileName}/${user}@${host}`,
    profile: {
      username: user,
      callerName: name,
      callerNumber: user,
      originalCallerName: name,
      originalCallerNumber: user,
      networkAddress: source.address,
      ani: user,
      destination,
      source: 'mod_sofia',
      dialplan: 'XML',
      context: core.settings.profileName,
    },
  });
  return core.addLeg(channel, new InboundLeg(core, transaction, channel));
}

function partyOfRequest(uri: string | undefined): string {
  return /^sips?:([^@;?]+)@/i.exec(uri ?? '')?.[1] ?? '';
}

/** `sip:mod_sofia@<address>:<port>`, where the profile listens. */
export function profileUrl(core: Core): string {
  const bound = core.sip.addresses[0];
  const address = core.settings.sipAddress ?? bound?.address ?? '127.0.0.1';
  return `sip:mod_sofia@${address}:${bound?.port ?? 0}`;
}
