import { z } from 'zod';
import { agentSettingsSchema } from '../accounts/agents.ts';
import type { Change } from '../accounts/change.ts';
import { addPhone, refuseStrayQueues, saveAgent, saveQueue } from '../accounts/manage-desk.ts';
import { addUser, changeUser, type GivenPassword, givePassword } from '../accounts/manage-users.ts';
import type { Passwords } from '../accounts/passwords.ts';
import { phoneSchema } from '../accounts/phone-credentials.ts';
import { queueSettingsSchema } from '../accounts/queues.ts';
import { loginNameSchema, roles, type UserStore } from '../accounts/users.ts';
import { userNamed } from './command.ts';

/** `desk.json` of a folder: queues, users, and what agents can do. */
export const deskFileSchema = z.strictObject({
  queues: z.array(queueSettingsSchema).max(500).default([]),
  users: z
    .array(
      z.strictObject({
        loginName: loginNameSchema,
        displayName: z.string().min(1).max(100),
        role: z.enum(roles),
        accountId: z.string().optional(),
      }),
    )
    .max(1_000)
    .default([]),
  agents: z
    .array(
      agentSettingsSchema.omit({ agentId: true }).extend({
        /** Of a user above, or one that is there already. */
        loginName: loginNameSchema,
        /** User names of the agent's phones. */
        phones: z.array(phoneSchema.shape.username).max(10).default([]),
      }),
    )
    .max(1_000)
    .default([]),
});
export type DeskFile = z.infer<typeof deskFileSchema>;

/** Passwords that were made, to be shown once. */
export interface NewSecrets {
  users: { loginName: string; role: string; password: string }[];
  phones: { username: string; password: string; realm: string }[];
}

/** Passwords for the users of a file that are not there yet. Made before the transaction, since it takes long. */
export async function passwordsFor(
  desk: DeskFile,
  users: UserStore,
  passwords: Passwords,
): Promise<Map<string, GivenPassword>> {
  const given = new Map<string, GivenPassword>();
  for (const { loginName } of desk.users) {
    if (await users.findByLoginName(loginName)) continue;
    given.set(loginName, await givePassword(passwords));
  }
  return given;
}

/**
 * Brings queues, users and agents to what the file says; those it does not name stay. Passwords of users and phones
 * that are there already stay too.
 * @throws DenwabanError that names what cannot be.
 */
export async function loadDesk(
  change: Change,
  desk: DeskFile,
  given: ReadonlyMap<string, GivenPassword>,
  phoneRealm: string,
): Promise<NewSecrets> {
  const secrets: NewSecrets = { users: [], phones: [] };
  for (const queue of desk.queues) await saveQueue(change, queue);
  for (const { loginName, ...wanted } of desk.users) {
    const known = await change.stores.users.findByLoginName(loginName);
    const password = given.get(loginName);
    if (known) await changeUser(change, known.userId, wanted);
    else if (password) {
      await addUser(change, { loginName, ...wanted }, password);
      secrets.users.push({ loginName, role: wanted.role, password: password.password });
    }
  }
  for (const { loginName, phones, ...settings } of desk.agents) {
    const { userId } = await userNamed(change.stores, loginName);
    await saveAgent(change, { ...settings, agentId: userId });
    const known = (await change.stores.phones.list(userId)).map(({ username }) => username);
    for (const username of phones.filter((name) => !known.includes(name))) {
      const { password } = await addPhone(change, { agentId: userId, username, realm: phoneRealm });
      secrets.phones.push({ username, password, realm: phoneRealm });
    }
  }
  await refuseStrayQueues(change);
  return secrets;
}

/** For the terminal: the only time that these are shown. */
export function secretsAsText({ users, phones }: NewSecrets): string[] {
  return [
    ...users.map(({ loginName, role, password }) => `sign in as ${loginName} (${role}), password ${password}`),
    ...phones.map(({ username, realm, password }) => `phone ${username}, realm ${realm}, password ${password}`),
  ];
}
