import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, delay } from '../../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../../kernel/errors.ts';

/** A Redis of our own, on a Unix socket. */
export interface PrivateRedis {
  /** Path of its socket. */
  socketPath: string;
  /** Saves and stops it. */
  stop(): Promise<void>;
}

const startDeadlineMs = 10_000;
/** Linux refuses longer socket paths. */
const maxSocketPathBytes = 100;

/**
 * Starts a private redis-server on a folder: append-only file on, no TCP port. One that a killed controller left
 * running on the same folder is taken over instead, so a crash never blocks the next start.
 * @throws DenwabanError `REDIS_MISSING`, `REDIS_FAILED`.
 */
export async function startPrivateRedis(options: { folder: string; clock: Clock }): Promise<PrivateRedis> {
  const { folder, clock } = options;
  mkdirSync(folder, { recursive: true });
  const inFolder = join(folder, 'redis.sock');
  const ownFolder =
    Buffer.byteLength(inFolder) > maxSocketPathBytes ? mkdtempSync(join(tmpdir(), 'denwaban-')) : undefined;
  const socketPath = ownFolder ? join(ownFolder, 'redis.sock') : inFolder;
  const output: string[] = [];
  let exited: { code: number | null } | undefined;
  if ((await command(socketPath, 'PING')) === undefined) {
    const child = spawn(
      'redis-server',
      [
        '--port',
        '0',
        '--unixsocket',
        socketPath,
        '--unixsocketperm',
        '700',
        '--dir',
        folder,
        '--appendonly',
        'yes',
      ].concat(['--appendfsync', 'everysec', '--save', '', '--daemonize', 'no', '--loglevel', 'warning']),
      // A session of its own: Ctrl-C reaches only the controller, which ends calls before it stops Redis.
      { detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => output.push(String(data)));
    child.on('error', (error) => {
      output.push(errorMessage(error));
      exited = { code: null };
    });
    child.on('exit', (code) => {
      exited = { code };
    });
  }
  const deadlineMs = clock.monotonicMs() + startDeadlineMs;
  while ((await command(socketPath, 'PING')) === undefined) {
    if (exited || clock.monotonicMs() > deadlineMs) throw startFailure(folder, output.join('').trim());
    await delay(clock, 20);
  }
  return {
    socketPath,
    stop: async () => {
      await command(socketPath, 'SHUTDOWN');
      const stopDeadlineMs = clock.monotonicMs() + startDeadlineMs;
      while ((await command(socketPath, 'PING')) !== undefined && clock.monotonicMs() < stopDeadlineMs) {
        await delay(clock, 20);
      }
      if (ownFolder) rmSync(ownFolder, { recursive: true, force: true });
    },
  };
}

function startFailure(folder: string, said: string): DenwabanError {
  if (/ENOENT/.test(said)) {
    return new DenwabanError('REDIS_MISSING', 'redis-server is not installed', {
      remedy: 'apt-get install redis-server, or set REDIS_URL to a Redis that runs elsewhere',
    });
  }
  return new DenwabanError('REDIS_FAILED', `the private redis-server did not start on ${folder}: ${said.slice(-500)}`, {
    remedy: 'Check that the folder is writable and its append-only file is whole, or set REDIS_URL',
  });
}

/** Sends one command without arguments; the first bytes of the answer, or undefined when nobody answers. */
function command(socketPath: string, name: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.setTimeout(2_000, () => socket.destroy());
    socket.on('connect', () => socket.write(`${name}\r\n`));
    socket.on('data', (data) => {
      const answer = String(data);
      // While it reads its append-only file Redis answers -LOADING: not ready yet.
      resolve(answer.startsWith('-LOADING') ? undefined : answer);
      socket.destroy();
    });
    socket.on('error', () => resolve(undefined));
    socket.on('close', () => resolve(undefined));
  });
}
