import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './poll.ts';
import { freePort } from './ports.ts';
import { collectOutput, dieWithUs, endProcess } from './process.ts';

/** A redis-server for one test file, on 127.0.0.1 and a temporary folder. */
export interface TestRedis {
  url: string;
  port: number;
  pid: number;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
  /** Ends the server (or kills it) but keeps its folder and port. */
  halt(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and folder. */
  resume(): Promise<void>;
}

/** Starts a private redis-server on a free port. `appendonly`: what was written survives {@link TestRedis.halt}. */
export async function startRedis(options: { appendonly?: boolean } = {}): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'denwaban-redis-'));
  const port = await freePort();
  let child = await launch(dir, port, options.appendonly ?? false);
  const redis: TestRedis = {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: child.pid ?? 0,
    halt: (signal = 'SIGTERM') => endProcess(child, signal),
    resume: async () => {
      child = await launch(dir, port, options.appendonly ?? false);
      redis.pid = child.pid ?? 0;
    },
    stop: async () => {
      await endProcess(child, 'SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
  };
  return redis;
}

async function launch(dir: string, port: number, appendonly: boolean) {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--daemonize', 'no'];
  args.push('--appendonly', appendonly ? 'yes' : 'no', '--appendfsync', appendonly ? 'always' : 'no');
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = collectOutput(child);
  dieWithUs(child);
  await eventually(
    'redis-server answers',
    async () => {
      if (child.exitCode !== null || child.pid === undefined)
        throw new Error(`redis-server did not start: ${output()}`);
      return ping(port);
    },
    { timeoutMs: 10_000 },
  );
  return child;
}

function ping(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => socket.write('PING\r\n'));
    socket.on('data', (data) => {
      resolve(data.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
  });
}
