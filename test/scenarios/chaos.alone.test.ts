import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { listCalls } from '../../src/cli/calls.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import type { CallRecord } from '../../src/ledger/call-record.ts';
import { openRedis } from '../../src/store/redis/open-redis.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';
import { type ChaosMachine, chaosFaults, type Fault, mountSmall, unmount } from '../support/chaos-faults.ts';
import { DeskAgent, readSecrets } from '../support/desk-agent.ts';
import { faultsOf, readDesk } from '../support/desk-snapshot.ts';
import { HealthWatch } from '../support/health-watch.ts';
import { eventually } from '../support/poll.ts';
import { freePort } from '../support/ports.ts';
import { startPostgres } from '../support/postgres.ts';
import { randomBy } from '../support/random.ts';
import {
  answeredCalls,
  phoneSystem,
  type SippRun,
  sippAnswered,
  sippBye,
  sippInvite,
  sippSdp,
  startSipp,
} from '../support/sipp.ts';
import { stackName } from '../support/stack.ts';
import { startSupervisedPair } from '../support/supervised-pair.ts';
import { denwaban, type System, startSystem } from '../support/system.ts';

/**
 * Every part of the machine stopped, killed, frozen or filled, in random order, while calls come in and are answered by
 * flow and agent. After each: `/health` has told it within 5 s and tells its end within 5 s, calls were answered where
 * they could be. After all: whoever was answered is on record once and closed, and nothing is left anywhere.
 * With STACK=local also drachtio and FreeSWITCH, where the commands that start them are in DRACHTIO_COMMAND and
 * FREESWITCH_COMMAND: they are started here then, and must not run yet.
 * `CHAOS_ROUNDS` for more than one of each, `CHAOS_SEED` for the same order again, `CHAOS_ONLY` for those whose name matches.
 */
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e9));
const random = randomBy(seed);
const words = '0322220001';
const people = '0322220002';
/** By then `/health` must have noticed. */
const noticedMs = 5_000;
const options = { clock: systemClock, logger: silentLogger };

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => [random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

/** One program on a folder of its own, on the same ports after each start. */
async function startMachine() {
  const pair = await startSupervisedPair();
  cleanUps.push(() => pair?.stop());
  const dataDir = mkdtempSync(join(tmpdir(), 'denwaban-data-'));
  cleanUps.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const canFill = mountSmall(dataDir, 96);
  if (canFill) cleanUps.push(() => unmount(dataDir));
  const postgres = await startPostgres();
  cleanUps.push(() => postgres.stop());
  const environment = {
    DATABASE_URL: postgres.url,
    SIP_PORT: String(await freePort()),
    HTTP_PORT: String(await freePort()),
  };
  const loaded = await denwaban(['load', 'test/scenarios/chaos'], { ...environment, DATA_DIR: dataDir });
  expect(loaded).toMatchObject({ code: 0 });
  const start = () => startSystem({ dataDir, environment });
  let system = await start();
  cleanUps.push(() => (system.program.exited() ? undefined : system.stop()));
  const machine: ChaosMachine = {
    dataDir,
    canFill,
    postgres,
    isEmbedded: stackName() === 'embedded',
    pair,
    system: () => system,
    restart: async () => {
      system.program.child.kill('SIGKILL');
      await system.program.exit;
      system = await start();
    },
  };
  return { machine, postgres, secrets: readSecrets(loaded.output) };
}

/** Callers until they are stopped; SIPp counts one that is refused or cut off as failed, and goes on. */
async function startCallers(system: System, service: string, callsPerSecond: number): Promise<SippRun> {
  const leaves = `<pause distribution="uniform" min="200" max="3000"/>${sippBye}`;
  const run = await startSipp({
    scenario: sippInvite({ body: `${sippSdp}a=sendonly\n` }) + sippAnswered + leaves,
    target: `${system.sipHost}:${system.sipPort}`,
    service,
    callsPerSecond,
    calls: 100_000,
    maxAtOnce: 40,
    timeoutSeconds: 7_200,
    extra: ['-recv_timeout', '8000'],
  });
  cleanUps.push(() => run.stop().catch(() => undefined));
  return run;
}

async function isAnswered(system: System): Promise<boolean> {
  const scenario = sippInvite() + sippAnswered + sippBye;
  return phoneSystem(system, words, scenario, { timeoutSeconds: 4 }).then(
    () => true,
    () => false,
  );
}

/** One fault from its beginning to its end. */
async function round(fault: Fault, machine: ChaosMachine, watch: HealthWatch): Promise<void> {
  const said = (state: (told: string | undefined) => boolean) => async () => {
    const { parts } = await watch.look();
    return state(parts[fault.part ?? '']);
  };
  const started = performance.now();
  await fault.break();
  if (fault.lasts) {
    await eventually(
      `/health to say ${fault.name}`,
      said((told) => told !== undefined && told !== 'ok'),
      {
        timeoutMs: noticedMs,
      },
    );
    if (fault.newCalls === 'answered') expect(await isAnswered(machine.system()), fault.name).toBe(true);
    if (fault.newCalls === 'refused') {
      const isRefused = async () => !(await isAnswered(machine.system()));
      await eventually(`calls to be refused: ${fault.name}`, isRefused, { timeoutMs: 10_000 });
    }
  }
  await pause(fault.holdMs);
  await fault.mend();
  const isWell = async () => {
    const { ready, parts } = await watch.look();
    return ready && Object.values(parts).every((state) => state === 'ok');
  };
  // What lasts is over when it is mended; what does not, denwaban notices and mends itself.
  const withinMs = fault.lasts ? noticedMs : 3 * noticedMs;
  await eventually(`/health to be well after ${fault.name}`, isWell, { timeoutMs: withinMs });
  await eventually(`calls to be answered after ${fault.name}`, () => isAnswered(machine.system()), {
    timeoutMs: 20_000,
  });
  console.log(`${fault.name}: ${((performance.now() - started) / 1_000).toFixed(1)} s`);
}

/** What the calls are on record as, once all of them are over. */
async function closedRecords(facts: SqlFactStore): Promise<CallRecord[]> {
  return eventually(
    'every call and leg to be closed',
    async () => {
      const records = await listCalls({ facts, limit: 20_000 });
      const isOpen = ({ endedAt, legs }: CallRecord) => !endedAt || legs.some((leg) => !leg.endedAt);
      return records.some(isOpen) ? undefined : records;
    },
    { timeoutMs: 90_000, everyMs: 500 },
  );
}

it(
  `whatever goes away comes back, and every call is on record once (CHAOS_SEED=${seed})`,
  async () => {
    const { machine, postgres, secrets } = await startMachine();
    const watch = new HealthWatch(machine.system().httpUrl);
    const agent = await DeskAgent.start(machine.system(), secrets, 'ann', { toneHz: 800, answer: true });
    cleanUps.push(() => agent.phone.discard());
    await agent.want('available');
    const runs = [await startCallers(machine.system(), words, 2), await startCallers(machine.system(), people, 0.5)];
    const only = new RegExp(process.env.CHAOS_ONLY ?? '');
    const faults = chaosFaults(machine).filter(({ name }) => only.test(name));
    const rounds = Number(process.env.CHAOS_ROUNDS ?? faults.length);
    for (let done = 0; done < rounds; done += faults.length) {
      for (const fault of shuffled(faults).slice(0, rounds - done)) {
        await round(fault, machine, watch).catch((error: unknown) => {
          const said = watch.samples.slice(-40).map((sample) => JSON.stringify(sample));
          throw new Error(`${fault.name}\n${said.join('\n')}\n${machine.system().program.output().slice(-6_000)}`, {
            cause: error,
          });
        });
      }
    }
    for (const run of runs) await run.stop().catch(() => undefined);

    const database = await openSql(postgres.url, options);
    cleanUps.push(() => database.close());
    const store = new SqlFactStore(database);
    const records = await closedRecords(store);
    const answered = runs.flatMap((run) => [...answeredCalls(run.messages())]);
    const legs = records.flatMap((record) => record.legs);
    const known = Map.groupBy(legs, ({ sipCallId }) => sipCallId);
    expect(answered.filter((callId) => known.get(callId)?.length !== 1)).toEqual([]);
    expect(answered.length).toBeGreaterThan(rounds);
    const facts = await store.factsOfCalls(records.map(({ callId }) => callId));
    const ends = Map.groupBy(
      facts.filter(({ type }) => type === 'ended'),
      ({ legId }) => legId,
    );
    expect([...ends.values()].filter((list) => list.length !== 1)).toEqual([]);
    expect(
      legs.filter((leg) => leg.answeredAt !== null && leg.endedAt !== null && leg.endedAt < leg.answeredAt),
    ).toEqual([]);

    const connection = await openRedis(join(machine.dataDir, 'redis/redis.sock'), options);
    cleanUps.push(() => connection.close());
    let left: unknown;
    const atRest = async () => {
      const { calls, offers } = await readDesk(connection, 'denwaban:{desk}:');
      left = { calls: [...calls], offers: [...offers] };
      return calls.size === 0 && offers.size === 0;
    };
    await eventually('the desk to be at rest', atRest, { timeoutMs: 60_000, everyMs: 500 }).catch((error: unknown) => {
      throw new Error(`left at the desk: ${JSON.stringify(left)}`, { cause: error });
    });
    expect(faultsOf(await readDesk(connection, 'denwaban:{desk}:'))).toEqual([]);
    const keys = await connection.client.keys('*');
    expect(keys.filter((key) => /call_|leg_/.test(key))).toEqual([]);
    const health = (await (await fetch(`${machine.system().httpUrl}/health`)).json()) as { calls: number };
    expect(health.calls).toBe(0);
    console.log(`${rounds} rounds, ${answered.length} answered, ${records.length} on record`);
  },
  Number(process.env.CHAOS_ROUNDS ?? 8) * 60_000 + 300_000,
);
