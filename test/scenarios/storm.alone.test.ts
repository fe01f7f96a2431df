import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { listCalls } from '../../src/cli/calls.ts';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import type { CallRecord } from '../../src/ledger/call-record.ts';
import { openRedis } from '../../src/store/redis/open-redis.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';
import { SqlIntakeStore } from '../../src/store/sql/sql-intake-store.ts';
import { DeskAgent, readSecrets } from '../support/desk-agent.ts';
import { faultsOf, readDesk } from '../support/desk-snapshot.ts';
import { eventually } from '../support/poll.ts';
import { startPostgres } from '../support/postgres.ts';
import { randomBy } from '../support/random.ts';
import { startRedis } from '../support/redis.ts';
import {
  answeredCalls,
  type SippRun,
  sippAnswered,
  sippBye,
  sippInvite,
  sippSdp,
  sippWaitForBye,
  startSipp,
} from '../support/sipp.ts';
import { startOwnSwitch } from '../support/switch.ts';
import { denwaban, type System, startSystem } from '../support/system.ts';

/**
 * Callers who hang up whenever they like, agents who answer, refuse, hold, hand over, do not hear the phone, and hang up, and two
 * controllers on one Redis and one PostgreSQL, of which every few seconds one is killed and started again. What must be
 * true afterwards is true of every call. `STORM_SECONDS` for a longer one, `STORM_SEED` for the same one again.
 */
const stormMs = Number(process.env.STORM_SECONDS ?? 10) * 1_000;
const seed = Number(process.env.STORM_SEED ?? Math.floor(Math.random() * 1e9));
const number = '0322220001';
const logins = ['ann', 'bob', 'cho'];
const options = { clock: systemClock, logger: silentLogger };

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const random = randomBy(seed);
const between = (fromMs: number, toMs: number) => fromMs + random() * (toMs - fromMs);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A folder, and the program that runs on it now. */
class Controller {
  readonly #dataDir: string;
  readonly #environment: Record<string, string>;
  system: System | undefined;

