import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { accountSchema } from '../../src/accounts/accounts.ts';
import { databaseAway } from '../../src/kernel/errors.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import type { KnownSettings } from '../../src/store/known/known-copy.ts';
import { KnownFile } from '../../src/store/known/known-file.ts';
import { type AskedStores, LastKnown } from '../../src/store/known/last-known.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-known-'));
  folders.push(folder);
  return join(folder, 'known', 'settings');
}

const number = { number: '+81312345678', accountId: 'sakura', flowId: 'main' };
const account = accountSchema.parse({ accountId: 'sakura', name: 'さくら歯科' });
const flow = (version: number) => ({ flowId: 'main', accountId: 'sakura', version, publishedAtMs: 1, definition: {} });
const nothing: KnownSettings = { numbers: [], accounts: [], flows: [], cards: [], queues: [], agents: [], phones: [] };
const some: KnownSettings = { ...nothing, numbers: [number], accounts: [account], flows: [flow(1)] };

/** A database that can be there, be away, or say nothing at all. */
function scene({ copy }: { copy?: { readAtMs: number; settings: KnownSettings } } = {}) {
  const clock = new FakeClock();
  const database = { state: 'there' as 'there' | 'away' | 'silent', settings: some, asked: 0 };
  const answer = <T>(give: () => T): Promise<T> => {
    database.asked += 1;
    if (database.state === 'silent') return new Promise(() => undefined);
    if (database.state === 'away') return Promise.reject(databaseAway('on purpose'));
    return Promise.resolve(give());
  };
  const { settings } = database;
  const stores: AskedStores = {
    accounts: {
      findNumber: (wanted) => answer(() => database.settings.numbers.find((one) => one.number === wanted)),
      findAccount: (id) => answer(() => database.settings.accounts.find(({ accountId }) => accountId === id)),
      listNumbers: () => answer(() => database.settings.numbers),
    },
    flows: { findFlow: (id) => answer(() => database.settings.flows.find(({ flowId }) => flowId === id)) },
    cards: { find: () => answer(() => undefined) },
    phones: { findForDigest: () => answer(() => undefined) },
    queues: { list: () => answer(() => settings.queues) },
    agents: { list: () => answer(() => settings.agents) },
  };
  const saved: unknown[] = [];
  const file = { save: async (one: unknown) => void saved.push(one) };
  const source = { read: () => answer(() => database.settings) };
  const known = new LastKnown({ stores, source, copy, file, clock, logger: silentLogger });
  return { clock, database, known, saved };
}

it('answers from the database while it is there, and from the copy while it is away', async () => {
  const { database, known, clock } = scene();
  await known.start();
  database.settings = { ...some, accounts: [{ ...account, status: 'suspended' }] };
  expect(await known.accounts.findAccount('sakura')).toMatchObject({ status: 'suspended' });
  await clock.advance(5_000);
  database.state = 'away';
  // What was suspended when it went stays so.
  expect(await known.accounts.findAccount('sakura')).toMatchObject({ status: 'suspended' });
  expect(await known.accounts.findNumber('03-1234-5678')).toEqual(number);
  expect(await known.flows.findFlow('main')).toEqual(flow(1));
});

it('a change by this process is known soon after, and not only at the next round', async () => {
  const { database, known, clock } = scene();
  await known.start();
  database.settings = { ...some, accounts: [{ ...account, status: 'suspended' }] };
  known.changed();
  await clock.advance(500);
  database.state = 'away';
  expect(await known.accounts.findAccount('sakura')).toMatchObject({ status: 'suspended' });
});

it('waits for a database that says nothing once, not once a question', async () => {
  const { database, known, clock } = scene();
  await known.start();
  database.state = 'silent';
  const first = known.accounts.findNumber('+81312345678');
  await clock.advance(700);
  expect(await first).toEqual(number);
  const asked = database.asked;
  expect(await known.accounts.findAccount('sakura')).toEqual(account);
  expect(database.asked).toBe(asked);
});

it('a number that it does not have is nobody’s while the copy is young; after that nobody knows', async () => {
  const { database, known, clock } = scene();
  await known.start();
  database.state = 'away';
  expect(await known.accounts.findNumber('+81399999999')).toBeUndefined();
  await clock.advance(11 * 60_000);
  await expect(known.accounts.findNumber('+81399999999')).rejects.toMatchObject({ code: 'DATABASE_AWAY' });
  expect(await known.accounts.findNumber('+81312345678')).toEqual(number);
});

it('without a copy, or with one of long ago, says that the database is away', async () => {
  for (const copy of [undefined, { readAtMs: 0, settings: some }]) {
    const { database, known, clock } = scene(copy ? { copy } : {});
    await clock.advance(8 * 24 * 3_600_000);
    database.state = 'away';
    await known.start();
    expect(known.readAtMs).toBeUndefined();
    await expect(known.accounts.findNumber('+81312345678')).rejects.toMatchObject({ code: 'DATABASE_AWAY' });
  }
});

it('keeps the version of a flow that calls may still run on', async () => {
  const { database, known, clock } = scene();
  await known.start();
  database.settings = { ...some, flows: [flow(2)] };
  await clock.advance(5_000);
  database.state = 'away';
  expect(await known.flows.findFlow('main', 1)).toEqual(flow(1));
  expect(await known.flows.findFlow('main')).toEqual(flow(2));
});

it('writes the copy when something has changed, and else once a minute', async () => {
  const { database, known, clock, saved } = scene();
  await known.start();
  expect(saved).toHaveLength(1);
  await clock.advance(30_000);
  expect(saved).toHaveLength(1);
  database.settings = { ...some, flows: [flow(2)] };
  await clock.advance(5_000);
  expect(saved).toHaveLength(2);
  await clock.advance(61_000);
  await settle();
  expect(saved).toHaveLength(3);
  await known.stop();
});

it('is found again on disk, readable by nobody else, and only whole', async () => {
  const path = newPath();
  const file = new KnownFile(path, silentLogger);
  expect(await file.load()).toBeUndefined();
  await file.save({ readAtMs: 5, settings: some });
  expect(await file.load()).toEqual({ readAtMs: 5, settings: some });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const good = readFileSync(path, 'utf8');
  for (const bad of [good.slice(0, -3), good.replace('sakura', 'sakurb'), '', '{}\n', 'no', good.replace('\n', '')]) {
    writeFileSync(path, bad);
    expect(await file.load()).toBeUndefined();
  }
});
