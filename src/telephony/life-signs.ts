import type { Clock } from '../kernel/clock.ts';
import { delay } from '../kernel/clock.ts';

/** FreeSWITCH is told at most this often that somebody is there: each time is a re-INVITE. */
const tellEveryMs = 2_000;
/** No packet of audio within this: nothing comes now. */
const quietMs = 150;

export interface LifeSignsOptions {
  clock: Clock;
  /** Packets that FreeSWITCH has received of the phone; undefined where it does not say. */
  packetsReceived(): Promise<number | undefined>;
  /** Makes FreeSWITCH begin its media time-out anew. */
  refreshMedia(): Promise<void>;
}

/**
 * A phone that says nothing, by a mute key or by silence suppression, but speaks SIP is there: FreeSWITCH, which counts
 * what comes to its RTP ports and nothing else, is kept from ending its leg.
 */
export class LifeSigns {
  readonly #options: LifeSignsOptions;
  #toldAtMs: number | undefined;

  constructor(options: LifeSignsOptions) {
    this.#options = options;
  }

  /** The phone has sent a request, or has answered one. */
  async seen(): Promise<void> {
    const { clock, packetsReceived, refreshMedia } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#toldAtMs !== undefined && nowMs - this.#toldAtMs < tellEveryMs) return;
    this.#toldAtMs = nowMs;
    const before = await packetsReceived();
    await delay(clock, quietMs);
    // Where audio comes, there is nothing to be told, and no re-INVITE to disturb it.
    if (before !== undefined && (await packetsReceived()) === before) await refreshMedia();
  }
}
