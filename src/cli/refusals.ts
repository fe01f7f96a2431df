import { toRfc3339 } from '../kernel/clock.ts';
import { foldRefusals, type RefusedInMinute } from '../ledger/refusal-log.ts';
import { type AddCommand, table } from './command.ts';
import { readSince } from './reconcile.ts';

const factsMax = 20_000;

/** `denwaban refusals`: what was refused before anybody saw a call in it, by minute, cause and source. */
export const addRefusalsCommand: AddCommand = (program, { withStores, clock, print }) => {
  program
    .command('refusals')
    .description('requests refused unseen (overload, broken …), by minute, cause and source')
    .option('--since <time>', 'from then on: 2026-01-31T00:00:00Z, or 24h, 90m, 7d ago', '24h')
    .option('--json', 'for machines')
    .action(async (options: { since: string; json?: boolean }) => {
      const nowMs = clock.nowMs();
      const range = { fromMs: readSince(options.since, nowMs), toMs: nowMs + 1, limit: factsMax };
      const refused = foldRefusals(await withStores(({ facts }) => facts.refusals(range)));
      print(options.json ? JSON.stringify(refused.map(asJson), null, 2) : asText(refused));
    });
};

function asJson({ minuteMs, ...rest }: RefusedInMinute) {
  return { minute: toRfc3339(minuteMs), ...rest };
}

function asText(refused: readonly RefusedInMinute[]): string {
  const heads = ['minute', 'refused', 'status', 'cause', 'method', 'by', 'from'];
  const rows = refused.map((one) => [
    toRfc3339(one.minuteMs).slice(0, 16),
    ...[String(one.count), String(one.sipStatus), one.cause, one.method, one.by],
    `${one.sourceClass}: ${one.sources
      .slice(0, 3)
      .map(({ address, count }) => `${address} (${count})`)
      .join(', ')}`,
  ]);
  return table([heads, ...rows]);
}
