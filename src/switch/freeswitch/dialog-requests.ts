import { header, headers } from '../../kernel/sip/message.ts';
import type { Dialog, ServerTransaction } from '../sip/api.ts';
import { causeOf } from './causes.ts';
import type { Core, Leg } from './core.ts';
import { infoDigit } from './dtmf.ts';
import type { Negotiation } from './negotiation.ts';

/** How a dialog ended, in FreeSWITCH's causes. */
const CAUSE_OF_END = {
  'local-bye': 'NORMAL_CLEARING',
  'remote-bye': 'NORMAL_CLEARING',
  gone: 'NORMAL_TEMPORARY_FAILURE',
  'session-expired': 'RECOVERY_ON_TIMER_EXPIRE',
  'ack-timeout': 'RECOVERY_ON_TIMER_EXPIRE',
} as const;

const KNOWN_METHODS = new Set(['SUBSCRIBE', 'PUBLISH', 'MESSAGE', 'REGISTER', 'REFER']);

/** Answers what the peer asks within the dialog of a leg, until it ends. */
export function serveDialog(core: Core, leg: Leg, dialog: Dialog, negotiation: Negotiation): void {
  dialog.on('request', (transaction) => {
    try {
      serve(core, leg, negotiation, transaction);
    } catch (error) {
      core.logger.warn({ error: String(error), uuid: leg.channel.uuid }, 'request in a dialog failed');
      if (transaction.finalStatus === 0) transaction.respond(500);
    }
  });
  dialog.on('terminated', (why) => core.hangup(leg, CAUSE_OF_END[why]));
}

function serve(core: Core, leg: Leg, negotiation: Negotiation, transaction: ServerTransaction): void {
  const { method = '' } = transaction.request;
  if (method === 'BYE') bye(core, leg, transaction);
  else if (method === 'INVITE') reinvite(core, leg, negotiation, transaction);
  else if (method === 'UPDATE') update(negotiation, transaction);
  else if (method === 'INFO') info(core, leg, transaction);
  else if (method === 'OPTIONS') transaction.respond(200);
  else if (method === 'NOTIFY') transaction.respond(481, { reason: 'Subscription Does Not Exist' });
  else transaction.respond(KNOWN_METHODS.has(method) ? 405 : 501);
}

function bye(core: Core, leg: Leg, transaction: ServerTransaction): void {
  transaction.respond(200);
  leg.channel.setAll({ sip_term_status: 200, sip_term_cause: 16, sip_hangup_disposition: 'recv_bye' });
  core.hangup(leg, causeOfReason(headers(transaction.request, 'Reason')) ?? 'NORMAL_CLEARING');
}

/** The Q.850 cause of a Reason header (RFC 3326), if there is one. */
function causeOfReason(reasons: string[]): string | undefined {
  for (const reason of reasons) {
    const number = /^\s*Q\.850\s*;.*\bcause\s*=\s*(\d+)/i.exec(reason)?.[1];
    const cause = number === undefined ? 'NONE' : causeOf(number);
    if (cause !== 'NONE') return cause;
  }
  return undefined;
}

/** Hold, resume, another codec or address; without an offer we make one, and the answer comes in the ACK. */
function reinvite(core: Core, leg: Leg, negotiation: Negotiation, transaction: ServerTransaction): void {
  const { body } = transaction.request;
  const sdp = body.trim() === '' ? negotiation.offer() : negotiation.answer(body);
  if (sdp === undefined) {
    transaction.respond(488);
    return;
  }
  if (body.trim() === '') {
    transaction.once('ack', (ack) => {
      // Neither an ACK without an answer nor one that fits nothing is forgiven: FreeSWITCH ends the call.
      if (!negotiation.accept(ack.body)) core.hangup(leg, 'INCOMPATIBLE_DESTINATION');
    });
  }
  transaction.respond(200, { headers: { 'Content-Type': 'application/sdp' }, body: sdp });
}

function update(negotiation: Negotiation, transaction: ServerTransaction): void {
  const { body } = transaction.request;
  if (body.trim() === '') {
    transaction.respond(200);
    return;
  }
  const sdp = negotiation.answer(body);
  if (sdp === undefined) transaction.respond(488);
  else transaction.respond(200, { headers: { 'Content-Type': 'application/sdp' }, body: sdp });
}

function info(core: Core, leg: Leg, transaction: ServerTransaction): void {
  const { request } = transaction;
  const key = infoDigit(header(request, 'Content-Type') ?? '', request.body);
  transaction.respond(200);
  if (key) core.media.injectDigit(leg.channel.uuid, key.digit, key.durationMs);
}
