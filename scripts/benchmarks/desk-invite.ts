/**
 * From an agent becoming free to the INVITE that reaches the phone: the whole program with its switch, 1,000 callers who
 * wait as real calls by SIPp, 200 agents whose phones have registered, answer, talk and hang up. Beside it in the same run,
 * on the same switch and phones: a bare application that a linear scan wakes, and one that polls every 5 s. Prints a table,
 * then JSON.
 *
 *   node scripts/benchmarks/desk-invite.ts [--seconds 30] [--rate 5] [--callers 1000] [--runs 2]
 */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { agentSettingsSchema } from '../../src/accounts/agents.ts';
import { phoneHashes } from '../../src/accounts/phone-credentials.ts';
import { systemClock as clock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger as logger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisDeskStore } from '../../src/store/redis/redis-desk-store.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { createAccountsData } from '../../src/store/sql/sql-accounts-data.ts';
import { eventually } from '../../test/support/poll.ts';
import { freePort } from '../../test/support/ports.ts';
import { runProgram } from '../../test/support/process.ts';
import { startRedis } from '../../test/support/redis.ts';
import { sippAnswered, sippInvite, sippSdp, sippWaitForBye } from '../../test/support/sipp.ts';
import { denwaban, startSystem } from '../../test/support/system.ts';
import { childrenOf, cpuMs, percentile } from './cpu.ts';
import { LinearScan } from './desk-baseline.ts';
import { agentCount, profileOf, requestOf } from './desk-people.ts';
import { monotonicMs, type PhoneReport, phonePassword } from './desk-phone-words.ts';
import { startBaseline } from './subjects.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    rate: { type: 'string' },
    callers: { type: 'string' },
    runs: { type: 'string' },
  },
});
const seconds = Number(values.seconds ?? 30);
const ratePerSecond = Number(values.rate ?? 5);
const callers = Number(values.callers ?? 1_000);
const runs = Number(values.runs ?? 2);
/** From the answer to the hang-up; the whisper is skipped by a key. */
const talkMs = 2_000;
const giveUpMs = 20_000;
const profiles = Array.from({ length: agentCount }, (_, index) => profileOf(index));

/** What frees agents, and says when one can be freed (again). */
interface Subject {
  readonly name: string;
  /** From now on a caller may be given to the agent. */
  free(agentId: string): Promise<void>;
  /** After the phone has hung up: resolves once the agent can be freed again. */
  restored(agentId: string): Promise<void>;
  /** When the store told a controller of the offer, where that is known. */
  readonly told: ReadonlyMap<string, number>;
  /** CPU of each process so far, in ms. */
  cpu(): Record<string, number>;
}

/** What ends whatever runs, the last first. */
const cleanUps: (() => unknown)[] = [];

async function cleanUp(): Promise<void> {
  for (const end of cleanUps.splice(0).reverse()) await end();
}

/** The phones' process. */
class Phones {
  readonly #child: ReturnType<typeof fork>;
  readonly #waiting = new Map<string, (atMs: number) => void>();
  readonly #ending = new Map<string, () => void>();
  port = 0;

  private constructor(child: ReturnType<typeof fork>) {
    this.#child = child;
  }

  static async open(serverPort: number): Promise<Phones> {
    const args = [String(serverPort), String(agentCount), String(talkMs)];
    const phones = new Phones(fork(join(import.meta.dirname, 'desk-phones.ts'), args, { execArgv: [] }));
    await new Promise<void>((resolve, reject) => {
      phones.#child.once('exit', (code) => reject(new Error(`the phones ended with ${code}`)));
      phones.#child.on('message', (report: PhoneReport) => {
        if (report.type === 'ready') {
          phones.port = report.port;
          resolve();
        } else if (report.type === 'invite') phones.#waiting.get(report.agentId)?.(report.atMs);
        else phones.#ending.get(report.agentId)?.();
      });
    });
    return phones;
  }

  /** When the next INVITE of this agent's phone arrives; undefined: not in time. */
  invited(agentId: string): Promise<number | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), giveUpMs);
      this.#waiting.set(agentId, (atMs) => {
        clearTimeout(timer);
        resolve(atMs);
      });
    });
  }

  /** When the phone has hung up. */
  ended(agentId: string): Promise<void> {
    return new Promise((resolve) => this.#ending.set(agentId, resolve));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  stop(): void {
    this.#child.disconnect();
  }
}

/** Users, agents and phones, written as they would be after months of work with the console. */
async function addAgents(dataDir: string): Promise<void> {
  const sql = await openSql(`sqlite:${join(dataDir, 'denwaban.sqlite')}`, { clock, logger });
  const data = createAccountsData(sql);
  for (const { agentId, loginName, displayName, active: _, ...settings } of profiles) {
    const user = { userId: agentId, loginName, displayName, role: 'agent', status: 'active' } as const;
    await data.users.add({ ...user, passwordTemporary: false }, 'nobody signs in', clock.nowMs());
    await data.agents.save(agentSettingsSchema.parse({ agentId, ...settings }));
    const phone = { username: loginName, agentId, realm: 'denwaban', label: '', createdAtMs: clock.nowMs() };
    await data.phones.add(phone, phoneHashes(loginName, 'denwaban', phonePassword));
  }
  await sql.close();
}

