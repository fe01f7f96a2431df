import { toRfc3339 } from '../kernel/clock.ts';
import { type AddCommand, countOption, table } from './command.ts';

/** `denwaban audit`: who changed what. */
export const addAuditCommand: AddCommand = (program, context) => {
  program
    .command('audit')
    .description('who changed what, newest first')
    .option('--limit <n>', 'at most so many', countOption(1, 10_000), 20)
    .option('--account <id>', 'of one account')
    .option('--json', 'for machines, with what was there before and after')
    .action(async ({ limit, account, json }: { limit: number; account?: string; json?: boolean }) => {
      const of = account === undefined ? {} : { accountId: account };
      const [entries, users] = await context.withStores(({ data }) =>
        Promise.all([data.audit.list({ limit, ...of }), data.users.list()]),
      );
      const loginNames = new Map(users.map(({ userId, loginName }) => [userId, loginName]));
      const rows = entries.map(({ atMs, actor, action, subject }) => [
        toRfc3339(atMs),
        `${actor.name} (${actor.kind})`,
        actor.address ?? '',
        action,
        `${subject.kind} ${loginNames.get(subject.id) ?? subject.id}`,
      ]);
      context.print(json ? JSON.stringify(entries, null, 2) : table([['at', 'who', 'from', 'did', 'to'], ...rows]));
    });
};
