import { beforeEach, expect, it } from 'vitest';
import type { AccountsData } from '../../src/accounts/accounts-data.ts';
import { agentSettingsSchema } from '../../src/accounts/agents.ts';
import { phoneHashes } from '../../src/accounts/phone-credentials.ts';
import { card, queue, sakura, user } from '../support/people.ts';

/** What the stores of agents', queues' and cards' settings owe. */
export function settingsStoreContract(make: () => Promise<AccountsData>): void {
  let data: AccountsData;
  beforeEach(async () => {
    data = await make();
    await data.accounts.saveAccount(sakura);
    await data.users.add(user('hanako', { displayName: '花子' }), 'x', 5);
  });

  it('keeps agents with their names, and says who is disabled', async () => {
    const settings = agentSettingsSchema.parse({
      agentId: 'user_hanako',
      skills: { billing: 10, 'ev-charging': 1 },
      languages: ['ja', 'en'],
      queues: ['desk'],
      refusedAccounts: ['momo'],
    });
    await data.agents.save(settings);
    const profile = { ...settings, loginName: 'hanako', displayName: '花子', active: true };
    expect(await data.agents.find('user_hanako')).toEqual(profile);
    await data.agents.save({ ...settings, skills: {} });
    await data.users.update(user('hanako', { status: 'disabled' }));
    expect(await data.agents.list()).toEqual([{ ...profile, displayName: 'HANAKO', skills: {}, active: false }]);
    expect(await data.agents.remove('user_hanako')).toBe(true);
    expect(await data.agents.remove('user_hanako')).toBe(false);
    expect(await data.agents.find('user_hanako')).toBeUndefined();
    const stray = agentSettingsSchema.parse({ agentId: 'nobody' });
    await expect(data.agents.save(stray)).rejects.toMatchObject({ code: 'USER_UNKNOWN' });
  });

  it('keeps queues', async () => {
    const desk = queue('desk', {
      strategy: 'ring-several',
      ringCount: 5,
      overflow: [
        { type: 'queue', queueId: 'late' },
        { type: 'message', text: { ja: 'かけ直してください' } },
      ],
      hours: { open: [{ days: ['mon'], from: '09:00', to: '18:00' }], closedDays: ['2026-12-31'] },
      widening: [
        { afterMs: 20_000, lowerLevelsBy: 2 },
        { afterMs: 60_000, anyLanguage: true },
      ],
    });
    await data.queues.save(desk);
    await data.queues.save(queue('a'));
    expect(await data.queues.find('desk')).toEqual(desk);
    expect((await data.queues.list()).map(({ queueId }) => queueId)).toEqual(['a', 'desk']);
    await data.queues.save({ ...desk, name: 'Desk' });
    expect(await data.queues.find('desk')).toEqual({ ...desk, name: 'Desk' });
    expect(await data.queues.remove('desk')).toBe(true);
    expect(await data.queues.find('desk')).toBeUndefined();
  });

  it("keeps cards and the provider's rules apart", async () => {
    expect(await data.cards.find('sakura')).toBeUndefined();
    const rules = { complaintsBeforeWarning: 3, complaintsSinceMs: 0, suspension: 'operator-confirms' } as const;
    expect(await data.cards.rules('sakura')).toEqual(rules);
    const strict = { complaintsBeforeWarning: 5, complaintsSinceMs: 7, suspension: 'automatic' } as const;
    await data.cards.saveRules('sakura', strict);
    expect(await data.cards.find('sakura')).toBeUndefined();
    await data.cards.save(card('sakura'));
    expect(await data.cards.find('sakura')).toEqual(card('sakura'));
    await data.cards.save(card('sakura', { notes: 'new' }));
    expect((await data.cards.find('sakura'))?.notes).toBe('new');
    expect(await data.cards.rules('sakura')).toEqual(strict);
    await expect(data.cards.save(card('nobody'))).rejects.toMatchObject({ code: 'ACCOUNT_UNKNOWN' });
    await expect(data.cards.saveRules('nobody', rules)).rejects.toMatchObject({ code: 'ACCOUNT_UNKNOWN' });
  });
}

/** What a PhoneCredentialStore owes. */
export function phoneCredentialStoreContract(make: () => Promise<AccountsData>): void {
  it('keeps phones and finds their hashes for a registration', async () => {
    const data = await make();
    await data.users.add(user('hanako'), 'x', 5);
    const phone = { agentId: 'user_hanako', realm: 'denwaban', label: 'desk', createdAtMs: 7 };
    const first = { ...phone, username: 'hanako-1' };
    const hashes = phoneHashes('hanako-1', 'denwaban', 'secret');
    await data.phones.add(first, hashes);
    await data.phones.add({ ...phone, username: 'hanako-2' }, phoneHashes('hanako-2', 'denwaban', 'other'));
    expect(await data.phones.findForDigest('hanako-1')).toEqual({ ...first, ...hashes });
    expect(await data.phones.findForDigest('nobody')).toBeUndefined();
    expect(await data.phones.list('user_hanako')).toEqual([first, { ...phone, username: 'hanako-2' }]);
    await expect(data.phones.add(first, hashes)).rejects.toMatchObject({ code: 'PHONE_NAME_TAKEN' });
    const stray = { ...phone, username: 'stray', agentId: 'nobody' };
    await expect(data.phones.add(stray, hashes)).rejects.toMatchObject({ code: 'USER_UNKNOWN' });
    const good = ['hanako-1', 'hanako-2'].map((username) => ({ username, agentId: 'user_hanako' }));
    expect(await data.phones.listGood()).toEqual(good);
    await data.users.update(user('hanako', { status: 'disabled' }));
    expect(await data.phones.findForDigest('hanako-1')).toBeUndefined();
    expect(await data.phones.listGood()).toEqual([]);
    expect(await data.phones.remove('other', 'hanako-1')).toBe(false);
    expect(await data.phones.remove('user_hanako', 'hanako-1')).toBe(true);
    expect((await data.phones.list('user_hanako')).length).toBe(1);
  });
}
