import type { Kysely, Selectable } from 'kysely';
import type { Phone, PhoneCredentialStore, PhoneHashes } from '../../accounts/phone-credentials.ts';
import { DenwabanError } from '../../kernel/errors.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';
import { isForeignKeyViolation, isUniqueViolation } from './sql-errors.ts';
import { unknownUser } from './sql-user-store.ts';

/** Phones' credentials in SQL. */
export class SqlPhoneCredentialStore implements PhoneCredentialStore {
  readonly #db: Kysely<Schema>;

  constructor(database: Pick<SqlDatabase, 'db'>) {
    this.#db = database.db;
  }

  async add(phone: Phone, hashes: PhoneHashes): Promise<void> {
    const row = {
      username: phone.username,
      agent_id: phone.agentId,
      realm: phone.realm,
      label: phone.label,
      ha1_md5: hashes.ha1Md5,
      ha1_sha256: hashes.ha1Sha256,
      created_at_ms: phone.createdAtMs,
    };
    try {
      await this.#db.insertInto('phone_credentials').values(row).execute();
    } catch (error) {
      if (isForeignKeyViolation(error)) throw unknownUser(phone.agentId);
      if (!isUniqueViolation(error)) throw error;
      throw new DenwabanError('PHONE_NAME_TAKEN', `there is a phone "${phone.username}" already`, {
        remedy: 'Choose another name for the phone',
      });
    }
  }

  async findForDigest(username: string): Promise<(Phone & PhoneHashes) | undefined> {
    const row = await this.#db
      .selectFrom('phone_credentials')
      .innerJoin('users', 'users.user_id', 'phone_credentials.agent_id')
      .selectAll('phone_credentials')
      .where('username', '=', username)
      .where('users.status', '=', 'active')
      .executeTakeFirst();
    return row && { ...toPhone(row), ha1Md5: row.ha1_md5, ha1Sha256: row.ha1_sha256 };
  }

  async list(agentId: string): Promise<Phone[]> {
    const query = this.#db.selectFrom('phone_credentials').selectAll().where('agent_id', '=', agentId);
    const rows = await query.orderBy('created_at_ms').orderBy('username').execute();
    return rows.map(toPhone);
  }

  async listGood(): Promise<Pick<Phone, 'username' | 'agentId'>[]> {
    return this.#db
      .selectFrom('phone_credentials')
      .innerJoin('users', 'users.user_id', 'phone_credentials.agent_id')
      .select(['username', 'agent_id as agentId'])
      .where('users.status', '=', 'active')
      .orderBy('username')
      .execute();
  }

  async remove(agentId: string, username: string): Promise<boolean> {
    const query = this.#db.deleteFrom('phone_credentials').where('agent_id', '=', agentId);
    return (await query.where('username', '=', username).executeTakeFirst()).numDeletedRows > 0n;
  }
}

function toPhone(row: Selectable<Schema['phone_credentials']>): Phone {
  return {
    username: row.username,
    agentId: row.agent_id,
    realm: row.realm,
    label: row.label,
    createdAtMs: row.created_at_ms,
  };
}
