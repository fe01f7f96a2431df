import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { createLedger, type Ledger, type LedgerOptions } from '../../src/ledger/create-ledger.ts';
import { type FactStore, factRejected } from '../../src/ledger/ledger.ts';
import { baseMs, entered, fact } from '../support/facts.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { fastLimits, quarantined, recordingLogger, systemClock, TempFolders } from '../support/ledger-harness.ts';
import { MemoryFactStore } from '../support/memory-stores.ts';
import { eventually } from '../support/poll.ts';

const folders = new TempFolders();
const opened: { ledger: Ledger; clock: Clock }[] = [];

afterEach(async () => {
  for (const { ledger, clock } of opened.splice(0)) {
    let stopped = false;
    const stopping = ledger.stop().then(() => {
      stopped = true;
    });
    while (clock instanceof FakeClock && !stopped) await clock.advance(1_000);
    await stopping;
  }
  folders.removeAll();
});

async function openLedger(dataDir: string, store: FactStore, options: Partial<LedgerOptions> = {}) {
  const ledger = await createLedger({
    dataDir,
    store,
    clock: systemClock,
    logger: silentLogger,
    ...options,
    limits: { ...fastLimits, ...options.limits },
  });
  opened.push({ ledger, clock: options.clock ?? systemClock });
  return ledger;
}

/** A store that does with each batch what `plan` says: fails before it keeps it, after it (the answer is lost), or not. */
class UnreliableStore extends MemoryFactStore {
  readonly batches: number[] = [];
  plan: (facts: readonly CallFact[]) => 'keep' | 'fail before' | 'fail after' | 'refuse' | 'hang' = () => 'keep';

  override async append(facts: readonly CallFact[]): Promise<number> {
    this.batches.push(facts.length);
    const what = this.plan(facts);
    if (what === 'fail before') throw new Error('connection refused');
    if (what === 'refuse') throw factRejected('does not fit');
    if (what === 'hang') return new Promise(() => undefined);
    const added = await super.append(facts);
    if (what === 'fail after') throw new Error('connection reset');
    return added;
  }
}

const isPoison = (each: CallFact) => each.type === 'fault';
const poison = (callId: string, seq: number) => fact(callId, seq, { type: 'fault', legId: 'l', message: 'poison' });
const facts = (count: number, callId = 'c') => Array.from({ length: count }, (_, index) => entered(callId, index + 1));

