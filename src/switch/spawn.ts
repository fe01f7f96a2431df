import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What the embedded switch is told when it starts; read by `main.ts` of this folder. Port 0 picks a free one. */
export interface SwitchSettings {
  bindAddress: string;
  publicAddress: string;
  sipPort: number;
  controlPort: number;
  controlSecret: string;
  eventSocketPort: number;
  eventSocketPassword: string;
  mrfSipPort: number;
  rtpPortMin: number;
  rtpPortMax: number;
  maxCalls: number;
  maxCallsPerSecond: number;
  mediaTimeoutMs: number;
}

/** A running switch and the ports it chose. */
export interface SpawnedSwitch {
  pid: number;
  sipPort: number;
  controlPort: number;
  eventSocketPort: number;
  mrfSipPort: number;
  /** Resolves when the process is gone, asked or not. */
  exited: Promise<number | null>;
  /** Ends it: BYE to all legs, then the process. */
  stop(): Promise<void>;
}

/** Why the switch did not start, in its own words. */
export class SwitchStartError extends Error {
  readonly remedy: string | undefined;
  constructor(message: string, remedy?: string) {
    super(message);
    this.name = 'SwitchStartError';
    this.remedy = remedy;
  }
}

const startTimeoutMs = 15_000;
const stopTimeoutMs = 6_000;

/**
 * Starts the embedded switch as a process of its own, in a session of its own so that Ctrl-C reaches only the
 * controller. It ends when this process does: its standard input closes then.
 * @throws SwitchStartError when it does not report ready.
 */
export async function spawnSwitch(settings: SwitchSettings): Promise<SpawnedSwitch> {
  const main = new URL('./main.ts', import.meta.url).pathname;
  // The settings hold secrets: not on the command line, where every user of the machine can read them.
  const child = spawn(process.execPath, [main], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, DENWABAN_SWITCH_CONFIG: JSON.stringify(settings) },
  });
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.once('error', () => resolve(null));
  });
  const lines = createInterface({ input: child.stdout });
  const report = await new Promise<Record<string, unknown>>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new SwitchStartError(`the embedded switch was not ready within ${startTimeoutMs} ms`));
    }, startTimeoutMs);
    lines.once('line', (line) => {
      clearTimeout(timer);
      resolve(JSON.parse(line) as Record<string, unknown>);
    });
    void exited.then((code) => {
      clearTimeout(timer);
      reject(new SwitchStartError(`the embedded switch ended with ${code} before it was ready`));
    });
  });
  if (report['ready'] !== true) {
    throw new SwitchStartError(
      String(report['error']),
      report['remedy'] === undefined ? undefined : String(report['remedy']),
    );
  }
  const stop = async () => {
    const killer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(killer);
    lines.close();
  };
  const port = (name: string) => Number(report[name]);
  return {
    pid: child.pid ?? -1,
    sipPort: port('sipPort'),
    controlPort: port('controlPort'),
    eventSocketPort: port('eventSocketPort'),
    mrfSipPort: port('mrfSipPort'),
    exited,
    stop,
  };
}
