import { fork } from 'node:child_process';
import { expect, it } from 'vitest';
import type { Report } from '../../src/desk/intake-store.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { migrations } from '../../src/store/sql/migrations.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { createAccountsData } from '../../src/store/sql/sql-accounts-data.ts';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';
import { SqlIntakeStore } from '../../src/store/sql/sql-intake-store.ts';
import { SqlReportStore } from '../../src/store/sql/sql-report-store.ts';
import { entered, offered } from '../support/facts.ts';
import { intake } from '../support/intakes.ts';
import { user } from '../support/people.ts';

const options = { clock: systemClock, logger: silentLogger };

/** Opening, migrating, closing: the same on each database. `emptyDatabase` gives the url of a new one. */
export function sqlDatabaseContract(emptyDatabase: () => Promise<string>): void {
  it('migrates once when several processes start at the same moment', async () => {
    const url = await emptyDatabase();
    const opener = new URL('../support/open-database.ts', import.meta.url);
    const codes = await Promise.all(
      [1, 2, 3, 4].map(
        () =>
          new Promise((resolve, reject) => {
            const child = fork(opener, [url], { stdio: 'inherit', execArgv: [] });
            child.on('error', reject);
            child.on('exit', resolve);
          }),
      ),
    );
    expect(codes).toEqual([0, 0, 0, 0]);
    const database = await openSql(url, options);
    const applied = await database.db.selectFrom('schema_migrations').select(['version', 'name']).execute();
    expect(applied).toEqual(migrations.map(({ version, name }) => ({ version, name })));
    await database.close();
  });

  it('migrates once when opened many times at the same moment', async () => {
    const url = await emptyDatabase();
    const databases = await Promise.all([1, 2, 3, 4, 5, 6].map(() => openSql(url, options)));
    const rows = await databases[5]?.db.selectFrom('schema_migrations').selectAll().execute();
    expect(rows).toHaveLength(migrations.length);
    await Promise.all(databases.map((database) => database.close()));
  });

  it('of before temporary passwords had to be changed lets everybody go on with theirs, and is so once', async () => {
    const url = await emptyDatabase();
    const before = await openSql(url, options);
    const { users } = createAccountsData(before);
    await users.add(user('old', { passwordTemporary: true }), 'hash', 1);
    await before.db.deleteFrom('schema_migrations').where('version', '>=', 12).execute();
    await before.close();
    const after = await openSql(url, options);
    expect(await createAccountsData(after).users.find('user_old')).toEqual(user('old'));
    expect(await createAccountsData(after).users.passwordHashOf('user_old')).toBe('hash');
    await createAccountsData(after).users.add(user('new', { passwordTemporary: true }), 'hash', 1);
    await after.close();
    const again = await openSql(url, options);
    expect(await createAccountsData(again).users.find('user_new')).toMatchObject({ passwordTemporary: true });
    await again.close();
  });

  it('lets several who first read and then write in a transaction take turns', async () => {
    const url = await emptyDatabase();
    const databases = await Promise.all([1, 2, 3, 4].map(() => openSql(url, options)));
    await Promise.all(
      databases.map(({ db }, index) =>
        db.transaction().execute(async (trx) => {
          const before = await trx.selectFrom('schema_migrations').selectAll().execute();
          const row = { version: 100 + index, name: `after ${before.length}`, applied_at_ms: 1 };
          await trx.insertInto('schema_migrations').values(row).execute();
        }),
      ),
    );
    const rows = await databases[0]?.db.selectFrom('schema_migrations').selectAll().execute();
    expect(rows).toHaveLength(migrations.length + 4);
    await Promise.all(databases.map((database) => database.close()));
  });

  it('refuses a database that a newer program has migrated, and leaves it alone', async () => {
    const url = await emptyDatabase();
    const database = await openSql(url, options);
    await database.db
      .insertInto('schema_migrations')
      .values({ version: 900, name: 'later', applied_at_ms: 1 })
      .execute();
    await database.close();
    await expect(openSql(url, options)).rejects.toMatchObject({
      code: 'DATABASE_TOO_NEW',
      message: expect.stringContaining('900'),
    });
  });

  it('rolls a failed transaction back and goes on', async () => {
    const database = await openSql(await emptyDatabase(), options);
    const failed = database.db.transaction().execute(async (trx) => {
      await trx.insertInto('schema_migrations').values({ version: 77, name: 'x', applied_at_ms: 1 }).execute();
      throw new Error('on purpose');
    });
    await expect(failed).rejects.toThrow('on purpose');
    const rows = await database.db.selectFrom('schema_migrations').selectAll().where('version', '=', 77).execute();
    expect(rows).toEqual([]);
    await database.close();
  });

  it('reads times back as numbers, to the last millisecond', async () => {
    const url = await emptyDatabase();
    const atMs = 9_007_199_254_740_991;
    const database = await openSql(url, options);
    await new SqlFactStore(database).append([offered('c1', { atMs })]);
    const [row] = await database.db.selectFrom('call_facts').select(['at_ms', 'seq']).execute();
    expect(row).toEqual({ at_ms: atMs, seq: 1 });
    await database.close();
  });

  it('finds everything again after closing, and rejects what comes after that', async () => {
    const url = await emptyDatabase();
    const first = await openSql(url, options);
    await new SqlFactStore(first).append([offered('c1'), entered('c1', 2)]);
    await first.close();
    await expect(new SqlFactStore(first).append([entered('c1', 3)])).rejects.toThrow();
    const second = await openSql(url, options);
    expect(await new SqlFactStore(second).factsOfCall('c1')).toHaveLength(2);
    await second.close();
  });

  it('keeps reports where a newer program first migrates', async () => {
    const url = await emptyDatabase();
    const old = await openSql(url, { ...options, steps: migrations.filter(({ version }) => version <= 7) });
    // As a program of that time wrote it.
    const account = { account_id: 'sakura', name: 'さくら歯科', name_reading: '', status: 'active', language: 'ja' };
    await old.db
      .insertInto('accounts')
      .values({ ...account, outbound_json: '{"allow":[],"deny":[]}' })
      .execute();
    await new SqlIntakeStore(old).add(intake('a'));
    const { subject, text, fields, ...head } = report;
    const row = { report_id: 'report_1', intake_id: 'a', account_id: 'sakura', call_id: 'call_a', created_at_ms: 1 };
    const { outcome, urgency, language } = head;
    const content_json = JSON.stringify({ subject, text, fields });
    await old.db
      .insertInto('reports')
      .values({ ...row, complete: 1, outcome, urgency, language, content_json })
      .execute();
    await old.close();
    const database = await openSql(url, options);
    const reports = new SqlReportStore(database);
    await reports.add({ ...report, reportId: 'report_2' });
    expect(await reports.list({ limit: 5 })).toMatchObject([
      { ...report, reportId: 'report_2', seq: 2 },
      { ...report, seq: 1 },
    ]);
    await expect(reports.add({ ...report, reportId: 'report_3', intakeId: 'nobody' })).rejects.toThrow();
    await database.close();
  });
}

const report: Report = {
  ...{ reportId: 'report_1', intakeId: 'a', accountId: 'sakura', callId: 'call_a', createdAtMs: 1, complete: true },
  ...{ outcome: 'message', urgency: 'normal', language: 'ja', subject: 's', text: 't', fields: { business: 'b' } },
};
