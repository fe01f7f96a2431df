import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { eventually } from './poll.ts';

/** A program a test runs, with all it printed. Only ever ended by its own pid. */
export interface RunningProgram {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything printed so far, stdout and stderr together. */
  output(): string;
  /** Resolves with the exit code (null = by signal). */
  readonly exit: Promise<number | null>;
  exited(): boolean;
  /** Asks it to end, then insists. */
  end(options?: { signal?: NodeJS.Signals; withinMs?: number }): Promise<number | null>;
}

export function runProgram(command: string, args: string[], options: SpawnOptions = {}): RunningProgram {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
  let output = '';
  let over = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data) => {
      output = (output + String(data)).slice(-200_000);
    });
  }
  const exit = new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      output += `\n${command}: ${error.message}`;
      over = true;
      resolve(127);
    });
    child.on('exit', (code) => {
      over = true;
      resolve(code);
    });
  });
  return {
    child,
    pid: child.pid ?? -1,
    output: () => output,
    exit,
    exited: () => over,
    end: async ({ signal = 'SIGTERM', withinMs = 10_000 } = {}) => {
      if (!over) child.kill(signal);
      try {
        await eventually(`${command} to end`, () => over, { timeoutMs: withinMs });
      } catch (error) {
        child.kill('SIGKILL');
        throw error;
      }
      return exit;
    },
  };
}
