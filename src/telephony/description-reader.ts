import type { Clock } from '../kernel/clock.ts';
import { HostNames, type LookUp } from './host-names.ts';
import { type Checked, checkAudio, type DescriptionFault, forMedia, readDescription } from './session-description.ts';

/** Reads what phones and carriers say of their session, before FreeSWITCH hears of it. */
export class DescriptionReader {
  readonly #names: HostNames;

  constructor(clock: Clock, lookUp?: LookUp) {
    this.#names = new HostNames(clock, lookUp);
  }

  /** An offer with audio that FreeSWITCH can do and addresses it can send to; or what is wrong with it. */
  async readOffer(text: string): Promise<Checked> {
    const description = readDescription(text);
    return checkAudio(description && (await this.#names.resolve(description)));
  }

  /** An answer to an offer of FreeSWITCH's, in the words that it understands; or what is wrong with it. */
  async readAnswer(text: string): Promise<{ ok: true; sdp: string } | Extract<Checked, { ok: false }>> {
    const checked = await this.readOffer(text);
    return checked.ok ? { ok: true, sdp: forMedia(checked, checked.choices[0]) } : checked;
  }
}

/** Tells with a 488 why (RFC 3261, 21.4.26). */
export function warningOf({ code, text }: DescriptionFault): { Warning: string } {
  return { Warning: `${code} denwaban "${text}"` };
}
