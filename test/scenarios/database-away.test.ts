import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/poll.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { sippAnswered, sippBye, sippInvite, startSipp } from '../support/sipp.ts';
import { type System, startSystem } from '../support/system.ts';

const say = '0311110001';
const unknown = '0311119999';
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-away-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function start(options: Parameters<typeof startSystem>[0]): Promise<System> {
  const system = await startSystem(options);
  cleanUps.push(async () => {
    if (!system.program.exited()) await system.stop();
  });
  return system;
}

/** Callers who are answered, every one of them, and hang up. */
async function call({ sipHost, sipPort }: System, calls = 1): Promise<void> {
  const scenario = sippInvite() + sippAnswered + sippBye;
  const target = `${sipHost}:${sipPort}`;
  await (await startSipp({ scenario, service: say, target, calls, callsPerSecond: 10, maxAtOnce: calls })).done();
}

async function refusedWith(status: number, number: string, { sipHost, sipPort }: System): Promise<void> {
  const scenario = `${sippInvite()}<recv response="100" optional="true"/><recv response="${status}"/>`;
  await (await startSipp({ scenario, service: number, target: `${sipHost}:${sipPort}` })).done();
}

async function health({ httpUrl }: System) {
  const answer = await fetch(`${httpUrl}/health`);
  const body = (await answer.json()) as { parts: Record<string, { state: string; details?: Record<string, unknown> }> };
  return { status: answer.status, database: body.parts['database'] };
}

async function databaseIs(state: string, system: System): Promise<number> {
  const begunAtMs = performance.now();
  const is = async () => (await health(system)).database?.state === state;
  await eventually(`/health says that the database is ${state}`, is, { timeoutMs: 15_000 });
  return performance.now() - begunAtMs;
}

/** Each call once, closed, with nothing of it missing or doubled. */
async function onRecord(system: System, calls: number): Promise<void> {
  const closed = async () => {
    const all = (await system.calls({ limit: 100 })).filter(({ accountId }) => accountId !== null);
    return all.length >= calls && all.every(({ endedAt }) => endedAt) ? all : undefined;
  };
  const all = await eventually(`${calls} calls on record`, closed, { timeoutMs: 40_000, everyMs: 500 });
  expect(all).toHaveLength(calls);
  for (const { callId } of all) {
    const facts = await system.facts(callId);
    expect(facts.map(({ seq }) => seq)).toEqual(facts.map((_, index) => index + 1));
    for (const type of ['offered', 'answered', 'ended']) {
      expect(facts.filter((fact) => fact.type === type)).toHaveLength(1);
    }
  }
}

describe('PostgreSQL away', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());

  it('calls are answered from what is known, pages say so, and nothing is missing or doubled', async () => {
    const environment = { DATABASE_URL: await postgres.createDatabase('away'), DATA_DIR: newFolder() };
    const loaded = await start({ flows: 'test/scenarios/flows', environment });
    await call(loaded);
    // It hangs: connections stay open, and nobody answers.
    postgres.freeze();
    cleanUps.push(() => postgres.thaw());
    await call(loaded, 10);
    expect(await databaseIs('away', loaded)).toBeLessThan(5_000);
    const told = await health(loaded);
    expect(told.status).toBe(200);
    expect(told.database?.details).toMatchObject({ knownAgeSeconds: expect.any(Number) });
    await refusedWith(404, unknown, loaded);
    const api = await fetch(`${loaded.httpUrl}/api/v1/me`, { headers: { cookie: 'denwaban_session=x' } });
    expect([api.status, api.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await api.json()).toMatchObject({ error: { code: 'DATABASE_AWAY' } });
    postgres.thaw();
    await databaseIs('ok', loaded);
    await call(loaded);
    await onRecord(loaded, 12);
  });

  it('calls are answered after a cold start, from what an earlier run has known', async () => {
    const dataDir = newFolder();
    const environment = { DATABASE_URL: await postgres.createDatabase('cold') };
    const loaded = await start({ flows: 'test/scenarios/flows', environment: { ...environment, DATA_DIR: dataDir } });
    await loaded.stop();
    await postgres.halt();
    const cold = await start({ environment, dataDir });
    expect(cold.program.stdout()).toContain('the database is away');
    expect((await health(cold)).database?.state).toBe('away');
    await call(cold, 3);
    await postgres.resume();
    await databaseIs('ok', cold);
    await onRecord(cold, 3);
  }, 120_000);
});

describe('SQLite held by another writer', () => {
  it('calls are answered, what is on record can be read, and the rest is there afterwards', async () => {
    const dataDir = newFolder();
    const environment = { DATA_DIR: dataDir, DATABASE_URL: `sqlite:${join(dataDir, 'denwaban.sqlite')}` };
    const system = await start({ flows: 'test/scenarios/flows', environment });
    await call(system);
    await onRecord(system, 1);
    const other = new DatabaseSync(join(dataDir, 'denwaban.sqlite'));
    other.exec('begin immediate');
    await call(system, 5);
    expect(await databaseIs('degraded', system)).toBeLessThan(5_000);
    await call(system, 5);
    // A page that only reads is read: nobody is signed in, which the database says.
    const api = await fetch(`${system.httpUrl}/api/v1/me`, { headers: { cookie: 'denwaban_session=x' } });
    expect(api.status).toBe(401);
    other.exec('rollback');
    other.close();
    await databaseIs('ok', system);
    await onRecord(system, 11);
  });
});
