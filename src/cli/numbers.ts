import { releaseNumber } from '../accounts/manage-accounts.ts';
import { DenwabanError } from '../kernel/errors.ts';
import { normalizePhoneNumber } from '../kernel/phone-number.ts';
import { assignCheckedNumber } from '../web/assign-number.ts';
import { knownAccount } from './accounts.ts';
import { type AddCommand, type CommandContext, changeByCommand, table } from './command.ts';

/** `denwaban number …`: which account a number belongs to, and which flow answers it. */
export const addNumberCommands: AddCommand = (program, context) => {
  const number = program.command('number').description('which account a number belongs to, and which flow answers it');
  number
    .command('list')
    .description('all assigned numbers')
    .option('--account <id>', 'of one account')
    .option('--json', 'for machines')
    .action(async ({ account, json }: { account?: string; json?: boolean }) => {
      const numbers = await context.withStores(async ({ data }) => {
        if (account !== undefined) await knownAccount(data.accounts, account);
        return data.accounts.listNumbers(account);
      });
      const rows = numbers.map(({ number: one, accountId, flowId }) => [one, accountId, flowId]);
      context.print(json ? JSON.stringify(numbers, null, 2) : table([['number', 'account', 'flow'], ...rows]));
    });
  number
    .command('assign <number>')
    .description('give a number to an account, or another flow to a number')
    .requiredOption('--account <id>', 'whose it is to be')
    .requiredOption('--flow <id>', 'which of its flows answers')
    .option('--move', 'also where it is another account’s now')
    .action((written: string, options: AssignOptions) => assign(context, written, options));
  number
    .command('release <number>')
    .description('take a number away from its account: calls to it are answered no more (404)')
    .action(async (written: string) => {
      const released = normalizePhoneNumber(written);
      await changeByCommand(context, async (change) => {
        if (!(await change.stores.accounts.findNumber(released))) {
          throw new DenwabanError('NUMBER_UNKNOWN', `${released} is assigned to nobody`, {
            remedy: 'denwaban number list',
          });
        }
        await releaseNumber(change, released);
      });
      context.print(`${released} is assigned to nobody`);
    });
};

interface AssignOptions {
  account: string;
  flow: string;
  move?: boolean;
}

async function assign(context: CommandContext, written: string, options: AssignOptions): Promise<void> {
  const { account: accountId, flow: flowId, move = false } = options;
  const assigned = await changeByCommand(context, async (change) => {
    await knownAccount(change.stores.accounts, accountId);
    const moveRemedy = `Add --move to take it from there and give it to "${accountId}"`;
    return assignCheckedNumber(change, { number: written, accountId, flowId }, { move, moveRemedy });
  });
  context.print(`number ${assigned.number} → ${flowId} (${accountId})`);
}
