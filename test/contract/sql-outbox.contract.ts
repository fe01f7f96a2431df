import { expect, it } from 'vitest';
import type { SqlDatabase } from '../../src/store/sql/open-sql.ts';
import { addToOutbox, SqlOutboxStore } from '../../src/store/sql/sql-outbox-store.ts';
import { SqlWebhookSecretStore } from '../../src/store/sql/sql-webhook-secret-store.ts';

const t0 = 1_770_000_000_000;
const report = {
  outboxId: 'r1',
  accountId: 'sakura',
  kind: 'report',
  channel: 'mail',
  target: 'a@example.com',
  payload: { subject: 's', text: 't' },
  createdAtMs: t0,
} as const;

/** What the outbox in SQL owes the other stores. `openEmpty` gives an empty database. */
export function sqlOutboxContract(openEmpty: () => Promise<SqlDatabase>): void {
  it('adds an entry in the transaction of another, or not at all', async () => {
    const database = await openEmpty();
    const store = new SqlOutboxStore(database);
    const rolledBack = database.db.transaction().execute(async (trx) => {
      await addToOutbox(trx, report);
      throw new Error('the report was not saved');
    });
    await expect(rolledBack).rejects.toThrow('the report was not saved');
    expect(await store.find('r1')).toBeUndefined();
    await database.db.transaction().execute(async (trx) => {
      await store.add(report, trx);
    });
    expect(await store.claim({ nowMs: t0, leaseMs: 1, exceptLanes: [] })).toMatchObject({ entry: { outboxId: 'r1' } });
  });

  it('makes one webhook secret an account, however many ask first', async () => {
    const store = new SqlWebhookSecretStore(await openEmpty());
    const asked = await Promise.all([1, 2, 3, 4].map(() => store.current('sakura', t0)));
    const [first] = asked[0] ?? [];
    expect(first).toEqual({
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
      createdAtMs: t0,
      retiresAtMs: undefined,
    });
    expect(asked).toEqual([[first], [first], [first], [first]]);
    const [other] = await store.current('momo', t0);
    expect(other?.secret).not.toBe(first?.secret);
  });

  it('changes a webhook secret with an overlap', async () => {
    const store = new SqlWebhookSecretStore(await openEmpty());
    const [old] = await store.current('sakura', t0);
    const fresh = await store.rotate('sakura', { nowMs: t0, overlapMs: 1_000 });
    const secrets = async (nowMs: number) => (await store.current('sakura', nowMs)).map(({ secret }) => secret);
    expect(await secrets(t0)).toEqual([fresh.secret, old?.secret]);
    expect(await secrets(t0 + 999)).toEqual([fresh.secret, old?.secret]);
    expect(await secrets(t0 + 1_000)).toEqual([fresh.secret]);
    const third = await store.rotate('sakura', { nowMs: t0 + 10, overlapMs: 1_000 });
    expect(await secrets(t0 + 11)).toEqual([third.secret, fresh.secret]);
    const stolen = await store.rotate('sakura', { nowMs: t0 + 20, overlapMs: 0 });
    expect(await secrets(t0 + 20)).toEqual([stolen.secret]);
  });
}
