import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { createPasswords } from '../accounts/passwords.ts';
import type { CommandContext, CommandStores } from '../cli/command.ts';
import { commands } from '../cli/commands.ts';
import { type Config, readConfig } from '../config.ts';
import { requireDataDir } from '../data-dir.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { printable } from '../kernel/printable.ts';
import { createLogger, linesOfError, reportStartFailure } from '../logger.ts';
import { createTargetGuard } from '../outbox/target-guard.ts';
import { openHouse } from './house.ts';
import { flowFolder, phoneRealm } from './paths.ts';
import { hasDatabase, openStores } from './stores.ts';

/** Where a command's settings come from (the process's environment unless another is given), and where its words go. */
export interface Surroundings {
  environment?: Record<string, string | undefined>;
  /** Writes on standard output, as it is. */
  write(text: string): void;
  /** Writes on standard error, as it is. */
  writeError(text: string): void;
}

const passwords = createPasswords();
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/**
 * Runs one command of `denwaban`: `args` is what stands behind its name. Returns the exit code, after what went wrong has
 * been written with its remedy. `start`, the command that is meant where none is named, ends the process itself.
 */
export async function runCommandLine(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { writeError } = surroundings;
  let exitCode = 0;
  const context = contextIn(surroundings, (code) => {
    exitCode = code;
  });
  try {
    const words = args.length === 0 ? ['start'] : args;
    await programIn(surroundings, context).parseAsync(words, { from: 'user' });
    return exitCode;
  } catch (error) {
    // It has written what is wrong with the command line, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode;
    for (const line of linesOfError(error)) writeError(`${line}\n`);
    return 1;
  }
}

function programIn({ environment, write, writeError }: Surroundings, context: CommandContext): Command {
  const program = new Command('denwaban')
    .description('電話番: a telephone answering engine')
    .version(version)
    .exitOverride()
    .showHelpAfterError(
      'remedy:   scripts/denwaban --help names the commands; behind a command it says what that takes',
    )
    .configureOutput({ writeOut: write, writeErr: writeError });
  program
    .command('start')
    .description('run the service until Ctrl-C or SIGTERM')
    .action(async () => {
      // Connections of libraries that are slow to close must not keep a finished process alive.
      process.exit(await startConfigured(environment));
    });
  for (const add of commands) add(program, context);
  return program;
}

function contextIn({ environment, write }: Surroundings, done: (code: number) => void): CommandContext {
  const config = () => readConfig(environment);
  return {
    withStores: (work) => withStores(config(), work),
    openPhone: async (uri) => (await import('../switch/open-phone.ts')).openSipPhone(uri),
    passwords,
    clock,
    flowFolder,
    house: () => openHouse(config()),
    hasData: () => hasDatabase(config()),
    phoneRealm,
    targets: () => createTargetGuard(config()),
    print: (text) => write(`${printable(text)}\n`),
    done,
  };
}

/** Runs a command that needs only the database. */
async function withStores<T>(config: Config, work: (stores: CommandStores) => Promise<T>): Promise<T> {
  requireDataDir(config.dataDir);
  const stores = await openStores(config, createLogger(config.logLevel));
  try {
    return await work(stores);
  } finally {
    await stores.sql.close();
  }
}

/** Where the settings are wrong there is no log level yet. */
async function startConfigured(environment: Surroundings['environment']): Promise<number> {
  let config: Config;
  try {
    config = readConfig(environment);
  } catch (error) {
    reportStartFailure(createLogger('error'), error);
    return 1;
  }
  // Most of the program: commands that only read the database come up in half the time without it.
  const { start } = await import('./start.ts');
  return start(config, passwords);
}
