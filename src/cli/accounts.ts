import { Argument } from 'commander';
import { type Account, type AccountStore, type AnsweringService, answeringServices } from '../accounts/accounts.ts';
import { saveAccount, setAnsweringService } from '../accounts/manage-accounts.ts';
import { DenwabanError } from '../kernel/errors.ts';
import { type AddCommand, type CommandContext, changeByCommand, table } from './command.ts';

/** `denwaban account …`: whom the service is for, and whether it is served. */
export const addAccountCommands: AddCommand = (program, context) => {
  const account = program.command('account').description('whom the service is for ("load" adds and changes them)');
  account
    .command('list')
    .description('all accounts')
    .option('--json', 'for machines')
    .action(async ({ json }: { json?: boolean }) => {
      const accounts = await context.withStores(({ data }) => data.accounts.listAccounts());
      const rows = accounts.map(({ accountId, status, language, name }) => [accountId, status, language, name]);
      context.print(
        json ? JSON.stringify(accounts, null, 2) : table([['account', 'status', 'language', 'name'], ...rows]),
      );
    });
  account
    .command('show <account-id>')
    .description('one account, its numbers, and the rules for it')
    .option('--json', 'for machines')
    .action((accountId: string, { json }: { json?: boolean }) => showAccount(context, accountId, json ?? false));
  account
    .command('suspend <account-id>')
    .description('answer its numbers no more (603) until it is resumed; calls in progress go on')
    .action((accountId: string) => setStatus(context, accountId, 'suspended'));
  account
    .command('resume <account-id>')
    .description('answer its numbers again')
    .action((accountId: string) => setStatus(context, accountId, 'active'));
  account
    .command('answering <account-id>')
    .description('whether people answer; suspended, its flows go on without them, and escalate leaves by closed')
    .addArgument(new Argument('<state>').choices(answeringServices))
    .action(async (accountId: string, state: AnsweringService) => {
      await changeByCommand(context, async (change) => {
        await knownAccount(change.stores.accounts, accountId);
        await setAnsweringService(change, accountId, state);
      });
      context.print(`the answering service of ${accountId} is ${state}`);
    });
};

/** @throws DenwabanError `ACCOUNT_UNKNOWN`. */
export async function knownAccount(accounts: Pick<AccountStore, 'findAccount'>, accountId: string): Promise<Account> {
  const account = await accounts.findAccount(accountId);
  if (account) return account;
  throw new DenwabanError('ACCOUNT_UNKNOWN', `there is no account "${accountId}"`, {
    remedy: 'denwaban account list; denwaban load <folder> adds one',
  });
}

async function showAccount(context: CommandContext, accountId: string, json: boolean): Promise<void> {
  const { account, numbers, rules } = await context.withStores(async ({ data }) => ({
    account: await knownAccount(data.accounts, accountId),
    numbers: (await data.accounts.listNumbers(accountId)).map(({ number, flowId }) => ({ number, flowId })),
    rules: await data.cards.rules(accountId),
  }));
  if (json) return context.print(JSON.stringify({ account, numbers, rules }, null, 2));
  const { name, nameReading, status, answeringService, language, outbound } = account;
  const complaints = `${rules.complaintsBeforeWarning} before a warning, suspension: ${rules.suspension}`;
  context.print(
    table([
      ['account', accountId],
      ['name', nameReading === '' ? name : `${name} (${nameReading})`],
      ['status', status],
      ['answering service', answeringService],
      ['language', language],
      ['may dial', outbound.allow.join(', ') || 'no number'],
      ...(outbound.deny.length > 0 ? [['but not', outbound.deny.join(', ')]] : []),
      ['complaints', complaints],
      ...numbers.map(({ number, flowId }) => ['number', `${number} → ${flowId}`]),
    ]),
  );
}

async function setStatus(context: CommandContext, accountId: string, status: 'active' | 'suspended'): Promise<void> {
  const before = await changeByCommand(context, async (change) => {
    const account = await knownAccount(change.stores.accounts, accountId);
    if (account.status === 'ended') {
      throw new DenwabanError('ACCOUNT_ENDED', `the contract of "${accountId}" has ended`, {
        remedy: 'A new contract is a new application: load the account with "status": "active"',
      });
    }
    await saveAccount(change, { ...account, status });
    return account.status;
  });
  context.print(before === status ? `${accountId} is ${status} already` : `${accountId} is ${status}`);
}
