import { expect, it } from 'vitest';
import type { AgentStatus } from '../../src/desk/desk-store.ts';
import type { Intake, IntakeOpening } from '../../src/desk/intake.ts';
import { IntakeOpener } from '../../src/desk/intake-opener.ts';
import { IntakeWatch } from '../../src/desk/intake-watch.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { intake, opening } from '../support/intakes.ts';

const logger = silentLogger;

/** A watch over one open intake whose agent does what the test says. */
function watched() {
  const clock = new FakeClock();
  const nowMs = clock.nowMs();
  const world = {
    open: [intake('a', { callId: 'call', openedAtMs: nowMs, answeredAtMs: nowMs, changedAtMs: nowMs })] as Intake[],
    busyWith: 'call' as string | undefined,
    reported: [] as string[],
    fails: false,
  };
  const watch = new IntakeWatch({
    ...{ clock, logger, reportAfterMs: 1_800_000 },
    intakes: {
      reportIncomplete: async (intakeId) => {
        if (intakeId === 'broken') throw new Error('no such account');
        world.reported.push(intakeId);
        world.open = world.open.filter((one) => one.intakeId !== intakeId);
        return true;
      },
    },
    store: {
      open: async () => {
        if (world.fails) throw new Error('the database is away');
        return world.open;
      },
      markLeft: async ({ intakeId }, atMs) => {
        world.open = world.open.map((one) => (one.intakeId === intakeId ? { ...one, leftAtMs: atMs } : one));
      },
    },
    desk: { listAgents: async () => [{ agentId: 'user_hanako', callId: world.busyWith } as AgentStatus] },
  });
  watch.start();
  return { clock, world, watch };
}

it('leaves a form alone whose agent talks or wraps up, however long', async () => {
  const { clock, world } = watched();
  await clock.advance(4 * 3_600_000);
  expect(world).toMatchObject({ reported: [], open: [{ leftAtMs: undefined }] });
});

it('finds one that its agent has left, and reports it after the set time without a key typed', async () => {
  const { clock, world, watch } = watched();
  world.busyWith = 'another call';
  await clock.advance(15_000);
  const leftAtMs = clock.nowMs() - 10_000;
  expect(world.open[0]?.leftAtMs).toBe(leftAtMs);
  await clock.advance(1_000_000);
  world.open = world.open.map((one) => ({ ...one, changedAtMs: clock.nowMs() }));
  await clock.advance(1_700_000);
  expect(world.reported).toEqual([]);
  await clock.advance(200_000);
  expect(world.reported).toEqual(['a']);
  await watch.stop();
  expect(clock.pendingTimers).toBe(0);
});

it('an agent who is back at it has not left it', async () => {
  const { clock, world } = watched();
  world.busyWith = undefined;
  await clock.advance(20_000);
  expect(world.open[0]?.leftAtMs).toBeDefined();
  world.busyWith = 'call';
  await clock.advance(5_000);
  expect(world.open[0]?.leftAtMs).toBeUndefined();
});

it('neither a database that is away nor one form that cannot be reported ends the watch', async () => {
  const { clock, world } = watched();
  world.fails = true;
  world.busyWith = undefined;
  await clock.advance(60_000);
  world.fails = false;
  world.open = [intake('broken', { openedAtMs: 0, answeredAtMs: 0, changedAtMs: 0 }), ...world.open];
  await clock.advance(2_000_000);
  expect(world.reported).toEqual(['a']);
});

it('opens in the background until it works, once for an offer', async () => {
  const clock = new FakeClock();
  const tried: string[] = [];
  let isAway = true;
  const open = async ({ offerId }: IntakeOpening) => {
    tried.push(offerId);
    if (isAway) throw new Error('the database is away');
  };
  const opener = new IntakeOpener({ open, clock, logger });
  opener.open(opening());
  opener.open(opening());
  opener.open(opening({ offerId: 'offer_2' }));
  await clock.advance(600_000);
  const soFar = tried.length;
  expect(soFar).toBeLessThan(140);
  isAway = false;
  await clock.advance(10_000);
  expect(tried.slice(soFar).toSorted()).toEqual(['offer_1', 'offer_2']);
  await clock.advance(60_000);
  expect([tried.length, clock.pendingTimers]).toEqual([soFar + 2, 0]);
});

it('stops although the database is away', async () => {
  const clock = new FakeClock();
  const opener = new IntakeOpener({ open: () => Promise.reject(new Error('away')), clock, logger });
  opener.open(opening());
  const stopped = opener.stop(2_000);
  await clock.advance(2_000);
  await stopped;
  await settle();
  expect(clock.pendingTimers).toBe(0);
});
