import { type Command, Option } from 'commander';
import { toRfc3339 } from '../kernel/clock.ts';
import { DenwabanError } from '../kernel/errors.ts';
import type { OutboxEntry, OutboxState } from '../outbox/entry.ts';
import { retryDelivery, rotateWebhookSecret } from '../web/manage-outbox.ts';
import { type AddCommand, type CommandContext, changeByCommand, countOption, table } from './command.ts';

const states: readonly OutboxState[] = ['pending', 'delivered', 'given-up'];
const hourMs = 3_600_000;

/** `denwaban outbox …` and `denwaban webhook-secret`: reports and notices on their way. */
export const addOutboxCommands: AddCommand = (program, context) => {
  const outbox = program.command('outbox').description('reports and notices on their way');
  addListCommand(outbox, context);
  outbox
    .command('show <id>')
    .description('every attempt to deliver one')
    .option('--reveal', 'with where it goes and what was answered (personal data)')
    .action(async (id: string, { reveal = false }: { reveal?: boolean }) => {
      await context.withStores(async ({ outbox: store }) => {
        const entry = await store.find(id);
        if (!entry) throw unknownEntry(id);
        const attempts = await store.attempts(id);
        const rows = attempts.map(({ attempt, atMs, outcome, statusCode, durationMs, error }) => [
          String(attempt),
          toRfc3339(atMs),
          outcome,
          String(statusCode ?? ''),
          durationMs === undefined ? '' : `${durationMs} ms`,
          shownError(error, reveal),
        ]);
        context.print(rowOf(entry, reveal).join('  ').trimEnd());
        context.print(table([['', 'at', 'outcome', 'status', 'took', 'why'], ...rows]));
      });
    });
  outbox
    .command('retry <id>')
    .description('try one again now that is waiting or was given up; a running service takes it up within seconds')
    .action(async (id: string) => {
      context.print(await retry(context, id));
    });
  addSecretCommand(program, context);
};

function addListCommand(outbox: Command, context: CommandContext): void {
  interface Options {
    state?: OutboxState;
    account?: string;
    limit: number;
    json?: boolean;
    reveal?: boolean;
  }
  outbox
    .command('list')
    .description('newest first')
    .addOption(new Option('--state <state>', 'of one state').choices(states))
    .option('--account <id>', 'of one account')
    .option('--limit <n>', 'at most so many', countOption(1, 10_000), 20)
    .option('--json', 'for machines')
    .option('--reveal', 'with where they go and what was answered (personal data); in JSON also what they say')
    .action(async ({ state, account, limit, json, reveal = false }: Options) => {
      const of = { ...(state ? { state } : {}), ...(account === undefined ? {} : { accountId: account }) };
      const entries = await context.withStores(({ outbox: store }) => store.list({ limit, ...of }));
      if (json) {
        const shown = entries.map(({ target, payload, lastError, ...rest }) => ({
          ...rest,
          lastError: shownError(lastError, reveal),
          ...(reveal ? { target, payload } : {}),
        }));
        context.print(JSON.stringify(shown, null, 2));
        return;
      }
      const header = ['id', 'account', 'what', 'state', 'created', 'attempts', 'next', 'why', 'to'];
      context.print(table([header, ...entries.map((entry) => rowOf(entry, reveal))]));
    });
}

function rowOf(entry: OutboxEntry, reveal: boolean): string[] {
  return [
    entry.outboxId,
    entry.accountId ?? '-',
    `${entry.kind} by ${entry.channel}`,
    entry.state,
    toRfc3339(entry.createdAtMs),
    String(entry.attempts),
    entry.state === 'pending' ? toRfc3339(entry.nextAttemptAtMs) : '-',
    shownError(entry.lastError, reveal) || '-',
    reveal ? entry.target : '',
  ];
}

/** The reason alone is none of anybody's data; what was answered may be. */
const shownError = (error: string | undefined, reveal: boolean) => (reveal ? error : error?.split(':')[0]) ?? '';

function retry(context: CommandContext, id: string): Promise<string> {
  return changeByCommand(context, async (change) => {
    const result = await retryDelivery(change, id);
    if (result === 'delivered') return `${id} has been delivered: it is not sent again`;
    if (result === 'under-way') return `${id} is being delivered at this moment`;
    return `${id} is tried again now`;
  });
}

function unknownEntry(id: string): DenwabanError {
  return new DenwabanError('OUTBOX_ENTRY_UNKNOWN', `there is nothing in the outbox with the id "${id}"`, {
    remedy: 'denwaban outbox list; what has ended is deleted after OUTBOX_KEEP_DAYS',
  });
}

function addSecretCommand(program: Command, context: CommandContext): void {
  program
    .command('webhook-secret <account>')
    .description("what the account's webhooks are signed with, for whoever receives them")
    .option('--rotate', 'make a new one')
    .option('--overlap-hours <n>', 'so long the old one signs too', countOption(0, 720), 24)
    .action(async (accountId: string, { rotate, overlapHours }: { rotate?: boolean; overlapHours: number }) => {
      if (rotate) {
        await changeByCommand(context, (change) => rotateWebhookSecret(change, accountId, overlapHours * hourMs));
      }
      const secrets = await context.withStores(async ({ data, webhookSecrets }) => {
        if (await data.accounts.findAccount(accountId)) return webhookSecrets.current(accountId, context.clock.nowMs());
        throw new DenwabanError('ACCOUNT_UNKNOWN', `there is no account "${accountId}"`);
      });
      for (const { secret, retiresAtMs } of secrets) {
        context.print(retiresAtMs === undefined ? secret : `${secret}  until ${toRfc3339(retiresAtMs)}`);
      }
    });
}
