import { expect, it } from 'vitest';
import { type AccountStore, accountSchema } from '../../src/accounts/accounts.ts';
import type { FlowStore } from '../../src/flow/flow-store.ts';
import { baseMs } from '../support/facts.ts';

/** What every FlowStore owes its users. `make` gives empty stores. */
export function flowStoreContract(make: () => Promise<{ flows: FlowStore; accounts: AccountStore }>): void {
  const withAccounts = async () => {
    const { flows, accounts } = await make();
    for (const accountId of ['sakura', 'momo']) {
      await accounts.saveAccount(accountSchema.parse({ accountId, name: accountId }));
    }
    return flows;
  };
  const publish = (store: FlowStore, definition: unknown, flowId = 'main', accountId = 'sakura') =>
    store.publish({ flowId, accountId, definition, atMs: baseMs });

  it('numbers versions from 1 and keeps each as it was', async () => {
    const store = await withAccounts();
    expect(await publish(store, { start: 'a' })).toEqual({
      flowId: 'main',
      accountId: 'sakura',
      version: 1,
      publishedAtMs: baseMs,
      definition: { start: 'a' },
    });
    expect((await publish(store, { start: '電話' })).version).toBe(2);
    expect((await store.findFlow('main'))?.definition).toEqual({ start: '電話' });
    expect((await store.findFlow('main', 1))?.definition).toEqual({ start: 'a' });
    expect(await store.findFlow('main', 3)).toBeUndefined();
    expect(await store.findFlow('nothing')).toBeUndefined();
  });

  it('gives the newest version back when nothing has changed, but not an older one', async () => {
    const store = await withAccounts();
    await publish(store, { start: 'a', nodes: { a: 1, b: [1, 2] } });
    expect((await publish(store, { nodes: { b: [1, 2], a: 1 }, start: 'a' })).version).toBe(1);
    expect((await publish(store, { start: 'b' })).version).toBe(2);
    expect((await publish(store, { start: 'a', nodes: { a: 1, b: [1, 2] } })).version).toBe(3);
  });

  it('lists the newest version of each flow', async () => {
    const store = await withAccounts();
    await publish(store, 1, 'z');
    await publish(store, 2, 'z');
    await publish(store, 3, 'a', 'momo');
    expect((await store.listFlows()).map(({ flowId, version }) => [flowId, version])).toEqual([
      ['a', 1],
      ['z', 2],
    ]);
    expect((await store.listFlows('sakura')).map(({ flowId }) => flowId)).toEqual(['z']);
  });

  it('gives distinct versions to those who publish at once', async () => {
    const store = await withAccounts();
    const published = await Promise.all(Array.from({ length: 12 }, (_, index) => publish(store, { index })));
    const versions = published.map(({ version }) => version).sort((a, b) => a - b);
    expect(versions).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
    for (const { version, definition } of published) {
      expect((await store.findFlow('main', version))?.definition).toEqual(definition);
    }
  });

  it("refuses another account's flow and an account that does not exist", async () => {
    const store = await withAccounts();
    await publish(store, { start: 'a' });
    await expect(publish(store, { start: 'b' }, 'main', 'momo')).rejects.toMatchObject({
      code: 'FLOW_OF_ANOTHER_ACCOUNT',
    });
    await expect(publish(store, { start: 'b' }, 'new', 'nobody')).rejects.toMatchObject({ code: 'ACCOUNT_UNKNOWN' });
    expect((await store.findFlow('main'))?.version).toBe(1);
    expect(await store.findFlow('new')).toBeUndefined();
  });
}
