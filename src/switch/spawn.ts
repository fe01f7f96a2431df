import { spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Writable } from 'node:stream';
import type { Refusals } from '../kernel/refusal-fold.ts';

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
  /** IPv4 addresses and networks that have a reserve of calls. */
  trustedPeers?: string[];
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
  /** What it last said of itself. */
  health(): SwitchHealth;
  /** It gave no sign of life and was ended for that. */
  readonly hung: boolean;
  /** Ends it: BYE to all legs, then the process. */
  stop(): Promise<void>;
}

/** How the switch is, told with every sign of life. `answers`: it has given one lately. */
export interface SwitchHealth {
  answers: boolean;
  mediaWorkers: { total: number; up: number };
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
/** How often it is asked for a sign of life (a line on its standard input), and how many it may leave unanswered. */
const beatMs = 1_000;
const beatsMissed = 3;

/**
 * Starts the embedded switch as a process of its own, in a session of its own so that Ctrl-C reaches only the
 * controller. It ends when this process does: its standard input closes then.
 * @throws SwitchStartError when it does not report ready.
 */
export async function spawnSwitch(
  settings: SwitchSettings,
  onRefusals: (refusals: Refusals[]) => void = () => undefined,
): Promise<SpawnedSwitch> {
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
    exited.then((code) => {
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
  const life = watchLife({ stdin: child.stdin, kill: (signal) => child.kill(signal) }, lines, exited);
  lines.on('line', (line) => {
    const refusals = readLine(line)?.refusals;
    if (refusals) onRefusals(refusals);
  });
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
    health: life.health,
    get hung() {
      return life.hung();
    },
    stop,
  };
}

/**
 * Asks the process for a sign of life again and again, and ends it when it has given none for too long: whatever holds
 * it up, its calls are dead, and another is to take its place. Unanswered questions are counted, not timed: where this
 * process itself stood still, nothing was left unanswered.
 */
function watchLife(
  { stdin, kill }: { stdin: Writable; kill(signal: NodeJS.Signals): boolean },
  lines: Interface,
  exited: Promise<unknown>,
) {
  let unanswered = 0;
  let hung = false;
  let mediaWorkers = { total: 1, up: 1 };
  lines.on('line', (line) => {
    unanswered = 0;
    mediaWorkers = readLine(line)?.mediaWorkers ?? mediaWorkers;
  });
  // It may have gone while it was being asked: `exited` tells.
  stdin.on('error', () => undefined);
  const timer = setInterval(() => {
    if (unanswered >= beatsMissed) {
      hung = true;
      kill('SIGKILL');
      return;
    }
    unanswered++;
    stdin.write('\n');
  }, beatMs);
  timer.unref();
  exited.then(() => clearInterval(timer));
  return { health: (): SwitchHealth => ({ answers: unanswered < 2, mediaWorkers }), hung: () => hung };
}

/** Undefined where the line is something else: a library may print, too. */
function readLine(line: string): Partial<Pick<SwitchHealth, 'mediaWorkers'> & { refusals: Refusals[] }> | undefined {
  try {
    return JSON.parse(line) as ReturnType<typeof readLine>;
  } catch {
    return undefined;
  }
}
