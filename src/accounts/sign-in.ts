import { createHash } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { isDatabaseAway } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { AccountsData, AccountsStores, AttemptStore } from './accounts-data.ts';
import type { Actor } from './audit.ts';
import { makeChange, onRecord } from './change.ts';
import { setPassword, subjectOf } from './manage-users.ts';
import { WeakPassword } from './password-strength.ts';
import type { Passwords } from './passwords.ts';
import { hashSessionToken, newSessionToken, type Session } from './sessions.ts';
import { normalizeLoginName, type User } from './users.ts';

/** How long sessions last and how often a sign-in may fail. */
export interface SignInLimits {
  /** A session not used for so long has ended. */
  idleMs: number;
  /** A session ends after so long, however busy. */
  absoluteMs: number;
  /** Of one user at once; the oldest gives way. */
  sessionsPerUser: number;
  /** Failures within `windowMs`; then nobody is let in there until the window ends. */
  /** For one name from one network. */
  failuresPerName: number;
  /** For one name from all networks together in which its owner has no session. */
  failuresPerNameElsewhere: number;
  failuresPerAddress: number;
  windowMs: number;
  /** A password that was made for somebody is good for so long, to choose another with. */
  temporaryMs: number;
}

export const defaultSignInLimits: SignInLimits = {
  idleMs: 7_200_000,
  absoluteMs: 43_200_000,
  sessionsPerUser: 20,
  failuresPerName: 10,
  failuresPerNameElsewhere: 1_000,
  failuresPerAddress: 50,
  windowMs: 900_000,
  // Whoever is told theirs before a week of holidays still gets in.
  temporaryMs: 14 * 86_400_000,
};

const lastSeenStepMs = 60_000;

/** Where somebody signs in from. */
export interface Visitor {
  address: string;
  userAgent: string;
}

/** Somebody who is signed in. */
export interface SignedIn {
  user: User;
  session: Session;
}

export type SignInResult =
  | ({ ok: true; token: string } & SignedIn)
  /** The same for a wrong password, an unknown name, a disabled user, and one of an account that has ended. */
  | { ok: false; why: 'wrong' }
  /** The right password, but a temporary one that was not changed in time. */
  | { ok: false; why: 'expired' }
  | { ok: false; why: 'limited'; retryAfterMs: number };

/** Signing in and out. */
export interface SignIn {
  /** @throws DenwabanError `TOO_BUSY`. */
  signIn(loginName: string, password: string, visitor: Visitor): Promise<SignInResult>;
  /** Who the token belongs to, while its session lasts. */
  resume(token: string): Promise<SignedIn | undefined>;
  signOut(who: SignedIn, actor: Actor): Promise<void>;
  /**
   * A user's own new password: every session ends, and a new one begins at this browser. `wrong`: of the old password.
   * @throws WeakPassword; DenwabanError `TOO_BUSY`.
   */
  changePassword(
    who: SignedIn,
    passwords: { old: string; new: string },
    actor: Actor,
    visitor: Visitor,
  ): Promise<SignInResult>;
}

export interface SignInOptions {
  data: AccountsData;
  attempts: AttemptStore;
  passwords: Passwords;
  clock: Clock;
  logger: Logger;
  limits?: SignInLimits;
}

