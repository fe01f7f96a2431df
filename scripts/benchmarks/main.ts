import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { benchCalls, benchHeld, benchOverload } from './calls.ts';
import { benchDigit } from './digit.ts';
import { benchFlood } from './flood.ts';

/** Runs the benches named (all by default); each prints a table, then one line of JSON. */

const seconds = Number(process.env.BENCH_SECONDS ?? 15);
const stack = process.env.STACK ?? 'embedded';

/** A script that prints its own table and JSON. */
function runScript(name: string): void {
  spawnSync(process.execPath, [join(import.meta.dirname, name)], { stdio: 'inherit' });
}

function report(bench: string, rows: object[]): void {
  console.log(`\n${bench} (${stack})`);
  console.table(
    rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, rounded(value)]))),
  );
  console.log(JSON.stringify({ bench, stack, rows }));
}

function rounded(value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 100) / 100 : value;
}

const rates = (process.env.BENCH_RATES ?? (stack === 'embedded' ? '20,40,60,80' : '40,80,100,110,120'))
  .split(',')
  .map(Number);

const [keys, otherCalls] = [
  Number(process.env.BENCH_KEYS ?? 100),
  (process.env.BENCH_OTHERS ?? '0,100').split(',').map(Number),
];
const atOnce = Number(process.env.BENCH_HELD ?? 500);

/** Offered slower than any stack can answer: what is measured is what calls cost that are there. */
const readHeld = async () => (atOnce > 0 ? [await benchHeld({ atOnce, callsPerSecond: 25 })] : []);

const limit = Number(process.env.BENCH_LIMIT ?? (stack === 'embedded' ? 60 : 100));

const benches: Record<string, () => Promise<void> | void> = {
  media: () => runScript('media.ts'),
  calls: async () => report('calls', [...(await benchCalls({ rates, seconds })), ...(await readHeld())]),
  overload: async () => report('overload', await benchOverload({ limit, seconds })),
  flood: async () => report('flood', await benchFlood({ limit: limit / 3, timesLimit: 10, seconds })),
  digit: async () => report('digit', await benchDigit({ keys, otherCalls })),
  ledger: () => runScript('ledger.ts'),
  desk: () => ['desk.ts', 'desk-invite.ts'].forEach(runScript),
};

const chosen = process.argv.slice(2);
for (const name of chosen.length > 0 ? chosen : Object.keys(benches)) {
  const bench = benches[name];
  if (!bench) {
    console.error(`there is no bench "${name}": choose of ${Object.keys(benches).join(', ')}`);
    process.exit(2);
  }
  await bench();
}
