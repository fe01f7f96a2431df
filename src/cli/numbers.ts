import { assignNumber, releaseNumber } from '../accounts/manage-accounts.ts';
import { DenwabanError } from '../kernel/errors.ts';
import { normalizePhoneNumber } from '../kernel/phone-number.ts';
import { knownAccount } from './accounts.ts';
import { type AddCommand, type CommandContext, changeByCommand, type RecordedStores, table } from './command.ts';

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
    const { accounts } = change.stores;
    await knownAccount(accounts, accountId);
    await refuseFlow(change.stores, accountId, flowId);
    const before = await accounts.findNumber(written);
    if (before && before.accountId !== accountId && !move) {
      throw new DenwabanError('NUMBER_TAKEN', `${before.number} is assigned to the account "${before.accountId}"`, {
        remedy: `Add --move to take it from there and give it to "${accountId}"`,
      });
    }
    return assignNumber(change, { number: written, accountId, flowId });
  });
  context.print(`number ${assigned.number} → ${flowId} (${accountId})`);
}

/** @throws DenwabanError `FLOW_UNKNOWN`. An account is never answered by another's flow (service-rules.md, Calls 9). */
async function refuseFlow({ flows }: RecordedStores, accountId: string, flowId: string): Promise<void> {
  const own = (await flows.listFlows(accountId)).map((flow) => flow.flowId);
  if (own.includes(flowId)) return;
  throw new DenwabanError('FLOW_UNKNOWN', `--flow ${flowId}: the account "${accountId}" has no such flow`, {
    remedy: own.length > 0 ? `It has ${own.join(', ')}` : 'denwaban load <folder> publishes its flows',
  });
}