/** Signing in, on the given stores. Attempts are counted before the password is looked at: none slips past at once. */
export function createSignIn(options: SignInOptions): SignIn {
  const { data, passwords, clock, limits = defaultSignInLimits } = options;
  const guard = createGuard(options, limits);
  const check = async (user: User | undefined, password: string, loginName: string, visitor: Visitor) => {
    const network = networkOf(visitor.address);
    // By name and network: who guesses elsewhere keeps nobody out who is where they are always.
    const keys = {
      here: `name:${shortHash(`${loginName} ${network}`)}`,
      everywhere: `name:${shortHash(loginName)}`,
      address: `address:${network}`,
    };
    const waitMs = await guard.begin(keys, await isKnownAt(data, user, network));
    if (waitMs > 0) return { ok: false, why: 'limited', retryAfterMs: waitMs } as const;
    const stored = await data.users.passwordHashOf(user?.userId ?? '');
    const { correct, stale } = await passwords.check(password, stored);
    const mayEnter = await isWelcome(data, user);
    if (!user || !stored || !correct || !mayEnter) return { ok: false, why: 'wrong' } as const;
    if (await isExpired(options, limits, user)) return { ok: false, why: 'expired' } as const;
    await guard.succeeded(keys);
    if (!stale) return { ok: true, stored } as const;
    const renewed = await passwords.hash(password);
    await data.users.rehash(user.userId, stored, renewed);
    return { ok: true, stored: renewed } as const;
  };
  const begin = (user: User, visitor: Visitor) => beginSession(options, limits, user, visitor);
  return {
    signIn: async (written, password, visitor) => {
      const loginName = normalizeLoginName(written);
      const user = await data.users.findByLoginName(loginName);
      const checked = await check(user, password, loginName, visitor);
      if (checked.ok && user) return begin(user, visitor);
      await refused(options, user, visitor, checked.ok ? 'wrong' : checked.why);
      return checked.ok ? { ok: false, why: 'wrong' } : checked;
    },
    resume: (token) => resume(data, clock, limits, token),
    signOut: ({ user, session }, actor) =>
      makeChange(options, actor, async (change) => {
        if (!(await change.stores.sessions.remove(user.userId, session.sessionId))) return;
        await onRecord(change, 'session.end', { ...subjectOf(user), kind: 'session', id: session.sessionId });
      }),
    changePassword: async ({ user }, { old, new: wanted }, actor, visitor) => {
      const checked = await check(user, old, user.loginName, visitor);
      if (!checked.ok) {
        await refused(options, user, visitor, checked.why);
        return checked;
      }
      await refuseWeak(options, user, old, wanted);
      const hash = await passwords.hash(wanted);
      const isDone = await makeChange(options, actor, async (change) => {
        // An operator may have taken the old one away while this was looked at.
        if ((await change.stores.users.passwordHashOf(user.userId)) !== checked.stored) return false;
        await setPassword(change, user.userId, { hash, temporary: false });
        return true;
      });
      if (!isDone) return { ok: false, why: 'wrong' };
      return begin({ ...user, passwordTemporary: false }, visitor);
    },
  };
}

async function beginSession(options: SignInOptions, limits: SignInLimits, user: User, visitor: Visitor) {
  const token = newSessionToken();
  const nowMs = options.clock.nowMs();
  const session: Session = {
    sessionId: newId('session'),
    userId: user.userId,
    createdAtMs: nowMs,
    lastSeenAtMs: nowMs,
    expiresAtMs: nowMs + limits.absoluteMs,
    address: visitor.address,
    userAgent: visitor.userAgent.slice(0, 300),
  };
  const actor: Actor = { ...actorOf(user), address: visitor.address };
  const begun = await makeChange(options, actor, async (change) => {
    const { sessions, users } = change.stores;
    // Between the check of the password and now much can have happened.
    if (!(await isWelcome(change.stores, await users.find(user.userId)))) return false;
    await sessions.removeEnded(nowMs, nowMs - limits.idleMs);
    const old = (await sessions.list(user.userId)).slice(limits.sessionsPerUser - 1);
    for (const { sessionId } of old) await sessions.remove(user.userId, sessionId);
    await sessions.add(session, hashSessionToken(token));
    await onRecord(change, 'session.begin', { ...subjectOf(user), kind: 'session', id: session.sessionId });
    return true;
  });
  return begun ? ({ ok: true, token, user, session } as const) : ({ ok: false, why: 'wrong' } as const);
}

async function resume(
  data: AccountsData,
  clock: Clock,
  limits: SignInLimits,
  token: string,
): Promise<SignedIn | undefined> {
  const session = await data.sessions.findByToken(hashSessionToken(token));
  if (!session) return undefined;
  const nowMs = clock.nowMs();
  if (nowMs >= session.expiresAtMs || nowMs >= session.lastSeenAtMs + limits.idleMs) return undefined;
  const user = await data.users.find(session.userId);
  if (!user || !(await isWelcome(data, user))) return undefined;
  if (nowMs < session.lastSeenAtMs + lastSeenStepMs) return { user, session };
  try {
    await data.sessions.touch(session.sessionId, nowMs);
  } catch (error) {
    // A database that can only be read for the moment is no reason to keep anybody out.
    if (!isDatabaseAway(error)) throw error;
    return { user, session };
  }
  return { user, session: { ...session, lastSeenAtMs: nowMs } };
}

/** Not the disabled, and nobody of an account that has ended: it can reach none of its data (service-rules.md). */
async function isWelcome({ accounts }: Pick<AccountsStores, 'accounts'>, user: User | undefined): Promise<boolean> {
  if (user?.status !== 'active') return false;
  if (user.accountId === undefined) return true;
  const account = await accounts.findAccount(user.accountId);
  return account !== undefined && account.status !== 'ended';
}

