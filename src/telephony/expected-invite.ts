import { type Clock, delay } from '../kernel/clock.ts';
import type { MediaServer } from './media-server.ts';
import type { SipServer } from './sip-server.ts';
import type { SrfRequest, SrfResponse } from './types/srf.ts';

/** Header by which FreeSWITCH's INVITE says for which leg it is. */
export const legHeader = 'X-Leg';
/** FreeSWITCH is told to give up this much later than we do. */
const graceSeconds = 3;
/** As freeswitch-conf/ has it for incoming legs: one without media is ended, even with no controller alive. */
const mediaTimeoutMs = 30_000;
const holdTimeoutMs = 1_800_000;
/** FreeSWITCH's words for a controller's 403 to an INVITE that is not its own, and for drachtio's 503 in its place. */
const turnedAway = /CALL_REJECTED|NORMAL_TEMPORARY_FAILURE/;
const triesMax = 8;
/** Time for FreeSWITCH to forget the channel of the try before: the next has the same uuid. */
const retryMs = 60;

/** Somebody who has told a media server to call us, and waits for its INVITE. */
export interface ExpectedInvite {
  readonly server: MediaServer;
  onMediaInvite(req: SrfRequest, res: SrfResponse): void;
}

/**
 * Makes FreeSWITCH call us with an offer of its own, on a channel whose uuid is the leg's id, and park it. Resolves
 * with FreeSWITCH's last word: `+OK …` or `-ERR cause`. Where several controllers share a drachtio, it may hand
 * FreeSWITCH's INVITE to another one, who turns it away: so it is sent again while `wanted`, which must say no once the
 * INVITE has arrived here.
 */
export async function originate(
  { sip, server, clock }: { sip: SipServer; server: MediaServer; clock: Clock },
  call: OriginatedCall & { wanted(): boolean },
): Promise<string> {
  const command = originateCommand(sip, call);
  for (let tries = 1; ; tries++) {
    const result = (await server.background(command).result).trim();
    if (result.startsWith('+OK') || !turnedAway.test(result) || tries === triesMax || !call.wanted()) return result;
    await delay(clock, retryMs);
    if (!call.wanted()) return result;
  }
}

interface OriginatedCall {
  legId: string;
  user: string;
  timeoutMs: number;
  /** Channel that it is to talk with. */
  beside?: string | undefined;
}

function originateCommand(sip: SipServer, { legId, user, timeoutMs, beside }: OriginatedCall): string {
  const { address, port } = sip.sipAddress ?? { address: '127.0.0.1', port: 5060 };
  const variables = [
    `origination_uuid=${legId}`,
    `sip_h_${legHeader}=${legId}`,
    `originate_timeout=${Math.ceil(timeoutMs / 1_000) + graceSeconds}`,
    'ignore_early_media=true',
    'park_after_bridge=true',
    'hangup_after_bridge=false',
    'playback_terminators=none',
    `media_timeout=${mediaTimeoutMs}`,
    `media_hold_timeout=${holdTimeoutMs}`,
    // For the embedded switch, which keeps both in one of its media workers; nothing to FreeSWITCH.
    ...(/^[\w.@-]+$/.test(beside ?? '') ? [`denwaban_beside=${beside}`] : []),
  ];
  return `originate {${variables.join(',')}}sofia/drachtio_mrf/${user}@${address}:${port} &park()`;
}

/** Only what can stand in a dial string or URI: nothing a number holds may end it and begin something else. */
export function safeUser(number: string): string {
  return number.replace(/[^0-9A-Za-z+*#_.-]/g, '').replace(/#/g, '%23');
}
