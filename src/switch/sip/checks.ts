import { listValues } from '../../kernel/sip/message.ts';
import type { HeaderMap } from './api.ts';
import type { ResolvedOptions } from './core.ts';
import type { Envelope } from './envelope.ts';
import { intervalTooSmall } from './session-timer.ts';

export interface Refusal {
  status: number;
  headers?: HeaderMap;
}

/**
 * Why the core refuses a request before anybody sees it (RFC 3261 8.2); undefined when it doesn't.
 * @param merged the same request is here already over another way.
 */
export function refusalOf(
  envelope: Envelope,
  options: ResolvedOptions,
  inDialog: boolean,
  merged: boolean,
): Refusal | undefined {
  const { message } = envelope;
  const method = message.method ?? '';
  if (!options.allow.includes(method)) return { status: 405 }; // 8.2.1; Allow is filled in
  // 8.2.2.2
  if (merged && envelope.toTag === '') return { status: 482 };
  // 8.2.2.3; what a REGISTER needs, its registrar has or has not
  const required = method === 'REGISTER' ? [] : listValues(message, 'Require');
  const unsupported = required.filter((token) => token !== '' && !options.supported.includes(token.toLowerCase()));
  if (unsupported.length > 0) return { status: 420, headers: { Unsupported: unsupported.join(', ') } };
  // 12.2.2
  if (envelope.toTag !== '' && !inDialog) return { status: 481 };
  if (!inDialog && method === 'INVITE' && intervalTooSmall(message, options.minSessionExpiresSeconds)) {
    return { status: 422, headers: { 'Min-SE': String(options.minSessionExpiresSeconds) } };
  }
  return undefined;
}
