import { header, type SipMessage } from '../../kernel/sip/message.ts';
import type { Dialog } from './api.ts';

/** What a refresh needs of its dialog besides the dialog. */
export interface RefreshContext {
  /** By UPDATE, or by re-INVITE with this SDP again (RFC 4028 7.4). */
  sdp: string | undefined;
  intervalSeconds: number;
  retry(delayMs: number, intervalSeconds: number): void;
  /** The peer knows no UPDATE; gives whether there is another way. */
  avoidUpdate(): boolean;
}

/** Refreshes the session of a dialog (RFC 4028 10). A refresh that fails for good leaves the session to expire. */
export function refreshSession(dialog: Dialog, context: RefreshContext): void {
  const { sdp, intervalSeconds } = context;
  const headers = { 'Session-Expires': `${intervalSeconds};refresher=uac` };
  const transaction =
    sdp === undefined
      ? dialog.request({ method: 'UPDATE', headers })
      : dialog.request({ method: 'INVITE', headers: { ...headers, 'Content-Type': 'application/sdp' }, body: sdp });
  transaction.on('response', (response: SipMessage) => {
    const status = response.status ?? 0;
    if (status < 200) return;
    if (status < 300) {
      if (sdp !== undefined) dialog.ack();
    } else if (status === 422) {
      const least = Number(header(response, 'Min-SE')?.split(';')[0]);
      if (least > intervalSeconds) context.retry(1_000, least);
    } else if (status === 491 || status === 500) {
      // 14.1: the one who chose the Call-ID waits 2.1 to 4 s, the other up to 2 s
      const [leastMs, rangeMs] = dialog.role === 'uac' ? [2_100, 1_900] : [0, 2_000];
      context.retry(leastMs + Math.random() * rangeMs, intervalSeconds);
    } else if (sdp === undefined && (status === 405 || status === 501)) {
      if (context.avoidUpdate()) context.retry(0, intervalSeconds);
    }
  });
}
