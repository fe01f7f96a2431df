import type { SipMessage } from '../../kernel/sip/message.ts';
import type { HeaderMap } from './api.ts';
import { addMissing, applyHeaders } from './build.ts';
import type { Core, Target } from './core.ts';

/** Only the stack knows these in a request inside a dialog. */
export const fixedInDialog = ['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Route', 'Content-Length'];
/** From, To, Call-ID and CSeq were taken from the caller's headers already; the rest is the stack's. */
export const fixedOutside = ['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Content-Length'];

/** Requests that say where we are reached (8.1.1.8, RFC 3311, RFC 6665, RFC 3515). */
const contactMethods = new Set(['INVITE', 'UPDATE', 'SUBSCRIBE', 'REFER', 'NOTIFY']);

/** Adds to a request what the caller asked for and what it should carry beside that. */
export function fillRequest(
  core: Core,
  message: SipMessage,
  target: Target,
  given: HeaderMap | undefined,
  fixed: readonly string[],
): void {
  const { tellAllow, autoPrack, supported, userAgent } = core.options;
  const method = message.method ?? '';
  if (contactMethods.has(method)) message.headers.push(['Contact', core.contact(target.peer)]);
  applyHeaders(message, given, fixed);
  addMissing(message, 'Max-Forwards', '70');
  addMissing(message, 'User-Agent', userAgent);
  if (method === 'INVITE' || method === 'UPDATE') {
    addMissing(message, 'Allow', tellAllow.join(', '));
    // Who does not send PRACKs does not ask for what needs them; an application that does says so itself
    const told = autoPrack ? supported : supported.filter((token) => token !== '100rel');
    if (told.length > 0) addMissing(message, 'Supported', told.join(', '));
  }
  if (message.body !== '') addMissing(message, 'Content-Type', 'application/sdp');
}
