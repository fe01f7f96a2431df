import type { Clock } from '../kernel/clock.ts';
import { type DigestAlgorithm, digestAlgorithms } from './digest.ts';

/** How many phones are remembered; the one longest unheard of is forgotten first. */
const phonesMax = 10_000;
const rememberMs = 86_400_000;
/** Known to give up at an algorithm that they do not know, instead of looking for another (libre before 2.0). */
const givesUpAtSha256 = /^baresip v[01]\./;

/**
 * Which algorithms a phone is offered. RFC 8760 has a phone that knows only MD5 pass over SHA-256, but some give up
 * when they see it. So one that was offered both and comes back without having answered is offered MD5 alone; one that
 * has ever answered with SHA-256 never is.
 */
export class ChallengeChoice {
  readonly #clock: Clock;
  readonly #phones = new Map<string, { state: 'offered-both' | 'md5-only' | 'sha-256'; atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For a REGISTER without an answer. `phone`: whatever tells it from others. */
  offer(phone: string, userAgent: string): readonly DigestAlgorithm[] {
    const state = this.#stateOf(phone);
    const md5Only = state === 'md5-only' || state === 'offered-both' || givesUpAtSha256.test(userAgent);
    this.#remember(phone, state === 'sha-256' ? state : md5Only ? 'md5-only' : 'offered-both');
    return md5Only && state !== 'sha-256' ? ['MD5'] : digestAlgorithms;
  }

  /** The phone has answered a challenge of ours. */
  answered(phone: string, algorithm: DigestAlgorithm): void {
    this.#remember(phone, algorithm === 'MD5' ? 'md5-only' : 'sha-256');
  }

  #stateOf(phone: string): 'offered-both' | 'md5-only' | 'sha-256' | undefined {
    const known = this.#phones.get(phone);
    return known && this.#clock.monotonicMs() - known.atMs < rememberMs ? known.state : undefined;
  }

  #remember(phone: string, state: 'offered-both' | 'md5-only' | 'sha-256'): void {
    this.#phones.delete(phone);
    this.#phones.set(phone, { state, atMs: this.#clock.monotonicMs() });
    const [oldest] = this.#phones.keys();
    if (this.#phones.size > phonesMax && oldest !== undefined) this.#phones.delete(oldest);
  }
}
