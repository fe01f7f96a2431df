import { join, resolve } from 'node:path';
import { type Clock, toRfc3339 } from '../kernel/clock.ts';
import { DenwabanError } from '../kernel/errors.ts';
import { normalizePhoneNumber } from '../kernel/phone-number.ts';
import { type AddCommand, countOption } from './command.ts';
import type { Phone, PhoneCall, PhoneEvent } from './phone.ts';

export interface CallCommand {
  uri: string;
  fromNumber: string;
  /** Keys in groups: the groups are pressed one after another, each after a prompt or at its time. */
  keys: string[];
  /** When the key groups are pressed: after each prompt has ended, or at a time after the answer. */
  when: { afterPrompt: true } | { atMs: number };
  recordFile: string;
  /** Hangs up by itself after so long. */
  maxDurationMs: number;
  print(line: string): void;
  /** Calls back when the call is to end at once: somebody has stopped the command. */
  onStop?(hangUp: () => void): void;
}

/** What became of the call. */
export interface CallResult {
  answered: boolean;
  status: number;
  endedBy: 'them' | 'us' | 'refused';
  durationMs: number;
  pressed: string;
}

const keyGapMs = 250;
/** Signals that come so soon after the first are no second wish. */
const sameWishMs = 500;

/**
 * Checks `--keys` ("1,#": groups between commas; a group's keys are pressed in a row) and `--at` ("3.5s", "800ms").
 * @throws DenwabanError `CALL_ARGUMENTS`.
 */
export function parseCallArguments(options: { keys?: string; at?: string }): Pick<CallCommand, 'keys' | 'when'> {
  const keys = (options.keys ?? '')
    .split(',')
    .map((group) => group.trim())
    .filter(Boolean);
  const wrong = keys.find((group) => !/^[0-9*#A-D]+$/.test(group));
  if (wrong) {
    throw new DenwabanError('CALL_ARGUMENTS', `--keys: "${wrong}" has a character that no phone has`, {
      remedy: 'Use 0-9 * # A-D, groups separated by commas: --keys "1,1234#"',
    });
  }
  if (options.at === undefined) return { keys, when: { afterPrompt: true } };
  const time = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(options.at);
  if (!time) {
    throw new DenwabanError('CALL_ARGUMENTS', `--at: "${options.at}" is not a time`, { remedy: 'Write 3.5s or 800ms' });
  }
  return { keys, when: { atMs: Number(time[1]) * (time[2] === 's' ? 1000 : 1) } };
}

/** Phones a SIP address as a caller would, pressing keys, telling what happens. Resolves when the call is over. */
export function runCall(phone: Phone, clock: Clock, command: CallCommand): Promise<CallResult> {
  return new Promise((resolve) => {
    const startMs = clock.nowMs();
    let answeredMs = 0;
    let pressed = '';
    const waiting = [...command.keys];
    let call: PhoneCall | undefined;
    const say = (what: string) => command.print(`${toRfc3339(clock.nowMs()).slice(11, 23)}  ${what}`);
    const press = (keys: string) => {
      [...keys].forEach((key, index) => {
        clock.setTimeout(() => {
          pressed += key;
          say(`pressed   ${key}`);
          call?.press(key);
        }, index * keyGapMs);
      });
    };
    const limit = clock.setTimeout(() => call?.hangUp(), command.maxDurationMs);
    const onEvent = (event: PhoneEvent) => {
      switch (event.type) {
        case 'ringing':
          return say(`ringing   ${event.status}`);
        case 'answered':
          answeredMs = clock.nowMs();
          say('answered');
          if ('atMs' in command.when) clock.setTimeout(() => press(command.keys.join('')), command.when.atMs);
          return undefined;
        case 'sound':
          return say('hearing …');
        case 'silence':
          say(`heard     ${(event.soundMs / 1000).toFixed(1)} s`);
          if ('afterPrompt' in command.when) press(waiting.shift() ?? '');
          return undefined;
        case 'ended': {
          clock.clearTimeout(limit);
          const endedBy = event.by;
          say(endedBy === 'refused' ? `refused   ${event.status} ${event.reason}` : `ended     by ${endedBy}`);
          const durationMs = answeredMs === 0 ? 0 : clock.nowMs() - answeredMs;
          return resolve({ answered: answeredMs > 0, status: event.status, endedBy, durationMs, pressed });
        }
      }
    };
    say(`calling   ${command.uri} as ${command.fromNumber} (${toRfc3339(startMs)})`);
    call = phone.call({ uri: command.uri, fromNumber: command.fromNumber, recordFile: command.recordFile, onEvent });
    command.onStop?.(() => call?.hangUp());
  });
}

/**
 * Hangs up at the first signal and waits for the answer to BYE (or CANCEL); whoever insists ends the process. Ctrl-C in
 * a terminal and `timeout` signal the process and its group: the same wish, twice within a moment.
 */
export function stopOnce(
  clock: Clock,
  hangUp: () => void,
  insist: () => unknown = () => process.exit(130),
): () => void {
  let stoppedAtMs: number | undefined;
  return () => {
    if (stoppedAtMs === undefined) {
      stoppedAtMs = clock.nowMs();
      hangUp();
    } else if (clock.nowMs() - stoppedAtMs > sameWishMs) {
      insist();
    }
  };
}

interface CallOptions {
  from: string;
  keys?: string;
  at?: string;
  record?: string;
  maxSeconds: number;
}

/** `denwaban call`: phones it as a caller. */
export const addCallCommand: AddCommand = (program, { clock, openPhone, print, done }) => {
  program
    .command('call <sip-uri>')
    .description('phone a SIP address as a caller')
    .option('--from <number>', 'caller id', '0312340000')
    .option('--keys <groups>', 'keys to press, groups separated by commas: "1,1234#"')
    .option('--after-prompt', 'press a group after each prompt (the default)')
    .option('--at <time>', 'press all keys at this time after the answer: 3.5s, 800ms')
    .option('--record <file>', 'write what is heard to a WAV file')
    .option('--max-seconds <n>', 'hang up after so long', countOption(1, 86_400), 120)
    .action(async (uri: string, options: CallOptions) => {
      const { keys, at, from, record, maxSeconds } = options;
      const argument = parseCallArguments({ ...(keys ? { keys } : {}), ...(at ? { at } : {}) });
      const phone = await openPhone(uri);
      try {
        const result = await runCall(phone, clock, {
          uri,
          fromNumber: normalizePhoneNumber(from),
          ...argument,
          recordFile: resolve(record ?? join(phone.folder, 'heard.wav')),
          maxDurationMs: maxSeconds * 1000,
          print,
          onStop: (hangUp) => {
            const stop = stopOnce(clock, hangUp);
            for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
          },
        });
        done(result.answered ? 0 : 2);
      } finally {
        await phone.close();
      }
    });
};
