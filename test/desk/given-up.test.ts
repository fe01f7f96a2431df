import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GivenUpCallBacks } from '../../src/desk/given-up.ts';
import { IntakeWatch } from '../../src/desk/intake-watch.ts';
import { Intakes } from '../../src/desk/intakes.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { openSql, type SqlDatabase } from '../../src/store/sql/open-sql.ts';
import { createAccountsData } from '../../src/store/sql/sql-accounts-data.ts';
import { DeskBench } from '../support/desk-harness.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { card, sakura } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const folder = mkdtempSync(join(tmpdir(), 'denwaban-given-up-'));
const logger = silentLogger;
const dayMs = 24 * 3_600_000;
let server: TestRedis;
let redis: RedisConnection;
let sql: SqlDatabase;

beforeAll(async () => {
  server = await startRedis();
  redis = await openRedis(server.url, { clock: systemClock, logger });
  sql = await openSql(`sqlite:${join(folder, 'denwaban.sqlite')}`, { clock: systemClock, logger });
});

afterAll(async () => {
  await redis.close();
  await server.stop();
  await sql.close();
  rmSync(folder, { recursive: true, force: true });
});

it('a call-back that nobody has come for in 7 days is a case, once, and the account has its report', async () => {
  const desk = await DeskBench.open(redis);
  const data = createAccountsData(sql);
  await data.accounts.saveAccount(sakura);
  const destinations = [{ type: 'mail', destinationId: 'office', address: 'office@sakura.example' }];
  await data.cards.save(card('sakura', { destinations, reports: [{ send: ['office'] }] }));
  const account = { accountId: 'sakura', name: 'さくら歯科', reading: 'さくらしか' };
  const callBack = { toNumber: '09011112222', fromNumber: '0312345678' };
  await desk.enqueue('wanted', { account, callBack, learned: { order: '1234' } });
  await desk.enqueue('strange', { account: { ...account, accountId: 'gone' }, callBack });
  for (const callId of ['wanted', 'strange']) await desk.store.callBackLater(callId);

  await desk.store.extend('c1', 8 * dayMs);
  desk.nowMs += 7 * dayMs - 1_000;
  await desk.store.tick();
  expect(await desk.store.givenUp(10)).toEqual([]);
  desk.nowMs += 1_000;
  await desk.store.tick();
  expect(await desk.leftovers()).toEqual([]);

  const clock = new FakeClock(desk.nowMs);
  const intakes = new Intakes({ data, clock, logger, onReported: () => undefined });
  const two = [0, 1].map(() => new GivenUpCallBacks({ desk: desk.store, intakes, clock, logger }));
  await Promise.all(two.map((each) => each.look()));
  const [opened, ...more] = await data.intakes.ofCall('wanted');
  expect(opened).toMatchObject({
    ...{ accountId: 'sakura', queueId: 'main', agentId: '', callerNumber: '+819011112222', learned: { order: '1234' } },
    ...{ state: 'open', form: { phoneNumber: '+819011112222' } },
  });
  expect(more).toEqual([]);
  // Of one that no case can be made of nothing is lost.
  expect((await desk.store.givenUp(10)).map(({ request }) => request.callId)).toEqual(['strange']);
  await two[0]?.look();

  const watch = new IntakeWatch({
    ...{ intakes, store: data.intakes, desk: desk.store, clock, logger, reportAfterMs: 60_000 },
  });
  for (let round = 0; round < 3; round++) {
    await clock.advance(60_000);
    await watch.look();
  }
  expect(await data.reports.ofIntake(opened?.intakeId ?? '')).toMatchObject([{ complete: false }]);
  expect(await data.outbox.list({ limit: 5 })).toMatchObject([{ target: 'office@sakura.example' }]);
});

it('somebody who is being dialled when the time is over may still be reached', async () => {
  const desk = await DeskBench.open(redis);
  await desk.enqueue('a');
  await desk.store.callBackLater('a');
  await desk.store.extend('c1', 8 * dayMs);
  desk.nowMs += 7 * dayMs - 5_000;
  await desk.signIn('ann');
  const offerId = await desk.offerOf('ann');
  for (const type of ['ringing', 'answered'] as const) await desk.store.report(offerId, { type });
  desk.nowMs += 10_000;
  expect(await desk.store.report(offerId, { type: 'connected' })).toBe('ok');
  expect(await desk.stateOf('ann')).toBe('talking');
  expect(await desk.store.givenUp(10)).toEqual([]);
});
