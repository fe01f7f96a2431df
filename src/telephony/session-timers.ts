import type { SrfMessage } from './types/srf.ts';

/**
 * Session timers (RFC 4028) as far as they are the application's. drachtio-server keeps the clock: it refreshes where
 * we are to, and hangs up on who is to and does not. But it raises an interval that is too short instead of refusing
 * it, and says nothing of the session in its answers inside a dialog, upon which a caller stops to refresh.
 */

/** The shortest interval, in seconds (Min-SE; RFC 4028, 4). */
export const minSessionSeconds = 90;

/** Whether an INVITE asks for refreshes more often than we like, and its sender understands a 422 (RFC 4028, 9). */
export function sessionTooShort(req: SrfMessage): boolean {
  const asked = sessionExpires(req);
  return asked !== undefined && asked.seconds < minSessionSeconds && knowsTimers(req);
}

/** What our 200 to an INVITE or UPDATE says of the session (RFC 4028, 9, table 2); nothing where it asks for nothing. */
export function sessionHeaders(req: SrfMessage): Record<string, string> {
  const asked = sessionExpires(req);
  if (!asked) return {};
  const refresher = knowsTimers(req) ? (asked.refresher ?? 'uac') : 'uas';
  const value = `${Math.max(asked.seconds, minSessionSeconds)};refresher=${refresher}`;
  return { 'Session-Expires': value, ...(refresher === 'uac' ? { Require: 'timer' } : {}) };
}

/** The reason that drachtio gives in its BYE to both sides when a session was not refreshed. */
export function isSessionExpiry(reason: string): boolean {
  return /session timer expired/i.test(reason);
}

/** The reason that the embedded switch gives where a phone knew nothing of its dialog, or did not answer a request in it. */
export function isDialogGone(reason: string): boolean {
  return /dialog gone/i.test(reason);
}

function sessionExpires(req: SrfMessage): { seconds: number; refresher: string | undefined } | undefined {
  const value = req.get('Session-Expires') ?? '';
  const seconds = /^\s*(\d{1,9})\s*(?:;|$)/.exec(value)?.[1];
  if (seconds === undefined) return undefined;
  return { seconds: Number(seconds), refresher: /;\s*refresher\s*=\s*(ua[cs])\b/i.exec(value)?.[1]?.toLowerCase() };
}

function knowsTimers(req: SrfMessage): boolean {
  return /\btimer\b/i.test(`${req.get('Supported') ?? ''},${req.get('Require') ?? ''}`);
}
