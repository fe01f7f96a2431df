import { inspect } from 'node:util';
import { type DestinationStream, destination, pino } from 'pino';
import type { Config } from './config.ts';
import { DenwabanError, errorMessage } from './kernel/errors.ts';
import type { Logger } from './kernel/logger.ts';
import { printable } from './kernel/printable.ts';

/** Personal data: never in production's log, wherever a room puts it (design.md, rule 7). */
const personal = [
  'from',
  'to',
  'number',
  'fromNumber',
  'toNumber',
  'digits',
  'digit',
  'name',
  'transcript',
  'target',
  'callerNumber',
  'form',
  'learned',
];

/** pino on stderr, JSON lines; fields that hold personal data are dropped, on the top level and one below. */
export function createLogger(
  level: Config['logLevel'],
  stream: DestinationStream = destination({ dest: 2, sync: false }),
): Logger {
  const paths = personal.flatMap((key) => [key, `*.${key}`]);
  // JSON writes out less than a terminal obeys: strangers' words are shown, and do nothing.
  const streamWrite = (line: string) => printable(line);
  return pino({ level, base: null, redact: { paths, remove: true }, hooks: { streamWrite } }, stream);
}

const consoleMethods = ['debug', 'dir', 'error', 'info', 'log', 'trace', 'warn'] as const;
/** A package, by the path of a file of its own. */
const packageOf = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/;

/**
 * What packages write to the console would stand in the log as it is, with whatever strangers have sent. From now on the
 * log says only that a package had something to say, and how often. What denwaban itself writes there is written.
 */
export function keepPackagesOffConsole(logger: Logger): void {
  const lines = new Map<string, number>();
  for (const method of consoleMethods) {
    const write = console[method].bind(console);
    console[method] = (...args: unknown[]) => {
      const caller = new Error().stack?.split('\n')[2] ?? '';
      const name = packageOf.exec(caller)?.[1];
      if (name === undefined) return write(...args);
      const count = (lines.get(name) ?? 0) + 1;
      lines.set(name, count);
      // Each line of its own could fill a disk: the first, the tenth, the hundredth …
      if (/^10*$/.test(String(count))) logger.warn({ package: name, count }, 'a package wrote to the console');
    };
  }
}

/** Returns what went wrong and the remedy, in lines for whoever has started the program. */
export function linesOfError(error: unknown): string[] {
  if (!(error instanceof DenwabanError)) return [`denwaban: ${inspect(error)}`];
  const remedy = error.remedy ? [`remedy:   ${error.remedy}`] : [];
  return [`denwaban: ${error.message}`, ...remedy].map(printable);
}

/**
 * Why the service does not run: on standard output for whoever has started it, and as a line of the log, in which nothing
 * stands that is not JSON.
 */
export function reportStartFailure(logger: Logger, error: unknown): void {
  const remedy = error instanceof DenwabanError ? error.remedy : undefined;
  console.log(`denwaban: ${errorMessage(error)}`);
  if (remedy) console.log(`remedy:   ${remedy}`);
  const code = error instanceof DenwabanError ? error.code : undefined;
  const stack = error instanceof Error && code === undefined ? error.stack : undefined;
  logger.error({ err: errorMessage(error), code, remedy, stack }, 'denwaban does not run');
}

/** What Node itself would print on standard error becomes lines of the log; a fault that nobody handles ends the program. */
export function logWhatNodeSays(logger: Logger): void {
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => logger.warn({ err: `${name}: ${message}` }, 'a warning of Node'));
  process.on('uncaughtException', (error) => {
    reportStartFailure(logger, error);
    process.exit(1);
  });
}
