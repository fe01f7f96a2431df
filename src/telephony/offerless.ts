import { type Clock, deadlinePassed, withDeadline } from '../kernel/clock.ts';
import type { DescriptionReader } from './description-reader.ts';
import { type ExpectedInvite, originate } from './expected-invite.ts';
import type { LegDialogs } from './leg.ts';
import type { MediaServer } from './media-server.ts';
import type { SipServer } from './sip-server.ts';
import type { SrfRequest, SrfResponse } from './types/srf.ts';

export interface OfferlessOptions {
  legId: string;
  /** The caller's INVITE. */
  req: SrfRequest;
  res: SrfResponse;
  server: MediaServer;
  sip: SipServer;
  clock: Clock;
  reader: DescriptionReader;
  deadlineMs: number;
  /** Says that FreeSWITCH's INVITE for this leg is awaited; gives how to take that back. */
  expect(legId: string, invite: ExpectedInvite): () => void;
  /** FreeSWITCH's INVITE is here. */
  onInvite(): void;
}

/**
 * Answers an INVITE without an offer (RFC 3261, 13.3.1.4): FreeSWITCH is made to call us, its offer goes to the caller
 * in the 200, and the answer in the caller's ACK goes to FreeSWITCH. Gives the dialogs, or the status that failed it.
 */
export async function answerWithOurOffer(options: OfferlessOptions): Promise<LegDialogs | number> {
  const { legId, server, sip, clock, deadlineMs, expect } = options;
  let take: (invite: { req: SrfRequest; res: SrfResponse }) => void = () => undefined;
  const invited = new Promise<{ req: SrfRequest; res: SrfResponse }>((resolve) => {
    take = resolve;
  });
  const forget = expect(legId, { server, onMediaInvite: (req, res) => take({ req, res }) });
  let arrived = false;
  const call = { legId, user: 'offer', timeoutMs: deadlineMs, wanted: () => !arrived };
  const originated = originate({ sip, server, clock }, call);
  const media = await withDeadline(clock, invited, deadlineMs);
  arrived = true;
  options.onInvite();
  forget();
  if (media === deadlinePassed) {
    server.api(`uuid_kill ${legId}`);
    return 503;
  }
  const dialogs = await joinByAck(options, media);
  // Orders before the channel is parked would be broken off when it is.
  if (typeof dialogs !== 'number') await withDeadline(clock, originated, deadlineMs);
  return dialogs;
}

async function joinByAck(
  { req, res, sip, clock, reader, deadlineMs }: OfferlessOptions,
  media: { req: SrfRequest; res: SrfResponse },
): Promise<LegDialogs | number> {
  const network = await sip.accept(req, res, media.req.body ?? '', deadlineMs);
  if (!network) {
    media.res.send(487);
    return 487;
  }
  const cseq = Number.parseInt(req.get('CSeq') ?? '', 10);
  const answer = await withDeadline(clock, network.acknowledged(cseq), deadlineMs);
  const read = answer === deadlinePassed || answer === '' ? undefined : await reader.readAnswer(answer);
  if (!read?.ok) {
    network.bye();
    media.res.send(488);
    return 488;
  }
  const remoteSdp = read.sdp;
  const accepted = await sip.accept(media.req, media.res, remoteSdp, deadlineMs);
  if (accepted) return { network, media: accepted, remoteSdp };
  network.bye();
  return 503;
}
