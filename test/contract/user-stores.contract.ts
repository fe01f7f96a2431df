import { beforeEach, expect, it } from 'vitest';
import type { AccountsData, AttemptStore } from '../../src/accounts/accounts-data.ts';
import type { Session } from '../../src/accounts/sessions.ts';
import { sakura, user } from '../support/people.ts';

/** What the stores of users, sessions and attempts owe. `make` gives empty ones. */
export function userStoreContract(make: () => Promise<AccountsData>): void {
  let data: AccountsData;
  beforeEach(async () => {
    data = await make();
    await data.accounts.saveAccount(sakura);
  });

  it('keeps users, their passwords apart', async () => {
    const { users } = data;
    await users.add(user('hanako', { displayName: '花子' }), '$hash$1', 5);
    await users.add(user('clinic', { role: 'account', accountId: 'sakura' }), '$hash$2', 5);
    expect(await users.find('user_hanako')).toEqual(user('hanako', { displayName: '花子' }));
    expect(await users.findByLoginName(' ＨＡＮＡＫＯ')).toEqual(user('hanako', { displayName: '花子' }));
    expect(await users.find('nobody')).toBeUndefined();
    expect(await users.findByLoginName('nobody')).toBeUndefined();
    expect((await users.list()).map(({ loginName }) => loginName)).toEqual(['clinic', 'hanako']);
    expect(await users.passwordHashOf('user_clinic')).toBe('$hash$2');
    expect(JSON.stringify(await users.list())).not.toContain('hash');
  });

  it('replaces all but the password, and the password alone', async () => {
    const { users } = data;
    await users.add(user('hanako'), 'old', 5);
    const changed = user('hana', { userId: 'user_hanako', role: 'account', accountId: 'sakura', status: 'disabled' });
    await users.update(changed);
    expect(await users.find('user_hanako')).toEqual(changed);
    expect(await users.passwordHashOf('user_hanako')).toBe('old');
    expect(await users.passwordSetAtMs('user_hanako')).toBe(5);
    await users.setPassword('user_hanako', 'new', { temporary: true, atMs: 6 });
    expect(await users.find('user_hanako')).toEqual({ ...changed, passwordTemporary: true });
    await users.rehash('user_hanako', 'old', 'stale');
    expect(await users.passwordHashOf('user_hanako')).toBe('new');
    await users.rehash('user_hanako', 'new', 'newer');
    expect(await users.passwordHashOf('user_hanako')).toBe('newer');
    expect(await users.passwordSetAtMs('user_hanako')).toBe(6);
    expect(await users.passwordSetAtMs('nobody')).toBeUndefined();
  });

  it('refuses a login name twice and an account that does not exist', async () => {
    const { users } = data;
    await users.add(user('hanako'), 'x', 5);
    await users.add(user('taro'), 'x', 5);
    const second = user('hanako', { userId: 'other' });
    await expect(users.add(second, 'x', 5)).rejects.toMatchObject({ code: 'LOGIN_NAME_TAKEN' });
    const renamed = user('hanako', { userId: 'user_taro' });
    await expect(users.update(renamed)).rejects.toMatchObject({ code: 'LOGIN_NAME_TAKEN' });
    const stray = user('stray', { role: 'account', accountId: 'nobody' });
    await expect(users.add(stray, 'x', 5)).rejects.toMatchObject({ code: 'ACCOUNT_UNKNOWN' });
  });
}

/** What a SessionStore owes. */
export function sessionStoreContract(make: () => Promise<AccountsData>): void {
  const session = (sessionId: string, more: Partial<Session> = {}): Session => ({
    sessionId,
    userId: 'user_hanako',
    createdAtMs: 1_000,
    lastSeenAtMs: 1_000,
    expiresAtMs: 9_000,
    address: '192.0.2.1',
    userAgent: 'Test/1',
    ...more,
  });
  let data: AccountsData;
  beforeEach(async () => {
    data = await make();
    await data.users.add(user('hanako'), 'x', 5);
    await data.users.add(user('taro'), 'x', 5);
  });

  it('finds a session by its token alone, and remembers when it was seen', async () => {
    const { sessions } = data;
    await sessions.add(session('s1'), 'hash-1');
    expect(await sessions.findByToken('hash-1')).toEqual(session('s1'));
    expect(await sessions.findByToken('s1')).toBeUndefined();
    await sessions.touch('s1', 2_000);
    expect(await sessions.findByToken('hash-1')).toMatchObject({ lastSeenAtMs: 2_000 });
    expect(JSON.stringify(await sessions.list('user_hanako'))).not.toContain('hash-1');
  });

  it('ends one, all of a user, and those that ended by themselves', async () => {
    const { sessions } = data;
    await sessions.add(session('s1'), 'h1');
    await sessions.add(session('s2', { createdAtMs: 2_000, lastSeenAtMs: 2_000 }), 'h2');
    await sessions.add(session('s3', { expiresAtMs: 3_000, lastSeenAtMs: 2_900 }), 'h3');
    await sessions.add(session('t1', { userId: 'user_taro', lastSeenAtMs: 3_000 }), 'h4');
    expect((await sessions.list('user_hanako')).map(({ sessionId }) => sessionId)).toEqual(['s2', 's1', 's3']);
    expect(await sessions.remove('user_taro', 's1')).toBe(false);
    expect(await sessions.remove('user_hanako', 's1')).toBe(true);
    expect(await sessions.remove('user_hanako', 's1')).toBe(false);
    expect(await sessions.removeEnded(3_000, 2_500)).toBe(2);
    expect((await sessions.list('user_hanako')).length).toBe(0);
    expect(await sessions.removeAllOf('user_taro')).toBe(1);
    expect(await sessions.findByToken('h4')).toBeUndefined();
  });
}

/** What an AttemptStore owes. */
export function attemptStoreContract(make: () => Promise<AttemptStore>): void {
  it('counts within a window, and anew after it', async () => {
    const attempts = await make();
    const at = (atMs: number) => attempts.count('name:x', { atMs, windowMs: 100 });
    expect(await at(1_000)).toEqual({ count: 1, endsAtMs: 1_100 });
    expect(await at(1_099)).toEqual({ count: 2, endsAtMs: 1_100 });
    expect(await at(1_100)).toEqual({ count: 1, endsAtMs: 1_200 });
    await attempts.uncount('name:x');
    expect(await at(1_101)).toEqual({ count: 1, endsAtMs: 1_200 });
    await attempts.forget('name:x');
    expect(await at(1_150)).toEqual({ count: 1, endsAtMs: 1_250 });
    await attempts.removeEnded(1_250);
    expect(await at(1_160)).toEqual({ count: 1, endsAtMs: 1_260 });
  });

  it('misses none of many at the same moment', async () => {
    const attempts = await make();
    const counts = await Promise.all(Array.from({ length: 20 }, () => attempts.count('k', { atMs: 1, windowMs: 100 })));
    expect(counts.map(({ count }) => count).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });
}
