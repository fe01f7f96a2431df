import { DenwabanError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { type Change, onRecord } from './change.ts';
import { generatePassword, type Passwords } from './passwords.ts';
import { normalizeLoginName, type Role, type User, userSchema } from './users.ts';

const usersMax = 20_000;
/** Who can take calls. */
export const deskRoles: readonly Role[] = ['agent', 'supervisor'];

/** A password that a user is given: the text, to be shown once, and its hash. */
export interface GivenPassword {
  password: string;
  hash: string;
}

/** A password for somebody else: generated. Made before the transaction, since it takes long. @throws DenwabanError `TOO_BUSY`. */
export async function givePassword(passwords: Passwords): Promise<GivenPassword> {
  const password = generatePassword();
  return { password, hash: await passwords.hash(password) };
}

export interface NewUser {
  loginName: string;
  displayName: string;
  role: Role;
  accountId?: string | undefined;
}

/**
 * Adds a user, with a password that is to be changed at the first sign-in.
 * @throws DenwabanError `LOGIN_NAME_TAKEN`, `ACCOUNT_UNKNOWN`, `USERS_FULL`, `USER_INVALID`.
 */
export async function addUser(change: Change, { accountId, ...written }: NewUser, given: GivenPassword): Promise<User> {
  const user = readUser({
    ...written,
    ...(accountId === undefined ? {} : { accountId }),
    loginName: normalizeLoginName(written.loginName),
    userId: newId('user'),
    status: 'active',
    passwordTemporary: true,
  });
  if ((await change.stores.users.list()).length >= usersMax) {
    throw new DenwabanError('USERS_FULL', `there are ${usersMax} users already`);
  }
  await change.stores.users.add(user, given.hash, change.atMs);
  await onRecord(change, 'user.add', subjectOf(user), { after: user });
  return user;
}

export type UserChange = { [Key in 'displayName' | 'role' | 'accountId' | 'status']?: User[Key] | undefined };

/**
 * Changes what is given. A user whose role, account or status changes is signed out everywhere; one who leaves the desk
 * loses agent's settings and phones.
 * @throws DenwabanError `USER_UNKNOWN`, `ACCOUNT_UNKNOWN`, `LAST_OPERATOR`, `USER_INVALID`.
 */
export async function changeUser(change: Change, userId: string, wanted: UserChange): Promise<User> {
  const before = await knownUser(change, userId);
  const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
  const { accountId, ...merged } = { ...before, ...given };
  const after = readUser(merged.role === 'account' ? { ...merged, accountId } : merged);
  await change.stores.users.update(after);
  if (before.role === 'operator') await refuseWithoutOperator(change);
  await changeOnRecord(change, before, after);
  const rights = (user: User) => [user.role, user.accountId, user.status].join();
  if (rights(before) !== rights(after)) await endSessions(change, after);
  if (deskRoles.includes(before.role) && !deskRoles.includes(after.role)) await leaveDesk(change, after);
  return after;
}

/** Gives a user another password and signs them out everywhere. @throws DenwabanError `USER_UNKNOWN`. */
export async function setPassword(
  change: Change,
  userId: string,
  { hash, temporary }: { hash: string; temporary: boolean },
): Promise<void> {
  const user = await knownUser(change, userId);
  await change.stores.users.setPassword(userId, hash, { temporary, atMs: change.atMs });
  await onRecord(change, temporary ? 'user.reset-password' : 'user.change-password', subjectOf(user));
  await endSessions(change, user);
}

/** Signs a user out: at one browser, or everywhere. @throws DenwabanError `USER_UNKNOWN`, `SESSION_UNKNOWN`. */
export async function revokeSessions(change: Change, userId: string, sessionId?: string): Promise<void> {
  const user = await knownUser(change, userId);
  if (sessionId === undefined) return endSessions(change, user);
  if (!(await change.stores.sessions.remove(userId, sessionId))) {
    throw new DenwabanError('SESSION_UNKNOWN', 'there is no such session; it may have ended by itself');
  }
  return onRecord(change, 'session.revoke', { ...accountOf(user), kind: 'session', id: sessionId });
}

/** @throws DenwabanError `USER_UNKNOWN`. */
export async function knownUser({ stores }: Pick<Change, 'stores'>, userId: string): Promise<User> {
  const user = await stores.users.find(userId);
  if (!user) throw new DenwabanError('USER_UNKNOWN', `there is no user "${userId}"`);
  return user;
}

/** How a user is named on the record. */
export function subjectOf(user: User) {
  return { kind: 'user' as const, id: user.userId, ...accountOf(user) };
}

function accountOf(user: User): { accountId?: string } {
  return user.accountId === undefined ? {} : { accountId: user.accountId };
}

/** An account sees nothing of what a user was before becoming its own, or is afterwards (service-rules.md, Calls 9). */
async function changeOnRecord(change: Change, before: User, after: User): Promise<void> {
  if (before.accountId === after.accountId) {
    return onRecord(change, 'user.change', subjectOf(after), { before, after });
  }
  await onRecord(change, 'user.change', subjectOf(before), { before });
  await onRecord(change, 'user.change', subjectOf(after), { after });
}

function readUser(user: unknown): User {
  const read = userSchema.safeParse(user);
  if (read.success) return read.data;
  const faults = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new DenwabanError('USER_INVALID', faults.join('; '), { remedy: 'Correct the fields named' });
}

async function endSessions(change: Change, user: User): Promise<void> {
  const ended = await change.stores.sessions.removeAllOf(user.userId);
  if (ended > 0) await onRecord(change, 'session.revoke-all', subjectOf(user), { after: { sessions: ended } });
}

async function leaveDesk(change: Change, user: User): Promise<void> {
  const { agents, phones } = change.stores;
  const before = await agents.find(user.userId);
  if (await agents.remove(user.userId)) {
    await onRecord(change, 'agent.remove', { kind: 'agent', id: user.userId }, { before });
  }
  for (const phone of await phones.list(user.userId)) {
    await phones.remove(user.userId, phone.username);
    await onRecord(change, 'phone.remove', { kind: 'phone', id: phone.username }, { before: phone });
  }
}

async function refuseWithoutOperator({ stores }: Change): Promise<void> {
  const users = await stores.users.list();
  if (users.some(({ role, status }) => role === 'operator' && status === 'active')) return;
  throw new DenwabanError('LAST_OPERATOR', 'this is the last operator who can sign in', {
    remedy: 'Make another user operator first',
  });
}
