import { addUser, changeUser, givePassword, setPassword } from '../accounts/manage-users.ts';
import { type Role, roles } from '../accounts/users.ts';
import { DenwabanError } from '../kernel/errors.ts';
import { type AddCommand, type CommandContext, changeByCommand, table, userNamed } from './command.ts';

/** `denwaban user …`: who can sign in. */
export const addUserCommands: AddCommand = (program, context) => {
  const user = program.command('user').description('who can sign in');
  user
    .command('list')
    .description('all users')
    .option('--json', 'for machines')
    .action(async ({ json }: { json?: boolean }) => {
      const users = await context.withStores(({ data }) => data.users.list());
      const rows = users.map(({ loginName, displayName, role, accountId = '', status }) => [
        loginName,
        role,
        status,
        accountId,
        displayName,
      ]);
      context.print(
        json ? JSON.stringify(users, null, 2) : table([['login', 'role', 'status', 'account', 'name'], ...rows]),
      );
    });
  user
    .command('add <login-name>')
    .description(
      'add a user; the password is generated, shown this once, and changed at the first sign-in, within 14 days',
    )
    .requiredOption('--role <role>', roles.join(', '))
    .option('--name <name>', 'the name that others see')
    .option('--account <id>', 'of role account: whose data they see')
    .action(async (loginName: string, options: { role: string; name?: string; account?: string }) => {
      const role = readRole(options.role);
      const given = await givePassword(context.passwords);
      const wanted = {
        loginName,
        displayName: options.name ?? loginName,
        role,
        accountId: options.account,
      };
      const added = await changeByCommand(context, (change) => addUser(change, wanted, given));
      context.print(`added ${added.loginName} (${added.role}), password: ${given.password}`);
    });
  user
    .command('password <login-name>')
    .description('give a user a new generated password, to be changed within 14 days; ends every session')
    .action(async (loginName: string) => {
      const { password, hash } = await givePassword(context.passwords);
      await changeByCommand(context, async (change) => {
        const { userId } = await userNamed(change.stores, loginName);
        await setPassword(change, userId, { hash, temporary: true });
      });
      context.print(`new password of ${loginName}: ${password}`);
    });
  addStatusCommand('disable', 'disabled', 'sign a user out for good');
  addStatusCommand('enable', 'active', 'let a disabled user sign in again');

  function addStatusCommand(name: string, status: 'active' | 'disabled', description: string): void {
    user
      .command(`${name} <login-name>`)
      .description(description)
      .action((loginName: string) => setStatus(context, loginName, status));
  }
};

async function setStatus(context: CommandContext, loginName: string, status: 'active' | 'disabled'): Promise<void> {
  await changeByCommand(context, async (change) => {
    const { userId } = await userNamed(change.stores, loginName);
    await changeUser(change, userId, { status });
  });
  context.print(`${loginName} is ${status}`);
}

function readRole(text: string): Role {
  const role = roles.find((known) => known === text);
  if (role) return role;
  throw new DenwabanError('ARGUMENT_INVALID', `--role ${text}: there are ${roles.join(', ')}`);
}
