import { cpuMs, memoryMb } from './cpu.ts';
import { type LoadResult, offerCalls } from './sipp-load.ts';
import { type Subject, subjects } from './subjects.ts';

const threeSeconds = '0333330001';
const twoMinutes = '0333330003';
/** Offered before anything counts: a process that has just started spends most of its time compiling itself. */
const warmUp = { number: threeSeconds, callsPerSecond: 30, seconds: Number(process.env.BENCH_WARM_UP_SECONDS ?? 8) };

interface Reading extends LoadResult {
  subject: string;
  /** CPU of the controller per call, in ms: from the INVITE to the end of its record. */
  controllerCpuMs: number;
  /** Share of the machine's two cores that all who take part took, SIPp apart, in %. */
  allCpuPercent: number;
  /** The most resident memory the controller had, in MB. */
  controllerMb: number;
}

/**
 * Calls a second that all succeed, a 3 s prompt each, SIPp on the same cores: denwaban beside the baselines on the same
 * switch, rate by rate in turn. Whoever fails at a rate is not offered the next.
 */
export async function benchCalls(options: { rates: number[]; seconds: number }): Promise<Reading[]> {
  const readings: Reading[] = [];
  const broken = new Set<string>();
  for (const callsPerSecond of options.rates) {
    for (const name of Object.keys(subjects)) {
      if (broken.has(name)) continue;
      const reading = await read(name, ({ target }) =>
        offerCalls({ target, number: threeSeconds, callsPerSecond, seconds: options.seconds }),
      );
      readings.push(reading);
      if (reading.failed > 0) broken.add(name);
    }
  }
  return readings;
}

/** What a call costs the controller, and its memory, while so many calls hear a prompt at once for 5 s. */
export async function benchHeld(options: { atOnce: number; callsPerSecond: number }): Promise<Reading> {
  const { atOnce, callsPerSecond } = options;
  const seconds = atOnce / callsPerSecond;
  const load = { number: twoMinutes, callsPerSecond, seconds, holdMs: Math.round(seconds * 1000) + 5_000 };
  const { subject, ...reading } = await read('denwaban', ({ target }) => offerCalls({ target, ...load }));
  return { subject: `${subject}, ${atOnce} at once`, ...reading };
}

/**
 * What is left of a limit under three times as much: calls answered, heard to the end and hung up, a second. Refused
 * ones are no failure of the machine, but every one that was taken must be served.
 */
export async function benchOverload(options: { limit: number; seconds: number }): Promise<object[]> {
  const rows: object[] = [];
  for (const name of ['denwaban', 'parked']) {
    for (const callsPerSecond of [options.limit, 3 * options.limit]) {
      const load = { number: threeSeconds, callsPerSecond, seconds: options.seconds };
      const { calls, failed, ...reading } = await read(name, ({ target }) => offerCalls({ target, ...load }));
      rows.push({ ...reading, calls, notServed: failed, goodPerSecond: (calls - failed) / options.seconds });
    }
  }
  return rows;
}

async function read(name: string, offer: (subject: Subject) => Promise<LoadResult>): Promise<Reading> {
  const start = subjects[name];
  if (!start) throw new Error(`there is no subject "${name}"`);
  const subject = await start();
  try {
    const reading = await measure(name, subject, offer);
    const { callsPerSecond, failed, calls, answerMs } = reading;
    console.error(`${name} ${callsPerSecond}/s: ${failed} of ${calls} failed, answer ${answerMs} ms`);
    return reading;
  } finally {
    await subject.stop();
  }
}

async function measure(
  name: string,
  subject: Subject,
  offer: (subject: Subject) => Promise<LoadResult>,
): Promise<Reading> {
  const { controllerPid, otherPids, target } = subject;
  if (warmUp.seconds > 0) await offerCalls({ target, ...warmUp });
  const cpuOfOthers = () => otherPids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const before = { controller: cpuMs(controllerPid), others: cpuOfOthers() };
  let controllerMb = 0;
  const look = () => {
    controllerMb = Math.max(controllerMb, memoryMb(controllerPid));
  };
  const sampler = setInterval(look, 250);
  const load = await offer(subject);
  clearInterval(sampler);
  look();
  const controller = cpuMs(controllerPid) - before.controller;
  const all = controller + cpuOfOthers() - before.others;
  return {
    subject: name,
    ...load,
    controllerCpuMs: controller / load.calls,
    allCpuPercent: all / load.seconds / 10,
    controllerMb,
  };
}
