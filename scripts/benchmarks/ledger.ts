/**
 * Call facts made durable per second: the ledger's journal (group commit) beside an fsync for each fact, on the same
 * disk in one run. `callers` each wait for one fact before they give the next; `paced` facts come at random moments,
 * as many as 110 calls a second make. Prints a table, then JSON.
 *
 *   node scripts/benchmarks/ledger.ts [--seconds 3] [--dir <folder on the disk to measure>]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { createLedger } from '../../src/ledger/create-ledger.ts';
import { encodeLine } from '../../src/ledger/journal-line.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';

interface Result {
  what: string;
  load: string;
  factsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** CPU of the whole process, all threads. */
  cpuMsPerThousandFacts: number;
  /** After the last append: until all facts were in the store. */
  shippedAfterMs: number | null;
}

let seq = 0;
function makeFact(): CallFact {
  seq += 1;
  return {
    type: 'node-entered',
    factId: newId('fact'),
    callId: `call_${Math.floor(seq / 12)}`,
    legId: 'leg_1',
    accountId: 'sakura',
    seq: (seq % 12) + 1,
    atMs: Date.now(),
    nodeId: 'main-menu',
  };
}

type Append = (fact: CallFact) => Promise<void>;

interface Load {
  name: string;
  run(append: Append, untilMs: number): Promise<void>;
}

/** `count` callers that each append one fact after the other. */
const callers = (count: number): Load => ({
  name: `${count} callers`,
  run: async (append, untilMs) => {
    const caller = async () => {
      while (performance.now() < untilMs) await append(makeFact());
    };
    await Promise.all(Array.from({ length: count }, caller));
  },
});

/** Facts at random moments, `perSecond` on average, whether or not the ones before are on disk. */
const paced = (perSecond: number): Load => ({
  name: `paced ${perSecond}/s`,
  run: async (append, untilMs) => {
    const given: Promise<void>[] = [];
    let nextMs = performance.now();
    while (nextMs < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, nextMs - performance.now())));
      for (; nextMs <= performance.now(); nextMs += (-Math.log(1 - Math.random()) * 1_000) / perSecond) {
        given.push(append(makeFact()));
      }
    }
    await Promise.all(given);
  },
});

async function measure(what: string, load: Load, seconds: number, append: Append): Promise<Result> {
  const latencies: number[] = [];
  const timed = async (fact: CallFact) => {
    const givenMs = performance.now();
    await append(fact);
    latencies.push(performance.now() - givenMs);
  };
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  await load.run(timed, startedMs + seconds * 1_000);
  const elapsedSeconds = (performance.now() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  const at = (share: number) => round(latencies[Math.floor(latencies.length * share)] ?? 0);
  return {
    what,
    load: load.name,
    factsPerSecond: Math.round(latencies.length / elapsedSeconds),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    cpuMsPerThousandFacts: round((user + system) / latencies.length),
    shippedAfterMs: null,
  };
}

const round = (value: number) => Math.round(value * 100) / 100;

/** The baseline: each fact written and synced by itself, one after the other. */
async function measureNaive(dir: string, load: Load, seconds: number): Promise<Result> {
  const file = await open(join(dir, `naive-${seq}.jsonl`), 'a');
  let last: Promise<void> = Promise.resolve();
  const append = (fact: CallFact) => {
    last = last.then(async () => {
      await file.write(encodeLine(fact));
      await file.datasync();
    });
    return last;
  };
  const result = await measure('fsync for each fact', load, seconds, append);
  await file.close();
  return result;
}

async function measureLedger(dir: string, load: Load, seconds: number, sqlite: boolean): Promise<Result> {
  const dataDir = mkdtempSync(join(dir, 'ledger-'));
  const database = sqlite
    ? await openSql(`sqlite:${join(dataDir, 'facts.sqlite')}`, { clock: systemClock, logger: silentLogger })
    : undefined;
  const nowhere = { append: async () => 0, factsOfCall: async () => [], listCallIds: async () => [] };
  const store = database ? new SqlFactStore(database) : nowhere;
  const ledger = await createLedger({ dataDir, store, clock: systemClock, logger: silentLogger });
  const what = sqlite ? 'ledger, shipping into SQLite' : 'ledger (journal only)';
  const result = await measure(what, load, seconds, (fact) => ledger.append(fact));
  const endedMs = performance.now();
  if (!(await ledger.flush(120_000))) throw new Error('facts were left in the journal');
  const shippedAfterMs = round(performance.now() - endedMs);
  await ledger.stop();
  await database?.close();
  return { ...result, shippedAfterMs };
}

const { values } = parseArgs({ options: { seconds: { type: 'string' }, dir: { type: 'string' } } });
const seconds = Number(values.seconds ?? 3);
const dir = mkdtempSync(join(values.dir ?? tmpdir(), 'denwaban-bench-'));
const results: Result[] = [];
try {
  for (const load of [callers(1), callers(10), callers(100), callers(500), paced(1_300)]) {
    results.push(await measureNaive(dir, load, seconds));
    results.push(await measureLedger(dir, load, seconds, false));
    results.push(await measureLedger(dir, load, seconds, true));
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
console.table(results);
console.log(JSON.stringify({ bench: 'ledger', seconds, results }));
