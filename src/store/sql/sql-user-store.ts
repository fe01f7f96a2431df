import type { Kysely, Selectable } from 'kysely';
import { normalizeLoginName, type User, type UserStore, userSchema } from '../../accounts/users.ts';
import { DenwabanError } from '../../kernel/errors.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';
import { unknownAccount } from './sql-account-store.ts';
import { isForeignKeyViolation, isUniqueViolation } from './sql-errors.ts';

/** Users in SQL. */
export class SqlUserStore implements UserStore {
  readonly #db: Kysely<Schema>;

  constructor(database: Pick<SqlDatabase, 'db'>) {
    this.#db = database.db;
  }

  async add(user: User, passwordHash: string, atMs: number): Promise<void> {
    const row = {
      user_id: user.userId,
      ...toColumns(user),
      password_hash: passwordHash,
      password_set_at_ms: atMs,
      created_at_ms: atMs,
    };
    await saying(user, this.#db.insertInto('users').values(row).execute());
  }

  async update(user: User): Promise<void> {
    const query = this.#db.updateTable('users').set(toColumns(user)).where('user_id', '=', user.userId);
    await saying(user, query.execute());
  }

  async find(userId: string): Promise<User | undefined> {
    const row = await this.#db.selectFrom('users').selectAll().where('user_id', '=', userId).executeTakeFirst();
    return row && toUser(row);
  }

  async findByLoginName(loginName: string): Promise<User | undefined> {
    const query = this.#db.selectFrom('users').selectAll().where('login_name', '=', normalizeLoginName(loginName));
    const row = await query.executeTakeFirst();
    return row && toUser(row);
  }

  async list(): Promise<User[]> {
    const rows = await this.#db.selectFrom('users').selectAll().orderBy('login_name').execute();
    return rows.map(toUser);
  }

  async passwordHashOf(userId: string): Promise<string | undefined> {
    const query = this.#db.selectFrom('users').select('password_hash').where('user_id', '=', userId);
    return (await query.executeTakeFirst())?.password_hash;
  }

  async passwordSetAtMs(userId: string): Promise<number | undefined> {
    const query = this.#db.selectFrom('users').select('password_set_at_ms').where('user_id', '=', userId);
    return (await query.executeTakeFirst())?.password_set_at_ms;
  }

  async setPassword(
    userId: string,
    passwordHash: string,
    { temporary, atMs }: { temporary: boolean; atMs: number },
  ): Promise<void> {
    const password = { password_hash: passwordHash, password_temporary: Number(temporary), password_set_at_ms: atMs };
    await this.#db.updateTable('users').set(password).where('user_id', '=', userId).execute();
  }

  async rehash(userId: string, oldHash: string, newHash: string): Promise<void> {
    await this.#db
      .updateTable('users')
      .set({ password_hash: newHash })
      .where('user_id', '=', userId)
      .where('password_hash', '=', oldHash)
      .execute();
  }
}

async function saying(user: User, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (isForeignKeyViolation(error)) throw unknownAccount(user.accountId ?? '');
    if (!isUniqueViolation(error)) throw error;
    throw new DenwabanError('LOGIN_NAME_TAKEN', `there is a user "${user.loginName}" already`, {
      remedy: 'Choose another login name',
    });
  }
}

/** For stores that refuse to file something under a user that does not exist. */
export function unknownUser(userId: string): DenwabanError {
  return new DenwabanError('USER_UNKNOWN', `there is no user "${userId}"`, { remedy: 'Add the user first' });
}

function toColumns(written: User) {
  const user = userSchema.parse(written);
  return {
    login_name: user.loginName,
    display_name: user.displayName,
    role: user.role,
    account_id: user.accountId ?? null,
    status: user.status,
    password_temporary: Number(user.passwordTemporary),
  };
}

function toUser(row: Selectable<Schema['users']>): User {
  return userSchema.parse({
    userId: row.user_id,
    loginName: row.login_name,
    displayName: row.display_name,
    role: row.role,
    ...(row.account_id === null ? {} : { accountId: row.account_id }),
    status: row.status,
    passwordTemporary: row.password_temporary === 1,
  });
}