/** Whether somebody has a session from this network: they were let in there before. */
async function isKnownAt({ sessions }: AccountsData, user: User | undefined, network: string): Promise<boolean> {
  // Asked for unknown names too: the time that it takes tells nobody who is here.
  return (await sessions.list(user?.userId ?? '')).some(({ address }) => networkOf(address) === network);
}

interface AttemptKeys {
  here: string;
  everywhere: string;
  address: string;
}

/** Counts attempts by name and network, by name, and by network. */
function createGuard({ attempts, clock }: SignInOptions, limits: SignInLimits) {
  const { windowMs } = limits;
  return {
    /** Counts an attempt as failed until it has succeeded; gives how long to wait where there were too many. */
    begin: async (keys: AttemptKeys, isKnown: boolean): Promise<number> => {
      const atMs = clock.nowMs();
      await attempts.removeEnded(atMs);
      const bounds = [
        [keys.address, limits.failuresPerAddress],
        [keys.here, limits.failuresPerName],
        ...(isKnown ? [] : [[keys.everywhere, limits.failuresPerNameElsewhere] as const]),
      ] as const;
      for (const [key, most] of bounds) {
        const { count, endsAtMs } = await attempts.count(key, { atMs, windowMs });
        if (count > most) return endsAtMs - atMs;
      }
      return 0;
    },
    succeeded: async (keys: AttemptKeys): Promise<void> => {
      await attempts.forget(keys.here);
      await attempts.uncount(keys.everywhere);
      await attempts.uncount(keys.address);
    },
  };
}

/** Whether the user's password is a temporary one whose time is over. */
async function isExpired({ data, clock }: SignInOptions, limits: SignInLimits, user: User): Promise<boolean> {
  if (!user.passwordTemporary) return false;
  const setAtMs = await data.users.passwordSetAtMs(user.userId);
  return setAtMs === undefined || clock.nowMs() >= setAtMs + limits.temporaryMs;
}

/** @throws WeakPassword. */
async function refuseWeak({ data, passwords }: SignInOptions, user: User, old: string, wanted: string): Promise<void> {
  // Written otherwise, it is the same: so it is hashed.
  if (old.normalize('NFKC') === wanted.normalize('NFKC')) throw new WeakPassword(['same']);
  const account = user.accountId === undefined ? undefined : await data.accounts.findAccount(user.accountId);
  const own = [
    user.loginName,
    user.displayName,
    ...(account ? [account.accountId, account.name, account.nameReading] : []),
  ];
  const reasons = await passwords.weaknessesOf(wanted, own);
  if (reasons.length > 0) throw new WeakPassword(reasons);
}

/** A failed sign-in is on record, with the user's id where there is such a user, never with what was typed. */
async function refused(
  { data, clock, logger }: SignInOptions,
  user: User | undefined,
  visitor: Visitor,
  why: 'wrong' | 'expired' | 'limited',
): Promise<void> {
  logger.warn({ userId: user?.userId, why, address: visitor.address }, 'a sign-in was refused');
  // Past the limit nothing more is written: the record does not grow as fast as somebody can guess.
  if (why === 'limited') return;
  const actor: Actor = { kind: 'user', name: user?.loginName ?? '(unknown)', address: visitor.address };
  const subject = user ? subjectOf(user) : ({ kind: 'user', id: '(unknown)' } as const);
  await data.audit.append({ atMs: clock.nowMs(), actor, action: 'session.refuse', subject });
}

/** A user as the record names them. */
export function actorOf(user: User): Actor {
  return { kind: 'user', userId: user.userId, role: user.role, name: user.loginName };
}

/** What people type as a name is at times their password: not stored. */
function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** One machine can have all addresses of an IPv6 /64. */
function networkOf(address: string): string {
  const bare = address.replace(/^::ffff:(?=\d+\.)/i, '').toLowerCase();
  if (!bare.includes(':')) return bare;
  const [head = '', tail] = bare.split('::');
  const groups = head.split(':').filter(Boolean);
  if (tail === undefined) return groups.slice(0, 4).join(':');
  const missing = 8 - groups.length - tail.split(':').filter(Boolean).length;
  return [...groups, ...Array.from({ length: missing }, () => '0'), ...tail.split(':').filter(Boolean)]
    .slice(0, 4)
    .join(':');
}
