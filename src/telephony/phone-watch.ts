import { type Clock, deadlinePassed, type TimerHandle, withDeadline } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { SwitchLeg } from './leg.ts';
import { noAnswer } from './sip-dialog.ts';

export interface PhoneWatchTimes {
  /** How often FreeSWITCH is asked whether the phone still sends audio. */
  checkEveryMs: number;
  /** A phone that has sent none for this long is asked by SIP whether it is there. */
  silentMs: number;
  /** How long it may take to answer. */
  answerMs: number;
  /** One that is silent and answers (on hold, or it suppresses silence) is not asked again before this. */
  askEveryMs: number;
}

export const defaultPhoneWatchTimes: PhoneWatchTimes = {
  checkEveryMs: 2_000,
  silentMs: 4_000,
  answerMs: 2_000,
  askEveryMs: 8_000,
};

export interface PhoneWatchOptions {
  clock: Clock;
  logger: Logger;
  times: PhoneWatchTimes;
  /** Requests in dialogs can be sent: without that, no answer says nothing of the phone. */
  canAsk(): boolean;
  /** The phone's BYE would not reach us: one that knows the dialog no more may simply have hung up. */
  isAdopted(leg: SwitchLeg): boolean;
}

/** A phone that answers none of these, though it can be heard, answers no OPTIONS. */
const learnTries = 3;

interface Watched {
  timer: TimerHandle;
  /** Packets that FreeSWITCH had received from the phone at the last look. */
  packets: number | undefined;
  silentSinceMs: number | undefined;
  askedAtMs: number | undefined;
  asked: number;
  /** It has answered an OPTIONS: from then on, that it does not answer means something. */
  answers: boolean;
}

type Answer = 'there' | 'unknown-dialog' | 'none' | 'undecided';

/**
 * Finds out within seconds that the phone of somebody who talks has gone (power, network): FreeSWITCH by itself waits
 * for its media time-out, which must be long, since a phone may be silent. Silence alone ends nothing: the phone is asked
 * (OPTIONS in its dialog), and is lost when it does not answer although it did before, or knows nothing of the call.
 */
export class PhoneWatch {
  readonly #options: PhoneWatchOptions;
  readonly #watched = new Map<SwitchLeg, Watched>();

  constructor(options: PhoneWatchOptions) {
    this.#options = options;
  }

  watch(leg: SwitchLeg): void {
    const timer = this.#later(leg);
    const nothing = { packets: undefined, silentSinceMs: undefined, askedAtMs: undefined };
    this.#watched.set(leg, { timer, ...nothing, asked: 0, answers: false });
  }

  forget(leg: SwitchLeg): void {
    this.#options.clock.clearTimeout(this.#watched.get(leg)?.timer);
    this.#watched.delete(leg);
  }

  stop(): void {
    for (const leg of [...this.#watched.keys()]) this.forget(leg);
  }

  #later(leg: SwitchLeg): TimerHandle {
    const { clock, times, logger } = this.#options;
    return clock.setTimeout(() => {
      this.#check(leg).catch((error: unknown) => logger.error({ err: String(error) }, 'a phone could not be watched'));
    }, times.checkEveryMs);
  }

  async #check(leg: SwitchLeg): Promise<void> {
    const watched = this.#watched.get(leg);
    if (!watched) return;
    try {
      if (this.#isToBeAsked(watched, await leg.packetsReceived())) await this.#ask(leg, watched);
    } finally {
      if (this.#watched.get(leg) === watched) watched.timer = this.#later(leg);
    }
  }

  /** While it can be heard, to learn whether it answers at all; then whenever it has been silent for long. */
  #isToBeAsked(watched: Watched, packets: number | undefined): boolean {
    const { clock, times } = this.#options;
    const nowMs = clock.monotonicMs();
    const before = watched.packets;
    watched.packets = packets;
    const isDue = watched.askedAtMs === undefined || nowMs - watched.askedAtMs >= times.askEveryMs;
    if (packets === undefined || before === undefined || packets !== before) {
      watched.silentSinceMs = undefined;
      return packets !== undefined && !watched.answers && watched.asked < learnTries && isDue;
    }
    watched.silentSinceMs ??= nowMs - times.checkEveryMs;
    return nowMs - watched.silentSinceMs >= times.silentMs && isDue;
  }

  async #ask(leg: SwitchLeg, watched: Watched): Promise<void> {
    watched.askedAtMs = this.#options.clock.monotonicMs();
    watched.asked += 1;
    const answer = await this.#answerOf(leg);
    if (answer === 'there') {
      watched.answers = true;
      leg.isThere();
    }
    const isGone = answer === 'unknown-dialog' || (answer === 'none' && watched.answers);
    if (!isGone || this.#watched.get(leg) !== watched) return;
    // Unknown where FreeSWITCH does not say; back again, after a gap, where there are more.
    if (answer === 'none' && (await leg.packetsReceived()) !== watched.packets) return;
    if (this.#watched.get(leg) !== watched) return;
    this.#options.logger.warn({ legId: leg.legId, answer }, 'the phone of somebody who talks has gone');
    leg.lost(answer === 'unknown-dialog' && this.#options.isAdopted(leg) ? 'peer-hangup' : 'media-lost');
  }

  async #answerOf(leg: SwitchLeg): Promise<Answer> {
    const { clock, times, canAsk } = this.#options;
    if (!leg.network || leg.over || !canAsk()) return 'undecided';
    const answer = await withDeadline(clock, leg.ask(), times.answerMs);
    if (!canAsk()) return 'undecided';
    if (answer === deadlinePassed) return 'none';
    // Refused by drachtio itself: it has no such dialog any more.
    if (!answer.ok) return answer.reason === noAnswer ? 'none' : 'unknown-dialog';
    if (answer.status === 481) return 'unknown-dialog';
    // 503 is drachtio's own where the phone's address refuses.
    return answer.status === 408 || answer.status === 503 ? 'none' : 'there';
  }
}
