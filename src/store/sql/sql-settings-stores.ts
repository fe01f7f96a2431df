import type { Kysely } from 'kysely';
import {
  type AgentProfile,
  type AgentSettings,
  type AgentSettingsStore,
  agentProfileSchema,
  agentSettingsSchema,
} from '../../accounts/agents.ts';
import { type AccountCard, type CardRules, type CardStore, cardRulesSchema, cardSchema } from '../../accounts/cards.ts';
import {
  type QueueSettings,
  type QueueSettingsStore,
  queueSettingsSchema,
  storedQueueSettings,
} from '../../accounts/queues.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';
import { unknownAccount } from './sql-account-store.ts';
import { isForeignKeyViolation } from './sql-errors.ts';
import { unknownUser } from './sql-user-store.ts';

/** Agents' settings in SQL, as JSON beside their users. */
export class SqlAgentSettingsStore implements AgentSettingsStore {
  readonly #db: Kysely<Schema>;

  constructor(database: Pick<SqlDatabase, 'db'>) {
    this.#db = database.db;
  }

  async save(settings: AgentSettings): Promise<void> {
    const settings_json = JSON.stringify(agentSettingsSchema.parse(settings));
    const query = this.#db
      .insertInto('agents')
      .values({ agent_id: settings.agentId, settings_json })
      .onConflict((conflict) => conflict.column('agent_id').doUpdateSet({ settings_json }));
    try {
      await query.execute();
    } catch (error) {
      throw isForeignKeyViolation(error) ? unknownUser(settings.agentId) : error;
    }
  }

  async find(agentId: string): Promise<AgentProfile | undefined> {
    const row = await this.#profiles().where('agent_id', '=', agentId).executeTakeFirst();
    return row && toProfile(row);
  }

  async list(): Promise<AgentProfile[]> {
    const rows = await this.#profiles().orderBy('login_name').execute();
    return rows.map(toProfile);
  }

  async remove(agentId: string): Promise<boolean> {
    const result = await this.#db.deleteFrom('agents').where('agent_id', '=', agentId).executeTakeFirst();
    return result.numDeletedRows > 0n;
  }

  #profiles() {
    return this.#db
      .selectFrom('agents')
      .innerJoin('users', 'users.user_id', 'agents.agent_id')
      .select(['settings_json', 'login_name', 'display_name', 'status']);
  }
}

/** Queues' settings in SQL, as JSON. */
export class SqlQueueSettingsStore implements QueueSettingsStore {
  readonly #db: Kysely<Schema>;

  constructor(database: Pick<SqlDatabase, 'db'>) {
    this.#db = database.db;
  }

  async save(settings: QueueSettings): Promise<void> {
    const settings_json = JSON.stringify(queueSettingsSchema.parse(settings));
    await this.#db
      .insertInto('queues')
      .values({ queue_id: settings.queueId, settings_json })
      .onConflict((conflict) => conflict.column('queue_id').doUpdateSet({ settings_json }))
      .execute();
  }

  async find(queueId: string): Promise<QueueSettings | undefined> {
    const query = this.#db.selectFrom('queues').select('settings_json').where('queue_id', '=', queueId);
    const row = await query.executeTakeFirst();
    return row && storedQueueSettings(row.settings_json);
  }

  async list(): Promise<QueueSettings[]> {
    const rows = await this.#db.selectFrom('queues').select('settings_json').orderBy('queue_id').execute();
    return rows.map((row) => storedQueueSettings(row.settings_json));
  }

  async remove(queueId: string): Promise<boolean> {
    const result = await this.#db.deleteFrom('queues').where('queue_id', '=', queueId).executeTakeFirst();
    return result.numDeletedRows > 0n;
  }
}

/** Accounts' cards in SQL, as JSON, and the provider's rules beside them. */
export class SqlCardStore implements CardStore {
  readonly #db: Kysely<Schema>;

  constructor(database: Pick<SqlDatabase, 'db'>) {
    this.#db = database.db;
  }

  async save(card: AccountCard): Promise<void> {
    await this.#put(card.accountId, { card_json: JSON.stringify(cardSchema.parse(card)) });
  }

  async find(accountId: string): Promise<AccountCard | undefined> {
    const json = (await this.#row(accountId))?.card_json;
    return json ? cardSchema.parse(JSON.parse(json)) : undefined;
  }

  async rules(accountId: string): Promise<CardRules> {
    const json = (await this.#row(accountId))?.rules_json;
    return cardRulesSchema.parse(json ? JSON.parse(json) : {});
  }

  async saveRules(accountId: string, rules: CardRules): Promise<void> {
    await this.#put(accountId, { rules_json: JSON.stringify(cardRulesSchema.parse(rules)) });
  }

  #row(accountId: string) {
    return this.#db.selectFrom('account_cards').selectAll().where('account_id', '=', accountId).executeTakeFirst();
  }

  async #put(accountId: string, values: { card_json: string } | { rules_json: string }): Promise<void> {
    const query = this.#db
      .insertInto('account_cards')
      .values({ account_id: accountId, ...values })
      .onConflict((conflict) => conflict.column('account_id').doUpdateSet(values));
    try {
      await query.execute();
    } catch (error) {
      throw isForeignKeyViolation(error) ? unknownAccount(accountId) : error;
    }
  }
}

/** An agent as stored beside the user. */
export function toProfile(row: { settings_json: string; login_name: string; display_name: string; status: string }) {
  const settings = agentSettingsSchema.parse(JSON.parse(row.settings_json));
  return agentProfileSchema.parse({
    ...settings,
    loginName: row.login_name,
    displayName: row.display_name,
    active: row.status === 'active',
  });
}
