import type { CallRecord } from '../ledger/call-record.ts';
import { foldCall } from '../ledger/call-record.ts';
import type { FactStore } from '../ledger/ledger.ts';
import { type AddCommand, countOption, table } from './command.ts';

/**
 * The newest calls on record as the operator reads them: JSON (an array, newest first; times RFC 3339 with ms) or a
 * table. Digits are personal data and are left out unless `reveal` is set.
 */
export async function listCalls(options: {
  facts: FactStore;
  limit: number;
  accountId?: string;
}): Promise<CallRecord[]> {
  const { facts, limit, accountId } = options;
  const ids = await facts.listCallIds(accountId === undefined ? { limit } : { limit, accountId });
  const records: CallRecord[] = [];
  for (const id of ids) records.push(foldCall(await facts.factsOfCall(id)));
  return records;
}

/** Call records as JSON text for machines. */
export function callsAsJson(records: readonly CallRecord[], reveal: boolean): string {
  const shown = records.map(({ digits, ...rest }) => (reveal ? { ...rest, digits } : rest));
  return JSON.stringify(shown, null, 2);
}

/** Call records as a table for people: a line a call, its legs below it. */
export function callsAsTable(records: readonly CallRecord[]): string {
  const rows: string[][] = [['offered', 'from', 'to', 'outcome', 'seconds', 'path']];
  for (const call of records) {
    rows.push([
      call.offeredAt,
      call.from,
      call.to,
      call.outcome ?? '(open)',
      seconds(call.offeredAt, call.endedAt),
      call.path.join(' → '),
    ]);
    for (const leg of call.legs) {
      rows.push([
        `  ${leg.kind}`,
        leg.from,
        leg.to,
        leg.cause ?? '(up)',
        seconds(leg.answeredAt, leg.endedAt),
        `SIP ${leg.sipStatus ?? '-'}`,
      ]);
    }
  }
  return table(rows);
}

function seconds(from: string | null, to: string | null): string {
  return from && to ? ((Date.parse(to) - Date.parse(from)) / 1000).toFixed(1) : '-';
}

/** `denwaban calls`: the call log. */
export const addCallsCommand: AddCommand = (program, { withStores, print }) => {
  program
    .command('calls')
    .description('list the calls on record, newest first')
    .option('--json', 'for machines')
    .option('--limit <n>', 'at most so many', countOption(1, 10_000), 20)
    .option('--account <id>', 'of one account')
    .option('--reveal', 'with the digits that callers pressed (personal data)')
    .action(async (options: { json?: boolean; limit: number; account?: string; reveal?: boolean }) => {
      const { limit } = options;
      const account = options.account === undefined ? {} : { accountId: options.account };
      const records = await withStores(({ facts }) => listCalls({ facts, limit, ...account }));
      print(options.json ? callsAsJson(records, options.reveal ?? false) : callsAsTable(records));
    });
};