/** Callers by SIPp: so many at once, each with its next as soon as it is over. On hold at their end: without audio. */
async function startCallers(target: string, folder: string) {
  const numbers = ['0344440001', '0344440003', '0344440001', '0344440004', '0344440001', '0344440002'];
  writeFileSync(join(folder, 'numbers.csv'), `SEQUENTIAL\n${numbers.join('\n')}\n`);
  const invite = sippInvite({ body: `${sippSdp}a=sendonly\n` }).replaceAll('[service]', '[field0]');
  const scenario = `${invite}${sippAnswered.replaceAll('[service]', '[field0]')}${sippWaitForBye}`;
  writeFileSync(
    join(folder, 'callers.xml'),
    `<?xml version="1.0"?>\n<scenario name="callers">${scenario}</scenario>\n`,
  );
  return runProgram(
    'sipp',
    [
      target,
      '-sf',
      'callers.xml',
      '-inf',
      'numbers.csv',
      '-i',
      '127.0.0.1',
      '-p',
      String(await freePort()),
      '-nostdin',
    ].concat(['-l', String(callers), '-r', '100', '-m', '100000', '-t', 'u1']),
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
  );
}

/** The program with its switch, as `scripts/start` runs it, on a Redis that the bench can reach. */
async function startDenwaban(redis: RedisConnection, url: string) {
  const dataDir = mkdtempSync(join(tmpdir(), 'denwaban-bench-'));
  const environment = {
    ...{ DATA_DIR: dataDir, REDIS_URL: url, RTP_PORTS: '10000-19999', LOG_LEVEL: 'warn' },
    ...{ MAX_CALLS: '5000', MAX_CALLS_PER_SECOND: '1000' },
  };
  const loaded = await denwaban(['load', join(import.meta.dirname, 'desk-flows')], environment);
  if (loaded.code !== 0) throw new Error(loaded.output);
  await addAgents(dataDir);
  const system = await startSystem({ dataDir, environment });
  cleanUps.push(async () => {
    await system.program.end({ withinMs: 30_000 });
    rmSync(dataDir, { recursive: true, force: true });
  });
  const phones = await Phones.open(system.sipPort);
  cleanUps.push(() => phones.stop());
  const store = new RedisDeskStore(redis);
  const told = new Map<string, number>();
  const listener = redis.client.duplicate({ enableOfflineQueue: true });
  await listener.psubscribe('denwaban:{desk}:to:*');
  listener.on('pmessage', (_pattern, _channel, text: string) => {
    const atMs = monotonicMs();
    const message = JSON.parse(text) as { type: string; offer?: { agentId: string } };
    if (message.offer) told.set(message.offer.agentId, atMs);
  });
  const begun = new Set<string>();
  cleanUps.push(() => listener.disconnect());
  const sipp = await startCallers(`${system.sipHost}:${system.sipPort}`, dataDir);
  // First: so that the calls end by themselves when the program does.
  cleanUps.unshift(() => sipp.end());
  await eventually(
    'the callers to wait',
    async () => ((await store.queueFigures('front'))?.waiting ?? 0) >= callers * 0.99,
    { timeoutMs: 120_000, everyMs: 250 },
  );
  const pids = { controller: system.program.pid, sipp: sipp.pid, phones: phones.pid };
  const [media] = childrenOf(system.program.pid);
  const subject: Subject = {
    name: 'denwaban',
    told,
    // Signed in for the first time; then, the wrap-up is ended.
    free: async (agentId) => {
      if (begun.has(agentId)) await store.endWrapUp(agentId);
      else await store.setAgentState(agentId, 'available');
      begun.add(agentId);
    },
    restored: (agentId) =>
      eventually('wrap-up', async () => (await store.findAgent(agentId))?.state === 'wrap-up', {
        timeoutMs: giveUpMs,
        everyMs: 100,
      }).then(() => undefined),
    cpu: () => {
      const all = { ...pids, ...(media ? { switch: media.pid } : {}) };
      return Object.fromEntries(Object.entries(all).map(([name, pid]) => [name, cpuMs(pid)]));
    },
  };
  return { subject, phones };
}

