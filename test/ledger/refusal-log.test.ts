import { expect, test } from 'vitest';
import { callFactSchema } from '../../src/kernel/call-fact.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { RefusalFold } from '../../src/kernel/refusal-fold.ts';
import { foldRefusals, RefusalLog, type RefusedFact } from '../../src/ledger/refusal-log.ts';
import { FakeClock } from '../support/fake-clock.ts';

function log() {
  const clock = new FakeClock();
  const facts: RefusedFact[] = [];
  const disk = { isFull: false, takes: true };
  const append = async (fact: unknown) => {
    if (!disk.takes) throw new Error('no room');
    facts.push(callFactSchema.parse(fact) as RefusedFact);
  };
  const ledger = { append };
  const refusals = new RefusalLog({
    ledger,
    clock,
    logger: silentLogger,
    trusts: (address) => address === '192.0.2.7',
    isDiskFull: () => disk.isFull,
  });
  return { clock, facts, refusals, disk };
}

const overload = { method: 'INVITE', sipStatus: 503, cause: 'overload' };

test('a flood is a few facts a minute, and every refusal is in them', async () => {
  const { clock, facts, refusals } = log();
  for (let second = 0; second < 60; second++) {
    for (let count = 0; count < 600; count++) refusals.note({ ...overload, address: `203.0.113.${count % 200}` });
    refusals.note({ ...overload, address: '192.0.2.7' });
    await clock.advance(1_000);
  }
  await refusals.stop();
  expect(facts.length).toBeLessThan(40);
  const counted = foldRefusals(facts);
  const of = (sourceClass: string) =>
    counted.filter((one) => one.sourceClass === sourceClass).reduce((sum, { count }) => sum + count, 0);
  expect([of('stranger'), of('trusted')]).toEqual([36_000, 60]);
  expect(counted.at(-1)).toMatchObject({ by: 'controller', ...overload });
  expect(new Set(facts.map(({ seq }) => seq)).size).toBe(facts.length);
});

test('what the switch refuses is on record beside it, with those who sent most', async () => {
  const { facts, refusals } = log();
  const sources = [{ address: '203.0.113.9', count: 7 }];
  refusals.addOfSwitch([{ method: 'INVITE', sipStatus: 400, cause: 'bad-request', count: 7, sources }]);
  await refusals.stop();
  expect(foldRefusals(facts)).toMatchObject([
    { by: 'switch', sourceClass: 'stranger', sipStatus: 400, cause: 'bad-request', count: 7, sources },
  ]);
});

test('counting takes bounded room whatever comes', () => {
  const fold = new RefusalFold();
  for (let index = 0; index < 5_000; index++) {
    fold.note({ method: `X${index}`, sipStatus: 400 + (index % 100), cause: `c${index}`, address: `a${index}` });
  }
  const taken = fold.take();
  expect(taken.length).toBeLessThanOrEqual(70);
  expect(taken.reduce((sum, { count }) => sum + count, 0)).toBe(5_000);
  expect(Math.max(...taken.map(({ sources }) => sources.length))).toBeLessThanOrEqual(10);
  expect(fold.take()).toEqual([]);
});

test('on a full disk a few facts a minute are written, once it is over, and nothing is left out', async () => {
  const { clock, facts, refusals, disk } = log();
  disk.isFull = true;
  const noted = 120 * 50;
  for (let second = 0; second < 120; second++) {
    for (let count = 0; count < 50; count++) {
      refusals.note({ method: 'INVITE', sipStatus: 503, cause: `c${count}`, address: `203.0.113.${count}` });
    }
    await clock.advance(1_000);
    if (second === 30) expect(facts).toEqual([]);
  }
  await clock.advance(60_000);
  expect(facts.length).toBeLessThanOrEqual(9 * 3);
  expect(facts.reduce((sum, { count }) => sum + count, 0)).toBe(noted);
  await refusals.stop();
});

test('what could not be written is written with its minute when it can be', async () => {
  const { clock, facts, refusals, disk } = log();
  disk.takes = false;
  const firstMinuteMs = Math.floor(clock.nowMs() / 60_000) * 60_000;
  const full = { method: 'INVITE', sipStatus: 503, cause: 'disk-full', address: '203.0.113.9' };
  refusals.note(full);
  refusals.addOfSwitch([{ ...overload, count: 3, sources: [{ address: '203.0.113.9', count: 3 }] }]);
  for (let minute = 0; minute < 200; minute++) {
    await clock.advance(60_000);
    refusals.note(full);
  }
  expect(facts).toEqual([]);
  disk.takes = true;
  await clock.advance(5_000);
  await refusals.stop();
  const counted = foldRefusals(facts);
  expect(counted[0]).toMatchObject({ minuteMs: firstMinuteMs, by: 'controller', count: 1 });
  expect(counted[1]).toMatchObject({ minuteMs: firstMinuteMs, by: 'switch', cause: 'overload', count: 3 });
  expect(counted.reduce((sum, { count }) => sum + count, 0)).toBe(204);
  expect(counted.length).toBeLessThanOrEqual(62);
});
