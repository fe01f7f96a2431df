import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openSql, openWatchedSql, type WatchedDatabase } from '../../src/store/sql/open-sql.ts';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';
import { entered, offered } from '../support/facts.ts';
import { recordingLogger } from '../support/ledger-harness.ts';
import { eventually } from '../support/poll.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

const options = { clock: systemClock, logger: silentLogger, mayBeAway: false };
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function open(url: string, mayBeAway = false): Promise<WatchedDatabase> {
  const database = await openWatchedSql(url, { ...options, mayBeAway });
  cleanUps.push(() => database.close());
  return database;
}

/** How long it took until that was so. */
async function msUntil(what: string, check: () => boolean): Promise<number> {
  const begunAtMs = performance.now();
  await eventually(what, check, { timeoutMs: 20_000, everyMs: 10 });
  return performance.now() - begunAtMs;
}

async function refusal(work: Promise<unknown>): Promise<{ code: unknown; afterMs: number }> {
  const begunAtMs = performance.now();
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const code = error instanceof Error && 'code' in error ? error.code : error;
  return { code, afterMs: performance.now() - begunAtMs };
}

describe('PostgreSQL', () => {
  let postgres: TestPostgres;

  beforeAll(async () => {
    postgres = await startPostgres();
  });

  afterAll(() => postgres.stop());

  it('that ends in the middle of a transaction fails the transaction, not the program', async () => {
    const logger = recordingLogger();
    const database = await openSql(postgres.url, { clock: systemClock, logger });
    const broken = database.db.transaction().execute(async (trx) => {
      await sql`select 1`.execute(trx);
      // Nothing is being asked at this moment: nobody but the connection itself hears of its end.
      await postgres.halt();
      await eventually('the end is noticed', () => logger.lines.length > 0);
      await sql`select 1`.execute(trx);
    });
    await expect(broken).rejects.toThrow();
    await postgres.resume();
    await sql`select 1`.execute(database.db);
    await database.close();
  });

  it('that hangs is away within 5 s: what was asked is given up, what is asked is refused at once; until it goes on', async () => {
    const database = await open(postgres.url);
    const facts = new SqlFactStore(database);
    await facts.append([offered('c1')]);
    postgres.freeze();
    cleanUps.push(() => postgres.thaw());
    const second = entered('c1', 2);
    const asked = [refusal(facts.factsOfCall('c1')), refusal(facts.append([second]))];
    expect(await msUntil('it is away', () => database.status().state === 'away')).toBeLessThan(5_000);
    for (const one of await Promise.all(asked)) {
      expect(one.code).toBe('DATABASE_AWAY');
      expect(one.afterMs).toBeLessThan(5_000);
    }
    const after = await refusal(facts.factsOfCall('c1'));
    expect([after.code, after.afterMs < 100]).toEqual(['DATABASE_AWAY', true]);
    postgres.thaw();
    expect(await msUntil('it is back', () => database.status().state === 'up')).toBeLessThan(5_000);
    // Once more, as the shipper does: it may be there already.
    await facts.append([second]);
    expect((await facts.factsOfCall('c1')).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it('behind a network that swallows everything is away, and is asked on new connections when it is there again', async () => {
    const network = await startNetwork(postgres.url);
    const database = await open(network.url);
    await sql`select 1`.execute(database.db);
    network.swallow();
    const asked = refusal(sql`select 1`.execute(database.db));
    expect(await msUntil('it is away', () => database.status().state === 'away')).toBeLessThan(5_000);
    expect((await asked).code).toBe('DATABASE_AWAY');
    // The old connections stay dead, as behind a firewall that has forgotten them.
    network.heal();
    await eventually('it is back', () => database.status().state === 'up');
    await Promise.all(Array.from({ length: 12 }, () => sql`select 1`.execute(database.db)));
  });

  it('that is not there at the start is migrated when it comes', async () => {
    const url = await postgres.createDatabase('later');
    await postgres.halt();
    await expect(open(url)).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE', remedy: expect.any(String) });
    const database = await open(url, true);
    expect(database.status().state).toBe('away');
    let ups = 0;
    database.onUp(() => {
      ups += 1;
    });
    expect((await refusal(sql`select 1`.execute(database.db))).code).toBe('DATABASE_AWAY');
    await postgres.resume();
    await eventually('it is there', () => database.status().state === 'up');
    expect(ups).toBe(1);
    await new SqlFactStore(database).append([offered('c1')]);
  });

  it('that takes no changes is read all the same', async () => {
    const url = await postgres.createDatabase('standby');
    const database = await open(url);
    await sql`alter database standby set default_transaction_read_only = on`.execute(database.db);
    // Of connections made from now on.
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'standby' and pid <> pg_backend_pid()`
      .execute(database.db)
      .catch(() => undefined);
    await eventually('it is read-only', () => database.status().state === 'read-only');
    expect(await new SqlFactStore(database).factsOfCall('c1')).toEqual([]);
  });
});

describe('SQLite', () => {
  const newFile = () => {
    const folder = mkdtempSync(join(tmpdir(), 'denwaban-away-'));
    cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
    return join(folder, 'denwaban.sqlite');
  };

  /** Another program that writes, and does not come to an end. */
  const lock = (file: string) => {
    const other = new DatabaseSync(file);
    other.exec('begin immediate');
    let isHeld = true;
    const release = () => {
      if (isHeld) other.close();
      isHeld = false;
    };
    cleanUps.push(release);
    return release;
  };

  it('held by another writer is read on, and says within 5 s that it takes nothing; until it is let go', async () => {
    const file = newFile();
    const database = await open(`sqlite:${file}`);
    const facts = new SqlFactStore(database);
    await facts.append([offered('c1')]);
    expect(await facts.factsOfCall('c1')).toHaveLength(1);
    const release = lock(file);
    const [second, third] = [entered('c1', 2), entered('c1', 3)];
    const writing = [refusal(facts.append([second])), refusal(facts.append([third]))];
    // Before anybody has noticed, behind two writers that wait.
    const begunAtMs = performance.now();
    expect(await facts.factsOfCall('c1')).toHaveLength(1);
    expect(performance.now() - begunAtMs).toBeLessThan(1_400);
    expect(await msUntil('it is read-only', () => database.status().state === 'read-only')).toBeLessThan(5_000);
    for (const { code, afterMs } of await Promise.all(writing)) {
      expect(code).toBe('DATABASE_AWAY');
      expect(afterMs).toBeLessThan(5_000);
    }
    expect(await facts.factsOfCall('c1')).toHaveLength(1);
    release();
    expect(await msUntil('it is up', () => database.status().state === 'up')).toBeLessThan(5_000);
    // Once more, as the shipper does: the one that was waited for may be there already.
    await facts.append([second, third]);
    expect((await facts.factsOfCall('c1')).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  it('goes on after a transaction that was given up, of which nothing is left', async () => {
    const file = newFile();
    const database = await open(`sqlite:${file}`);
    const { db } = database;
    const row = (version: number) => ({ version, name: 'x', applied_at_ms: 1 });
    const release = lock(file);
    const waiting = refusal(
      db.transaction().execute((trx) => trx.insertInto('schema_migrations').values(row(901)).execute()),
    );
    expect((await waiting).code).toBe('DATABASE_AWAY');
    // What it waited for comes now, and nobody is there who would end the transaction.
    release();
    await eventually('it is up', () => database.status().state === 'up');
    await db.insertInto('schema_migrations').values(row(902)).execute();
    const other = new DatabaseSync(file);
    cleanUps.push(() => other.close());
    const seen = other.prepare('select version from schema_migrations where version > 900').all();
    expect(seen).toEqual([{ version: 902 }]);
  });

  it('answers who reads while facts are shipped, batch after batch', async () => {
    const database = await open(`sqlite:${newFile()}`);
    const facts = new SqlFactStore(database);
    await facts.append([offered('c0')]);
    let isShipping = true;
    const shipping = (async () => {
      for (let batch = 1; batch <= 8; batch++) {
        await facts.append(Array.from({ length: 2_000 }, (_, index) => entered(`c${batch}`, index + 1)));
      }
      isShipping = false;
    })();
    let reads = 0;
    while (isShipping) {
      await facts.factsOfCall('c0');
      reads += 1;
    }
    await shipping;
    // More often than once a batch: they do not stand in line behind the batches.
    expect(reads).toBeGreaterThan(24);
  });
});

/** A way to PostgreSQL that can be cut without a word to either side. */
async function startNetwork(to: string): Promise<{ url: string; swallow(): void; heal(): void }> {
  const { hostname, port } = new URL(to);
  const sockets = new Set<Socket>();
  let isCut = false;
  const server: Server = createServer((near) => {
    sockets.add(near);
    near.on('error', () => undefined);
    if (isCut) return;
    const far = dial(Number(port), hostname);
    sockets.add(far);
    far.on('error', () => undefined);
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const url = new URL(to);
  url.port = String(typeof address === 'object' && address ? address.port : 0);
  return {
    url: url.href,
    swallow: () => {
      isCut = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    heal: () => {
      isCut = false;
    },
  };
}
