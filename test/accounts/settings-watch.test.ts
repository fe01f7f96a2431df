import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeChange } from '../../src/accounts/change.ts';
import { saveAgent, saveQueue } from '../../src/accounts/manage-desk.ts';
import { changeUser } from '../../src/accounts/manage-users.ts';
import { type DeskSettings, type SettingsWatch, watchSettings } from '../../src/accounts/settings-watch.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openSql, type SqlDatabase } from '../../src/store/sql/open-sql.ts';
import { createAccountsData, type SqlAccountsData } from '../../src/store/sql/sql-accounts-data.ts';
import { queue, user } from '../support/people.ts';
import { eventually } from '../support/poll.ts';

let sql: SqlDatabase;
let data: SqlAccountsData;
let watch: SettingsWatch | undefined;
beforeEach(async () => {
  sql = await openSql('sqlite::memory:', { clock: systemClock, logger: silentLogger });
  data = createAccountsData(sql);
  await data.users.add(user('hanako'), 'x', 1);
});
afterEach(async () => {
  watch?.stop();
  await sql.close();
});

const actor = { kind: 'program', name: 'test' } as const;
const change = (work: Parameters<typeof makeChange<unknown>>[2]) =>
  makeChange({ data, clock: systemClock }, actor, work);
const inShort = ({ agents, queues }: DeskSettings) =>
  [...agents.map(({ loginName, active }) => `${loginName} ${active}`), ...queues.map(({ name }) => name)].join();

async function begin(onSettings?: (settings: DeskSettings) => void): Promise<string[]> {
  const told: string[] = [];
  watch = watchSettings({
    data,
    clock: systemClock,
    logger: silentLogger,
    everyMs: 5,
    onSettings: async (settings) => {
      onSettings?.(settings);
      told.push(inShort(settings));
    },
  });
  await watch.start();
  return told;
}

it('tells the settings at once, and every change, by whomever', async () => {
  await change((on) => saveQueue(on, queue('desk')));
  const told = await begin();
  expect(told).toEqual(['Queue desk']);
  await change((on) => saveQueue(on, queue('desk', { name: 'Desk' })));
  await eventually('the new name', () => told.at(-1) === 'Desk');
  await change((on) =>
    saveAgent(on, { agentId: 'user_hanako', skills: {}, languages: ['ja'], queues: ['desk'], refusedAccounts: [] }),
  );
  await eventually('the agent', () => told.at(-1) === 'hanako true,Desk');
  await data.users.add(user('root', { role: 'operator' }), 'x', 1);
  await change((on) => changeUser(on, 'user_hanako', { status: 'disabled' }));
  await eventually('the agent disabled', () => told.at(-1) === 'hanako false,Desk');
});

it('reads nothing while nothing changes', async () => {
  const told = await begin();
  await eventually('the reads after the first', () => told.length === 3);
  let looks = 0;
  const { newestSeq } = data.audit;
  data.audit.newestSeq = (kinds) => {
    looks += 1;
    return newestSeq.call(data.audit, kinds);
  };
  await eventually('ten more looks', () => looks >= 10);
  expect(told).toHaveLength(3);
});

it('tells again what could not be taken', async () => {
  let failures = 0;
  const told = await begin(({ queues }) => {
    if (queues.length === 0 || failures === 2) return;
    failures += 1;
    throw new Error('Redis is away');
  });
  await change((on) => saveQueue(on, queue('desk')));
  await eventually('the queue', () => told.at(-1) === 'Queue desk');
  expect(failures).toBe(2);
});