  constructor(environment: Record<string, string>) {
    this.#environment = environment;
    this.#dataDir = mkdtempSync(join(tmpdir(), 'denwaban-data-'));
    cleanUps.push(async () => {
      await this.stop();
      rmSync(this.#dataDir, { recursive: true, force: true });
    });
  }

  async start(): Promise<System> {
    this.system = await startSystem({ dataDir: this.#dataDir, environment: this.#environment });
    return this.system;
  }

  async kill(): Promise<void> {
    this.system?.program.child.kill('SIGKILL');
    await this.system?.program.exit;
  }

  async stop(): Promise<void> {
    if (this.system && !this.system.program.exited()) await this.system.stop();
  }
}

/** Two controllers, and where they keep what they share. */
async function start() {
  const own = await startOwnSwitch();
  cleanUps.push(() => own.stop());
  const redis = await startRedis({ appendonly: true });
  cleanUps.push(() => redis.stop());
  const postgres = await startPostgres();
  cleanUps.push(() => postgres.stop());
  const environment = { ...own.environment, REDIS_URL: redis.url, DATABASE_URL: postgres.url };
  const dataDir = mkdtempSync(join(tmpdir(), 'denwaban-data-'));
  const loaded = await denwaban(['load', 'test/scenarios/storm'], { ...environment, DATA_DIR: dataDir });
  rmSync(dataDir, { recursive: true, force: true });
  expect(loaded).toMatchObject({ code: 0 });
  const controllers = [new Controller(environment), new Controller(environment)] as const;
  const systems = await Promise.all(controllers.map((controller) => controller.start()));
  return { controllers, system: systems[0] as System, redis, postgres, secrets: readSecrets(loaded.output) };
}

/** Asks of the call what an agent can ask of it, through a controller that lives; what cannot be done is not. */
async function order(agent: DeskAgent, colleagues: readonly DeskAgent[], system: System | undefined): Promise<void> {
  if (!system) return;
  const page = agent.page.movedTo(system);
  const colleague = colleagues[Math.floor(random() * colleagues.length)];
  const orders: [string, object][] = [
    ['hold', { held: true }],
    ['hold', { held: false }],
    ['transfer', { to: { type: 'agent', agentId: colleague?.agentId } }],
    ['transfer', { to: { type: 'queue', queueId: 'front' } }],
  ];
  const [what, body] = orders[Math.floor(random() * orders.length)] ?? ['hold', { held: true }];
  try {
    const { callId } = (await page.send('GET', `/agents/${agent.agentId}/state`)) as { callId?: string };
    if (callId !== undefined) await page.send('POST', `/desk/calls/${callId}/${what}`, body);
  } catch {
    // Killed, or too late.
  }
}

interface Storm {
  isOver(): boolean;
  agents: readonly DeskAgent[];
  living(): System | undefined;
}

/** Does as agents do, until told to stop. */
async function work(agent: DeskAgent, { isOver, agents, living }: Storm): Promise<void> {
  const { phone } = agent;
  const seen = (type: string) => phone.events.filter((event) => event.type === type).length;
  const colleagues = agents.filter((other) => other !== agent);
  let rung = 0;
  while (!isOver()) {
    await pause(50);
    if (seen('CALL_INCOMING') === rung) continue;
    rung = seen('CALL_INCOMING');
    const closed = seen('CALL_CLOSED');
    await pause(between(0, 1_500));
    const mood = random();
    if (mood < 0.15) continue; // Does not hear it.
    if (mood < 0.3) phone.hangUp();
    else phone.accept();
    const hangsUpAtMs = performance.now() + between(500, 8_000);
    while (seen('CALL_CLOSED') === closed && performance.now() < hangsUpAtMs) {
      await pause(between(50, 1_500));
      if (random() < 0.4) await order(agent, colleagues, living());
    }
    // Otherwise the caller has hung up, or another agent has answered.
    if (seen('CALL_CLOSED') === closed) phone.hangUp();
  }
  phone.hangUp();
}

/** Kills one controller after the other, each at least once, never both. */
async function killAndStart(controllers: readonly Controller[], untilMs: number): Promise<number> {
  let kills = 0;
  while (performance.now() < untilMs || kills < controllers.length) {
    await pause(between(1_500, 4_000));
    const victim = controllers[kills % controllers.length];
    await victim?.kill();
    kills += 1;
    await pause(between(0, 3_000));
    await victim?.start();
  }
  return kills;
}

/** Callers by SIPp, without audio of their own. How each call went is read from denwaban's records, not from SIPp's. */
async function startCallers(system: System, { calls, leave }: { calls: number; leave: boolean }): Promise<SippRun> {
  const invite = sippInvite({ body: `${sippSdp}a=sendonly\n` });
  const leaves = `<pause distribution="uniform" min="300" max="12000"/>${sippBye}`;
  const stays = sippWaitForBye.replace('<recv request="BYE"/>', '<recv request="BYE" timeout="40000"/>');
  const run = await startSipp({
    ...{
      target: `${system.sipHost}:${system.sipPort}`,
      service: number,
      scenario: invite + sippAnswered + (leave ? leaves : stays),
    },
    ...{ calls, maxAtOnce: 5, callsPerSecond: 2, timeoutSeconds: Math.ceil(stormMs / 1_000) + 60 },
  });
  cleanUps.push(() => run.stop());
  return run;
}

/** What the calls are on record as, once all of them are over. */
async function recordsOf(facts: SqlFactStore): Promise<CallRecord[]> {
  const open = (records: CallRecord[]) =>
    records.filter(({ endedAt, legs }) => !endedAt || legs.some((leg) => !leg.endedAt)).map(({ callId }) => callId);
  return eventually(
    'every call and leg to be closed',
    async () => {
      const records = await listCalls({ facts, limit: 1_000 });
      return open(records).length === 0 ? records : undefined;
    },
    { timeoutMs: 90_000, everyMs: 500 },
  );
}

interface Talk {
  callId: string;
  agentId: string;
  fromMs: number;
  toMs: number;
}

/** When which agent could talk with which caller. */
function talksOf(facts: readonly CallFact[]): Talk[] {
  const agents = new Map(
    facts.flatMap((fact) => (fact.type === 'offered' && fact.agentId ? [[fact.legId, fact.agentId]] : [])),
  );
  const talks: Talk[] = [];
  const open = new Map<string, number>();
  for (const fact of facts.toSorted((a, b) => a.seq - b.seq)) {
    const agentId = agents.get(fact.legId);
    if (agentId === undefined) continue;
    if (fact.type === 'bridged') open.set(fact.legId, fact.atMs);
    const fromMs = open.get(fact.legId);
    if (fromMs === undefined || (fact.type !== 'unbridged' && fact.type !== 'ended')) continue;
    open.delete(fact.legId);
    talks.push({ callId: fact.callId, agentId, fromMs, toMs: fact.atMs });
  }
  return talks;
}

/** Pairs of talks at the same time that share a caller or an agent. */
function clashes(talks: readonly Talk[]): [Talk, Talk][] {
  return talks.flatMap((one, index) =>
    talks
      .slice(index + 1)
      .filter((other) => other.agentId === one.agentId || other.callId === one.callId)
      .filter((other) => Math.min(one.toMs, other.toMs) - Math.max(one.fromMs, other.fromMs) > 0)
      .map((other): [Talk, Talk] => [one, other]),
  );
}

it(
  `through a storm nobody is lost and nothing is left (STORM_SEED=${seed})`,
  async () => {
    const { controllers, system, redis, postgres, secrets } = await start();
    const agents: DeskAgent[] = [];
    for (const [index, login] of logins.entries()) {
      const agent = await DeskAgent.start(system, secrets, login, { toneHz: 800 + 100 * index, answer: false });
      cleanUps.push(() => agent.phone.discard());
      await agent.want('available');
      agents.push(agent);
    }
    let isOver = false;
    const living = () => controllers.map(({ system: one }) => one).find((one) => one && !one.program.exited());
    const working = agents.map((agent) => work(agent, { isOver: () => isOver, agents, living }));
    const calls = Math.ceil(stormMs / 2_000);
    const runs = [
      await startCallers(system, { calls, leave: true }),
      await startCallers(system, { calls, leave: false }),
    ];
    // It breaks loose when the first two talk.
    await eventually('a talk', async () => (await Promise.all(agents.map((one) => one.state()))).includes('talking'), {
      timeoutMs: 30_000,
    });
    const kills = await killAndStart(controllers, performance.now() + stormMs);
    await Promise.all(runs.map(({ program }) => program.exit));
    isOver = true;
    await Promise.all(working);

    const database = await openSql(postgres.url, options);
    cleanUps.push(() => database.close());
    const store = new SqlFactStore(database);
    const records = await recordsOf(store);
    const facts = await store.factsOfCalls(records.map(({ callId }) => callId));
    const talks = talksOf(facts);
    // It was one.
    expect(kills).toBeGreaterThan(1);
    expect(talks.length).toBeGreaterThan(0);

    // Whoever was answered is on record; nobody talked with two at once; each who talked with people is one case.
    const answered = new Set(runs.flatMap((run) => [...answeredCalls(run.messages())]));
    const known = new Set(records.flatMap(({ legs }) => legs.map(({ sipCallId }) => sipCallId)));
    expect([...answered].filter((callId) => !known.has(callId))).toEqual([]);
    expect(clashes(talks)).toEqual([]);
    const intakes = new SqlIntakeStore(database);
    const cases = async (callId: string) => (await intakes.ofCall(callId)).length;
    for (const callId of new Set(talks.map((talk) => talk.callId))) {
      await eventually(`the case of ${callId}`, async () => (await cases(callId)) === 1, { timeoutMs: 20_000 });
    }

    // Everybody is free for the next caller, and nothing of the calls is left anywhere.
    const connection = await openRedis(redis.url, options);
    cleanUps.push(() => connection.close());
    const desk = () => readDesk(connection, 'denwaban:{desk}:');
    await eventually(
      'the desk to be at rest',
      async () => {
        const { calls: atDesk, offers, agents: all } = await desk();
        return (
          atDesk.size === 0 &&
          offers.size === 0 &&
          logins.length === [...all.values()].filter((one) => one['state'] === 'available').length
        );
      },
      { timeoutMs: 60_000, everyMs: 500 },
    );
    expect(faultsOf(await desk())).toEqual([]);
    const keys = await connection.client.keys('*');
    expect(keys.filter((key) => /call_|leg_/.test(key))).toEqual([]);
    for (const { system: running } of controllers) {
      const health = (await (await fetch(`${running?.httpUrl}/health`)).json()) as { calls: number };
      expect(health.calls).toBe(0);
    }
    console.log(`${kills} kills, ${answered.size} answered, ${records.length} on record, ${talks.length} talks`);
  },
  stormMs + 300_000,
);
