import crypto from 'node:crypto';
import { promisify } from 'node:util';
import { systemClock } from '../kernel/clock.ts';
import { DenwabanError } from '../kernel/errors.ts';
import { createPasswordJudge, type PasswordJudge } from './password-strength.ts';

/** How a password is hashed; stored with each hash, so that it can be made dearer later. */
export type HashParameters =
  | { algorithm: 'argon2id'; memoryKiB: number; passes: number; parallelism: number }
  | { algorithm: 'scrypt'; costLog2: number; blockSize: number; parallelism: number };

const saltBytes = 16;
const tagBytes = 32;
/** Hashing is meant to be dear: calls are served on the same cores. */
const atOnceMax = 2;
const waitingMax = 64;

/** What OWASP's Password Storage Cheat Sheet asks at least: argon2id 19 MiB × 2, or scrypt 2^17, 8, 1. */
export const strongParameters: HashParameters =
  typeof crypto.argon2 === 'function'
    ? { algorithm: 'argon2id', memoryKiB: 19_456, passes: 2, parallelism: 1 }
    : { algorithm: 'scrypt', costLog2: 17, blockSize: 8, parallelism: 1 };

/** Hashes and checks passwords, and judges those that somebody chose. */
export interface Passwords extends PasswordJudge {
  /** A PHC string: algorithm, parameters, salt and hash. @throws DenwabanError `TOO_BUSY`. */
  hash(password: string): Promise<string>;
  /**
   * Whether the password is the one behind `stored`; `stale`: hashed with other parameters than today's.
   * Without `stored` (no such user) it takes the same time and is false. @throws DenwabanError `TOO_BUSY`.
   */
  check(password: string, stored: string | undefined): Promise<{ correct: boolean; stale: boolean }>;
}

/** Hashes with the given parameters, at most two at a time. */
export function createPasswords(
  parameters: HashParameters = strongParameters,
  judge: PasswordJudge = createPasswordJudge(systemClock),
): Passwords {
  const takeTurns = turns(atOnceMax, waitingMax);
  const nobody: Hashed = { parameters, salt: crypto.randomBytes(saltBytes), tag: crypto.randomBytes(tagBytes) };
  return {
    ...judge,
    hash: async (password) => {
      const salt = crypto.randomBytes(saltBytes);
      return toPhc({ parameters, salt, tag: await takeTurns(() => derive(password, salt, parameters)) });
    },
    check: async (password, stored) => {
      const known = stored === undefined ? nobody : fromPhc(stored);
      if (!known) throw new Error('invariant broken: a stored password hash cannot be read');
      const tag = await takeTurns(() => derive(password, known.salt, known.parameters));
      const same = crypto.timingSafeEqual(tag, known.tag);
      const stale = JSON.stringify(known.parameters) !== JSON.stringify(parameters);
      return { correct: same && stored !== undefined, stale };
    },
  };
}

/** No characters that are taken for one another, in groups to read aloud: `kf7m-…`, 98 bits. */
export function generatePassword(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  const group = () => Array.from({ length: 4 }, () => letters[crypto.randomInt(letters.length)]).join('');
  return Array.from({ length: 5 }, group).join('-');
}

interface Hashed {
  parameters: HashParameters;
  salt: Buffer;
  tag: Buffer;
}

async function derive(password: string, salt: Buffer, parameters: HashParameters): Promise<Buffer> {
  // Full-width letters from a Japanese keyboard are the same password.
  const message = Buffer.from(password.normalize('NFKC'), 'utf8');
  if (parameters.algorithm === 'argon2id') {
    const { memoryKiB, passes, parallelism } = parameters;
    const options = { message, nonce: salt, memory: memoryKiB, passes, parallelism, tagLength: tagBytes };
    return promisify(crypto.argon2)('argon2id', options);
  }
  const { costLog2, blockSize, parallelism } = parameters;
  const options = { N: 2 ** costLog2, r: blockSize, p: parallelism, maxmem: 256 * 2 ** costLog2 * blockSize };
  return new Promise((resolve, reject) => {
    crypto.scrypt(message, salt, tagBytes, options, (error, tag) => (error ? reject(error) : resolve(tag)));
  });
}

function toPhc({ parameters, salt, tag }: Hashed): string {
  const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  const written =
    parameters.algorithm === 'argon2id'
      ? `argon2id$v=19$m=${parameters.memoryKiB},t=${parameters.passes},p=${parameters.parallelism}`
      : `scrypt$ln=${parameters.costLog2},r=${parameters.blockSize},p=${parameters.parallelism}`;
  return `$${written}$${base64(salt)}$${base64(tag)}`;
}

function fromPhc(phc: string): Hashed | undefined {
  const form = /^\$(argon2id\$v=19\$m|scrypt\$ln)=(\d{1,8}),[tr]=(\d{1,3}),p=(\d{1,3})\$([^$]+)\$([^$]+)$/.exec(phc);
  if (!form) return undefined;
  const [, kind, size, rounds, lanes, salt = '', tag = ''] = form;
  const [first, second, parallelism] = [Number(size), Number(rounds), Number(lanes)];
  const parameters: HashParameters = kind?.startsWith('argon2id')
    ? { algorithm: 'argon2id', memoryKiB: first, passes: second, parallelism }
    : { algorithm: 'scrypt', costLog2: first, blockSize: second, parallelism };
  return { parameters, salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') };
}

/** Lets so many run at once; the others wait in line, and past that they are refused. */
function turns(atOnce: number, waitingLimit: number) {
  let running = 0;
  const line: (() => void)[] = [];
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= atOnce) {
      if (line.length >= waitingLimit) {
        throw new DenwabanError('TOO_BUSY', 'too many sign-ins at once', { remedy: 'Try again in a few seconds' });
      }
      await new Promise<void>((resolve) => line.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = line.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
