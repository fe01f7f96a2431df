import { join, resolve } from 'node:path';
import { eventually } from '../../test/support/poll.ts';
import { runProgram } from '../../test/support/process.ts';
import { startSystem } from '../../test/support/system.ts';
import { childrenOf } from './cpu.ts';

const root = resolve(import.meta.dirname, '../..');

/** Who answers the calls of a bench. */
export interface Subject {
  /** `host:port` to call. */
  target: string;
  /** The process that controls the calls. */
  controllerPid: number;
  /** The rest of what takes part: switch, Redis. */
  otherPids: number[];
  stop(): Promise<void>;
}

/** Each rate is offered to denwaban and to these, in turn. `dialplan` and `fsmrf` need the real FreeSWITCH. */
export const subjects: Record<string, () => Promise<Subject>> = {
  denwaban: () => startDenwaban(limits),
  parked: () => startBaseline('baseline-parked.ts'),
  ...(process.env.STACK === 'local'
    ? { fsmrf: () => startBaseline('baseline-fsmrf.ts'), dialplan: () => startBaseline('baseline-dialplan.ts') }
    : {}),
};

const limits = { MAX_CALLS: '5000', MAX_CALLS_PER_SECOND: '1000' };

/** Of a real pair that is on this machine, where somebody has told them. */
function pairPids(): number[] {
  return (process.env.DENWABAN_PAIR_PIDS ?? '').split(' ').filter(Boolean).map(Number);
}

/** The whole system, embedded switch and all, with these settings beside its own. */
export async function startDenwaban(environment: Record<string, string>): Promise<Subject> {
  const system = await startSystem({ flows: join(root, 'scripts/benchmarks/flows'), environment });
  return {
    target: `${system.sipHost}:${system.sipPort}`,
    controllerPid: system.program.pid,
    otherPids: [...childrenOf(system.program.pid).map((child) => child.pid), ...pairPids()],
    stop: () => system.stop(),
  };
}

/** A baseline drives the pair that is configured, or an embedded switch of its own. */
export async function startBaseline(script: string, args: string[] = []): Promise<Subject> {
  const pair = await baselinePair();
  const program = runProgram(process.execPath, [join(root, 'scripts/benchmarks', script), ...args], {
    cwd: root,
    env: { ...process.env, ...pair.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = async () => {
    await program.end();
    await pair.stop();
  };
  try {
    const ready = await eventually(
      `${script} to be ready`,
      () => {
        if (program.exited()) throw new Error(`${script} ended: ${program.output()}`);
        return /baseline ready ?(\S*)/.exec(program.output());
      },
      { timeoutMs: 10_000 },
    );
    // One that answers without drachtio says where.
    const target = ready[1] || `127.0.0.1:${pair.sipPort}`;
    return { target, controllerPid: program.pid, otherPids: pair.pids, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function baselinePair() {
  if (process.env.STACK === 'local') {
    const { DRACHTIO_URL = '', FREESWITCH_URLS = '', SIP_PORT = '' } = process.env;
    return {
      environment: { DRACHTIO_URL, FREESWITCH_URLS },
      sipPort: Number(SIP_PORT),
      pids: pairPids(),
      stop: async () => undefined,
    };
  }
  const { spawnSwitch } = await import('../../src/switch/spawn.ts');
  const secret = 'baseline-secret';
  const spawned = await spawnSwitch({
    bindAddress: '127.0.0.1',
    publicAddress: '127.0.0.1',
    sipPort: 0,
    controlPort: 0,
    controlSecret: secret,
    eventSocketPort: 0,
    eventSocketPassword: secret,
    mrfSipPort: 0,
    rtpPortMin: 40_000,
    rtpPortMax: 49_998,
    maxCalls: 5_000,
    maxCallsPerSecond: 1_000,
    mediaTimeoutMs: 60_000,
  });
  return {
    environment: {
      DRACHTIO_URL: `tcp://:${secret}@127.0.0.1:${spawned.controlPort}`,
      FREESWITCH_URLS: `esl://:${secret}@127.0.0.1:${spawned.eventSocketPort}`,
    },
    sipPort: spawned.sipPort,
    pids: [spawned.pid],
    stop: () => spawned.stop(),
  };
}
