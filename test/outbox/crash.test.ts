import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { createDeliverers } from '../../src/outbox/create-deliverers.ts';
import { createOutbox, type Outbox, type OutboxLimits } from '../../src/outbox/outbox.ts';
import { openSql, type SqlDatabase } from '../../src/store/sql/open-sql.ts';
import { SqlOutboxStore } from '../../src/store/sql/sql-outbox-store.ts';
import { SqlWebhookSecretStore } from '../../src/store/sql/sql-webhook-secret-store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { eventually } from '../support/poll.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { dieWithUs, endProcess } from '../support/process.ts';
import { type Received, type Receiver, report, startReceiver } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'denwaban-outbox-'));
let postgres: TestPostgres;
let made = 0;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Keeps everybody else from writing to the outbox. Gives what lets them again. */
type Lock = (url: string) => Promise<() => Promise<void>>;

const lockSqlite: Lock = async (url) => {
  const database = new DatabaseSync(url.slice('sqlite:'.length));
  database.exec('begin immediate');
  return async () => {
    database.exec('rollback');
    database.close();
  };
};

const lockPostgres: Lock = async (url) => {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('begin');
  await client.query('select 1 from outbox for update');
  return async () => {
    await client.query('rollback');
    await client.end();
  };
};

const databases: [string, () => Promise<string>, Lock][] = [
  ['SQLite', async () => `sqlite:${join(folder, `${++made}`, 'denwaban.sqlite')}`, lockSqlite],
  ['PostgreSQL', async () => postgres.createDatabase(`outbox_${++made}`), lockPostgres],
];

async function open(url: string): Promise<{ sql: SqlDatabase; store: SqlOutboxStore }> {
  const sql = await openSql(url, { clock: systemClock, logger: silentLogger });
  ends.push(() => sql.close());
  return { sql, store: new SqlOutboxStore(sql) };
}

async function receiver(answer?: Parameters<typeof startReceiver>[0]): Promise<Receiver> {
  const started = await startReceiver(answer);
  ends.push(() => started.close());
  return started;
}

async function startWorker(url: string, leaseMs = 2_000): Promise<ChildProcess> {
  const worker = fork(new URL('../support/deliver-outbox.ts', import.meta.url), [url, String(leaseMs)], {
    stdio: 'inherit',
    execArgv: [],
  });
  dieWithUs(worker);
  ends.push(() => endProcess(worker, 'SIGKILL'));
  await once(worker, 'message');
  return worker;
}

function startHere(
  sql: SqlDatabase,
  { clock = systemClock as Clock, limits = {} as Partial<OutboxLimits> } = {},
): Outbox {
  const secrets = new SqlWebhookSecretStore(sql);
  const options = { clock, logger: silentLogger };
  const outbox = createOutbox({
    store: new SqlOutboxStore(sql),
    deliverers: createDeliverers({ mail: undefined, allowInsecureTargets: true, secrets, ...options }),
    ...options,
    limits,
    random: () => 0.5,
  });
  outbox.start();
  ends.push(() => outbox.stop(2_000));
  return outbox;
}

const idsOf = (received: Received[]) => received.map(({ headers }) => headers['webhook-id']);

