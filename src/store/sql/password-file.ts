import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Of whom a password is looked up. */
export interface PasswordOf {
  host: string;
  port: number;
  database: string;
  user: string;
}

/** Where PostgreSQL's own programs look for passwords, unless told otherwise. */
export const defaultPasswordFile = (): string => join(homedir(), '.pgpass');

/** What a password file says; `isOpen`: others may read it, so that it does not count. */
export interface FilePassword {
  password: string | undefined;
  isOpen: boolean;
}

/** Looks a password up in a file of lines `host:port:database:user:password`, as libpq does: the first that fits counts. */
export function passwordFromFile(file: string, of: PasswordOf): FilePassword {
  const none = { password: undefined, isOpen: false };
  let text: string;
  try {
    const status = statSync(file);
    if (!status.isFile()) return none;
    if ((status.mode & 0o077) !== 0) return { ...none, isOpen: true };
    text = readFileSync(file, 'utf8');
  } catch {
    return none; // No such file, or not for us: as if it did not exist.
  }
  const wanted = [of.host.startsWith('/') ? 'localhost' : of.host, String(of.port), of.database, of.user];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = [...line.matchAll(/(?:^|:)((?:\\.|[^:\\])*)/g)].map(([, field = '']) => field);
    const [host, port, database, user, password] = fields;
    const isFitting = [host, port, database, user].every((field, at) => field === '*' || plain(field) === wanted[at]);
    if (isFitting && password !== undefined) return { password: plain(password), isOpen: false };
  }
  return none;
}

/** `\:` and `\\` stand for what follows. */
function plain(field = ''): string {
  return field.replace(/\\(.)/g, '$1');
}
