import type { Actor } from '../accounts/audit.ts';
import { makeChange } from '../accounts/change.ts';
import { addUser, givePassword } from '../accounts/manage-users.ts';
import type { Passwords } from '../accounts/passwords.ts';
import type { Clock } from '../kernel/clock.ts';
import type { TargetGuard } from '../outbox/target-guard.ts';
import type { HouseParts } from '../web/house.ts';
import type { CommandData } from './command.ts';
import { loadFolder } from './load.ts';
import { type NewSecrets, secretsAsText } from './load-desk.ts';

const firstOperator = 'admin';

/**
 * What an empty database needs before anybody can use it: the sample account with its flows and desk where there is no
 * account, and an operator where there is no user. Gives lines with the passwords that were made, to be shown once.
 */
export async function prepareFirstStart(options: {
  sampleFolder: string;
  house: HouseParts;
  data: CommandData;
  passwords: Passwords;
  clock: Clock;
  phoneRealm: string;
  targets: TargetGuard;
}): Promise<{ secrets: string[] }> {
  const { data, passwords } = options;
  const actor: Actor = { kind: 'program', name: 'first start' };
  const secrets: NewSecrets = { users: [], phones: [] };
  if (!(await data.users.list()).some(({ role }) => role === 'operator')) {
    const given = await givePassword(passwords);
    const made = await makeChange(options, actor, async (change) => {
      // Another machine may have started at the same moment.
      const users = await change.stores.users.list();
      if (users.some(({ role, loginName }) => role === 'operator' || loginName === firstOperator)) return false;
      await addUser(change, { loginName: firstOperator, displayName: 'Operator', role: 'operator' }, given);
      return true;
    });
    if (made) secrets.users.push({ loginName: firstOperator, role: 'operator', password: given.password });
  }
  if ((await data.accounts.listAccounts()).length === 0) {
    const loaded = await loadFolder({ ...options, folder: options.sampleFolder, actor });
    secrets.users.push(...loaded.users);
    secrets.phones.push(...loaded.phones);
  }
  return { secrets: secretsAsText(secrets) };
}
