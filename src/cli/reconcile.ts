import { toRfc3339 } from '../kernel/clock.ts';
import { DenwabanError } from '../kernel/errors.ts';
import { type Difference, type Reconciliation, reconcile } from '../ledger/reconcile.ts';
import type { AddCommand } from './command.ts';

/** `denwaban reconcile`: lists where the call log and the switches' own records differ; exit code 1 where they do. */
export const addReconcileCommand: AddCommand = (program, { withStores, clock, print, done }) => {
  program
    .command('reconcile')
    .description("hold the call log against FreeSWITCH's own records; lists differences over 1 s, and then ends with 1")
    .option('--since <time>', 'calls from then on: 2026-01-31T00:00:00Z, or 24h, 90m, 7d ago', '24h')
    .option('--json', 'for machines')
    .action(async (options: { since: string; json?: boolean }) => {
      const nowMs = clock.nowMs();
      const fromMs = readSince(options.since, nowMs);
      const result = await withStores((stores) => reconcile({ ...stores, fromMs, toMs: nowMs, nowMs }));
      print(options.json ? reconciliationAsJson(result) : reconciliationAsText(result));
      done(result.found === 0 ? 0 : 1);
    });
};

const unitMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A point in time: RFC 3339, or how long ago (`24h`, `90m`, `30s`, `7d`). ms since the epoch.
 * @throws DenwabanError `ARGUMENT_INVALID`.
 */
export function readSince(text: string, nowMs: number): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return Math.max(0, nowMs - Number(count) * (unitMs[unit] ?? 0));
  const dated = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i.test(text);
  const atMs = dated ? Date.parse(text) : Number.NaN;
  if (atMs >= 0) return atMs;
  throw new DenwabanError('ARGUMENT_INVALID', `--since ${text}: neither a time nor how long ago`, {
    remedy: 'Give a time such as 2026-01-31T00:00:00Z, or a length such as 24h',
  });
}

/** Times RFC 3339 with ms. */
export function reconciliationAsJson(result: Reconciliation): string {
  const { fromMs, toMs, differences, ...rest } = result;
  const listed = differences.map(({ ledgerMs, switchMs, ...difference }) => ({
    ...difference,
    ledgerAt: time(ledgerMs),
    switchAt: time(switchMs),
  }));
  return JSON.stringify({ from: time(fromMs), to: time(toMs), ...rest, differences: listed }, null, 2);
}

/** A line a difference, and one that says what was looked at. */
export function reconciliationAsText(result: Reconciliation): string {
  const { fromMs, toMs, legs, channels, compared, found, differences } = result;
  const lines = differences.map((difference) => `${meanings[difference.kind]}: ${details(difference)}`);
  if (found > differences.length) lines.push(`… and ${found - differences.length} more`);
  const looked = `${legs} legs on record, ${channels} channels of the switches, ${compared} of them compared`;
  lines.push(`${toRfc3339(fromMs)} to ${toRfc3339(toMs)}: ${looked}; ${found} differences`);
  return lines.join('\n');
}

const meanings: Record<Difference['kind'], string> = {
  'answered-differs': 'answered at another time',
  'ended-differs': 'ended at another time',
  'no-switch-record': 'answered on record, unknown to the switches',
  'no-leg': 'a channel that is not on record',
  'open-leg': 'open on record, its channel has ended',
};

function details({ legId, callId, server, ledgerMs, switchMs, differenceMs }: Difference): string {
  return [
    ...(callId === null ? [] : [callId]),
    legId,
    ...(server === null ? [] : [`on ${server}`]),
    `ledger ${time(ledgerMs) ?? '-'}`,
    `switch ${time(switchMs) ?? '-'}`,
    ...(differenceMs === null ? [] : [`${(differenceMs / 1000).toFixed(3)} s apart`]),
  ].join('  ');
}

function time(atMs: number | null): string | null {
  return atMs === null ? null : toRfc3339(atMs);
}
