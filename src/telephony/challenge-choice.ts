import type { LastUse } from '../call/phones.ts';
import type { Clock } from '../kernel/clock.ts';
import { type DigestAlgorithm, digestAlgorithms } from './digest.ts';

/** How many phones are remembered; the one longest unheard of is forgotten first. */
const phonesMax = 10_000;
const rememberMs = 600_000;
/** Known to give up at an algorithm that they do not know, instead of looking for another (libre before 2.0). */
const givesUpAtSha256 = /^baresip v[01]\./;
const md5Only = ['MD5'] as const;

/** A phone that was offered something, and when. */
interface Offered {
  atMs: number;
  /** Which request: a REGISTER that is sent again, since our answer was lost, has let nothing pass. */
  request: string;
  algorithms: readonly DigestAlgorithm[];
  /** It knew SHA-256 once, and was offered MD5 alone. */
  fellBack: boolean;
}

/**
 * Which algorithms a phone is offered. RFC 8760 has a phone that knows only MD5 pass over SHA-256, but some give up
 * when they see it. So one that was offered both and comes back with another request, without having answered, is offered
 * MD5 alone; also where the name has used SHA-256, since there may be another phone in its place. That must not make
 * MD5 of a phone that knows better and has only lost an answer: it is offered both again the next time, even where it
 * has registered with MD5 meanwhile.
 */
export class ChallengeChoice {
  readonly #clock: Clock;
  readonly #offered = new Map<string, Offered>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `phone`: whatever tells it from others; `request`: one from the next; `known`: what it last registered with. */
  offer(phone: string, request: string, userAgent: string, known: LastUse | undefined): readonly DigestAlgorithm[] {
    const nowMs = this.#clock.monotonicMs();
    const last = this.#offered.get(phone);
    const before = last && nowMs - last.atMs < rememberMs ? last : undefined;
    if (before?.request === request) return before.algorithms;
    // The answer may have gone to another controller.
    const isAnswered = known !== undefined && before !== undefined && nowMs - known.agoMs >= before.atMs;
    const isPassedOver = !isAnswered && before?.algorithms === digestAlgorithms;
    const algorithms = this.#choose(known?.algorithm, before, isPassedOver || givesUpAtSha256.test(userAgent));
    const fellBack = known?.algorithm === 'SHA-256' && algorithms === md5Only;
    this.#remember(phone, { atMs: nowMs, request, algorithms, fellBack });
    return algorithms;
  }

  /** The phone has answered a challenge: what it is offered again is what it has answered with, or better. */
  offerAgain(phone: string, answeredWith: DigestAlgorithm): readonly DigestAlgorithm[] {
    if (answeredWith === 'MD5') return md5Only;
    this.#offered.delete(phone);
    return digestAlgorithms;
  }

  #choose(
    known: DigestAlgorithm | undefined,
    before: Offered | undefined,
    isPassedOver: boolean,
  ): readonly DigestAlgorithm[] {
    if (known === 'MD5') return before?.fellBack ? digestAlgorithms : md5Only;
    if (known === 'SHA-256') return isPassedOver ? md5Only : digestAlgorithms;
    return isPassedOver || before ? md5Only : digestAlgorithms;
  }

  #remember(phone: string, offered: Offered): void {
    this.#offered.delete(phone);
    this.#offered.set(phone, offered);
    const [oldest] = this.#offered.keys();
    if (this.#offered.size > phonesMax && oldest !== undefined) this.#offered.delete(oldest);
  }
}
