import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { eventually } from './poll.ts';
import { freePort } from './ports.ts';
import { collectOutput, dieWithUs, endProcess } from './process.ts';

const run = promisify(execFile);

/** A PostgreSQL cluster for one test file, on 127.0.0.1 and a temporary folder, without fsync. */
export interface TestPostgres {
  /** Of the empty database `denwaban`. */
  url: string;
  /** Of the server; its sessions are processes below it. */
  pid(): number;
  /** Makes one more database in the cluster, empty or as the one named `like` (to which nobody is connected). Gives its url. */
  createDatabase(name: string, like?: string): Promise<string>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
  /** Ends the server but keeps its folder and port. */
  halt(): Promise<void>;
  /** Starts it again on the same port and folder. */
  resume(): Promise<void>;
  /** All its processes stand still (SIGSTOP), connections stay open; until {@link thaw}. */
  freeze(): void;
  thaw(): void;
  /** Its folder, in which clients find its socket. */
  dir: string;
  /** Writes who may connect how (pg_hba.conf) and settings, and has it read them. */
  configure(options: { access: string[]; settings: Record<string, string> }): Promise<void>;
}

/** Makes and starts a private cluster. PostgreSQL refuses to run as root, so root runs it as the user `postgres`. */
export async function startPostgres(): Promise<TestPostgres> {
  const bin = findBinaries();
  const owner = process.getuid?.() === 0 ? userIds('postgres') : undefined;
  const dir = await mkdtemp(join(tmpdir(), 'denwaban-pg-'));
  if (owner) chownSync(dir, owner.uid, owner.gid);
  const data = join(dir, 'data');
  const initArgs = ['-D', data, '-U', 'denwaban', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  await run(join(bin, 'initdb'), initArgs, { ...owner, cwd: dir });
  const port = await freePort();
  const urlOf = (name: string) => `postgres://denwaban@127.0.0.1:${port}/${name}`;
  const createDatabase = async (name: string, like = 'template1') => {
    const client = new Client({ connectionString: urlOf('postgres') });
    await client.connect();
    try {
      await client.query(`create database ${name} template ${like}`);
    } finally {
      await client.end();
    }
    return urlOf(name);
  };
  let child = await launch(bin, dir, port, owner);
  await createDatabase('denwaban');
  return {
    url: urlOf('denwaban'),
    pid: () => child.pid ?? -1,
    createDatabase,
    halt: () => endProcess(child, 'SIGQUIT'),
    resume: async () => {
      child = await launch(bin, dir, port, owner);
    },
    freeze: () => signalFamily(child, 'SIGSTOP'),
    thaw: () => signalFamily(child, 'SIGCONT'),
    dir,
    configure: async ({ access, settings }) => {
      writeFileSync(join(data, 'pg_hba.conf'), ['local all all trust', ...access, ''].join('\n'));
      const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
      writeFileSync(join(data, 'postgresql.auto.conf'), lines.join(''));
      const client = new Client({ host: dir, port, user: 'denwaban', database: 'postgres' });
      await client.connect();
      try {
        const { rows } = await client.query('select pg_conf_load_time() as at');
        await client.query('select pg_reload_conf()');
        // Told to the process that makes new sessions, too: each new one has been started by it since.
        await eventually('the settings are read', async () => {
          const fresh = new Client({ host: dir, port, user: 'denwaban', database: 'postgres' });
          await fresh.connect();
          const now = await fresh.query('select pg_conf_load_time() as at').finally(() => fresh.end());
          return now.rows[0].at > rows[0].at;
        });
      } finally {
        await client.end();
      }
    },
    stop: async () => {
      signalFamily(child, 'SIGCONT');
      await endProcess(child, 'SIGQUIT');
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The server and its children, one process each. */
function signalFamily({ pid, exitCode, signalCode }: ChildProcess, signal: 'SIGSTOP' | 'SIGCONT'): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  for (const one of [pid, ...children]) {
    try {
      process.kill(one, signal);
    } catch (error) {
      // It has ended meanwhile.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}

async function launch(bin: string, dir: string, port: number, owner: { uid: number; gid: number } | undefined) {
  const settings = {
    listen_addresses: '127.0.0.1,::1',
    port: String(port),
    unix_socket_directories: dir,
    fsync: 'off',
    full_page_writes: 'off',
    shared_buffers: '16MB',
    max_connections: '60',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(join(bin, 'postgres'), ['-D', join(dir, 'data'), ...flags], {
    ...owner,
    cwd: dir,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collectOutput(child);
  dieWithUs(child);
  const readyArgs = ['-h', dir, '-p', String(port), '-q'];
  await eventually(
    'PostgreSQL answers',
    async () => {
      if (child.exitCode !== null || child.pid === undefined) throw new Error(`PostgreSQL did not start: ${output()}`);
      return run(join(bin, 'pg_isready'), readyArgs).then(
        () => true,
        () => false,
      );
    },
    { timeoutMs: 20_000 },
  );
  return child;
}

function findBinaries(): string {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root) : [];
  const newest = versions
    .filter((version) => existsSync(join(root, version, 'bin', 'initdb')))
    .sort((a, b) => Number(b) - Number(a))[0];
  if (!newest) throw new Error(`no PostgreSQL under ${root}: apt-get install postgresql`);
  return join(root, newest, 'bin');
}

function userIds(name: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
