import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { silentLogger } from '../../src/kernel/logger.ts';
import { createLedger } from '../../src/ledger/create-ledger.ts';
import { DiskReserve } from '../../src/ledger/disk-reserve.ts';
import { entered } from '../support/facts.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FaultyDisk, fastLimits, quarantined, systemClock, TempFolders } from '../support/ledger-harness.ts';
import { MemoryFactStore } from '../support/memory-stores.ts';
import { eventually } from '../support/poll.ts';

const folders = new TempFolders();
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  folders.removeAll();
});

const limits = { reserveBytes: 4_096, lowBytes: 1_000, everyMs: 1_000 };

async function newReserve() {
  const dir = join(folders.make(), 'journal');
  mkdirSync(dir);
  const disk = { freeBytes: 100_000 };
  const clock = new FakeClock();
  const reserve = new DiskReserve({ dir, clock, logger: silentLogger, limits, freeBytes: () => disk.freeBytes });
  stops.push(() => reserve.stop());
  await reserve.start();
  return { reserve, disk, clock, path: join(dir, 'reserve') };
}

it('keeps room that is really taken', async () => {
  const { path, reserve } = await newReserve();
  expect(statSync(path).size).toBe(4_096);
  expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(4_096);
  expect(reserve.isFull).toBe(false);
});

it('is full before nothing fits any more, and has room again only when the reserve is whole', async () => {
  const { reserve, disk, clock, path } = await newReserve();
  disk.freeBytes = 999;
  await clock.advance(1_000);
  expect(reserve.isFull).toBe(true);
  expect(existsSync(path)).toBe(true);
  await reserve.release();
  expect(existsSync(path)).toBe(false);
  disk.freeBytes = 5_000;
  await clock.advance(1_000);
  expect(reserve.isFull).toBe(true);
  disk.freeBytes = 6_000;
  await eventually('there is room again', async () => {
    await clock.advance(1_000);
    return !reserve.isFull;
  });
  expect(statSync(path).size).toBe(4_096);
});

it('facts that find no room get what was kept, and none is lost', async () => {
  const dataDir = folders.make();
  const disk = new FaultyDisk();
  const store = new MemoryFactStore();
  let released = 0;
  const release = async () => {
    released += 1;
    disk.roomBytes = 100_000;
  };
  const options = { clock: systemClock, logger: silentLogger, openSegment: disk.open, limits: fastLimits };
  const ledger = await createLedger({ dataDir, store, reserve: { release }, ...options });
  stops.push(() => ledger.stop());
  await ledger.append(entered('c', 1));
  disk.roomBytes = 40;
  await Promise.all([2, 3, 4].map((seq) => ledger.append(entered('c', seq))));
  expect(released).toBe(1);
  await ledger.flush();
  expect(store.facts.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  expect(quarantined(dataDir)).toEqual([]);
});
