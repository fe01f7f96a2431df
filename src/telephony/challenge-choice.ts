import type { Clock } from '../kernel/clock.ts';
import { type DigestAlgorithm, digestAlgorithms } from './digest.ts';

/** How many phones are remembered; the one longest unheard of is forgotten first. */
const phonesMax = 10_000;
const rememberMs = 600_000;
/** Known to give up at an algorithm that they do not know, instead of looking for another (libre before 2.0). */
const givesUpAtSha256 = /^baresip v[01]\./;
const md5Only = ['MD5'] as const;

/**
 * Which algorithms a phone is offered. RFC 8760 has a phone that knows only MD5 pass over SHA-256, but some give up
 * when they see it. So one that was offered both and comes back without having answered is offered MD5 alone, and one
 * that has registered is offered what it has shown that it can.
 */
export class ChallengeChoice {
  readonly #clock: Clock;
  /** Phones that were offered both, and when. */
  readonly #unanswered = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `phone`: whatever tells it from others; `known`: the algorithm that it last registered with. */
  offer(phone: string, userAgent: string, known: DigestAlgorithm | undefined): readonly DigestAlgorithm[] {
    if (known) return known === 'MD5' ? md5Only : digestAlgorithms;
    if (givesUpAtSha256.test(userAgent)) return md5Only;
    const nowMs = this.#clock.monotonicMs();
    const offeredAtMs = this.#unanswered.get(phone);
    this.#unanswered.delete(phone);
    this.#unanswered.set(phone, nowMs);
    const [oldest] = this.#unanswered.keys();
    if (this.#unanswered.size > phonesMax && oldest !== undefined) this.#unanswered.delete(oldest);
    return offeredAtMs !== undefined && nowMs - offeredAtMs < rememberMs ? md5Only : digestAlgorithms;
  }

  /** The phone has answered a challenge: what it is offered again is what it has answered with, or better. */
  offerAgain(phone: string, answeredWith: DigestAlgorithm): readonly DigestAlgorithm[] {
    if (answeredWith === 'MD5') return md5Only;
    this.#unanswered.delete(phone);
    return digestAlgorithms;
  }
}
