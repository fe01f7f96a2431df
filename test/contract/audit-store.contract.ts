import { expect, it } from 'vitest';
import type { AccountsData } from '../../src/accounts/accounts-data.ts';
import type { Actor, AuditEntry } from '../../src/accounts/audit.ts';
import type { SqlDatabase } from '../../src/store/sql/open-sql.ts';
import { createAccountsData } from '../../src/store/sql/sql-accounts-data.ts';
import { queue, user } from '../support/people.ts';

const actor: Actor = { kind: 'user', userId: 'u1', role: 'operator', name: 'root', address: '192.0.2.7' };
const entry = (id: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
  atMs: 1_000,
  actor,
  action: 'queue.update',
  subject: { kind: 'queue', id },
  ...more,
});

/** What the audit record and transactions owe. */
export function auditStoreContract(openEmpty: () => Promise<SqlDatabase>): void {
  const make = async (): Promise<AccountsData> => createAccountsData(await openEmpty());

  it('lists what was done, newest first, in pages, and of one account', async () => {
    const { audit } = await make();
    const first = entry('q1', { before: { name: 'a' }, after: { name: 'b' } });
    await audit.append(first);
    await audit.append(entry('sakura', { subject: { kind: 'card', id: 'sakura', accountId: 'sakura' } }));
    await audit.append(entry('q2'));
    const all = await audit.list({ limit: 10 });
    expect(all.map(({ subject }) => subject.id)).toEqual(['q2', 'sakura', 'q1']);
    expect(all[2]).toEqual({ seq: expect.any(Number), ...first });
    const [newest] = await audit.list({ limit: 1 });
    const next = await audit.list({ limit: 1, beforeSeq: newest?.seq ?? 0 });
    expect(next.map(({ subject }) => subject.id)).toEqual(['sakura']);
    expect((await audit.list({ limit: 9, accountId: 'sakura' })).length).toBe(1);
    expect((await audit.list({ limit: 9, accountId: 'momo' })).length).toBe(0);
  });

  it('cannot be changed or shortened, not even by hand', async () => {
    const database = await openEmpty();
    const { audit } = createAccountsData(database);
    await audit.append(entry('q1'));
    const refused = /only ever added to/;
    await expect(database.db.updateTable('audit_record').set({ action: 'x' }).execute()).rejects.toThrow(refused);
    await expect(database.db.deleteFrom('audit_record').execute()).rejects.toThrow(refused);
    expect(await audit.list({ limit: 10 })).toHaveLength(1);
  });

  it('keeps a change and its entry together: both or neither', async () => {
    const data = await make();
    const failed = data.inTransaction(async ({ queues, audit }) => {
      await queues.save(queue('q1'));
      await audit.append(entry('q1'));
      throw new Error('on purpose');
    });
    await expect(failed).rejects.toThrow('on purpose');
    expect([await data.queues.list(), await data.audit.list({ limit: 9 })]).toEqual([[], []]);
    const given = await data.inTransaction(async ({ queues, audit }) => {
      await queues.save(queue('q1'));
      await audit.append(entry('q1'));
      return 'done';
    });
    expect(given).toBe('done');
    expect([(await data.queues.list()).length, (await data.audit.list({ limit: 9 })).length]).toEqual([1, 1]);
  });

  it('runs transactions as if one after another', async () => {
    const data = await make();
    await data.users.add(user('aa', { role: 'operator' }), 'x', 1);
    await data.users.add(user('bb', { role: 'operator' }), 'x', 1);
    // Each may go only while another is left: of both at the same moment one must see the other gone.
    const leave = (name: string) =>
      data.inTransaction(async ({ users }) => {
        const active = (await users.list()).filter(({ status }) => status === 'active');
        if (active.length < 2) return 'stays';
        await users.update(user(name, { role: 'operator', status: 'disabled' }));
        return 'gone';
      });
    expect((await Promise.all([leave('aa'), leave('bb')])).sort()).toEqual(['gone', 'stays']);
  });
}
