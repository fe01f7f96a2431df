import fc from 'fast-check';
import { test } from 'vitest';
import type { Effect } from '../../src/flow/protocol.ts';
import { settle } from '../support/fake-clock.ts';
import { dial, type Harness, hangup, harness, say } from './harness.ts';
import { checkNothingLeft, windUp } from './wind-up.ts';

/** Everything a caller, a phone, a switch and time can do, in any order. */
const happenings = {
  press: (h: Harness) => h.telephony.openLegs[0]?.press('5'),
  pressEnd: (h: Harness) => h.telephony.openLegs[0]?.press('9'),
  pressDial: (h: Harness) => h.telephony.openLegs[0]?.press('3'),
  pressCancel: (h: Harness) => h.telephony.openLegs[0]?.press('0'),
  promptEnds: (h: Harness) => h.telephony.openLegs[0]?.finishPlay(),
  recordEnds: (h: Harness) => h.telephony.openLegs[0]?.finishRecord(),
  callerHangsUp: (h: Harness) => h.telephony.openLegs.find((leg) => leg.kind === 'caller')?.hangUp(),
  callerGivesUp: (h: Harness) => h.telephony.calls.at(-1)?.cancel(),
  answered: (h: Harness) => h.telephony.calls.at(-1)?.completeAnswer(),
  refused: (h: Harness) =>
    h.telephony.calls.at(-1)?.completeAnswer({ ok: false, cause: 'media-refused', sipStatus: 488 }),
  rings: (h: Harness) => h.telephony.openDials[0]?.ring(),
  phoneAnswers: (h: Harness) => h.telephony.openDials[0]?.answer(),
  phoneBusy: (h: Harness) => h.telephony.openDials[0]?.fail('busy', 486),
  phoneHangsUp: (h: Harness) => h.telephony.openLegs.find((leg) => leg.kind === 'transfer')?.hangUp(),
  switchUnbridges: (h: Harness) => {
    const [leg, peer] = h.telephony.openLegs;
    if (leg && peer) h.telephony.unbridge(leg, peer.legId);
  },
  phoneHangsUpUnheard: (h: Harness) => {
    for (const leg of h.telephony.openLegs) leg.bridgedWith = undefined;
    h.telephony.openLegs.find((leg) => leg.kind === 'transfer')?.hangUp();
  },
  bridgesBreak: (h: Harness) => {
    h.telephony.bridgesFail = !h.telephony.bridgesFail;
  },
  cancelsLate: (h: Harness) => {
    h.telephony.cancelsAreLate = !h.telephony.cancelsAreLate;
  },
  slowBye: (h: Harness) => {
    for (const leg of h.telephony.openLegs) leg.slowToEnd = true;
  },
  byeConfirmed: (h: Harness) => {
    for (const leg of h.telephony.openLegs) leg.confirmEnd();
  },
  storeFails: (h: Harness) => {
    h.states.failing = !h.states.failing;
  },
  settles: () => settle(),
  secondPasses: (h: Harness) => h.clock.advance(1_000),
  minutePasses: (h: Harness) => h.clock.advance(60_000),
};
type Happening = keyof typeof happenings;

/** Where the random part begins, so that the rarer stages of a call are met as often as the others. */
const beginnings: Happening[][] = [
  [],
  ['pressDial', 'rings'],
  ['cancelsLate', 'pressDial'],
  ['pressDial', 'phoneAnswers'],
  ['pressDial', 'phoneAnswers', 'settles'],
  ['pressDial', 'phoneAnswers', 'settles', 'phoneHangsUpUnheard'],
];

const script = (event: { type: string; digit?: string }): Effect[] => {
  if (event.type === 'started') return [say('menu', { stopOnDigit: true }), timer('no-input', 30_000)];
  if (event.type === 'timer' || event.type === 'peer-ended') return [say('again')];
  if (event.type === 'hung-up') return [hangup('abandoned')];
  if (event.digit === '3') return [dial('0398765432', { maxTalkMs: 45_000 })];
  if (event.digit === '0') return [{ type: 'cancel-dial', dialId: 'd1' }];
  if (event.digit === '9') return [hangup('done')];
  if (event.digit === '5')
    return [{ type: 'record', recordingId: 'm', maxDurationMs: 1_000, silenceMs: 0, stopKeys: '' }];
  return [];
};
const timer = (timerId: string, delayMs: number): Effect => ({ type: 'start-timer', timerId, delayMs });

test('whatever happens in whatever order: no leg, timer, dial, saved state or open record is left behind', async () => {
  const names = Object.keys(happenings) as Happening[];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...beginnings),
      fc.array(fc.constantFrom(...names), { maxLength: 40 }),
      fc.boolean(),
      async (beginning, sequence, slowToAnswer) => {
        const h = await harness({ script, limits: { maxCallMs: 300_000 } });
        h.telephony.invite({ slowToAnswer });
        if (!slowToAnswer) await settle();
        for (const name of [...beginning, ...sequence]) await happenings[name](h);
        await windUp(h);
        checkNothingLeft(h);
      },
    ),
    { numRuns: 1_500 },
  );
}, 120_000);
