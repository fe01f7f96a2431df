import type { MediaServer } from './media-server.ts';
import type { SipServer } from './sip-server.ts';
import type { SrfRequest, SrfResponse } from './types/srf.ts';

/** Header by which FreeSWITCH's INVITE says for which leg it is. */
export const legHeader = 'X-Leg';
/** FreeSWITCH is told to give up this much later than we do. */
const graceSeconds = 3;

/** Somebody who has told a media server to call us, and waits for its INVITE. */
export interface ExpectedInvite {
  readonly server: MediaServer;
  onMediaInvite(req: SrfRequest, res: SrfResponse): void;
}

/** Makes FreeSWITCH call us with an offer of its own, on a channel whose uuid is the leg's id, and park it. */
export function originateCommand(
  sip: SipServer,
  { legId, user, timeoutMs }: { legId: string; user: string; timeoutMs: number },
): string {
  const { address, port } = sip.sipAddress ?? { address: '127.0.0.1', port: 5060 };
  const variables = [
    `origination_uuid=${legId}`,
    `sip_h_${legHeader}=${legId}`,
    `originate_timeout=${Math.ceil(timeoutMs / 1_000) + graceSeconds}`,
    'ignore_early_media=true',
    'park_after_bridge=true',
    'hangup_after_bridge=false',
    'playback_terminators=none',
  ];
  return `originate {${variables.join(',')}}sofia/drachtio_mrf/${user}@${address}:${port} &park()`;
}

/** Only what can stand in a dial string or URI: nothing a number holds may end it and begin something else. */
export function safeUser(number: string): string {
  return number.replace(/[^0-9A-Za-z+*#_.-]/g, '').replace(/#/g, '%23');
}
