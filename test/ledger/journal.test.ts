import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { createLedger, type LedgerOptions } from '../../src/ledger/create-ledger.ts';
import { entered, fact } from '../support/facts.ts';
import { FakeClock } from '../support/fake-clock.ts';
import {
  FaultyDisk,
  fastLimits,
  quarantined,
  recordingLogger,
  segmentNames,
  systemClock,
  TempFolders,
} from '../support/ledger-harness.ts';
import { MemoryFactStore } from '../support/memory-stores.ts';
import { eventually } from '../support/poll.ts';

const folders = new TempFolders();
const opened: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((ledger) => ledger.stop()));
  folders.removeAll();
});

async function openLedger(dataDir: string, options: Partial<LedgerOptions> = {}) {
  const store = options.store ?? new MemoryFactStore();
  const ledger = await createLedger({
    dataDir,
    store,
    clock: systemClock,
    logger: silentLogger,
    ...options,
    limits: { ...fastLimits, ...options.limits },
  });
  opened.push(ledger);
  return ledger;
}

/** A store that is down: facts stay in the journal. */
const deadStore = {
  append: () => Promise.reject(new Error('connection refused')),
  factsOfCall: async () => [],
  listCallIds: async () => [],
};

/** What a new process finds in the folder, in order. */
async function readBack(dataDir: string): Promise<CallFact[]> {
  const store = new MemoryFactStore();
  const ledger = await openLedger(dataDir, { store });
  expect(await ledger.flush()).toBe(true);
  await ledger.stop();
  return store.facts;
}

const facts = (count: number, callId = 'c') => Array.from({ length: count }, (_, index) => entered(callId, index + 1));
const journalFile = (dataDir: string, name: string) => join(dataDir, 'journal', name);

