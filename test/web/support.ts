import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPasswords } from '../../src/accounts/passwords.ts';
import { hashSessionToken, newSessionToken } from '../../src/accounts/sessions.ts';
import type { User } from '../../src/accounts/users.ts';
import { Intakes } from '../../src/desk/intakes.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { createTargetGuard } from '../../src/outbox/target-guard.ts';
import { openSql, type SqlDatabase } from '../../src/store/sql/open-sql.ts';
import { createAccountsData, type SqlAccountsData } from '../../src/store/sql/sql-accounts-data.ts';
import { SqlAgentHistoryStore } from '../../src/store/sql/sql-agent-history-store.ts';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';
import { SqlAttemptStore } from '../../src/store/sql/sql-session-store.ts';
import { type HttpServer, type HttpServerOptions, startHttpServer } from '../../src/web/http-server.ts';

/** Hashing that costs nothing: the right price is tested with the passwords themselves. */
export const cheapPasswords = createPasswords({ algorithm: 'argon2id', memoryKiB: 64, passes: 1, parallelism: 1 });
export const goodPassword = 'correct horse battery';

/** The real server on a real database, as tests use it. */
export interface TestServer {
  http: HttpServer;
  url: string;
  data: SqlAccountsData;
  intakes: Intakes;
  database: SqlDatabase;
  /** Adds a user whose password is {@link goodPassword}. */
  addUser(user: User): Promise<void>;
  /** A browser in which this user is signed in. */
  browserOf(user: User): Promise<Browser>;
  stop(): Promise<void>;
}

let migrated: Promise<string> | undefined;

/** An empty database with its tables, to be copied: to make them anew for each test takes most of its time. */
function migratedDatabase(): Promise<string> {
  migrated ??= (async () => {
    const folder = mkdtempSync(join(tmpdir(), 'denwaban-web-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'empty.sqlite');
    const database = await openSql(`sqlite:${file}`, { clock: systemClock, logger: silentLogger });
    await database.close();
    return file;
  })();
  return migrated;
}

export async function startServer(
  options: Partial<HttpServerOptions> & { databaseUrl?: string; clock?: Clock } = {},
): Promise<TestServer> {
  const { databaseUrl, clock = systemClock, ...more } = options;
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-web-'));
  const file = join(folder, 'denwaban.sqlite');
  if (!databaseUrl) copyFileSync(await migratedDatabase(), file);
  const url = databaseUrl ?? `sqlite:${file}`;
  const database = await openSql(url, { clock, logger: silentLogger });
  const data = createAccountsData(database);
  const intakes = new Intakes({ data, clock, logger: silentLogger, onReported: () => undefined });
  const http = await startHttpServer({
    address: '127.0.0.1',
    port: 0,
    health: async () => ({ ready: true, details: {} }),
    data,
    facts: new SqlFactStore(database),
    house: { flowFolder: 'flows', prompts: { faultOf: async () => undefined }, hasTrunk: true },
    attempts: new SqlAttemptStore(database),
    passwords: cheapPasswords,
    clock,
    logger: silentLogger,
    phoneRealm: 'denwaban',
    targets: createTargetGuard({ allowInsecureTargets: false }),
    intakes,
    agentHistory: new SqlAgentHistoryStore(database),
    ...more,
  });
  const origin = `http://127.0.0.1:${http.port}`;
  const hash = await cheapPasswords.hash(goodPassword);
  return {
    http,
    url: origin,
    data,
    intakes,
    database,
    addUser: (user) => data.users.add(user, hash, clock.nowMs()),
    browserOf: async (user) => {
      const token = newSessionToken();
      const nowMs = clock.nowMs();
      const session = {
        sessionId: `session_${user.loginName}`,
        userId: user.userId,
        createdAtMs: nowMs,
        lastSeenAtMs: nowMs,
        expiresAtMs: nowMs + 3_600_000,
        address: '127.0.0.1',
        userAgent: 'test',
      };
      await data.sessions.add(session, hashSessionToken(token));
      return new Browser(origin, `denwaban_session=${token}`);
    },
    stop: async () => {
      await http.stop();
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // What a test expects of it is what it checks.
  body: Record<string, unknown>;
}

/** Sends requests as a browser does: keeps its cookie, names its origin. */
export class Browser {
  readonly #origin: string;
  cookie: string | undefined;
  constructor(origin: string, cookie?: string) {
    this.#origin = origin;
    this.cookie = cookie;
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string | undefined> = {},
  ): Promise<Answer> {
    const sent: Record<string, string | undefined> = {
      cookie: this.cookie,
      origin: this.#origin,
      'x-denwaban': '1',
      'content-type': body === undefined ? undefined : 'application/json',
      ...headers,
    };
    const answer = await fetch(`${this.#origin}${path.startsWith('/api') ? path : `/api/v1${path}`}`, {
      method,
      redirect: 'manual',
      headers: Object.entries(sent).filter((entry): entry is [string, string] => entry[1] !== undefined),
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    for (const set of answer.headers.getSetCookie()) {
      const [pair = ''] = set.split(';');
      this.cookie = pair.endsWith('=') ? undefined : pair;
    }
    const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : {};
    return { status: answer.status, headers: answer.headers, text, body: parsed as Record<string, unknown> };
  }

  login(loginName: string, password: string, headers: Record<string, string | undefined> = {}): Promise<Answer> {
    return this.send('POST', '/login', { loginName, password }, headers);
  }
}

/** The code of an error answer. */
export function errorCode(answer: Answer): unknown {
  const { error } = answer.body;
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
