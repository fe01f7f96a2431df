import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { errorMessage } from '../../kernel/errors.ts';

/** What of its output is kept for an error message. */
const keptCharacters = 2_000;
const pidFileName = 'redis.pid';

/** A redis-server process: one that was started here, or one that a controller before us has left running. */
export interface RedisProcess {
  readonly pid: number;
  isRunning(): boolean;
  /** Somebody has stopped it (SIGSTOP, a debugger): it will not go on by itself. Only Linux can be asked. */
  isHalted(): boolean;
  /** Ends it at once, also where it hangs. What it has written to its files is kept by the operating system. */
  kill(): void;
  /** What it printed last, for a person. */
  said(): string;
  /** Calls back once when it ends; never for one that was not started here. */
  onExit(callback: (how: string) => void): void;
}

/**
 * Starts redis-server on a folder and a Unix socket, in a session of its own: Ctrl-C reaches only the controller, which
 * ends calls before it stops Redis. Its files are for this user alone.
 */
export function spawnRedis(folder: string, socketPath: string): RedisProcess {
  const umask = process.umask(0o077);
  let child: ChildProcess;
  try {
    child = spawn('redis-server', redisArguments(folder, socketPath), {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } finally {
    process.umask(umask);
  }
  return watch(child);
}

/** One that runs already, by its process id. */
export function foundRedis(pid: number, socketPath: string): RedisProcess {
  return {
    pid,
    isRunning: () => isRedisOf(pid, socketPath),
    isHalted: () => isHalted(pid),
    kill: () => {
      // The number may have gone to another program since.
      if (isRedisOf(pid, socketPath)) process.kill(pid, 'SIGKILL');
    },
    said: () => '',
    onExit: () => undefined,
  };
}

/** The process that the folder's pid file names, where that is a redis-server on this very socket. */
export function redisLeftIn(folder: string, socketPath: string): RedisProcess | undefined {
  try {
    const pid = Number.parseInt(readFileSync(`${folder}/${pidFileName}`, 'utf8'), 10);
    return isRedisOf(pid, socketPath) ? foundRedis(pid, socketPath) : undefined;
  } catch {
    return undefined; // No file: nothing was left.
  }
}

function redisArguments(folder: string, socketPath: string): string[] {
  const settings = {
    port: '0',
    unixsocket: socketPath,
    unixsocketperm: '700',
    dir: folder,
    pidfile: `${folder}/${pidFileName}`,
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    daemonize: 'no',
    loglevel: 'warning',
    // So that data can be saved to a new folder where the old one was removed. Only this user reaches the socket.
    'enable-protected-configs': 'local',
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

/** True for a redis-server on this socket: it writes that into its title. Only Linux can be asked. */
function isRedisOf(pid: number, socketPath: string): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 1) return false;
  try {
    const title = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return title.includes('redis-server') && title.includes(socketPath);
  } catch {
    return false;
  }
}

function isHalted(pid: number): boolean {
  try {
    return /^State:\s+[Tt]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function watch(child: ChildProcess): RedisProcess {
  let output = '';
  let isRunning = true;
  const listeners: ((how: string) => void)[] = [];
  const ended = (how: string) => {
    if (!isRunning) return;
    isRunning = false;
    for (const tell of listeners) tell(how);
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data: Buffer) => {
      output = (output + data.toString()).slice(-keptCharacters);
    });
  }
  child.on('error', (error) => {
    output += errorMessage(error);
    ended(errorMessage(error));
  });
  child.on('exit', (code, signal) => ended(signal ? `ended by ${signal}` : `ended with ${code}`));
  // It outlives a controller that is killed, and holds none back that ends.
  child.unref();
  return {
    pid: child.pid ?? -1,
    isRunning: () => isRunning,
    isHalted: () => isRunning && isHalted(child.pid ?? -1),
    kill: () => {
      if (isRunning) child.kill('SIGKILL');
    },
    said: () => output.trim(),
    onExit: (callback) => listeners.push(callback),
  };
}
