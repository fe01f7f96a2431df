import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const root = resolve(import.meta.dirname, '..');
const source = join(root, 'src/web/console');
const target = join(root, 'dist/console');
const stamp = join(root, 'dist/console.stamp');

/** Everything that the pages are made of, as one hash. */
function hashSources(): string {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  hash.update(readFileSync(import.meta.filename));
  for (const file of globSync('**/*.*', { cwd: source }).toSorted()) {
    hash.update(`\n${file}\n`).update(readFileSync(join(source, file)));
  }
  return hash.digest('hex');
}

/** Builds the console's pages into dist/console, where they are not those of the sources already. */
export async function buildConsole(): Promise<void> {
  const hash = hashSources();
  if (existsSync(join(target, 'index.html')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  mkdirSync(join(root, 'dist'), { recursive: true });
  // Put in place whole: two can build at once, and a program may be serving the old ones.
  const made = mkdtempSync(join(root, 'dist/console-'));
  try {
    await buildFor(made);
    compressAll(made);
    chmodSync(made, 0o755);
    rmSync(target, { recursive: true, force: true });
    renameSync(made, target);
    writeFileSync(stamp, hash);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** As it is for people, whoever asks: under a test runner it would be React's own build for developers, at half the speed. */
async function buildFor(folder: string): Promise<void> {
  // Only where there is something to build: to load it takes a second.
  const { build } = await import('vite');
  const { NODE_ENV } = process.env;
  process.env.NODE_ENV = 'production';
  try {
    await build({ configFile: join(source, 'vite.config.ts'), build: { outDir: folder } });
  } finally {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = NODE_ENV;
  }
}

/** Beside each file what is sent of it: compressed once, as well as can be. */
function compressAll(folder: string): void {
  for (const name of globSync('**/*.{html,js,css,svg}', { cwd: folder })) {
    const file = join(folder, name);
    const bytes = readFileSync(file);
    const quality = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: quality }));
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  }
}

if (import.meta.main) await buildConsole();
