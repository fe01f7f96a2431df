import { eventually } from '../support/poll.ts';
import type { Bench, WatchedLeg } from './harness.ts';
import { type TestPhone, toneLevel } from './phone.ts';

/** Somebody on the line, with their phone. */
export type Party = WatchedLeg & { phone: TestPhone };

const loud = toneLevel / 2;
const quiet = toneLevel / 20;

/** Calls that are answered; each caller says a tone of their own. */
export async function parties<Pitches extends number[]>(
  bench: Bench,
  ...pitches: Pitches
): Promise<{ [Index in keyof Pitches]: Party }> {
  const all: Party[] = [];
  for (const pitchHz of pitches) {
    const party = await bench.talk();
    party.phone.pitchHz = pitchHz;
    all.push(party);
  }
  return all as { [Index in keyof Pitches]: Party };
}

/** Waits until each of the pitches is heard, and none of the others. */
export function hears(party: { phone: TestPhone }, pitches: number[], notThese: number[] = []): Promise<unknown> {
  const heard = () => [...pitches, ...notThese].map((hz) => `${hz} Hz: ${Math.round(party.phone.hears(hz))}`).join();
  const check = () =>
    pitches.every((hz) => party.phone.hears(hz) > loud) && notThese.every((hz) => party.phone.hears(hz) < quiet);
  const what = `${pitches} Hz to be heard, ${notThese} not`;
  return eventually(what, check, { timeoutMs: 3_000 }).catch((error: Error) => {
    throw new Error(`${error.message} (${heard()})`);
  });
}

/** A tone, again and again. */
export const music = (playId: string, hz: number) => ({
  playId,
  sounds: [{ tone: `v=-7;%(1000,0,${hz})` }],
  stopOnDigit: false,
  loop: true,
});
