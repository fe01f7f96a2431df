import type { Kysely, Selectable } from 'kysely';
import {
  type Account,
  type AccountStore,
  type AssignedNumber,
  accountSchema,
  outboundRulesSchema,
} from '../../accounts/accounts.ts';
import { DenwabanError } from '../../kernel/errors.ts';
import { normalizePhoneNumber } from '../../kernel/phone-number.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';
import { isForeignKeyViolation } from './sql-errors.ts';

/** Accounts and assigned numbers in SQL. Numbers are kept normalised. */
export class SqlAccountStore implements AccountStore {
  readonly #db: Kysely<Schema>;

  constructor(database: Pick<SqlDatabase, 'db'>) {
    this.#db = database.db;
  }

  /** Adds the account or replaces it. */
  async saveAccount(account: Account): Promise<void> {
    const { accountId, name, nameReading, status, answeringService, language, outbound } = accountSchema.parse(account);
    const values = {
      ...{ name, name_reading: nameReading, status, answering_service: answeringService, language },
      outbound_json: JSON.stringify(outbound),
    };
    await this.#db
      .insertInto('accounts')
      .values({ account_id: accountId, ...values })
      .onConflict((conflict) => conflict.column('account_id').doUpdateSet(values))
      .execute();
  }

  async findAccount(accountId: string): Promise<Account | undefined> {
    const query = this.#db.selectFrom('accounts').selectAll().where('account_id', '=', accountId);
    const row = await query.executeTakeFirst();
    return row && toAccount(row);
  }

  async listAccounts(): Promise<Account[]> {
    const rows = await this.#db.selectFrom('accounts').selectAll().orderBy('account_id').execute();
    return rows.map(toAccount);
  }

  /** @throws DenwabanError `ACCOUNT_UNKNOWN`, `PHONE_NUMBER_INVALID`. */
  async assignNumber({ number, accountId, flowId }: AssignedNumber): Promise<void> {
    const values = { account_id: accountId, flow_id: flowId };
    try {
      await this.#db
        .insertInto('assigned_numbers')
        .values({ number: normalizePhoneNumber(number), ...values })
        .onConflict((conflict) => conflict.column('number').doUpdateSet(values))
        .execute();
    } catch (error) {
      throw isForeignKeyViolation(error) ? unknownAccount(accountId) : error;
    }
  }

  /** Callers dial anything: what is no phone number is nobody's number. */
  async findNumber(number: string): Promise<AssignedNumber | undefined> {
    const normalized = tryNormalize(number);
    if (normalized === undefined) return undefined;
    const query = this.#db.selectFrom('assigned_numbers').selectAll().where('number', '=', normalized);
    const row = await query.executeTakeFirst();
    return row && toAssignedNumber(row);
  }

  async listNumbers(accountId?: string): Promise<AssignedNumber[]> {
    const query = this.#db.selectFrom('assigned_numbers').selectAll().orderBy('number');
    const rows = await (accountId === undefined ? query : query.where('account_id', '=', accountId)).execute();
    return rows.map(toAssignedNumber);
  }

  async releaseNumber(number: string): Promise<boolean> {
    const normalized = tryNormalize(number);
    if (normalized === undefined) return false;
    const result = await this.#db.deleteFrom('assigned_numbers').where('number', '=', normalized).executeTakeFirst();
    return result.numDeletedRows > 0n;
  }
}

/** For stores that refuse to file something under an account that does not exist. */
export function unknownAccount(accountId: string): DenwabanError {
  return new DenwabanError('ACCOUNT_UNKNOWN', `there is no account "${accountId}"`, {
    remedy: 'Add the account first',
  });
}

function tryNormalize(number: string): string | undefined {
  try {
    return normalizePhoneNumber(number);
  } catch (error) {
    if (error instanceof DenwabanError) return undefined;
    throw error;
  }
}

function toAccount(row: Selectable<Schema['accounts']>): Account {
  return accountSchema.parse({
    accountId: row.account_id,
    name: row.name,
    nameReading: row.name_reading,
    status: row.status,
    answeringService: row.answering_service,
    language: row.language,
    outbound: outboundRulesSchema.parse(JSON.parse(row.outbound_json)),
  });
}

function toAssignedNumber(row: Selectable<Schema['assigned_numbers']>): AssignedNumber {
  return { number: row.number, accountId: row.account_id, flowId: row.flow_id };
}
