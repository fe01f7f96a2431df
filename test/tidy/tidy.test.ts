import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter(Boolean);
const read = (file: string) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // deleted, not yet committed
  }
};
const code = tracked.filter((file) => /\.(ts|tsx|js|cjs|lua|sh)$/.test(file));
const inSource = code.filter((file) => file.startsWith('src/'));

/** `file:line text` of each line of the files that matches. */
function grep(files: string[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1} ${line.trim()}`] : [])),
  );
}

describe('the tree is tidy', () => {
  it('has files of at most 400 lines', () => {
    const long = code
      .map((file) => [file, read(file).split('\n').length - 1] as const)
      .filter(([, lines]) => lines > 400);
    expect(long).toEqual([]);
  });

  it('has no leftover marks', () => {
    const marks = new RegExp(
      ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', '@ts-' + 'ignore', '@ts-' + 'expect-error', 'biome-' + 'ignore']
        .map((mark) => `\\b${mark}\\b|${mark}:`)
        .join('|'),
    );
    expect(
      grep(
        code.filter((file) => file !== 'test/tidy/tidy.test.ts'),
        marks,
      ),
    ).toEqual([]);
  });

  it('has no skipped or focused tests', () => {
    const skips = /\b(it|test|describe)\.(skip|only|todo|fails|skipIf|runIf)\b/;
    expect(
      grep(
        code.filter((file) => file.startsWith('test/') && file !== 'test/tidy/tidy.test.ts'),
        skips,
      ),
    ).toEqual([]);
  });

  it('takes time from kernel/clock alone', () => {
    const clock = /(?<![.\w])(setTimeout|setInterval|setImmediate)\(|Date\.now\(|new Date\(\)|performance\.now\(/;
    const exempt = /^src\/(kernel\/clock\.ts|switch\/|web\/console\/)/;
    expect(
      grep(
        inSource.filter((file) => !exempt.test(file)),
        clock,
      ),
    ).toEqual([]);
  });

  it('reads the environment in config.ts alone', () => {
    const exempt = /^src\/(config\.ts|switch\/)/;
    expect(
      grep(
        inSource.filter((file) => !exempt.test(file)),
        /process\.env\b/,
      ),
    ).toEqual([]);
  });

  it('names no folder of the machine it was written on', () => {
    const files = tracked.filter((file) => !/\.(wav|png)$/.test(file) && file !== 'test/tidy/tidy.test.ts');
    expect(grep(files, /(^|[\s"'`(=:])\/(work|root|farm)\//)).toEqual([]);
  });

  it('keeps the lock file free of addresses', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved":/);
  });

  it('takes nothing but types into the console', () => {
    const files = code.filter((file) => file.startsWith('src/web/console/'));
    expect(files.length).toBeGreaterThan(20);
    expect(grep(files, /^(?!import type ).*\bfrom '(\.\.\/|#|node:)/)).toEqual([]);
  });

  it('has a README in every room', () => {
    const rooms = new Set(
      inSource
        .map((file) => file.split('/'))
        .filter((parts) => parts.length > 2)
        .map((parts) => parts[1]),
    );
    const silent = [...rooms].filter((room) => !tracked.includes(`src/${room}/README.md`));
    expect(silent).toEqual([]);
  });
});
