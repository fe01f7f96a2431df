import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { prepareDataDir, tightenModes } from '../../src/data-dir.ts';

const root = mkdtempSync(join(tmpdir(), 'denwaban-modes-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

it('a data folder is for its owner alone, also one that stood open before, with all that is in it', async () => {
  const dataDir = join(root, 'data');
  prepareDataDir(dataDir);
  expect(modeOf(dataDir)).toBe('700');
  chmodSync(dataDir, 0o755);
  const folder = join(dataDir, 'recordings', 'sample');
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
  const files = [join(folder, 'talk.wav'), join(dataDir, 'denwaban.sqlite')];
  const outside = join(root, 'outside');
  for (const file of [...files, outside]) {
    writeFileSync(file, 'x');
    chmodSync(file, 0o644);
  }
  symlinkSync(outside, join(dataDir, 'link'));
  prepareDataDir(dataDir);
  expect(await tightenModes(dataDir)).toBe(0);
  expect([dataDir, folder, ...files].map(modeOf)).toEqual(['700', '700', '600', '600']);
  expect(modeOf(outside)).toBe('644');
});

it('a folder that many share stays open to them, and so does what is not ours in it', async () => {
  const shared = join(root, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o1777);
  const theirs = join(shared, 'theirs');
  mkdirSync(theirs);
  chmodSync(theirs, 0o755);
  prepareDataDir(shared);
  expect(await tightenModes(shared)).toBe(0);
  expect([shared, theirs].map(modeOf)).toEqual(['777', '755']);
});
