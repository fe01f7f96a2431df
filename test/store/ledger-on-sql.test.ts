import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { createLedger, type Ledger } from '../../src/ledger/create-ledger.ts';
import { openSql, type SqlDatabase } from '../../src/store/sql/open-sql.ts';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';
import { entered, fact, offered } from '../support/facts.ts';
import { fastLimits, quarantined, systemClock, TempFolders } from '../support/ledger-harness.ts';
import { eventually } from '../support/poll.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

const folders = new TempFolders();
let postgres: TestPostgres;
let made = 0;
let database: SqlDatabase;
let ledger: Ledger;
let dataDir: string;

beforeAll(async () => {
  postgres = await startPostgres();
});

afterAll(async () => {
  await postgres.stop();
  folders.removeAll();
});

afterEach(async () => {
  await ledger.stop();
  await database.close();
});

async function open(url: string): Promise<SqlFactStore> {
  dataDir = folders.make();
  database = await openSql(url, { clock: systemClock, logger: silentLogger });
  const store = new SqlFactStore(database);
  const limits = { ...fastLimits, maxRetryMs: 50, batchFacts: 600 };
  ledger = await createLedger({ dataDir, store, clock: systemClock, logger: silentLogger, limits });
  return store;
}

const appendAll = (facts: CallFact[]) => Promise.all(facts.map((each) => ledger.append(each)));
const callOf = (callId: string, count: number) => [
  offered(callId),
  ...Array.from({ length: count - 1 }, (_, index) => entered(callId, index + 2)),
];

describe.each([
  ['SQLite', async () => `sqlite:${join(folders.make(), 'denwaban.sqlite')}`],
  ['PostgreSQL', async () => postgres.createDatabase(`ledger_${++made}`)],
])('a ledger on %s', (_, emptyDatabase) => {
  it('has a thousand facts of many calls in the database soon after they were written', async () => {
    const store = await open(await emptyDatabase());
    const calls = Array.from({ length: 100 }, (_each, index) => callOf(`c${index}`, 10));
    await appendAll(calls.flat());
    expect(await ledger.flush()).toBe(true);
    for (const facts of calls) expect(await store.factsOfCall(facts[0]?.callId ?? '')).toEqual(facts);
    expect(await store.listCallIds({ limit: 1_000 })).toHaveLength(100);
  });

  it('keeps the good facts of a batch and quarantines the one whose place is taken', async () => {
    const store = await open(await emptyDatabase());
    await appendAll(callOf('c1', 50));
    const impostor = fact('c1', 20, { type: 'ended', legId: 'l', cause: 'failed' });
    await appendAll([...callOf('c2', 300), impostor, ...callOf('c3', 200)]);
    expect(await ledger.flush()).toBe(true);
    expect(await store.factsOfCall('c2')).toHaveLength(300);
    expect(await store.factsOfCall('c3')).toHaveLength(200);
    expect(quarantined(dataDir).map((item) => item.fact)).toEqual([impostor]);
  });
});

describe('an outage of the database', () => {
  it('of PostgreSQL, killed and started again, loses nothing', async () => {
    const store = await open(await postgres.createDatabase(`ledger_${++made}`));
    await appendAll(callOf('before', 20));
    expect(await ledger.flush()).toBe(true);
    await postgres.halt();
    const during = callOf('during', 500);
    await appendAll(during);
    expect(await ledger.flush(300)).toBe(false);
    expect(ledger.status().backlog).toBe(500);
    await postgres.resume();
    await eventually('the backlog is gone', () => ledger.status().backlog === 0, { timeoutMs: 15_000 });
    expect(await store.factsOfCall('during')).toEqual(during);
    expect(await store.factsOfCall('before')).toHaveLength(20);
    expect(quarantined(dataDir)).toEqual([]);
  });

  it('by another program that locks SQLite loses nothing', async () => {
    const path = join(folders.make(), 'denwaban.sqlite');
    const store = await open(`sqlite:${path}`);
    const other = new DatabaseSync(path);
    other.exec('begin immediate');
    const facts = callOf('c1', 20);
    await appendAll(facts);
    expect(await ledger.flush(100)).toBe(false);
    other.exec('rollback');
    other.close();
    expect(await ledger.flush()).toBe(true);
    expect(await store.factsOfCall('c1')).toEqual(facts);
  });
});
