import type { SrfResponse } from './types/srf.ts';

/** So many phones behind a proxy that forks one INVITE are listened to. */
const dialogsMax = 20;

/**
 * Answers to an offer that came before the call was answered (183): a 200 that has none of its own means the one that
 * the same phone gave before (RFC 3261, 13.2.1).
 */
export class EarlyAnswers {
  readonly #byTag = new Map<string, string>();

  take(res: SrfResponse): void {
    const tag = /;\s*tag=([^;\s]+)/i.exec(res.get('To') ?? '')?.[1] ?? '';
    if (!res.body || (this.#byTag.size >= dialogsMax && !this.#byTag.has(tag))) return;
    this.#byTag.set(tag, res.body);
  }

  /** Of the phone with this tag; '' where it has given none. */
  of(tag: string): string {
    return this.#byTag.get(tag) ?? '';
  }
}