/** A bare application on the same switch; nobody waits as a call, the line is in Redis alone. */
async function startBare(connections: RedisConnection[], url: string, mode: 'woken' | 'poll') {
  const prefix = newId('bench');
  const phones = await Phones.open(0);
  cleanUps.push(() => phones.stop());
  const line = new LinearScan(connections, prefix);
  await line.start(profiles);
  cleanUps.push(() => line.stop());
  for (let index = 0; index < callers; index++) await line.enqueue(requestOf(index));
  const args = [url, prefix, String(phones.port), ...(mode === 'poll' ? ['poll'] : [])];
  const running = await startBaseline('baseline-desk.ts', args);
  cleanUps.push(() => running.stop());
  const [redis] = connections;
  let count = callers;
  const subject: Subject = {
    name: mode === 'poll' ? 'bare, polls every 5 s' : 'bare, linear scan',
    told: new Map(),
    free: async (agentId) => {
      if (mode === 'poll') await redis?.client.sadd(`${prefix}:{scan}:free`, agentId);
      else await line.free(agentId);
    },
    restored: async (agentId) => {
      await line.part(agentId);
      await line.enqueue(requestOf(count++));
    },
    cpu: () => ({ controller: cpuMs(running.controllerPid), phones: cpuMs(phones.pid) }),
  };
  return { subject, phones };
}

/** Agents become free at even moments; gives what it took to the phone, in ms. */
async function freeToInvite(subject: Subject, phones: Phones, forSeconds: number) {
  const idle = profiles.map(({ agentId }) => agentId);
  const all: number[] = [];
  const told: number[] = [];
  let missing = 0;
  let skipped = 0;
  const rounds: Promise<void>[] = [];
  const before = subject.cpu();
  const startMs = monotonicMs();
  for (let number = 0; number < forSeconds * ratePerSecond; number++) {
    const waitMs = startMs + (number * 1_000) / ratePerSecond - monotonicMs();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const agentId = idle.shift();
    if (agentId === undefined) {
      skipped += 1;
      continue;
    }
    const round = async () => {
      const ended = phones.ended(agentId);
      const invited = phones.invited(agentId);
      const freeMs = monotonicMs();
      await subject.free(agentId);
      const atMs = await invited;
      if (atMs === undefined) {
        missing += 1;
        return;
      }
      all.push(atMs - freeMs);
      const toldMs = subject.told.get(agentId);
      if (toldMs !== undefined) told.push(toldMs - freeMs);
      await ended;
      await subject.restored(agentId);
      idle.push(agentId);
    };
    rounds.push(round());
  }
  const tookMs = monotonicMs() - startMs;
  const cpu = Object.entries(subject.cpu()).map(([name, ms]) => [name, ((ms - (before[name] ?? 0)) * 100) / tookMs]);
  await Promise.all(rounds);
  return { all, told, missing, skipped, cpu: Object.fromEntries(cpu) as Record<string, number> };
}

const round = (value: number) => Math.round(value * 10) / 10;

async function measure(start: () => Promise<{ subject: Subject; phones: Phones }>): Promise<object> {
  try {
    const { subject, phones } = await start();
    // The program warms up, and the calls that have just come in settle.
    await freeToInvite(subject, phones, 4);
    const { all, told, missing, skipped, cpu } = await freeToInvite(subject, phones, seconds);
    const row = {
      ...{ what: subject.name, invites: all.length, missing, skipped },
      ...{
        p50Ms: round(percentile(all, 0.5)),
        p95Ms: round(percentile(all, 0.95)),
        p99Ms: round(percentile(all, 0.99)),
        maxMs: round(Math.max(...all)),
      },
      ...(told.length ? { toldP50Ms: round(percentile(told, 0.5)), toldP99Ms: round(percentile(told, 0.99)) } : {}),
      load: round(loadavg()[0] ?? 0),
      cpuPercent: Object.entries(cpu)
        .map(([name, percent]) => `${name} ${Math.round(percent)}`)
        .join(', '),
    };
    console.error(JSON.stringify(row));
    return row;
  } finally {
    await cleanUp();
  }
}

const server = await startRedis();
const options = { clock, logger, commandTimeoutMs: 60_000 };
const connections = await Promise.all([openRedis(server.url, options), openRedis(server.url, options)]);
const [redis] = connections;
const rows: object[] = [];
try {
  for (let run = 0; run < runs; run++) {
    await redis.client.flushall();
    rows.push(await measure(() => startDenwaban(redis, server.url)));
    await redis.client.flushall();
    rows.push(await measure(() => startBare(connections, server.url, 'woken')));
  }
  rows.push(await measure(() => startBare(connections, server.url, 'poll')));
} finally {
  for (const connection of connections) await connection.close();
  await server.stop();
}
console.log(
  `agent free → INVITE at the phone: ${callers} callers, ${agentCount} agents, ${ratePerSecond} freed a second`,
);
console.log(
  'denwaban: callers are real SIP calls on hold at their end, without audio; bare: a line in Redis, no calls',
);
console.table(rows);
console.log(JSON.stringify({ bench: 'desk-invite', seconds, ratePerSecond, callers, agents: agentCount, rows }));
