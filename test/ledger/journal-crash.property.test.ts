import { appendFileSync, cpSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { createLedger } from '../../src/ledger/create-ledger.ts';
import { entered } from '../support/facts.ts';
import { fastLimits, segmentNames, systemClock, TempFolders } from '../support/ledger-harness.ts';
import { MemoryFactStore } from '../support/memory-stores.ts';

const folders = new TempFolders();
afterAll(() => folders.removeAll());

const open = (dataDir: string, store: MemoryFactStore | undefined, segmentBytes = 2_500) =>
  createLedger({
    dataDir,
    store: store ?? {
      append: () => Promise.reject(new Error('down')),
      factsOfCall: async () => [],
      listCallIds: async () => [],
    },
    clock: systemClock,
    logger: silentLogger,
    limits: { ...fastLimits, segmentBytes, stopFlushMs: store ? 2_000 : 0 },
  });

/** A journal written by a process whose store is down: its facts, and where in the last segment each of them ends. */
async function writtenJournal() {
  const dataDir = folders.make();
  const ledger = await open(dataDir, undefined);
  const facts = Array.from({ length: 36 }, (_, index) =>
    entered('c', index + 1, `${'電'.repeat(index % 7)}\n"${index}`),
  );
  for (const fact of facts) await ledger.append(fact);
  await ledger.stop();
  const last = segmentNames(dataDir).at(-1) ?? '';
  const bytes = readFileSync(join(dataDir, 'journal', last));
  const ends: number[] = [];
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) ends.push(at + 1);
  return { dataDir, facts, last, size: bytes.length, ends, before: facts.length - ends.length };
}

/** What a new process makes of the folder: all facts in its store, one more among them to prove that it can go on. */
async function recover(dataDir: string, more: CallFact): Promise<CallFact[]> {
  const store = new MemoryFactStore();
  const ledger = await open(dataDir, store);
  await ledger.append(more);
  expect(await ledger.flush()).toBe(true);
  await ledger.stop();
  return store.facts;
}

describe('a crash', () => {
  it('at any byte never loses an acknowledged fact and never yields a broken one', async () => {
    const journal = await writtenJournal();
    expect(journal.before).toBeGreaterThan(0);
    expect(journal.ends.length).toBeGreaterThan(2);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: journal.size }),
        fc.oneof(fc.constant(new Uint8Array()), fc.uint8Array({ maxLength: 600 }), fc.constant(new Uint8Array(4_096))),
        async (cutAt, garbage) => {
          const dataDir = folders.make();
          cpSync(journal.dataDir, dataDir, { recursive: true });
          const path = join(dataDir, 'journal', journal.last);
          truncateSync(path, cutAt);
          // Pages that were written but not yet synced may hold anything after a power cut.
          appendFileSync(path, garbage);
          const durable = journal.before + journal.ends.filter((end) => end <= cutAt).length;
          const more = entered('after', 1);
          const found = await recover(dataDir, more);
          expect(found.length - 1).toBeGreaterThanOrEqual(durable);
          expect(found).toEqual([...journal.facts.slice(0, found.length - 1), more]);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('in the middle of recovering changes nothing: recovering again gives the same', async () => {
    const journal = await writtenJournal();
    const dataDir = folders.make();
    cpSync(journal.dataDir, dataDir, { recursive: true });
    truncateSync(join(dataDir, 'journal', journal.last), journal.size - 5);
    const first = await open(dataDir, undefined);
    await first.stop();
    const more = entered('after', 1);
    expect(await recover(dataDir, more)).toEqual([...journal.facts.slice(0, -1), more]);
    const again = await recover(dataDir, entered('after', 2));
    expect(again.map(({ callId, seq }) => [callId, seq])).toEqual([['after', 2]]);
  });
});
