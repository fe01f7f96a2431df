import { PostgresDialect, type PostgresPool, type PostgresPoolClient, type PostgresQueryResult } from 'kysely';
import { Client, type ClientConfig, Pool, type PoolClient, types } from 'pg';
import { databaseAway, errorMessage, isDatabaseAway } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { DatabaseProbe, Gates } from './database-watch.ts';
import { passwordFromFile } from './password-file.ts';
import type { PostgresSettings } from './postgres-url.ts';
import { isPassing } from './sql-errors.ts';

const oidInt8 = 20;
const oidJson = 114;
const probeMs = 1_400;
/** PostgreSQL's word for a connection that it takes only encrypted. */
const wantsTls = /no encryption|SSL off/i;
const noTls = 'The server does not support SSL connections';

export interface PostgresOptions {
  settings: PostgresSettings;
  gates: Gates;
  logger: Logger;
  /** A statement failed in a way that passes by itself. */
  onTrouble(): void;
}

/**
 * Connections to PostgreSQL behind the gates. A connection, a statement and a silent server are each waited for with a
 * limit, and a connection on which a statement was given up is never used again: its answer may still come, or never.
 */
export class PostgresConnections implements PostgresPool {
  readonly #options: PostgresOptions;
  #tls: PostgresSettings['tls'];
  #pool: Pool;
  #probe: Promise<Client> | undefined;
  #isWarned = false;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.#tls = options.settings.tls;
    this.#pool = this.#newPool();
  }

  get dialect(): PostgresDialect {
    return new PostgresDialect({ pool: this });
  }

  /** Looks past the gates, on a connection of its own. */
  get probe(): DatabaseProbe {
    return {
      read: () => this.#ask('select 1'),
      write: async () => {
        const { rows } = await this.#ask("select current_setting('transaction_read_only') as it");
        if (rows[0]?.['it'] === 'on') throw new Error('PostgreSQL takes no changes: it is read-only, or a standby');
      },
    };
  }

  async connect(): Promise<PostgresPoolClient> {
    const { reads } = this.#options.gates;
    const connect = () => this.#connect();
    try {
      const client = await reads.pass(connect, (late) => late.release(true));
      return new WatchedClient(client, this.#options);
    } catch (error) {
      throw judged(error, this.#options);
    }
  }

  /** Connections from before an outage may lead nowhere: new ones are made. */
  renew(): void {
    const old = this.#pool;
    this.#pool = this.#newPool();
    old.end().catch(() => undefined); // They are broken: how they end is of no use to anybody.
  }

  async end(): Promise<void> {
    this.#dropProbe();
    await this.#pool.end();
  }

  async #connect(): Promise<PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      if (!this.#learnsTls(error)) throw error;
      this.renew();
      return this.#pool.connect();
    }
  }

  /** Whether the server takes us only without encryption, or only with it, and either will do. */
  #learnsTls(error: unknown): boolean {
    const { tlsIsOptional, tlsIfAsked } = this.#options.settings;
    const why = errorMessage(error);
    if (this.#tls ? !tlsIsOptional || why !== noTls : !tlsIfAsked || !wantsTls.test(why)) return false;
    this.#tls = this.#tls ? undefined : tlsIfAsked;
    return true;
  }

  /** Without listeners a break would end the process; the next statement on the connection fails. */
  #newPool(): Pool {
    const { logger } = this.#options;
    const pool = new Pool({
      ...this.#clientConfig(),
      max: 10,
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 30_000,
      statement_timeout: 30_000,
      query_timeout: 35_000,
      idle_in_transaction_session_timeout: 60_000,
    });
    const broke = (error: unknown) => logger.warn({ err: errorMessage(error) }, 'a database connection broke');
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', broke));
    return pool;
  }

  async #ask(text: string): Promise<PostgresQueryResult<Record<string, unknown>>> {
    try {
      this.#probe ??= this.#openProbe();
      return (await (await this.#probe).query(text)) as unknown as PostgresQueryResult<Record<string, unknown>>;
    } catch (error) {
      this.#dropProbe();
      throw error;
    }
  }

  async #openProbe(): Promise<Client> {
    const limits = { connectionTimeoutMillis: probeMs, query_timeout: probeMs };
    const connect = async () => {
      const client = new Client({ ...this.#clientConfig(), ...limits });
      client.on('error', () => this.#dropProbe());
      await client.connect();
      return client;
    };
    try {
      return await connect();
    } catch (error) {
      if (!this.#learnsTls(error)) throw error;
      return connect();
    }
  }

  #dropProbe(): void {
    const probe = this.#probe;
    this.#probe = undefined;
    probe?.then((client) => client.end()).catch(() => undefined); // It is broken, or not needed any more.
  }

  /** Of the url; else of the environment (PGPASSWORD), which pg reads; else of the password file. */
  #password(): ClientConfig['password'] {
    const { settings, logger } = this.#options;
    const password = settings.password ?? new Client({}).password ?? undefined;
    if (password !== undefined) return password;
    const file = settings.passwordFile;
    const found = passwordFromFile(file, settings);
    if (found.isOpen && !this.#isWarned) {
      this.#isWarned = true;
      logger.warn({ file }, 'a password file that others may read does not count: chmod 600');
    }
    // As a function: of a password that is missing pg would look for files itself, and write to standard error.
    return (async () => found.password) as () => Promise<string>;
  }

  #clientConfig(): ClientConfig {
    const { host, port, database, user, applicationName, options } = this.#options.settings;
    return {
      ...{ host, port, database, application_name: applicationName, keepAlive: true, types: { getTypeParser } },
      ...{ user, password: this.#password(), ssl: this.#tls ?? false },
      ...(options === undefined ? {} : { options }),
    };
  }
}

class WatchedClient implements PostgresPoolClient {
  readonly #client: PoolClient;
  readonly #options: PostgresOptions;
  #isBroken = false;

  constructor(client: PoolClient, options: PostgresOptions) {
    this.#client = client;
    this.#options = options;
  }

  query<R>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: never): R;
  async query<R>(text: string, parameters?: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    if (this.#isBroken) throw databaseAway('the connection broke');
    const work = () => this.#client.query(text, [...(parameters ?? [])]);
    try {
      return (await this.#options.gates.reads.pass(work)) as unknown as PostgresQueryResult<R>;
    } catch (error) {
      const given = judged(error, this.#options);
      this.#isBroken ||= isPassing(error);
      throw given;
    }
  }

  release(): void {
    this.#client.release(this.#isBroken);
  }
}

/** What is thrown on: where the database is to blame, that it is away. */
function judged(error: unknown, { onTrouble }: PostgresOptions): unknown {
  if (!isPassing(error) || isDatabaseAway(error)) return error;
  onTrouble();
  return databaseAway(errorMessage(error), error);
}

/** Counts and times are bigint in the database and safe integers here; JSON stays text, as it was written. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (format !== 'binary') {
    if (oid === oidInt8) return parseSafeInteger;
    if (oid === oidJson) return (text: string) => text;
  }
  return types.getTypeParser(oid, format === 'binary' ? 'binary' : 'text');
}

function parseSafeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} does not fit a JavaScript number`);
  return value;
}
