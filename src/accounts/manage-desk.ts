import { DenwabanError } from '../kernel/errors.ts';
import type { AccountsStores } from './accounts-data.ts';
import type { AgentProfile, AgentSettings } from './agents.ts';
import { type Change, onRecord } from './change.ts';
import { deskRoles, knownUser } from './manage-users.ts';
import { generatePassword } from './passwords.ts';
import { type Phone, phoneHashes, phoneSchema } from './phone-credentials.ts';
import type { QueueSettings } from './queues.ts';

const queuesMax = 500;
const phonesPerAgentMax = 10;

/**
 * Makes a user an agent, or changes what the agent can do. Whether the queues exist is for {@link refuseStrayQueues}.
 * @throws DenwabanError `USER_UNKNOWN`, `NOT_OF_THE_DESK`, `ACCOUNT_UNKNOWN`.
 */
export async function saveAgent(change: Change, settings: AgentSettings): Promise<AgentProfile> {
  const { agents, accounts } = change.stores;
  const user = await knownUser(change, settings.agentId);
  if (!deskRoles.includes(user.role)) {
    throw new DenwabanError('NOT_OF_THE_DESK', `${user.loginName} is ${user.role}: takes no calls`, {
      remedy: 'Give the user the role agent or supervisor first',
    });
  }
  for (const accountId of settings.refusedAccounts) {
    if (await accounts.findAccount(accountId)) continue;
    throw new DenwabanError('ACCOUNT_UNKNOWN', `there is no account "${accountId}"`);
  }
  const before = await agents.find(settings.agentId);
  await agents.save(settings);
  const after = await agents.find(settings.agentId);
  if (!after) throw new Error('invariant broken: a saved agent is not found');
  await onRecord(
    change,
    before ? 'agent.change' : 'agent.add',
    { kind: 'agent', id: settings.agentId },
    { before, after },
  );
  return after;
}

/** Adds or replaces a queue. @throws DenwabanError `QUEUES_FULL`. */
export async function saveQueue(change: Change, settings: QueueSettings): Promise<void> {
  const { queues } = change.stores;
  const before = await queues.find(settings.queueId);
  if (!before && (await queues.list()).length >= queuesMax) {
    throw new DenwabanError('QUEUES_FULL', `there are ${queuesMax} queues already`);
  }
  await queues.save(settings);
  const subject = { kind: 'queue' as const, id: settings.queueId };
  await onRecord(change, before ? 'queue.change' : 'queue.add', subject, { before, after: settings });
}

/** @throws DenwabanError `QUEUE_UNKNOWN`, `QUEUE_IN_USE`. */
export async function removeQueue(change: Change, queueId: string): Promise<void> {
  const before = await change.stores.queues.find(queueId);
  if (!before) throw new DenwabanError('QUEUE_UNKNOWN', `there is no queue "${queueId}"`);
  await change.stores.queues.remove(queueId);
  const [stray] = await strayQueues(change.stores);
  if (stray) {
    throw new DenwabanError('QUEUE_IN_USE', `${stray.namedBy} names the queue "${queueId}"`, {
      remedy: 'Take it out there first',
    });
  }
  await onRecord(change, 'queue.remove', { kind: 'queue', id: queueId }, { before });
}

/** The last step of a change of agents or queues. @throws DenwabanError `QUEUE_UNKNOWN`: one names a queue that is not. */
export async function refuseStrayQueues({ stores }: Change): Promise<void> {
  const [stray] = await strayQueues(stores);
  if (!stray) return;
  throw new DenwabanError('QUEUE_UNKNOWN', `there is no queue "${stray.queueId}", named by ${stray.namedBy}`, {
    remedy: 'Add the queue first, or name another',
  });
}

/**
 * Gives an agent's phone its credentials. The password is given back once and never again.
 * @throws DenwabanError `USER_UNKNOWN`, `NOT_OF_THE_DESK`, `PHONE_NAME_TAKEN`, `PHONES_FULL`, `PHONE_INVALID`.
 */
export async function addPhone(
  change: Change,
  wanted: { agentId: string; realm: string; username?: string | undefined; label?: string | undefined },
): Promise<{ phone: Phone; password: string }> {
  const { agentId, realm, label = '' } = wanted;
  const { phones } = change.stores;
  const user = await knownUser(change, agentId);
  if (!deskRoles.includes(user.role)) {
    throw new DenwabanError('NOT_OF_THE_DESK', `${user.loginName} is ${user.role}: has no phone`);
  }
  const others = (await phones.list(agentId)).map(({ username }) => username);
  if (others.length >= phonesPerAgentMax) {
    throw new DenwabanError('PHONES_FULL', `${user.loginName} has ${phonesPerAgentMax} phones already`);
  }
  const username = wanted.username ?? freeName(user.loginName, others);
  const read = phoneSchema.safeParse({ username, agentId, realm, label, createdAtMs: change.atMs });
  if (!read.success) {
    const faults = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new DenwabanError('PHONE_INVALID', faults.join('; '), { remedy: 'Correct the fields named' });
  }
  const password = generatePassword();
  await phones.add(read.data, phoneHashes(username, realm, password));
  await onRecord(change, 'phone.add', { kind: 'phone', id: username }, { after: read.data });
  return { phone: read.data, password };
}

/** @throws DenwabanError `PHONE_UNKNOWN`. */
export async function removePhone(change: Change, agentId: string, username: string): Promise<void> {
  const before = (await change.stores.phones.list(agentId)).find((phone) => phone.username === username);
  if (!before || !(await change.stores.phones.remove(agentId, username))) {
    throw new DenwabanError('PHONE_UNKNOWN', `there is no such phone "${username}"`);
  }
  await onRecord(change, 'phone.remove', { kind: 'phone', id: username }, { before });
}

async function strayQueues({ agents, queues }: AccountsStores): Promise<{ queueId: string; namedBy: string }[]> {
  const all = await queues.list();
  const known = new Set(all.map(({ queueId }) => queueId));
  const named = [
    ...all.flatMap((queue) =>
      queue.overflow.flatMap((step) =>
        step.type === 'queue' ? [{ queueId: step.queueId, namedBy: `the overflow of queue "${queue.queueId}"` }] : [],
      ),
    ),
    ...(await agents.list()).flatMap((agent) =>
      agent.queues.map((queueId) => ({ queueId, namedBy: `agent ${agent.loginName}` })),
    ),
  ];
  return named.filter(({ queueId }) => !known.has(queueId));
}

/** `hanako-1`, `hanako-2`, …: what is no user name of a phone is left out. */
function freeName(loginName: string, taken: readonly string[]): string {
  const base = loginName.replaceAll('@', '-').slice(0, 58);
  for (let number = 1; ; number++) {
    const name = `${base}-${number}`;
    if (!taken.includes(name)) return name;
  }
}
