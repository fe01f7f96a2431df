import { expect, it } from 'vitest';
import { type Account, type AccountStore, accountSchema } from '../../src/accounts/accounts.ts';

const sakura: Account = accountSchema.parse({
  accountId: 'sakura',
  name: 'さくら歯科 "本院"',
  nameReading: 'さくらしか',
  outbound: { allow: ['+8190', '*'], deny: ['+81990'] },
});

/** What every AccountStore owes its users. `make` gives an empty store. */
export function accountStoreContract(make: () => Promise<AccountStore>): void {
  it('keeps accounts and replaces them whole', async () => {
    const store = await make();
    await store.saveAccount(sakura);
    await store.saveAccount({ ...sakura, accountId: 'a-first' });
    expect(await store.findAccount('sakura')).toEqual(sakura);
    await store.saveAccount({
      ...{ ...sakura, language: 'en', outbound: { allow: [], deny: [] } },
      ...{ status: 'suspended', answeringService: 'suspended' },
    });
    expect(await store.findAccount('sakura')).toMatchObject({
      ...{ status: 'suspended', answeringService: 'suspended', language: 'en', name: sakura.name },
    });
    expect((await store.listAccounts()).map(({ accountId }) => accountId)).toEqual(['a-first', 'sakura']);
    expect(await store.findAccount('nobody')).toBeUndefined();
  });

  it('finds a number however it is written', async () => {
    const store = await make();
    await store.saveAccount(sakura);
    await store.assignNumber({ number: '03-1234-5678', accountId: 'sakura', flowId: 'main' });
    await store.assignNumber({ number: '1000', accountId: 'sakura', flowId: 'short' });
    const found = { number: '+81312345678', accountId: 'sakura', flowId: 'main' };
    for (const written of ['0312345678', '+81 3 1234 5678', '０３－１２３４－５６７８']) {
      expect(await store.findNumber(written)).toEqual(found);
    }
    expect(await store.findNumber('1000')).toMatchObject({ flowId: 'short' });
    expect(await store.listNumbers('sakura')).toEqual([
      found,
      { number: '1000', accountId: 'sakura', flowId: 'short' },
    ]);
  });

  it('finds nothing for what nobody owns and for what is no number', async () => {
    const store = await make();
    for (const dialled of ['0399999999', '', "'; drop table accounts", '電話', 'x'.repeat(5_000)]) {
      expect(await store.findNumber(dialled)).toBeUndefined();
    }
  });

  it('moves a number, and refuses an account that does not exist', async () => {
    const store = await make();
    await store.saveAccount(sakura);
    await store.saveAccount({ ...sakura, accountId: 'momo' });
    await store.assignNumber({ number: '0312345678', accountId: 'sakura', flowId: 'main' });
    await store.assignNumber({ number: '+81312345678', accountId: 'momo', flowId: 'other' });
    expect(await store.listNumbers()).toEqual([{ number: '+81312345678', accountId: 'momo', flowId: 'other' }]);
    expect(await store.listNumbers('sakura')).toEqual([]);
    expect(await store.releaseNumber('03-1234-5678')).toBe(true);
    expect(await store.releaseNumber('0312345678')).toBe(false);
    expect(await store.releaseNumber('電話')).toBe(false);
    expect(await store.listNumbers()).toEqual([]);
    const attempt = store.assignNumber({ number: '0311112222', accountId: 'nobody', flowId: 'main' });
    await expect(attempt).rejects.toMatchObject({ code: 'ACCOUNT_UNKNOWN' });
  });
}
