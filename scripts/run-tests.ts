import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { buildConsole } from './build-console.ts';

/** Runs every check of the repository, shows its output, and ends with `N passed, N failed`. */

const bin = (name: string) => join('node_modules', '.bin', name);
const environment = {
  ...process.env,
  PATH: `${join(process.cwd(), 'node_modules', '.bin')}:${process.env.PATH ?? ''}`,
};

function run(command: string, args: string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env: environment });
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(127);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}

const reportSchema = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.unknown()), name: z.string() })),
});

/** Counts of a vitest run; a file that failed to load, and a skipped test, count as failed. */
async function runVitest(args: string[]): Promise<{ passed: number; failed: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-test-'));
  const file = join(folder, 'report.json');
  try {
    const code = await run(bin('node'), [
      join('node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...args,
    ]);
    const report = reportSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    const unloaded = report.testResults.filter(
      (result) => result.status === 'failed' && result.assertionResults.length === 0,
    );
    for (const result of unloaded) console.error(`failed to load: ${result.name}`);
    const skipped = report.numPendingTests + report.numTodoTests;
    if (skipped > 0) console.error(`${skipped} tests were skipped: they count as failed`);
    const failed = report.numFailedTests + unloaded.length + skipped;
    // An error outside any test (an unhandled rejection) fails the run without failing a test.
    return { passed: report.numPassedTests, failed: code !== 0 && failed === 0 ? 1 : failed };
  } catch (error) {
    console.error('vitest left no report:', error);
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Has Node keep what it makes of the sources (setup.sh): what starts first would else be slow, and slower to stop. */
async function fillCompileCache(): Promise<void> {
  const load = (file: string, ...args: string[]) =>
    new Promise<void>((resolve) => {
      // The switch ends by itself: it has no settings.
      const child = spawn(bin('node'), [file, ...args], { stdio: 'ignore', env: environment });
      child.on('error', () => resolve());
      child.on('close', () => resolve());
    });
  await Promise.all([load('src/main.ts', 'check', 'flows/sample/main.json'), load('src/switch/main.ts')]);
}

await Promise.all([buildConsole(), fillCompileCache()]);
// Whoever asks for the scenarios means all of them.
const only = process.argv
  .slice(2)
  .flatMap((arg) => (arg === 'scenarios' ? [arg, '--project', 'scenarios-alone'] : [arg]));
let passed = 0;
let failed = 0;
const checks: [name: string, args: string[]][] = [
  ['tsc', ['-p', '.']],
  ['tsc', ['-p', 'src/web/console']],
  ['biome', ['check', '--error-on-warnings', '.']],
  ['depcruise', ['src']],
];
for (const [name, args] of only.length > 0 ? [] : checks) {
  console.log(`\n== ${name} ${args.join(' ')}`);
  if ((await run(bin(name), args)) === 0) passed += 1;
  else failed += 1;
}
const stages =
  only.length > 0
    ? [only]
    : [
        ['--project', 'unit'],
        ['--project', 'scenarios', '--project', 'scenarios-alone'],
      ];
for (const args of stages) {
  console.log(`\n== vitest ${args.join(' ')}`);
  const counts = await runVitest(args);
  passed += counts.passed;
  failed += counts.failed;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
