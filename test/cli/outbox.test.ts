import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { accountSchema } from '../../src/accounts/accounts.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { SqlAccountStore } from '../../src/store/sql/sql-account-store.ts';
import { SqlOutboxStore } from '../../src/store/sql/sql-outbox-store.ts';
import { report } from '../outbox/harness.ts';
import { runCommand } from '../support/system.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'denwaban-outbox-cli-'));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

const run = (...args: string[]) => runCommand(args, { DATA_DIR: dataDir });
const ok = async (...args: string[]) => {
  const { code, output } = await run(...args);
  expect(code, output).toBe(0);
  return output;
};
const onStore = async <T>(work: (store: SqlOutboxStore, accounts: SqlAccountStore) => Promise<T>): Promise<T> => {
  const sql = await openSql(`sqlite:${join(dataDir, 'denwaban.sqlite')}`, { clock: systemClock, logger: silentLogger });
  try {
    return await work(new SqlOutboxStore(sql), new SqlAccountStore(sql));
  } finally {
    await sql.close();
  }
};

beforeAll(() =>
  onStore(async (store, accounts) => {
    await accounts.saveAccount(accountSchema.parse({ accountId: 'sakura', name: 'さくら歯科' }));
    await store.add(report('rep_1', { channel: 'mail', target: 'owner@sakura.example' }));
    await store.add(report('rep_2', { accountId: null, createdAtMs: systemClock.nowMs() + 3_600_000 }));
    const claim = await store.claim({ nowMs: systemClock.nowMs(), leaseMs: 1_000, exceptLanes: [] });
    if (!claim) throw new Error('nothing was due');
    await store.settle(claim, {
      outcome: 'refused',
      statusCode: 550,
      error: 'smtp-reply: 550 owner@sakura.example unknown',
      durationMs: 12,
      next: { state: 'given-up', endedAtMs: systemClock.nowMs() },
    });
  }),
);

it('lists what is on its way and what did not arrive, personal data only when asked for', async () => {
  const list = await ok('outbox', 'list');
  expect(list).toMatch(/^rep_1 +sakura +report by mail +given-up .* 1 +- +smtp-reply$/m);
  expect(list).toMatch(/^rep_2 +- +report by webhook +pending /m);
  expect(list).not.toContain('owner@');
  expect(await ok('outbox', 'list', '--reveal')).toContain('owner@sakura.example');
  const json = await ok('outbox', 'list', '--state', 'given-up', '--json');
  expect(JSON.parse(json)).toMatchObject([{ outboxId: 'rep_1', lastError: 'smtp-reply' }]);
  expect(json).not.toMatch(/owner@|山田/);
}, 60_000);

it('shows every attempt, and tries again on record', async () => {
  expect(await ok('outbox', 'show', 'rep_1')).toMatch(/^1 .* refused +550 +12 ms +smtp-reply$/m);
  expect(await ok('outbox', 'show', 'rep_1', '--reveal')).toContain('550 owner@sakura.example unknown');
  expect(await ok('outbox', 'retry', 'rep_1')).toBe('rep_1 is tried again now\n');
  expect(await onStore((store) => store.find('rep_1'))).toMatchObject({ state: 'pending', failures: 0 });
  expect(await ok('audit', '--account', 'sakura')).toMatch(/\(command-line\) +delivery\.retry +delivery rep_1/);
  const { code, output } = await run('outbox', 'retry', 'nothing');
  expect([code, output]).toEqual([1, expect.stringMatching(/nothing in the outbox with the id "nothing"/)]);
}, 60_000);

it('says what webhooks are signed with, and changes it with an overlap', async () => {
  const first = (await ok('webhook-secret', 'sakura')).trim();
  expect(first).toMatch(/^whsec_\S+$/);
  expect((await ok('webhook-secret', 'sakura')).trim()).toBe(first);
  const [fresh, old] = (await ok('webhook-secret', 'sakura', '--rotate', '--overlap-hours', '1')).split('\n');
  expect(fresh).toMatch(/^whsec_\S+$/);
  expect(fresh).not.toBe(first);
  expect(old).toMatch(/^whsec_\S+ {2}until 20/);
  expect(old?.startsWith(first)).toBe(true);
  const { code, output } = await run('webhook-secret', 'nobody');
  expect([code, output]).toEqual([1, expect.stringMatching(/there is no account "nobody"/)]);
}, 60_000);