describe('the shipper', () => {
  it('brings each fact to the store exactly once and in order, however the store fails and the process restarts', async () => {
    const outcome = fc.constantFrom('keep' as const, 'fail before' as const, 'fail after' as const);
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ append: fc.integer({ min: 1, max: 12 }) }) },
      { weight: 2, arbitrary: fc.constant('poison' as const) },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.array(outcome, { maxLength: 30 }),
        async (steps, outcomes) => {
          const dataDir = folders.make();
          const store = new UnreliableStore();
          const script = [...outcomes];
          store.plan = (batch) => {
            const what = script.shift() ?? 'keep';
            return what !== 'fail before' && batch.some(isPoison) ? 'refuse' : what;
          };
          const limits = { batchFacts: 4, segmentBytes: 900, retainSegments: 1, stopFlushMs: 0 };
          let ledger = await openLedger(dataDir, store, { limits });
          const given: CallFact[] = [];
          const give = async (each: CallFact) => {
            given.push(each);
            await ledger.append(each);
          };
          for (const each of steps) {
            if (each === 'restart') {
              await ledger.stop();
              ledger = await openLedger(dataDir, store, { limits });
            } else if (each === 'poison') await give(poison('c', given.length + 1));
            else for (let i = 0; i < each.append; i++) await give(entered('c', given.length + 1));
          }
          expect(await ledger.flush()).toBe(true);
          expect(store.facts).toEqual(given.filter((each) => !isPoison(each)));
          const refused = new Set(quarantined(dataDir).map((item) => item.fact?.factId));
          expect(refused).toEqual(new Set(given.filter(isPoison).map(({ factId }) => factId)));
          expect(ledger.status()).toEqual({ backlog: 0, oldestUnshippedMs: 0 });
          await ledger.stop();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('rides out a database that is down for an hour: nothing lost, nothing in memory, no hammering', async () => {
    const dataDir = folders.make();
    const clock = new FakeClock(baseMs);
    const store = new UnreliableStore();
    const logger = recordingLogger();
    store.plan = () => 'fail before';
    const ledger = await openLedger(dataDir, store, {
      clock,
      logger,
      limits: { firstRetryMs: 200, maxRetryMs: 30_000 },
    });
    const all = facts(300);
    for (const each of all) await ledger.append(each);
    while (clock.monotonicMs() < 3_600_000) {
      // The journal is read in real time: the hour must not run away from it.
      await eventually('the shipper waits for its next try', () => clock.pendingTimers > 0, { everyMs: 1 });
      await clock.advance(5_000);
    }
    expect(ledger.status()).toEqual({ backlog: 300, oldestUnshippedMs: 3_600_000 - 1_000 });
    expect(store.batches.length).toBeGreaterThan(50);
    expect(store.batches.length).toBeLessThan(260);
    store.plan = () => 'keep';
    await eventually('all facts are in the store', async () => {
      await clock.advance(5_000);
      return store.facts.length === 300;
    });
    expect(store.facts).toEqual(all);
    await eventually('the recovery is logged', () => logger.lines.at(-1)?.level === 'info');
    expect(quarantined(dataDir)).toEqual([]);
  });

  it('does not wait for ever for a store that gives no answer', async () => {
    const clock = new FakeClock(baseMs);
    const store = new UnreliableStore();
    store.plan = () => 'hang';
    const ledger = await openLedger(folders.make(), store, { clock });
    await ledger.append(entered('c', 1));
    await eventually('the store was asked', async () => {
      await clock.advance(100);
      return store.batches.length === 1;
    });
    store.plan = () => 'keep';
    await eventually('the store was asked again', async () => {
      await clock.advance(10_000);
      return store.facts.length === 1;
    });
  });

  it('puts only the facts that the store refuses in quarantine, and reports them without personal data', async () => {
    const dataDir = folders.make();
    const store = new UnreliableStore();
    store.plan = (batch) => (batch.some(isPoison) ? 'refuse' : 'keep');
    const logger = recordingLogger();
    const ledger = await openLedger(dataDir, store, { logger });
    const given = facts(100).map((each) => (each.seq % 40 === 3 ? poison('c', each.seq) : each));
    await Promise.all(given.map((each) => ledger.append(each)));
    expect(await ledger.flush()).toBe(true);
    expect(store.facts).toEqual(given.filter((each) => !isPoison(each)));
    expect(quarantined(dataDir).map((item) => item.fact)).toEqual(given.filter(isPoison));
    const errors = logger.lines.filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(3);
    expect(JSON.stringify(errors)).not.toContain('poison');
  });

  it('goes on after a restart where it was, and sends all again when the checkpoint is lost or broken', async () => {
    const dataDir = folders.make();
    const store = new UnreliableStore();
    const sent = () => store.batches.splice(0).reduce((sum, size) => sum + size, 0);
    const run = async (given: CallFact[]) => {
      const ledger = await openLedger(dataDir, store);
      for (const each of given) await ledger.append(each);
      expect(await ledger.flush()).toBe(true);
      await ledger.stop();
      return sent();
    };
    expect(await run(facts(20, 'a'))).toBe(20);
    expect(await run(facts(5, 'b'))).toBe(5);
    const checkpoint = join(dataDir, 'journal', 'checkpoint.json');
    const good = readFileSync(checkpoint, 'utf8');
    writeFileSync(checkpoint, good.slice(0, 10));
    expect(await run([])).toBe(25);
    rmSync(checkpoint);
    expect(await run([])).toBe(25);
    writeFileSync(checkpoint, JSON.stringify({ ...JSON.parse(good), offset: 17 }));
    expect(await run([])).toBe(25);
    writeFileSync(checkpoint, JSON.stringify({ segment: 1, offset: 9_999_999, index: 9_000 }));
    expect(await run(facts(1, 'd'))).toBe(26);
    expect(store.facts).toHaveLength(26);
  });

  it('gathers facts for a moment instead of sending them one by one, and flushes at once when asked', async () => {
    const clock = new FakeClock(baseMs);
    const store = new UnreliableStore();
    const ledger = await openLedger(folders.make(), store, { clock, limits: { shipDelayMs: 50 } });
    for (const each of facts(10)) await ledger.append(each);
    await settle();
    expect(store.batches).toEqual([]);
    expect(ledger.status()).toEqual({ backlog: 10, oldestUnshippedMs: 0 });
    expect(await ledger.flush()).toBe(true);
    expect(store.batches).toEqual([10]);
    expect(ledger.status()).toEqual({ backlog: 0, oldestUnshippedMs: 0 });
    await ledger.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('stops in time although the store is down, and says what is left', async () => {
    const store = new UnreliableStore();
    store.plan = () => 'fail before';
    const logger = recordingLogger();
    const dataDir = folders.make();
    const ledger = await openLedger(dataDir, store, {
      logger,
      limits: { stopFlushMs: 50, maxRetryMs: 60_000, firstRetryMs: 60_000 },
    });
    await ledger.append(entered('c', 1));
    await eventually('the store was asked', () => store.batches.length > 0);
    expect(await ledger.flush(20)).toBe(false);
    await ledger.stop();
    expect(logger.lines.at(-1)).toMatchObject({ level: 'warn', fields: { backlog: 1 } });
    store.plan = () => 'keep';
    const next = await openLedger(dataDir, store);
    expect(await next.flush()).toBe(true);
    expect(store.facts).toHaveLength(1);
  });
});
