import { z } from 'zod';
import { accountIdSchema } from './accounts.ts';

/**
 * What a user is: `operator` runs the service, `supervisor` the desk, `agent` answers, `account` is somebody of a
 * business that buys the service. Who may do what stands in one table, `web/permissions.ts`.
 */
export const roles = ['operator', 'supervisor', 'agent', 'account'] as const;
export type Role = (typeof roles)[number];

/** A name to sign in with, in its one spelling: NFKC, lower case. */
export const loginNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._@-]{1,63}$/, 'lower-case letters, digits and . _ @ -, at least two');

/** A person who signs in. IDs and passwords belong to one person (service-rules.md, Access). */
export const userSchema = z
  .strictObject({
    userId: z.string().min(1).max(80),
    loginName: loginNameSchema,
    displayName: z.string().min(1).max(100),
    role: z.enum(roles),
    /** Of role `account` only: whose data the user sees. */
    accountId: accountIdSchema.optional(),
    /** A disabled user cannot sign in and has no sessions; the record still names them. */
    status: z.enum(['active', 'disabled']),
    /** Somebody else knows the password (it was made for the user): it is good for nothing but choosing another. */
    passwordTemporary: z.boolean(),
  })
  .refine((user) => (user.role === 'account') === (user.accountId !== undefined), {
    message: 'a user of role account, and only such a one, has an accountId',
    path: ['accountId'],
  });
export type User = z.infer<typeof userSchema>;

/** The spelling of a login name that is stored and compared. */
export function normalizeLoginName(written: string): string {
  return written.normalize('NFKC').trim().toLowerCase();
}

/** Where users and the hashes of their passwords are kept. */
export interface UserStore {
  /** @throws DenwabanError `LOGIN_NAME_TAKEN`, `ACCOUNT_UNKNOWN`. */
  add(user: User, passwordHash: string, atMs: number): Promise<void>;
  /** Replaces everything but the password. @throws DenwabanError `LOGIN_NAME_TAKEN`, `ACCOUNT_UNKNOWN`. */
  update(user: User): Promise<void>;
  find(userId: string): Promise<User | undefined>;
  findByLoginName(loginName: string): Promise<User | undefined>;
  /** By login name. */
  list(): Promise<User[]>;
  passwordHashOf(userId: string): Promise<string | undefined>;
  /** Since when it is the user's password. */
  passwordSetAtMs(userId: string): Promise<number | undefined>;
  setPassword(userId: string, passwordHash: string, options: { temporary: boolean; atMs: number }): Promise<void>;
  /** The same password hashed anew; does nothing when the hash is not `oldHash` any more. */
  rehash(userId: string, oldHash: string, newHash: string): Promise<void>;
}
