import { connect } from 'node:net';
import { eventually } from './poll.ts';
import { type RunningProgram, runProgram } from './process.ts';
import { signalAll } from './process-tree.ts';
import { stackName } from './stack.ts';

/** A restart policy waits so long, as that of Docker or systemd does. */
const restartAfterMs = 1_000;

/** One program of the pair, started again whenever it ends, as a supervisor would. */
export class SupervisedProgram {
  readonly #command: string;
  readonly #at: { host: string; port: number };
  #running: RunningProgram | undefined;
  #stopped = false;

  constructor(command: string, controlUrl: string) {
    this.#command = command;
    const { hostname: host, port } = new URL(controlUrl);
    this.#at = { host, port: Number(port) };
  }

  /** `host:port` that the controller connects to. */
  get address(): string {
    return `${this.#at.host}:${this.#at.port}`;
  }

  /** Starts it; ready when it listens for the controller. */
  async start(): Promise<void> {
    this.#spawn();
    await this.listening();
  }

  /** Waits until it takes connections of controllers, as after a restart. */
  async listening(): Promise<void> {
    const { host, port } = this.#at;
    await eventually(`${this.#command} to listen on port ${port}: ${this.said()}`, () => takesConnections(host, port), {
      timeoutMs: 30_000,
    });
  }

  /** The end of what it printed since it was started last. */
  said(): string {
    return this.#running?.output().slice(-1_000) ?? '';
  }

  /** Of the program as it runs now; none while it is not started again yet. */
  pids(): number[] {
    return this.#running && !this.#running.exited() ? [this.#running.pid] : [];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    signalAll(this.pids(), 'SIGKILL');
    await this.#running?.exit;
  }

  #spawn(): void {
    // `exec`: its process is the program's own, not a shell's.
    const running = runProgram('sh', ['-c', `exec ${this.#command}`], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running = running;
    running.exit.then(() => {
      if (!this.#stopped) setTimeout(() => (this.#stopped ? undefined : this.#spawn()), restartAfterMs);
    });
  }
}

function takesConnections(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

export interface SupervisedPair {
  drachtio: SupervisedProgram;
  freeswitch: SupervisedProgram;
  stop(): Promise<void>;
}

/**
 * With `STACK=local` and the two commands that start the programs (`DRACHTIO_COMMAND`, `FREESWITCH_COMMAND`, in the
 * foreground, on the addresses of DRACHTIO_URL and FREESWITCH_URLS): starts them and keeps them running. Undefined where
 * the pair is somebody else's, who has started it already.
 */
export async function startSupervisedPair(): Promise<SupervisedPair | undefined> {
  const { DRACHTIO_COMMAND, FREESWITCH_COMMAND, DRACHTIO_URL = '', FREESWITCH_URLS = '' } = process.env;
  if (stackName() !== 'local' || !DRACHTIO_COMMAND || !FREESWITCH_COMMAND) return undefined;
  const drachtio = new SupervisedProgram(DRACHTIO_COMMAND, DRACHTIO_URL);
  const freeswitch = new SupervisedProgram(FREESWITCH_COMMAND, FREESWITCH_URLS);
  const stop = async () => {
    await Promise.all([drachtio.stop(), freeswitch.stop()]);
  };
  try {
    await Promise.all([drachtio.start(), freeswitch.start()]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { drachtio, freeswitch, stop };
}
