import { addPhone, removePhone } from '../accounts/manage-desk.ts';
import { toRfc3339 } from '../kernel/clock.ts';
import { type AddCommand, changeByCommand, table, userNamed } from './command.ts';

/** `denwaban phone …`: what agents' SIP phones register with. */
export const addPhoneCommands: AddCommand = (program, context) => {
  const phone = program.command('phone').description("what agents' SIP phones register with");
  phone
    .command('add <agent>')
    .description('give a phone its user name and password; the password is shown this once')
    .option('--username <name>', 'instead of the next free one')
    .option('--label <text>', 'which phone it is')
    .action(async (agent: string, options: { username?: string; label?: string }) => {
      const added = await changeByCommand(context, async (change) => {
        const { userId } = await userNamed(change.stores, agent);
        return addPhone(change, { ...options, agentId: userId, realm: context.phoneRealm });
      });
      context.print(`user name ${added.phone.username}  realm ${added.phone.realm}  password ${added.password}`);
    });
  phone
    .command('list <agent>')
    .description("an agent's phones")
    .action(async (agent: string) => {
      const phones = await context.withStores(async ({ data }) =>
        data.phones.list((await userNamed(data, agent)).userId),
      );
      const rows = phones.map(({ username, label, createdAtMs }) => [username, toRfc3339(createdAtMs), label]);
      context.print(table([['user name', 'since', 'label'], ...rows]));
    });
  phone
    .command('remove <agent> <username>')
    .description('take the credentials of a phone away')
    .action(async (agent: string, username: string) => {
      await changeByCommand(context, async (change) =>
        removePhone(change, (await userNamed(change.stores, agent)).userId, username),
      );
      context.print(`phone ${username} is removed`);
    });
};
