import { Worker } from 'node:worker_threads';
import { type Clock, deadlinePassed, type TimerHandle, withDeadline } from '../kernel/clock.ts';
import { DenwabanError } from '../kernel/errors.ts';

/** Why a password can be guessed; stable, for programs: pages have a sentence for each. */
export const weaknesses = {
  short: 'it has fewer than 12 characters',
  long: 'it has more than 256 characters',
  same: 'it is the old password',
  own: 'it holds the name of its user, of their account or of this service',
  common: 'it holds a password that many people use',
  repeated: 'it repeats itself',
  row: 'it holds keys that lie side by side, or a sequence such as 1234',
  date: 'it holds a date or a year',
  words: 'it is made of few common words or names',
  guessable: 'it is too simple',
} as const;
export type Weakness = keyof typeof weaknesses;

const lengthMin = 12;
const lengthMax = 256;
/** The library's work grows with the square of the length; what is strong so far is strong. */
const judgedLengthMax = 64;
/** Over many guesses per second on a stolen hash, at its price, for longer than anybody keeps at it. */
const guessesMin = 1e10;
const deadlineMs = 15_000;
/** The dictionaries take some 60 MB: given back when nobody has asked for so long. */
const idleMs = 60_000;
const waitingMax = 16;

/** A password that is not taken, with every reason for it. */
export class WeakPassword extends DenwabanError {
  readonly reasons: readonly Weakness[];
  constructor(reasons: readonly Weakness[]) {
    super('PASSWORD_WEAK', `the password is weak: ${reasons.map((reason) => weaknesses[reason]).join('; ')}`, {
      remedy: 'Choose at least 12 characters: four or five words that have nothing to do with each other or with you',
    });
    this.reasons = reasons;
  }
}

/** What is sent to the worker: `words` are the user's own, in lower case. */
export interface JudgedPassword {
  password: string;
  words: string[];
  guessesMin: number;
}

/** Says what is weak about passwords. */
export interface PasswordJudge {
  /**
   * Every weakness of a password that its user wants to have, none where it is strong. `own`: names that others know
   * the user by. @throws DenwabanError `TOO_BUSY`.
   */
  weaknessesOf(password: string, own: readonly string[]): Promise<Weakness[]>;
}

/**
 * Judges by zxcvbn with its English and Japanese dictionaries (NIST SP 800-63B, 3.1.1.2: length and what is known to
 * be guessed; no rules about kinds of characters). A worker does it, started when it is first needed: the dictionaries
 * take half a second to load and a judgement up to that again, which the main thread has not got.
 */
export function createPasswordJudge(clock: Clock): PasswordJudge {
  let running: Judging | undefined;
  let idle: TimerHandle | undefined;
  let waiting = 0;
  const end = (which: Judging | undefined) => {
    if (running === which) running = undefined;
    which?.end();
  };
  const ask = async (asked: JudgedPassword): Promise<Weakness[]> => {
    running ??= startJudging(end);
    const asking = running;
    const found = await withDeadline(clock, asking.ask(asked), deadlineMs);
    if (found !== deadlinePassed) return found;
    end(asking);
    throw tooBusy();
  };
  return {
    weaknessesOf: async (written, own) => {
      const characters = [...written.normalize('NFKC')];
      if (characters.length < lengthMin) return ['short'];
      if (characters.length > lengthMax) return ['long'];
      if (waiting >= waitingMax) throw tooBusy();
      waiting += 1;
      clock.clearTimeout(idle);
      try {
        const password = characters.slice(0, judgedLengthMax).join('');
        return await ask({ password, words: ownWords(own), guessesMin });
      } finally {
        waiting -= 1;
        if (waiting === 0) idle = clock.setTimeout(() => end(running), idleMs);
      }
    },
  };
}

/** Each name whole, and its parts: `Hanako.Yamada@example.com` gives away four words. */
function ownWords(names: readonly string[]): string[] {
  const words = names.flatMap((name) => {
    const plain = name.normalize('NFKC').toLowerCase().trim();
    return [plain, plain.replace(/\s+/g, ''), ...plain.split(/[^\p{L}\p{N}]+/u)];
  });
  // One letter is in every password; two Latin ones are in most.
  const tells = (word: string) => [...word].length >= (/^[\x20-\x7e]*$/.test(word) ? 3 : 2);
  return [...new Set(words)].filter(tells);
}

function tooBusy(): DenwabanError {
  return new DenwabanError('TOO_BUSY', 'too many passwords are judged at once', {
    remedy: 'Try again in a few seconds',
  });
}

interface Judging {
  ask(asked: JudgedPassword): Promise<Weakness[]>;
  end(): void;
}

/** A worker that answers in the order in which it is asked. */
function startJudging(onEnded: (which: Judging) => void): Judging {
  const worker = new Worker(new URL('./password-worker.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  });
  // Nobody waits for it when the program ends.
  worker.unref();
  const line: { done: (found: Weakness[]) => void; fail: (error: Error) => void }[] = [];
  const failAll = (error: Error) => {
    for (const { fail } of line.splice(0)) fail(error);
    onEnded(judging);
  };
  worker.on('message', (found: Weakness[]) => line.shift()?.done(found));
  worker.on('error', (error) => failAll(error instanceof Error ? error : new Error(String(error))));
  worker.on('exit', () => failAll(tooBusy()));
  const judging: Judging = {
    ask: (asked) =>
      new Promise((done, fail) => {
        line.push({ done, fail });
        worker.postMessage(asked);
      }),
    end: () => void worker.terminate(),
  };
  return judging;
}
