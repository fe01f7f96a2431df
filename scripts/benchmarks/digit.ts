import { join, resolve } from 'node:path';
import { createSipEndpoint } from '../../src/switch/sip/endpoint.ts';
import { startSystem } from '../../test/support/system.ts';
import { percentile } from './cpu.ts';
import { DigitCaller } from './digit-caller.ts';

const root = resolve(import.meta.dirname, '../..');

export interface DigitReading {
  subject: string;
  calls: number;
  keys: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

/**
 * From the last packet of a key to the first packet of the prompt it leads to: alone, and while other calls play
 * prompts. `keys` presses each.
 */
export async function benchDigit(options: { keys: number; otherCalls: number[] }): Promise<DigitReading[]> {
  const system = await startSystem({
    flows: join(root, 'scripts/benchmarks/flows'),
    environment: { MAX_CALLS: '2000', MAX_CALLS_PER_SECOND: '500' },
  });
  const sip = createSipEndpoint({ listen: [{ protocol: 'udp', address: '127.0.0.1', port: 0 }], userAgent: 'bench' });
  await sip.start();
  const readings: DigitReading[] = [];
  try {
    for (const otherCalls of options.otherCalls) {
      const others: DigitCaller[] = [];
      for (let index = 0; index < otherCalls; index++)
        others.push(await DigitCaller.call(sip, system.uri('0333330002')));
      const times = await pressKeys(sip, system.uri('0333330002'), options.keys);
      for (const other of others) other.end();
      readings.push({
        subject: 'denwaban',
        calls: otherCalls,
        keys: times.length,
        p50Ms: percentile(times, 0.5),
        p99Ms: percentile(times, 0.99),
        maxMs: Math.max(...times),
      });
    }
  } finally {
    await system.stop();
    await sip.stop();
  }
  return readings;
}

/** Goes back and forth between two menus, so that each key changes the tone. */
async function pressKeys(sip: Parameters<typeof DigitCaller.call>[0], uri: string, keys: number): Promise<number[]> {
  const caller = await DigitCaller.call(sip, uri);
  const times: number[] = [];
  await caller.heard(400);
  for (let count = 0; count < keys; count++) {
    // Not always at the same place within a frame.
    await new Promise((done) => setTimeout(done, 150 + Math.random() * 40));
    times.push(await caller.press(1, count % 2 === 0 ? 1000 : 400));
  }
  caller.end();
  return times;
}
