import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { createPasswords } from './accounts/passwords.ts';
import type { CommandContext, CommandStores } from './cli/command.ts';
import { commands } from './cli/commands.ts';
import { type Config, readConfig } from './config.ts';
import { requireDataDir } from './data-dir.ts';
import { systemClock as clock } from './kernel/clock.ts';
import { printable } from './kernel/printable.ts';
import { createLogger, printError, reportStartFailure } from './logger.ts';
import { createTargetGuard } from './outbox/target-guard.ts';
import { openHouse } from './program/house.ts';
import { flowFolder, phoneRealm } from './program/paths.ts';
import { hasDatabase, openStores } from './program/stores.ts';

const passwords = createPasswords();
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Runs a command that needs only the database. */
async function withStores<T>(work: (stores: CommandStores) => Promise<T>): Promise<T> {
  const config = readConfig();
  requireDataDir(config.dataDir);
  const stores = await openStores(config, createLogger(config.logLevel));
  try {
    return await work(stores);
  } finally {
    await stores.sql.close();
  }
}

/** Where the settings are wrong there is no log level yet. */
async function startConfigured(): Promise<number> {
  let config: Config;
  try {
    config = readConfig();
  } catch (error) {
    reportStartFailure(createLogger('error'), error);
    return 1;
  }
  // Most of the program: commands that only read the database come up in half the time without it.
  const { start } = await import('./program/start.ts');
  return start(config, passwords);
}

async function main(): Promise<void> {
  // What is written belongs to whoever runs it alone, also by the processes started here.
  process.umask(0o077);
  const program = new Command('denwaban').description('電話番: a telephone answering engine').version(version);
  program
    .command('start', { isDefault: true })
    .description('run the service until Ctrl-C or SIGTERM')
    .action(async () => {
      // Connections of libraries that are slow to close must not keep a finished process alive.
      process.exit(await startConfigured());
    });
  const context: CommandContext = {
    withStores,
    openPhone: async (uri) => (await import('./switch/open-phone.ts')).openSipPhone(uri),
    passwords,
    clock,
    flowFolder,
    house: () => openHouse(readConfig()),
    hasData: () => hasDatabase(readConfig()),
    phoneRealm,
    targets: () => createTargetGuard(readConfig()),
    print: (text) => console.log(printable(text)),
    done: (code) => {
      process.exitCode = code;
    },
  };
  for (const add of commands) add(program, context);
  await program.parseAsync();
}

main().catch((error: unknown) => {
  printError(error);
  process.exitCode = 1;
});
