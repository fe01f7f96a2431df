import { deadlinePassed, systemClock, withDeadline } from '../../src/kernel/clock.ts';
import { createSipEndpoint } from '../../src/switch/sip/endpoint.ts';
import { percentile } from './cpu.ts';
import { DigitCaller } from './digit-caller.ts';
import { type Subject, startBaseline, subjects } from './subjects.ts';

export interface DigitReading {
  subject: string;
  calls: number;
  keys: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

/** FreeSWITCH's own dialplan asks for so many. */
const keysPerCall = 50;
const answerDeadlineMs = 10_000;

type Sip = Parameters<typeof DigitCaller.call>[0];

interface DigitSubject {
  start(): Promise<Subject>;
  number: string;
  /** One key; gives the ms to the prompt that it leads to. */
  press(caller: DigitCaller, count: number): Promise<number>;
}

const digitSubjects: Record<string, DigitSubject> = {
  denwaban: {
    start: () => subjects['denwaban']?.() ?? Promise.reject(new Error('denwaban is no subject')),
    number: '0333330002',
    // Back and forth between two menus, so that each key changes the tone.
    press: (caller, count) => caller.press(1, count % 2 === 0 ? 1000 : 400),
  },
  ...(process.env.STACK === 'local'
    ? {
        play_and_get_digits: {
          start: () => startBaseline('baseline-dialplan.ts', ['digits']),
          number: 'keys',
          press: async (caller) => {
            const ms = await caller.press(1, 1000);
            await caller.heard(400);
            return ms;
          },
        },
      }
    : {}),
};

/**
 * From the last packet of a key to the first packet of the prompt it leads to: alone, and while other calls play
 * prompts. `keys` presses each. On a real FreeSWITCH beside its own `play_and_get_digits` and `playback`.
 */
export async function benchDigit(options: { keys: number; otherCalls: number[] }): Promise<DigitReading[]> {
  const sip = createSipEndpoint({ listen: [{ protocol: 'udp', address: '127.0.0.1', port: 0 }], userAgent: 'bench' });
  await sip.start();
  const readings: DigitReading[] = [];
  try {
    for (const [name, subject] of Object.entries(digitSubjects)) {
      const running = await subject.start();
      const uri = `sip:${subject.number}@${running.target}`;
      try {
        for (const calls of options.otherCalls) {
          const times = await withOtherCalls(sip, uri, calls, () => pressKeys(sip, uri, options.keys, subject.press));
          readings.push({
            subject: name,
            calls,
            keys: times.length,
            p50Ms: percentile(times, 0.5),
            p99Ms: percentile(times, 0.99),
            maxMs: Math.max(...times),
          });
        }
      } finally {
        await running.stop();
      }
    }
  } finally {
    await sip.stop();
  }
  return readings;
}

async function withOtherCalls<T>(sip: Sip, uri: string, calls: number, work: () => Promise<T>): Promise<T> {
  const others: DigitCaller[] = [];
  try {
    for (let index = 0; index < calls; index++) others.push(await DigitCaller.call(sip, uri));
    return await work();
  } finally {
    for (const other of others) other.end();
  }
}

async function pressKeys(sip: Sip, uri: string, keys: number, press: DigitSubject['press']): Promise<number[]> {
  const times: number[] = [];
  while (times.length < keys) {
    times.push(...(await pressInOneCall(sip, uri, Math.min(keysPerCall, keys - times.length), press)));
  }
  return times;
}

async function pressInOneCall(sip: Sip, uri: string, keys: number, press: DigitSubject['press']): Promise<number[]> {
  const caller = await DigitCaller.call(sip, uri);
  const times: number[] = [];
  await caller.heard(400);
  for (let count = 0; count < keys; count++) {
    // Not always at the same place within a frame.
    await new Promise((done) => setTimeout(done, 150 + Math.random() * 40));
    const ms = await withDeadline(systemClock, press(caller, count), answerDeadlineMs);
    if (ms === deadlinePassed) throw new Error(`${uri}: nothing was heard after key ${count + 1}`);
    times.push(ms);
  }
  caller.end();
  return times;
}
