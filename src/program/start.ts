import type { Passwords } from '../accounts/passwords.ts';
import type { Config } from '../config.ts';
import { toRfc3339 } from '../kernel/clock.ts';
import { HealthBoard } from '../kernel/health.ts';
import { Shutdown } from '../kernel/shutdown.ts';
import { createLogger, keepPackagesOffConsole, logWhatNodeSays, reportStartFailure } from '../logger.ts';
import { openCalls } from './calls.ts';
import type { ProgramContext } from './context.ts';
import { openData } from './data.ts';
import { openLines } from './lines.ts';
import { openPages } from './pages.ts';
import { startVoicemails } from './voicemails.ts';

/** Starts everything, in this order; every part is in `shutdown` the moment it runs. Gives what to print. */
async function startAll(context: ProgramContext): Promise<string> {
  const data = await openData(context);
  const lines = await openLines(context, data);
  const calls = await openCalls(context, data, lines);
  const httpPort = await openPages(context, data, lines, calls);
  startVoicemails(context, data, httpPort);
  const { known, watched } = data.stores;
  const number = (await known.accounts.listNumbers())[0]?.number ?? '';
  const at = lines.sipAddress();
  const ready = readyText(context.config, `sip:${number}@${at?.address}:${at?.port}`, httpPort, data.secrets);
  if (watched.status().state === 'up') return ready;
  const knownAt = known.readAtMs === undefined ? '' : `, from what was known of it at ${toRfc3339(known.readAtMs)}`;
  return `${ready}\n  the database is away: calls are answered all the same${knownAt}; it is looked for every second`;
}

/** What is printed once everything runs: where to call, and at the first start who may sign in. */
function readyText(config: Config, uri: string, httpPort: number, secrets: readonly string[]): string {
  const url = `http://${config.bindAddress}:${httpPort}`;
  const ready = `denwaban ready: dial ${uri}  health ${url}/health  data ${config.dataDir}`;
  if (secrets.length === 0) return ready;
  return [
    ready,
    `first start: sign in at ${config.publicUrl ?? url}/; these are shown this once, and each person chooses another within 14 days`,
    ...secrets,
  ].join('\n  ');
}

/**
 * `denwaban start`: runs until SIGTERM or SIGINT; then ends calls with BYE, flushes, and leaves no process. At SIGUSR2 it
 * takes no new calls and stops when those in progress have ended.
 */
export async function start(config: Config, passwords: Passwords): Promise<number> {
  const logger = createLogger(config.logLevel);
  keepPackagesOffConsole(logger);
  logWhatNodeSays(logger);
  const shutdown = new Shutdown(logger);
  let exitCode = 0;
  const stopped = new Promise<void>((resolveStop) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolveStop());
    const lost = (why: string) => {
      reportStartFailure(logger, new Error(why));
      exitCode = 1;
      resolveStop();
    };
    startAll({ config, passwords, logger, shutdown, board: new HealthBoard(), onLost: lost }).then(
      (line) => console.log(line),
      (error) => {
        reportStartFailure(logger, error);
        exitCode = 1;
        resolveStop();
      },
    );
  });
  await stopped;
  const clean = await shutdown.run();
  return clean ? exitCode : 1;
}
