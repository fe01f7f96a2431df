import { join } from 'node:path';
import { startPostgres, type TestPostgres } from './postgres.ts';

/**
 * Which database the scenarios run on: `SCENARIO_DATABASE=sqlite` (default): a file in the data folder; `postgres`: one
 * of a private PostgreSQL, another for each data folder.
 */
export function scenarioDatabase(): 'sqlite' | 'postgres' {
  const name = process.env.SCENARIO_DATABASE ?? 'sqlite';
  if (name === 'sqlite' || name === 'postgres') return name;
  throw new Error(`SCENARIO_DATABASE=${name}: it must be sqlite or postgres`);
}

let server: Promise<TestPostgres> | undefined;
const urls = new Map<string, Promise<string>>();

/** The PostgreSQL database that goes with a data folder. The server is started once a test file. */
export function postgresOf(dataDir: string): Promise<string> {
  const url = urls.get(dataDir) ?? newDatabase(`scenario_${urls.size + 1}`);
  urls.set(dataDir, url);
  return url;
}

async function newDatabase(name: string): Promise<string> {
  server ??= startPostgres();
  return (await server).createDatabase(name);
}

/** Ends the server, if there is one. */
export async function stopScenarioDatabases(): Promise<void> {
  const running = server;
  server = undefined;
  urls.clear();
  await (await running)?.stop();
}

/** The database of a data folder. */
export async function databaseUrlOf(dataDir: string): Promise<string> {
  return scenarioDatabase() === 'postgres' ? postgresOf(dataDir) : `sqlite:${join(dataDir, 'denwaban.sqlite')}`;
}

/** Settings that make denwaban use it, for a data folder that has no other database. */
export async function databaseFor(environment: Record<string, string>): Promise<Record<string, string>> {
  const { DATA_DIR, DATABASE_URL } = environment;
  if (scenarioDatabase() === 'sqlite' || DATABASE_URL !== undefined || DATA_DIR === undefined) return {};
  return { DATABASE_URL: await postgresOf(DATA_DIR) };
}
