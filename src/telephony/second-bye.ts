import type { DialogIdentity } from './dialog-identity.ts';
import { parseSipUri } from './sip-values.ts';
import type { SrfDialog } from './types/srf.ts';

/** A BYE to where a caller says that it listens, sent by drachtio as if outside the dialog. */
export interface SecondBye {
  uri: string;
  headers: Record<string, string>;
  /** The Contact names the host that the INVITE came from, and another port. */
  isSameHost: boolean;
}

const usualPort = 5060;

/**
 * drachtio sends what it has for a caller on UDP to where the INVITE came from, whatever the Contact says: right for a
 * phone behind NAT, and lost on a carrier that sends from one port and listens on another. Which of the two it is cannot
 * be seen. Gives the BYE that goes to the Contact; undefined where both are the same, or a proxy is in between.
 */
export function secondBye(
  { type, req }: SrfDialog,
  { callId, from, to, target }: DialogIdentity,
  nowMs: number,
): SecondBye | undefined {
  if (type !== 'uas' || req.protocol?.toLowerCase() !== 'udp' || req.has('Record-Route')) return undefined;
  const contact = parseSipUri(target);
  if (contact?.scheme !== 'sip') return undefined;
  const isSameHost = contact.host === req.source_address;
  if (isSameHost && (contact.port ?? usualPort) === req.source_port) return undefined;
  // drachtio looks the first Call-ID up, and would send the request in the dialog; what is sent is the second. The CSeq is
  // above every one that drachtio has counted up to.
  const callIds = { 'Call-ID': `second-bye-${callId}`, 'call-id': callId };
  const cseq = `${Math.floor(nowMs / 1_000)} BYE`;
  return { uri: target, headers: { ...callIds, From: from, To: to, CSeq: cseq }, isSameHost };
}
