import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { eventually } from './poll.ts';

/** A program a test runs, with all it printed. Only ever ended by its own pid. */
export interface RunningProgram {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything printed so far, stdout and stderr together. */
  output(): string;
  /** What was printed on stdout alone: the part that machines read. */
  stdout(): string;
  /** Resolves with the exit code (null = by signal). */
  readonly exit: Promise<number | null>;
  exited(): boolean;
  /** Asks it to end, then insists. */
  end(options?: { signal?: NodeJS.Signals; withinMs?: number }): Promise<number | null>;
}

const keptCharacters = 4_000_000;

export function runProgram(command: string, args: string[], options: SpawnOptions = {}): RunningProgram {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
  let output = '';
  let stdout = '';
  let over = false;
  for (const stream of [child.stdout, child.stderr]) {
    // Decoded by the stream: a character may come in two pieces.
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-keptCharacters);
      if (stream === child.stdout) stdout = (stdout + text).slice(-keptCharacters);
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
      // What it left running may hold its output open.
      setTimeout(() => resolve(code), 1_000).unref();
    });
    // Later than 'exit': all it printed has been read.
    child.on('close', (code) => resolve(code));
  });
  return {
    child,
    pid: child.pid ?? -1,
    output: () => output,
    stdout: () => stdout,
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

/** Collects what a child process says, for the error message when it does not start. */
export function collectOutput(child: ChildProcess): () => string {
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-2_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  child.on('error', (error) => keep(Buffer.from(String(error))));
  return () => output;
}

/** Sends the signal and resolves once the process is gone; after `deadlineMs` it is killed. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals, deadlineMs = 5_000): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const killer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    child.once('exit', () => {
      clearTimeout(killer);
      resolve();
    });
    child.kill(signal);
  });
}

/** Sees to it that the child does not outlive this process, whatever ends it in an orderly way. */
export function dieWithUs(child: ChildProcess): void {
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
}
