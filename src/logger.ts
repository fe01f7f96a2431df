import { type DestinationStream, destination, pino } from 'pino';
import type { Config } from './config.ts';
import { DenwabanError } from './kernel/errors.ts';
import type { Logger } from './kernel/logger.ts';

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
  return pino({ level, base: null, redact: { paths, remove: true } }, stream);
}

/** For whoever has started the program: what went wrong, and the remedy. */
export function printError(error: unknown): void {
  if (error instanceof DenwabanError) {
    console.error(`denwaban: ${error.message}`);
    if (error.remedy) console.error(`remedy:   ${error.remedy}`);
  } else {
    console.error('denwaban:', error);
  }
}
