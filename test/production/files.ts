import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** The text of a file of the repository. */
export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Every file below a folder of the repository, as paths from its root. */
export function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = relative(root, join(root, folder, name));
    return statSync(join(root, path)).isDirectory() ? filesBelow(path) : [path];
  });
}

/** Compose's `${NAME}`, `${NAME:-default}` and `${NAME:?message}` in a text, nested ones too, but not `$$NAME`. */
export function composeVariables(text: string): { name: string; form: 'plain' | 'default' | 'required' }[] {
  const uncommented = text.replaceAll(/^\s*#.*$/gm, '');
  return [...uncommented.matchAll(/(?<!\$)\$\{([A-Z][A-Z0-9_]*)(:-|:\?)?/g)].map(([, name = '', operator]) => ({
    name,
    form: operator === ':-' ? 'default' : operator === ':?' ? 'required' : 'plain',
  }));
}