describe.each(databases)('on %s', (_, emptyDatabase, lock) => {
  it('what was delivered by a process that was killed before it could note that comes again under the same id', async () => {
    const url = await emptyDatabase();
    const { sql, store } = await open(url);
    let unlock: (() => Promise<void>) | undefined;
    const target = await receiver(async (response) => {
      unlock ??= await lock(url);
      response.writeHead(204).end();
    });
    await store.add(report('rep_1', { target: target.url, createdAtMs: systemClock.nowMs() }));
    const worker = await startWorker(url);
    await eventually('it is delivered, and the worker has seen so', () => unlock && target.open === 0);
    await endProcess(worker, 'SIGKILL');
    await unlock?.();
    expect(await store.find('rep_1')).toMatchObject({ state: 'pending', attempts: 1 });
    startHere(sql, { limits: { maxIdleMs: 200 } });
    const delivered = async () => (await store.find('rep_1'))?.state === 'delivered';
    await eventually('the next one has delivered it', delivered, { timeoutMs: 15_000 });
    expect(idsOf(target.received)).toEqual(['rep_1', 'rep_1']);
    expect(target.received[1]?.body).toBe(target.received[0]?.body);
    expect(await store.attempts('rep_1')).toMatchObject([{ outcome: 'lost' }, { outcome: 'delivered' }]);
  });

  it('several processes share the work, and each entry arrives once', async () => {
    const url = await emptyDatabase();
    const { store } = await open(url);
    const target = await receiver();
    const workers = await Promise.all([startWorker(url, 20_000), startWorker(url, 20_000)]);
    const ids = Array.from({ length: 60 }, (_each, index) => `rep_${index}`);
    for (const id of ids) await store.add(report(id, { target: target.url, createdAtMs: systemClock.nowMs() }));
    const pending = async () => (await store.list({ limit: 1, state: 'pending' })).length;
    await eventually('all are delivered', async () => (await pending()) === 0, { timeoutMs: 15_000 });
    for (const worker of workers) worker.send('stop');
    await Promise.all(workers.map((worker) => worker.exitCode ?? once(worker, 'exit')));
    expect(idsOf(target.received).sort()).toEqual([...ids].sort());
  });
});

describe('a database that is down for a while', () => {
  it('hears afterwards what was delivered meanwhile, and nothing is sent twice', async () => {
    const { sql, store } = await open(await postgres.createDatabase(`outbox_${++made}`));
    const target = await receiver(async (response) => {
      if (target.received.length === 1) await postgres.halt();
      response.writeHead(204).end();
    });
    const outbox = startHere(sql);
    await store.add(report('during', { target: target.url, createdAtMs: systemClock.nowMs() }));
    outbox.notify();
    await eventually('the database is missed', () => outbox.status().storeFailing);
    expect(outbox.status().underWay).toBe(1);
    await postgres.resume();
    await eventually('the database is back', () => !outbox.status().storeFailing, { timeoutMs: 15_000 });
    expect(await store.find('during')).toMatchObject({ state: 'delivered', attempts: 1 });
    await store.add(report('after', { target: target.url, createdAtMs: systemClock.nowMs() }));
    outbox.notify();
    await eventually('work goes on', async () => (await store.find('after'))?.state === 'delivered');
    expect(idsOf(target.received)).toEqual(['during', 'after']);
  });
});

describe('a receiver that is down for hours', () => {
  it('has the report when it is back', async () => {
    const clock = new FakeClock();
    const { sql, store } = await open(`sqlite:${join(folder, `${++made}`, 'denwaban.sqlite')}`);
    const target = await receiver();
    await target.close();
    startHere(sql, { clock, limits: { maxIdleMs: 86_400_000 } });
    await store.add(report('rep_1', { target: target.url, createdAtMs: clock.nowMs() }));
    const entry = async () => {
      const found = await store.find('rep_1');
      if (!found) throw new Error('it is gone');
      return found;
    };
    /** Moves time to the next attempt, and waits until that has failed or not. */
    const nextAttempt = async () => {
      const before = await entry();
      await eventually('the attempt is on record', async () => {
        // Further each time: a worker that sets its timer only now, when all is due already, waits for 50 ms more.
        await clock.advance(Math.max(50, before.nextAttemptAtMs - clock.nowMs()));
        const now = await entry();
        return now.failures > before.failures || now.state !== 'pending';
      });
    };
    const t0 = clock.nowMs();
    while (clock.nowMs() < t0 + 5 * 3_600_000) await nextAttempt();
    const { failures, lastError } = await entry();
    expect(failures).toBeGreaterThan(10);
    expect(failures).toBeLessThan(20);
    expect(lastError).toMatch(/^unreachable: ECONNREFUSED/);
    await target.listen();
    await nextAttempt();
    expect(await entry()).toMatchObject({ state: 'delivered', attempts: failures + 1, lastError: undefined });
    expect(idsOf(target.received)).toEqual(['rep_1']);
  });
});