describe('the journal', () => {
  it('shares one write and one fsync among all facts of a turn, and among those that come during an fsync', async () => {
    const disk = new FaultyDisk();
    const ledger = await openLedger(folders.make(), { store: deadStore, openSegment: disk.open });
    await Promise.all(facts(50).map((each) => ledger.append(each)));
    expect([disk.writes, disk.syncs]).toEqual([1, 1]);
    const open = disk.holdUp();
    const first = ledger.append(entered('d', 1));
    await eventually('the fsync has begun', () => disk.syncs === 2);
    const others = facts(30, 'e').map((each) => ledger.append(each));
    open();
    await Promise.all([first, ...others]);
    expect([disk.writes, disk.syncs]).toEqual([3, 3]);
  });

  it('writes a fact that comes alone at once, and under load keeps its distance between fsyncs', async () => {
    const disk = new FaultyDisk();
    const clock = new FakeClock();
    const limits = { minCommitIntervalMs: 5 };
    const ledger = await openLedger(folders.make(), { clock, openSegment: disk.open, limits });
    await ledger.append(entered('c', 1));
    const gathered = [ledger.append(entered('c', 2))];
    await clock.advance(4);
    gathered.push(ledger.append(entered('c', 3)));
    expect(disk.syncs).toBe(1);
    await clock.advance(1);
    await Promise.all(gathered);
    expect(disk.syncs).toBe(2);
    await clock.advance(5);
    await ledger.append(entered('c', 4));
    expect(disk.syncs).toBe(3);
    await ledger.flush();
  });

  it('acknowledges only what is on disk', async () => {
    const disk = new FaultyDisk();
    const open = disk.holdUp();
    const ledger = await openLedger(folders.make(), { openSegment: disk.open });
    let acknowledged = false;
    const appended = ledger.append(entered('c', 1)).then(() => {
      acknowledged = true;
    });
    await eventually('the fsync has begun', () => disk.syncs === 1);
    expect(acknowledged).toBe(false);
    open();
    await appended;
  });

  it('finds everything again, in order, over many segments and starts', async () => {
    const dataDir = folders.make();
    const all = facts(120);
    for (let start = 0; start < all.length; start += 30) {
      const ledger = await openLedger(dataDir, { store: deadStore, limits: { segmentBytes: 2_000, stopFlushMs: 1 } });
      for (const each of all.slice(start, start + 30)) await ledger.append(each);
      expect(ledger.status().backlog).toBe(start + 30);
      await ledger.stop();
    }
    expect(segmentNames(dataDir).length).toBeGreaterThan(5);
    expect(await readBack(dataDir)).toEqual(all);
    expect(quarantined(dataDir)).toEqual([]);
  });

  it('removes segments that are in the store, but for some', async () => {
    const dataDir = folders.make();
    const ledger = await openLedger(dataDir, { limits: { segmentBytes: 1_000, retainSegments: 2 } });
    for (const each of facts(60)) await ledger.append(each);
    await ledger.flush();
    await eventually('only the retained and the current segment are left', () => segmentNames(dataDir).length === 3);
    await ledger.append(entered('later', 1));
    expect(await ledger.flush()).toBe(true);
  });

  it('cuts off a half-written last line and keeps it in quarantine', async () => {
    const dataDir = folders.make();
    const ledger = await openLedger(dataDir, { store: deadStore, limits: { stopFlushMs: 1 } });
    const all = facts(3);
    for (const each of all) await ledger.append(each);
    await ledger.stop();
    const [name = ''] = segmentNames(dataDir);
    appendFileSync(journalFile(dataDir, name), '0123abcd {"factId":"half');
    const logger = recordingLogger();
    const store = new MemoryFactStore();
    const next = await openLedger(dataDir, { store, logger });
    await next.append(entered('after', 1));
    await next.flush();
    expect(store.facts.map(({ factId }) => factId).slice(0, 3)).toEqual(all.map(({ factId }) => factId));
    expect(store.facts).toHaveLength(4);
    expect(quarantined(dataDir)).toMatchObject([{ reason: 'torn' }]);
    expect(Buffer.from(quarantined(dataDir)[0]?.raw ?? '', 'base64').toString()).toContain('half');
    expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('finds a half-written line once, also when nothing is written before the next start', async () => {
    const dataDir = folders.make();
    const ledger = await openLedger(dataDir);
    await ledger.append(entered('c', 1));
    await ledger.stop();
    appendFileSync(journalFile(dataDir, segmentNames(dataDir)[0] ?? ''), 'half a line');
    for (let start = 0; start < 3; start++) await (await openLedger(dataDir)).stop();
    expect(quarantined(dataDir)).toHaveLength(1);
  });

  it('passes over a line that was changed on disk, and keeps and reports it', async () => {
    const dataDir = folders.make();
    const ledger = await openLedger(dataDir, { store: deadStore, limits: { stopFlushMs: 1 } });
    const all = facts(5);
    for (const each of all) await ledger.append(each);
    await ledger.stop();
    const path = journalFile(dataDir, segmentNames(dataDir)[0] ?? '');
    writeFileSync(path, readFileSync(path, 'utf8').replace('node-3', 'node-8'));
    expect((await readBack(dataDir)).map(({ seq }) => seq)).toEqual([1, 2, 4, 5]);
    expect(quarantined(dataDir)).toMatchObject([{ reason: 'corrupt', segment: 1 }]);
  });

  it('survives a stretch of garbage without newlines that is longer than any line', async () => {
    const dataDir = folders.make();
    const limits = { segmentBytes: 600, stopFlushMs: 1 };
    const ledger = await openLedger(dataDir, { store: deadStore, limits });
    const all = facts(12);
    for (const each of all) await ledger.append(each);
    await ledger.stop();
    const [first = ''] = segmentNames(dataDir);
    appendFileSync(journalFile(dataDir, first), Buffer.alloc(1_500_000, 0));
    expect(await readBack(dataDir)).toEqual(all);
    const bytes = quarantined(dataDir).reduce((sum, { raw = '' }) => sum + Buffer.from(raw, 'base64').length, 0);
    expect(bytes).toBe(1_500_000);
  });

  it('waits while the disk is full, says so, and loses nothing when there is room', async () => {
    const dataDir = folders.make();
    const disk = new FaultyDisk();
    const store = new MemoryFactStore();
    const logger = recordingLogger();
    const ledger = await openLedger(dataDir, { store, logger, openSegment: disk.open });
    await ledger.append(entered('c', 1));
    disk.roomBytes = 40;
    const waiting = [2, 3].map((seq) => ledger.append(entered('c', seq)));
    await eventually('it says so', () =>
      logger.lines.some(({ fields }) => 'code' in fields && fields.code === 'JOURNAL_DISK_FULL'),
    );
    disk.roomBytes = Number.POSITIVE_INFINITY;
    await Promise.all(waiting);
    await ledger.append(entered('c', 4));
    await ledger.flush();
    expect(store.facts.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(quarantined(dataDir)).toEqual([]);
  });

  it('that is closed before there was room says which facts are not on record', async () => {
    const disk = new FaultyDisk();
    const ledger = await openLedger(folders.make(), { store: deadStore, openSegment: disk.open });
    disk.roomBytes = 0;
    const lost = ledger.append(entered('c', 1)).then(
      () => undefined,
      (error: unknown) => error,
    );
    await ledger.stop();
    expect(await lost).toMatchObject({ code: 'JOURNAL_DISK_FULL', remedy: expect.any(String) });
  });

  it('trusts no file again after its fsync failed', async () => {
    const dataDir = folders.make();
    const disk = new FaultyDisk();
    const store = new MemoryFactStore();
    const ledger = await openLedger(dataDir, { store, openSegment: disk.open });
    await ledger.append(entered('c', 1));
    disk.failSync = true;
    await expect(ledger.append(entered('c', 2))).rejects.toMatchObject({ code: 'JOURNAL_WRITE_FAILED' });
    disk.failSync = false;
    await ledger.append(entered('c', 3));
    expect(segmentNames(dataDir)).toHaveLength(2);
    await ledger.flush();
    expect(store.facts.map(({ seq }) => seq)).toEqual([1, 3]);
  });

  it('loses nothing when a failed write cannot even be cut off', async () => {
    const dataDir = folders.make();
    const disk = new FaultyDisk();
    const ledger = await openLedger(dataDir, { store: deadStore, openSegment: disk.open, limits: { stopFlushMs: 1 } });
    await ledger.append(entered('c', 1));
    disk.roomBytes = 40;
    disk.failTruncate = true;
    const waiting = ledger.append(entered('c', 2));
    await eventually('it did not fit', () => disk.roomBytes === 0);
    disk.roomBytes = Number.POSITIVE_INFINITY;
    disk.failTruncate = false;
    await waiting;
    await ledger.append(entered('c', 3));
    await ledger.stop();
    expect((await readBack(dataDir)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(quarantined(dataDir)).toMatchObject([{ reason: 'corrupt' }]);
  });

  it('takes only so much into memory when the disk hangs', async () => {
    const disk = new FaultyDisk();
    const open = disk.holdUp();
    const limits = { maxPendingBytes: 2_000 };
    const ledger = await openLedger(folders.make(), { store: deadStore, openSegment: disk.open, limits });
    const results = Promise.allSettled(facts(50).map((each) => ledger.append(each)));
    open();
    const outcomes = await results;
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused.length).toBeGreaterThan(30);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'JOURNAL_OVERLOADED' });
    await ledger.append(entered('later', 1));
  });

  it('refuses a fact that is none, without its content in the message', async () => {
    const ledger = await openLedger(folders.make());
    const broken = { ...entered('c', 1), seq: 0, nodeId: undefined } as unknown as CallFact;
    await expect(ledger.append(broken)).rejects.toMatchObject({ code: 'FACT_INVALID' });
    const huge = fact('c', 1, { type: 'digits', legId: 'l', nodeId: 'n', digits: '1'.repeat(300_000) });
    await expect(ledger.append(huge)).rejects.toMatchObject({ code: 'FACT_INVALID' });
    expect(ledger.status().backlog).toBe(0);
  });

  it('belongs to one process: refuses a second one, also within the same process', async () => {
    const dataDir = folders.make();
    const ledger = await openLedger(dataDir);
    const attempt = openLedger(dataDir);
    await expect(attempt).rejects.toMatchObject({
      code: 'JOURNAL_LOCKED',
      message: expect.stringContaining(String(process.pid)),
    });
    await ledger.stop();
    await (await openLedger(dataDir)).append(entered('c', 1));
  });

  it('keeps every acknowledged fact of a killed process, and its folder is free at once', async () => {
    const dataDir = folders.make();
    const child = fork(new URL('../support/append-for-ever.ts', import.meta.url), [dataDir], { execArgv: [] });
    const acknowledged: string[] = [];
    child.on('message', (factIds: string[]) => acknowledged.push(...factIds));
    await eventually('facts are acknowledged', () => acknowledged.length > 2_000);
    await expect(openLedger(dataDir)).rejects.toMatchObject({ message: expect.stringContaining(String(child.pid)) });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const found = new Set((await readBack(dataDir)).map(({ factId }) => factId));
    expect(acknowledged.filter((factId) => !found.has(factId))).toEqual([]);
  });

  it('says what is wrong with a folder it cannot use', async () => {
    const dataDir = folders.make();
    writeFileSync(join(dataDir, 'journal'), 'a file where the folder should be');
    await expect(openLedger(dataDir)).rejects.toMatchObject({
      code: 'JOURNAL_FOLDER_FAILED',
      remedy: expect.any(String),
    });
  });

  it('numbers on after every segment is gone', async () => {
    const dataDir = folders.make();
    const first = await openLedger(dataDir);
    for (const each of facts(5)) await first.append(each);
    await first.flush();
    await first.stop();
    const path = journalFile(dataDir, segmentNames(dataDir)[0] ?? '');
    expect(statSync(path).size).toBeGreaterThan(0);
    truncateSync(path, 0);
    const store = new MemoryFactStore();
    const second = await openLedger(dataDir, { store });
    await second.append(entered('d', 1));
    await second.flush();
    expect(store.facts.map(({ callId }) => callId)).toEqual(['d']);
  });
});
