import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { callsAsJson, listCalls } from '../../src/cli/calls.ts';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { runCommandLine } from '../../src/program/command-line.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';
import { eventually } from './poll.ts';
import { rtpPorts } from './ports.ts';
import { type RunningProgram, runProgram } from './process.ts';
import { databaseFor, databaseUrlOf } from './scenario-database.ts';
import { prepareStack } from './stack.ts';

const root = resolve(import.meta.dirname, '../..');
const node = join(root, 'node_modules/.bin/node');
/** Flows that dial are refused where nothing can be dialled. Nobody is there. */
const nobodysTrunk = 'sip:127.0.0.1:9';

/** A leg as `denwaban calls --json` prints it. */
export interface PrintedLeg {
  legId: string;
  kind: string;
  direction: string;
  offeredAt: string;
  answeredAt: string | null;
  endedAt: string | null;
  cause: string | null;
  sipStatus: number | null;
  talkMs: number;
}

export interface PrintedCall {
  callId: string;
  accountId: string | null;
  from: string;
  to: string;
  flow: string | null;
  flowVersion: number | null;
  callBackOf: string | null;
  offeredAt: string;
  answeredAt: string | null;
  endedAt: string | null;
  outcome: string | null;
  path: string[];
  digits?: { nodeId: string; digits: string }[];
  recordings: {
    recordingId: string;
    agentId: string | null;
    file: string;
    durationMs: number;
    incomplete: string | null;
  }[];
  legs: PrintedLeg[];
}

/** denwaban as its operator runs it, in a folder of its own. */
export interface System {
  readonly program: RunningProgram;
  readonly dataDir: string;
  readonly sipHost: string;
  readonly sipPort: number;
  /** e.g. `http://127.0.0.1:8080` */
  readonly httpUrl: string;
  /** What `denwaban load` printed: among it the passwords it made. */
  readonly loaded: string;
  readonly environment: Record<string, string>;
  uri(number: string): string;
  /** Calls on record, newest first, as `denwaban calls` prints them. */
  calls(options?: { reveal?: boolean; limit?: number }): Promise<PrintedCall[]>;
  /** The newest call on record to a number (`from` another), once it is closed. */
  closedCall(number: string, options?: { timeoutMs?: number; reveal?: boolean; from?: string }): Promise<PrintedCall>;
  /** Everything on record about a call. */
  facts(callId: string): Promise<CallFact[]>;
  stop(): Promise<void>;
}

