import type { AnsweringService } from '../accounts/accounts.ts';
import type { OutboxChannel } from '../outbox/entry.ts';
import type { OutboxStore } from '../outbox/outbox-store.ts';
import type { IntakeOutcome, IntakeStores } from './intake-store.ts';
import { complainedAccounts } from './intake-view.ts';
import type { VoicemailStore } from './voicemail.ts';

interface OfAccount {
  accountId: string;
  name: string;
}

/** What somebody who looks after the desk has to see to. Times are ms since the epoch. */
export interface Attention {
  /** Complaints have reached what the account's plan allows, or its answering service is suspended. */
  accounts: (OfAccount & { complaints: number; limit: number; answeringService: AnsweringService })[];
  /** Forms that nobody is at and nobody has saved, oldest first. */
  unfinished: (OfAccount & { intakeId: string; agentName: string; leftAtMs: number })[];
  /** Reports of the last days that the account's card sends nowhere. */
  nowhere: (OfAccount & { newestAtMs: number; outcomes: { outcome: IntakeOutcome | null; count: number }[] })[];
  /** Deliveries of reports that were given up, newest first. */
  givenUp: (OfAccount & { channel: OutboxChannel; newestAtMs: number; outboxIds: string[] })[];
}

type Stores = Omit<IntakeStores, 'outbox'> & {
  outbox: Pick<OutboxStore, 'list'>;
  voicemails?: Pick<VoicemailStore, 'nowhere'> | undefined;
};

const unfinishedMax = 100;
const givenUpMax = 200;
/** What went nowhere longer ago is old news. */
const nowhereMs = 7 * 86_400_000;

/** Reads what needs attention now. */
export async function needsAttention(stores: Stores, nowMs: number): Promise<Attention> {
  const accounts = await stores.accounts.listAccounts();
  const names = new Map(accounts.map(({ accountId, name }) => [accountId, name]));
  const named = (accountId: string) => ({ accountId, name: names.get(accountId) ?? accountId });
  const complained = new Map((await complainedAccounts(stores)).map((one) => [one.accountId, one]));
  const suspended = accounts.filter(({ answeringService }) => answeringService === 'suspended');
  const ended = new Set(accounts.filter(({ status }) => status === 'ended').map(({ accountId }) => accountId));
  const concerned = new Set([...complained.keys(), ...suspended.map(({ accountId }) => accountId)]);
  return {
    accounts: await Promise.all(
      [...concerned]
        .filter((accountId) => !ended.has(accountId))
        .map(async (accountId) => {
          const isSuspended = suspended.some((one) => one.accountId === accountId);
          const { complaints, limit } = complained.get(accountId) ?? (await countsOf(stores, accountId));
          return { ...named(accountId), complaints, limit, answeringService: isSuspended ? 'suspended' : 'active' };
        }),
    ),
    unfinished: await unfinishedOf(stores, named),
    nowhere: nowhereOf(await nowhereSince(stores, nowMs - nowhereMs), named),
    givenUp: await givenUpOf(stores, named),
  };
}

/** Also of messages that callers left by themselves. */
async function nowhereSince({ reports, voicemails }: Stores, sinceMs: number) {
  const messages = (await voicemails?.nowhere({ sinceMs })) ?? [];
  const counted = await reports.nowhere({ sinceMs });
  for (const { accountId, count, newestAtMs } of messages) {
    const same = counted.find((one) => one.accountId === accountId && one.outcome === 'message');
    if (same) Object.assign(same, { count: same.count + count, newestAtMs: Math.max(same.newestAtMs, newestAtMs) });
    else counted.push({ accountId, outcome: 'message', count, newestAtMs });
  }
  return counted;
}

type Named = (accountId: string) => OfAccount;

async function countsOf({ cards, intakes }: Stores, accountId: string) {
  const { complaintsBeforeWarning: limit, complaintsSinceMs: sinceMs } = await cards.rules(accountId);
  return { limit, complaints: (await intakes.complaints({ accountId, sinceMs })).get(accountId) ?? 0 };
}

async function unfinishedOf({ intakes, users }: Stores, named: Named): Promise<Attention['unfinished']> {
  const left = await intakes.open({ limit: unfinishedMax, left: true });
  const agentIds = [...new Set(left.map(({ agentId }) => agentId))];
  const agents = new Map(
    await Promise.all(agentIds.map(async (id) => [id, (await users.find(id))?.displayName ?? id] as const)),
  );
  return left.map(({ intakeId, accountId, agentId, leftAtMs, changedAtMs }) => ({
    ...named(accountId),
    ...{ intakeId, agentName: agents.get(agentId) ?? agentId, leftAtMs: leftAtMs ?? changedAtMs },
  }));
}

function nowhereOf(
  counted: Awaited<ReturnType<IntakeStores['reports']['nowhere']>>,
  named: Named,
): Attention['nowhere'] {
  const byAccount = Map.groupBy(counted, ({ accountId }) => accountId);
  return [...byAccount].map(([accountId, counts]) => ({
    ...named(accountId),
    newestAtMs: Math.max(...counts.map(({ newestAtMs }) => newestAtMs)),
    outcomes: counts.map(({ outcome, count }) => ({ outcome, count })),
  }));
}

async function givenUpOf({ outbox }: Stores, named: Named): Promise<Attention['givenUp']> {
  const entries = await outbox.list({ state: 'given-up', limit: givenUpMax });
  const reports = entries.filter(({ kind }) => kind === 'report' || kind === 'voicemail');
  const groups = Map.groupBy(reports, ({ accountId, channel }) => `${channel} ${accountId}`);
  return [...groups.values()].flatMap((group) => {
    const [newest] = group;
    if (!newest) return [];
    const outboxIds = group.map(({ outboxId }) => outboxId);
    const { channel, createdAtMs: newestAtMs, accountId } = newest;
    return [{ ...named(accountId ?? ''), channel, newestAtMs, outboxIds }];
  });
}
