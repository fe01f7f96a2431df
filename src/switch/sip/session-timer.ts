import { hasToken, header, type SipMessage } from '../../kernel/sip/message.ts';
import { parseParams } from '../../kernel/sip/uri.ts';
import type { HeaderMap } from './api.ts';
import { mapValue } from './build.ts';
import { TimerSet } from './transaction/machine.ts';

/** Session timers (RFC 4028): what both sides agreed on, and the clock that goes with it. */

export interface SessionAgreement {
  intervalSeconds: number;
  weRefresh: boolean;
}

interface SessionExpires {
  seconds: number;
  refresher: 'uac' | 'uas' | undefined;
}

/** Reads a Session-Expires value; undefined when it is none. */
export function parseSessionExpires(value: string | undefined): SessionExpires | undefined {
  const match = /^(\d{1,9})\s*(;.*)?$/.exec(value?.trim() ?? '');
  if (!match) return undefined;
  const refresher = parseParams(match[2] ?? '')
    ?.get('refresher')
    ?.toLowerCase();
  return { seconds: Number(match[1]), refresher: refresher === 'uac' || refresher === 'uas' ? refresher : undefined };
}

/** Whether a request asks for refreshes more often than we like, and can be told so with 422 (RFC 4028 9). */
export function intervalTooSmall(request: SipMessage, minSeconds: number): boolean {
  const wanted = parseSessionExpires(header(request, 'Session-Expires'));
  return wanted !== undefined && wanted.seconds < minSeconds && hasToken(request, 'Supported', 'timer');
}

/**
 * What our 2xx says (RFC 4028 9, table 2). The application's own Session-Expires comes first.
 * @returns undefined when there is no session timer.
 */
export function answerAgreement(
  request: SipMessage,
  given: HeaderMap | undefined,
  minSeconds: number,
): (SessionAgreement & { header: string; requireTimer: boolean }) | undefined {
  const asked = parseSessionExpires(header(request, 'Session-Expires'));
  const chosen = parseSessionExpires(mapValue(given, 'Session-Expires')) ?? asked;
  if (!chosen) return undefined;
  const peerHasTimer = hasToken(request, 'Supported', 'timer') || hasToken(request, 'Require', 'timer');
  const refresher = peerHasTimer ? (chosen.refresher ?? 'uac') : 'uas';
  const intervalSeconds = Math.max(chosen.seconds, minSeconds);
  return {
    intervalSeconds,
    weRefresh: refresher === 'uas',
    header: `${intervalSeconds};refresher=${refresher}`,
    requireTimer: refresher === 'uac',
  };
}

/** What the peer's 2xx to our request means (RFC 4028 7.2); undefined when it keeps no timer. */
export function acceptedAgreement(response: SipMessage, minSeconds: number): SessionAgreement | undefined {
  const answer = parseSessionExpires(header(response, 'Session-Expires'));
  if (!answer) return undefined;
  return { intervalSeconds: Math.max(answer.seconds, minSeconds), weRefresh: answer.refresher !== 'uas' };
}

/** Timers longer than this are beyond setTimeout. */
const maxDelayMs = 2 ** 31 - 1;

/** The clock of one dialog's session. */
export class SessionTimer {
  readonly #timers = new TimerSet<'refresh' | 'expire'>();
  readonly #onRefresh: (intervalSeconds: number) => void;
  readonly #onExpire: () => void;

  constructor(onRefresh: (intervalSeconds: number) => void, onExpire: () => void) {
    this.#onRefresh = onRefresh;
    this.#onExpire = onExpire;
  }

  /** (Re)starts after each agreement; undefined ends it. */
  restart(agreement: SessionAgreement | undefined): void {
    this.stop();
    if (!agreement) return;
    const { intervalSeconds, weRefresh } = agreement;
    // RFC 4028 10: BYE a little before the end, the lesser of 32 s and a third of the interval
    const graceSeconds = Math.min(32, intervalSeconds / 3);
    this.#timers.set('expire', delay(intervalSeconds - graceSeconds), this.#onExpire);
    if (weRefresh) this.#timers.set('refresh', delay(intervalSeconds / 2), () => this.#onRefresh(intervalSeconds));
  }

  /** Tries the refresh once more, where it failed for a passing reason. */
  retryRefresh(delayMs: number, intervalSeconds: number): void {
    this.#timers.set('refresh', delayMs, () => this.#onRefresh(intervalSeconds));
  }

  stop(): void {
    this.#timers.clearAll();
  }
}

function delay(seconds: number): number {
  return Math.min(seconds * 1_000, maxDelayMs);
}