/** Runs one command of scripts/denwaban to its end. `output` has warnings in it too, `stdout` only what was asked for. */
export async function denwaban(
  args: string[],
  environment: Record<string, string>,
): Promise<{ code: number | null; output: string; stdout: string }> {
  const program = runProgram(node, [join(root, 'src/main.ts'), ...args], {
    cwd: root,
    env: { TRUNK_URL: nobodysTrunk, ...process.env, ...environment, ...(await databaseFor(environment)) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const code = await program.exit;
  return { code, output: program.output(), stdout: program.stdout() };
}

/** As {@link denwaban}, in this process: for tests of commands, which else spend their time on starting the program. */
export async function runCommand(
  args: string[],
  environment: Record<string, string>,
): Promise<{ code: number; output: string; stdout: string }> {
  let output = '';
  let stdout = '';
  const settings = { TRUNK_URL: nobodysTrunk, ...process.env, ...environment, ...(await databaseFor(environment)) };
  const code = await runCommandLine(args, {
    environment: settings,
    write: (text) => {
      output += text;
      stdout += text;
    },
    writeError: (text) => {
      output += text;
    },
  });
  return { code, output, stdout };
}

/**
 * Starts denwaban on the stack that `STACK` names, with the flows and numbers of a folder.
 * `environment` overrides settings; `dataDir` continues on the data of an earlier run.
 */
export async function startSystem(
  options: { flows?: string; environment?: Record<string, string>; dataDir?: string } = {},
): Promise<System> {
  const stack = await prepareStack();
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'denwaban-data-'));
  const environment: Record<string, string> = {
    DATA_DIR: dataDir,
    SIP_PORT: '0',
    HTTP_PORT: '0',
    LOG_LEVEL: 'warn',
    TRUNK_URL: nobodysTrunk,
    RTP_PORTS: rtpPorts().join('-'),
    ...stack.environment,
    ...options.environment,
  };
  Object.assign(environment, await databaseFor(environment));
  let printed = '';
  if (options.flows && !options.dataDir) {
    const loaded = await denwaban(['load', options.flows], environment);
    if (loaded.code !== 0) throw new Error(`load failed:\n${loaded.output}`);
    printed = loaded.output;
  }
  const program = runProgram(node, [join(root, 'src/main.ts'), 'start'], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ready = /denwaban ready.*?sip:[^@\s]*@?([\d.]+):(\d+)/;
  const deadline = performance.now() + 60_000;
  while (!ready.test(program.output()) && !program.exited() && performance.now() < deadline) {
    await new Promise((done) => setTimeout(done, 50));
  }
  const match = ready.exec(program.output());
  if (!match) await program.end();
  if (!match?.[1] || !match[2]) throw new Error(`denwaban did not start:\n${program.output()}`);
  const [, sipHost, sipPort] = match;
  const calls: System['calls'] = async ({ reveal = false, limit = 50 } = {}) => {
    const args = ['calls', '--json', '--limit', String(limit), ...(reveal ? ['--reveal'] : [])];
    const { code, output, stdout } = await denwaban(args, environment);
    if (code !== 0) throw new Error(`denwaban calls: ${output}`);
    return JSON.parse(stdout) as PrintedCall[];
  };
  return {
    program,
    dataDir,
    sipHost,
    sipPort: Number(sipPort),
    httpUrl: /health (\S+)\/health/.exec(program.output())?.[1] ?? '',
    loaded: printed,
    environment,
    uri: (number) => `sip:${number}@${sipHost}:${sipPort}`,
    calls,
    facts: (callId) => onRecord(environment, (facts) => facts.factsOfCall(callId)),
    closedCall: (number, options = {}) => closedCall(environment, number, options),
    stop: async () => {
      const code = await program.end({ withinMs: 20_000 });
      if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true });
      if (code !== 0) throw new Error(`denwaban ended with ${code}:\n${program.output().slice(-3000)}`);
    },
  };
}

/** By what the command `calls` is made of, in this process: to start the program for each look would take a second. */
async function closedCall(
  environment: Record<string, string>,
  number: string,
  { timeoutMs = 15_000, reveal = false, from = '' }: { timeoutMs?: number; reveal?: boolean; from?: string },
): Promise<PrintedCall> {
  const newestClosed = async (facts: SqlFactStore) => {
    const records = await listCalls({ facts, limit: 50 });
    const isOf = (written: string, number: string) => written.endsWith(number.replace(/^0/, ''));
    const newest = records.find((call) => isOf(call.to, number) && isOf(call.from, from));
    const closed = newest?.endedAt && newest.legs.every((leg) => leg.endedAt);
    return closed ? (JSON.parse(callsAsJson([newest], reveal)) as [PrintedCall])[0] : undefined;
  };
  return onRecord(environment, (facts) =>
    eventually(`a closed call to ${number}`, () => newestClosed(facts), { timeoutMs, everyMs: 50 }),
  );
}

async function onRecord<T>(
  { DATABASE_URL, DATA_DIR = '' }: Record<string, string>,
  look: (facts: SqlFactStore) => Promise<T>,
): Promise<T> {
  const url = DATABASE_URL ?? (await databaseUrlOf(DATA_DIR));
  const database = await openSql(url, { clock: systemClock, logger: silentLogger });
  try {
    return await look(new SqlFactStore(database));
  } finally {
    await database.close();
  }
}
