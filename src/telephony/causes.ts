import type { DialOutcome } from '../call/telephony.ts';
import type { EndCause } from '../kernel/call-fact.ts';

type DialFailure = Extract<DialOutcome, { ok: false }>['cause'];

/** What a phone's or trunk's final SIP status means for a dial (RFC 3261, 21). */
export function dialFailureOf(sipStatus: number): DialFailure {
  switch (sipStatus) {
    case 486:
    case 600:
      return 'busy';
    case 408:
    case 480:
    case 487:
      return 'no-answer';
    case 401:
    case 403:
    case 407:
    case 603:
    case 607:
      return 'rejected';
    case 404:
    case 410:
    case 484:
    case 502:
    case 503:
    case 504:
    case 604:
      return 'unreachable';
    default:
      return isTechnical(sipStatus) ? 'failed' : 'rejected';
  }
}

/** Refusals that tell of the request or the server, and of nobody who would not have the call. */
const technical = new Set([
  ...[400, 402, 405, 406, 413, 414, 415, 416, 420, 421, 422, 423, 428, 429, 439, 440, 469, 470],
  ...[481, 482, 483, 485, 488, 491, 493, 494, 500, 501, 505, 513, 580],
]);

/** Of the rest, 6xx says that nobody anywhere wants it (607, 608), and what we do not know (433, 555, 699) is a refusal. */
function isTechnical(sipStatus: number): boolean {
  return sipStatus < 400 || technical.has(sipStatus);
}

const known = new Set([403, 404, 408, 410, 480, 484, 486, 487, 488, 500, 503, 600, 603, 604, 606]);

/** The final status that FreeSWITCH is given for a phone's: srf sends none that it has no name for (607, 555 …). */
export function passableStatus(sipStatus: number): number {
  if (known.has(sipStatus)) return sipStatus;
  if (sipStatus >= 600) return 603;
  return sipStatus >= 400 && sipStatus < 500 ? 480 : 500;
}

/** What FreeSWITCH's own cause means for a dial that never reached the trunk's answer. */
export function dialFailureOfCause(cause: string): DialFailure {
  if (/USER_BUSY/.test(cause)) return 'busy';
  if (/NO_ANSWER|NO_USER_RESPONSE|ALLOTTED_TIMEOUT|ORIGINATOR_CANCEL/.test(cause)) return 'no-answer';
  if (/CALL_REJECTED/.test(cause)) return 'rejected';
  if (/UNALLOCATED|NO_ROUTE|INVALID_NUMBER|DESTINATION_OUT_OF_ORDER/.test(cause)) return 'unreachable';
  return 'failed';
}

/** A media server says these of what it was offered, which is the caller's: it is well itself (RFC 3261, 21.4). */
const callersFault: ReadonlySet<number> = new Set([400, 406, 413, 415, 420, 421, 488, 493, 513, 606]);

/** What the caller is told, and what goes on record, when a media server does not take the call. */
export function answerFailureOf(sipStatus: number): { cause: EndCause; sipStatus: number } {
  if (callersFault.has(sipStatus)) return { cause: 'media-refused', sipStatus: 488 };
  return { cause: 'media-lost', sipStatus: 503 };
}

/** Why a leg ended that FreeSWITCH has ended of itself, by its Hangup-Cause or the Reason header of its BYE. */
export function causeOfHangup(cause: string): EndCause {
  return cause.includes('MEDIA_TIMEOUT') ? 'media-timeout' : 'media-lost';
}
