import type { Kysely } from 'kysely';
import { accountSchema, assignedNumberSchema, outboundRulesSchema } from '../../accounts/accounts.ts';
import { cardSchema } from '../../accounts/cards.ts';
import { storedQueueSettings } from '../../accounts/queues.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { KnownFlow, KnownSettings, SettingsSource } from '../known/known-copy.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';
import { toProfile } from './sql-settings-stores.ts';

/**
 * Reads all that calls need of the database, again and again. A row whose text has not changed is not parsed again: what
 * was made of it is given once more, as the same object.
 */
export class SqlSettingsSource implements SettingsSource {
  readonly #db: Kysely<Schema>;
  readonly #logger: Logger;
  readonly #seen = new Map<string, Map<string, Seen>>();

  constructor(database: Pick<SqlDatabase, 'db'>, logger: Logger) {
    this.#db = database.db;
    this.#logger = logger;
  }

  /** What names another is read first, so that what it names is there too. */
  async read(): Promise<KnownSettings> {
    const db = this.#db;
    const numbers = await db.selectFrom('assigned_numbers').selectAll().orderBy('number').execute();
    const flows = await this.#flows();
    const phones = await db
      .selectFrom('phone_credentials')
      .innerJoin('users', 'users.user_id', 'phone_credentials.agent_id')
      .selectAll('phone_credentials')
      .where('users.status', '=', 'active')
      .orderBy('username')
      .execute();
    const agents = await db
      .selectFrom('agents')
      .innerJoin('users', 'users.user_id', 'agents.agent_id')
      .select(['settings_json', 'login_name', 'display_name', 'status'])
      .orderBy('login_name')
      .execute();
    const queues = await db.selectFrom('queues').select('settings_json').orderBy('queue_id').execute();
    const cards = await db
      .selectFrom('account_cards')
      .select(['account_id', 'card_json'])
      .orderBy('account_id')
      .execute();
    const accounts = await db.selectFrom('accounts').selectAll().orderBy('account_id').execute();
    return {
      numbers: this.#made('numbers', numbers, (row) =>
        assignedNumberSchema.parse({ number: row.number, accountId: row.account_id, flowId: row.flow_id }),
      ),
      flows,
      phones: this.#made('phones', phones, (row) => ({
        ...{ username: row.username, agentId: row.agent_id, realm: row.realm, label: row.label },
        ...{ createdAtMs: row.created_at_ms, ha1Md5: row.ha1_md5, ha1Sha256: row.ha1_sha256 },
      })),
      agents: this.#made('agents', agents, toProfile),
      queues: this.#made('queues', queues, (row) => storedQueueSettings(row.settings_json)),
      cards: this.#made(
        'cards',
        cards.flatMap(({ card_json }) => (card_json ? [{ card_json }] : [])),
        (row) => cardSchema.parse(JSON.parse(row.card_json)),
      ),
      accounts: this.#made('accounts', accounts, (row) =>
        accountSchema.parse({
          ...{ accountId: row.account_id, name: row.name, nameReading: row.name_reading, status: row.status },
          ...{ answeringService: row.answering_service, language: row.language },
          outbound: outboundRulesSchema.parse(JSON.parse(row.outbound_json)),
        }),
      ),
    };
  }

  /** A version never changes: only new ones are read whole. */
  async #flows(): Promise<KnownFlow[]> {
    const heads = await this.#db
      .selectFrom('flow_versions')
      .innerJoin('flows', 'flows.flow_id', 'flow_versions.flow_id')
      .select(({ fn }) => ['flow_versions.flow_id', 'flows.account_id', fn.max('version').as('version')])
      .groupBy(['flow_versions.flow_id', 'flows.account_id'])
      .orderBy('flow_versions.flow_id')
      .execute();
    const seen = this.#seen.get('flows') ?? new Map<string, Seen>();
    const now = new Map<string, Seen>();
    for (const { flow_id, account_id, version } of heads) {
      const text = `${account_id} ${version}`;
      const known = seen.get(flow_id);
      now.set(flow_id, known?.text === text ? known : { text, made: await this.#flow(flow_id, account_id, version) });
    }
    this.#seen.set('flows', now);
    return [...now.values()].map(({ made }) => made as KnownFlow);
  }

  async #flow(flowId: string, accountId: string, version: number): Promise<KnownFlow> {
    const row = await this.#db
      .selectFrom('flow_versions')
      .select(['published_at_ms', 'definition_json'])
      .where('flow_id', '=', flowId)
      .where('version', '=', version)
      .executeTakeFirstOrThrow();
    const { published_at_ms: publishedAtMs, definition_json } = row;
    return { flowId, accountId, version, publishedAtMs, definition: JSON.parse(definition_json) };
  }

  #made<Row extends object, T>(kind: string, rows: readonly Row[], make: (row: Row) => T): T[] {
    const seen = this.#seen.get(kind) ?? new Map<string, Seen>();
    const now = new Map<string, Seen>();
    for (const row of rows) {
      const text = JSON.stringify(row);
      now.set(text, seen.get(text) ?? { text, made: this.#tryMake(kind, row, make) });
    }
    this.#seen.set(kind, now);
    return [...now.values()].flatMap(({ made }) => (made === undefined ? [] : [made as T]));
  }

  /** One row that a program of another version wrote does not keep all others from being known. */
  #tryMake<Row extends object, T>(kind: string, row: Row, make: (row: Row) => T): T | undefined {
    try {
      return make(row);
    } catch {
      this.#logger.warn({ kind }, 'a row of the database is not as it should be: not known while the database is away');
      return undefined;
    }
  }
}

interface Seen {
  text: string;
  made: unknown;
}
