import { join, resolve } from 'node:path';
import { eventually } from '../../test/support/poll.ts';
import { runProgram } from '../../test/support/process.ts';
import { type System, startSystem } from '../../test/support/system.ts';
import { childrenOf, cpuMs, memoryMb } from './cpu.ts';
import { type LoadResult, offerCalls } from './sipp-load.ts';

const root = resolve(import.meta.dirname, '../..');
const number = '0333330001';

interface Reading extends LoadResult {
  subject: string;
  /** CPU per call, in ms. */
  controllerCpuMs: number;
  /** Share of the machine's two cores that our processes took, in %. */
  allCpuPercent: number;
  controllerMb: number;
}

/**
 * Calls a second that all succeed, a 3 s prompt each, SIPp on the same cores: denwaban beside the shortest
 * application that does the same for the caller on the same pair (baseline-parked.ts), rate by rate in turn.
 */
export async function benchCalls(options: { rates: number[]; seconds: number }): Promise<Reading[]> {
  const readings: Reading[] = [];
  const broken = new Set<string>();
  for (const rate of options.rates) {
    for (const subject of ['denwaban', 'baseline']) {
      if (broken.has(subject)) continue;
      const reading =
        subject === 'denwaban' ? await runDenwaban(rate, options.seconds) : await runBaseline(rate, options.seconds);
      readings.push(reading);
      if (reading.failed > 0) broken.add(subject);
      console.error(
        `${subject} ${rate}/s: ${reading.failed} of ${reading.calls} failed, answer ${reading.answerMs} ms`,
      );
    }
  }
  return readings;
}

async function measure(
  subject: string,
  controllerPid: number,
  others: number[],
  offer: () => Promise<LoadResult>,
): Promise<Reading> {
  const before = cpuMs(controllerPid);
  const othersBefore = others.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const load = await offer();
  const controller = cpuMs(controllerPid) - before;
  const all = controller + others.reduce((sum, pid) => sum + cpuMs(pid), 0) - othersBefore;
  return {
    subject,
    ...load,
    controllerCpuMs: controller / load.calls,
    allCpuPercent: all / load.seconds / 10,
    controllerMb: memoryMb(controllerPid),
  };
}

const limits = { MAX_CALLS: '5000', MAX_CALLS_PER_SECOND: '1000' };

async function withSystem<T>(work: (system: System) => Promise<T>): Promise<T> {
  const system = await startSystem({ flows: join(root, 'scripts/benchmarks/flows'), environment: limits });
  try {
    return await work(system);
  } finally {
    await system.stop();
  }
}

function runDenwaban(callsPerSecond: number, seconds: number): Promise<Reading> {
  return withSystem((system) => {
    const others = childrenOf(system.program.pid).map((child) => child.pid);
    const target = `${system.sipHost}:${system.sipPort}`;
    return measure('denwaban', system.program.pid, others, () =>
      offerCalls({ target, number, callsPerSecond, seconds }),
    );
  });
}

/** The baseline drives the pair that is configured, or an embedded switch of its own. */
async function runBaseline(callsPerSecond: number, seconds: number): Promise<Reading> {
  const pair = await baselinePair();
  const program = runProgram(process.execPath, [join(root, 'scripts/benchmarks/baseline-parked.ts')], {
    cwd: root,
    env: { ...process.env, ...pair.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    await eventually('the baseline to be ready', () => program.output().includes('baseline ready'), {
      timeoutMs: 10_000,
    });
    return await measure('baseline', program.pid, pair.pids, () =>
      offerCalls({ target: `127.0.0.1:${pair.sipPort}`, number, callsPerSecond, seconds }),
    );
  } finally {
    await program.end();
    await pair.stop();
  }
}

async function baselinePair() {
  if (process.env.STACK === 'local') {
    const { DRACHTIO_URL = '', FREESWITCH_URLS = '', SIP_PORT = '' } = process.env;
    return {
      environment: { DRACHTIO_URL, FREESWITCH_URLS },
      sipPort: Number(SIP_PORT),
      pids: [],
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
