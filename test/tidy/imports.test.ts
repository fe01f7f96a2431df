import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Runs the import check of this repository on a tree of its own; gives what it says of each broken rule. */
function check(files: Record<string, string>): { code: number | null; output: string } {
  const tree = mkdtempSync(join(tmpdir(), 'denwaban-imports-'));
  folders.push(tree);
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
    cpSync(join(root, file), join(tree, file));
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    writeFileSync(join(tree, file), text);
  }
  const program = join(root, 'node_modules/.bin/depcruise');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'src'], { cwd: tree, encoding: 'utf8' });
  return { code: status, output: `${stdout}${stderr}` };
}

const word = 'export const word = 1;\n';
const takes = (from: string) => `import { word } from '${from}';\nexport const taken = word;\n`;
const allowed = {
  'src/kernel/word.ts': word,
  'src/logger.ts': word,
  'src/ledger/word.ts': takes('../kernel/word.ts'),
  'src/call/actor.ts': takes('../ledger/word.ts').replace('word }', 'taken as word }'),
};

it('passes a tree that keeps the rules', () => {
  expect(check(allowed)).toMatchObject({ code: 0 });
});

it('names each import that no line allows, and each circle', () => {
  const { code, output } = check({
    ...allowed,
    'src/flow/probe.ts': takes('../logger.ts'),
    'src/outbox/probe.ts': takes('#src/ledger/word.ts').replace('word }', 'taken as word }'),
    'src/kernel/probe.ts': takes('../call/actor.ts').replace('word }', 'taken as word }'),
    'src/desk/one.ts': `import { two } from './two.ts';\nexport const one = () => two;\n`,
    'src/desk/two.ts': `import { one } from './one.ts';\nexport const two = () => one;\n`,
    'src/web/console/page.tsx': `import { word } from '../../kernel/word.ts';\nexport const Page = () => <b>{word}</b>;\n`,
    'src/web/console/types.tsx': `import type { word } from '../../kernel/word.ts';\nexport type Word = typeof word;\n`,
    'src/web/probe.ts': `import { Redis } from 'ioredis';\nexport const redis = Redis;\n`,
    'src/call/probe.ts': `import Srf from 'drachtio-srf';\nexport const srf = Srf;\n`,
    'src/speech/probe.ts': takes('../../test/word.ts'),
    'src/accounts/probe.ts': takes('./nowhere.ts'),
    'test/word.ts': word,
  });
  expect(code).toBeGreaterThan(0);
  const told = [...output.matchAll(/error (\S+): (\S+)/g)].map(([, rule = '', file = '']) =>
    // Either file of a circle may be named.
    rule === 'no-circular' ? `${rule} ${dirname(file)}` : `${rule} ${file}`,
  );
  expect(told.sort()).toEqual([
    'console-imports src/web/console/page.tsx',
    'flow-imports src/flow/probe.ts',
    'found src/accounts/probe.ts',
    'kernel-imports src/kernel/probe.ts',
    'no-circular src/desk',
    'outbox-imports src/outbox/probe.ts',
    'src-stands-alone src/speech/probe.ts',
    'store-packages src/web/probe.ts',
    'telephony-packages src/call/probe.ts',
  ]);
});

it.each([
  ['a room', 'src/phones/ring.ts', takes('../ledger/word.ts')],
  ['a room that imports nothing', 'src/phones/ring.ts', word],
  ['a file', 'src/helpers.ts', word],
])('fails where %s of src has no line', (_, file, text) => {
  const { code, output } = check({ ...allowed, [file]: text });
  expect(code).not.toBe(0);
  expect(output).toMatch(/src\/(phones|helpers\.ts): no line in \.dependency-cruiser\.cjs/);
});
