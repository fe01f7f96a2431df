import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { newId } from '../kernel/ids.ts';

/** Writes a file of the cache: a reader sees the whole file or none. */
export async function writeAtomically(file: string, content: Uint8Array): Promise<void> {
  await mkdir(resolve(file, '..'), { recursive: true });
  const draft = `${file}.${newId()}.part`;
  try {
    await writeFile(draft, content);
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Texts with variables make ever new files: the oldest are dropped. */
export async function prune(folder: string, filesMax: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.wav'));
  if (names.length <= filesMax) return;
  const aged = await Promise.all(
    names.map(async (name) => ({ name, atMs: (await stat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? 0 })),
  );
  aged.sort((a, b) => a.atMs - b.atMs);
  const surplus = aged.slice(0, names.length - filesMax);
  await Promise.all(surplus.map(({ name }) => rm(join(folder, name), { force: true })));
}
