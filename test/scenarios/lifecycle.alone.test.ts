import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { eventually } from '../support/poll.ts';
import { startRedis } from '../support/redis.ts';
import { sippAnswered, sippBye, sippInvite, sippWaitForBye, startSipp } from '../support/sipp.ts';
import { stackName } from '../support/stack.ts';
import { denwaban, type System, startSystem } from '../support/system.ts';

const say = '0311110001';
const long = '0311110007';
const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options: Parameters<typeof startSystem>[0] = {}): Promise<System> {
  const system = await startSystem({ flows: 'test/scenarios/flows', ...options });
  cleanUps.push(async () => {
    if (!system.program.exited()) await system.stop();
  });
  return system;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-data-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function talkingPhone(system: System, number: string): Promise<Baresip> {
  const phone = await Baresip.start({ user: '0901111222' });
  cleanUps.push(() => phone.stop());
  phone.dial(system.uri(number));
  await phone.heardOf('CALL_ESTABLISHED');
  await eventually('sound', () => toneDurationMs(phone.heard(), 800) > 200);
  return phone;
}

describe('fifty calls at once', () => {
  it('are all answered, hear their flow to the end, and are on record to the millisecond', async () => {
    const system = await start();
    const run = await startSipp({
      scenario: sippInvite() + sippAnswered + sippWaitForBye,
      service: say,
      target: `${system.sipHost}:${system.sipPort}`,
      calls: 50,
      callsPerSecond: 25,
      maxAtOnce: 50,
    });
    await run.done();
    const closed = async () => {
      const all = await system.calls({ limit: 100 });
      return all.length === 50 && all.every((call) => call.endedAt) ? all : undefined;
    };
    const calls = await eventually('50 closed records', closed, { timeoutMs: 15_000 });
    for (const call of calls) {
      expect(call).toMatchObject({ outcome: 'completed', path: ['hello', 'again', 'second', 'bye'] });
      const talkMs = Date.parse(call.endedAt ?? '') - Date.parse(call.answeredAt ?? '');
      expect(talkMs).toBeGreaterThan(1_700);
      expect(talkMs).toBeLessThan(3_500);
    }
  });
});

describe('limits', () => {
  it('refuse the call above MAX_CALLS with 503 and Retry-After, and keep the others', async () => {
    const system = await start({ environment: { MAX_CALLS: '1' } });
    const phone = await talkingPhone(system, long);
    const target = `${system.sipHost}:${system.sipPort}`;
    const refused = await startSipp({
      scenario: `${sippInvite()}<recv response="100" optional="true"/><recv response="503"/>`,
      service: long,
      target,
    });
    await refused.done();
    expect(refused.messages()).toMatch(/Retry-After: *\d+/i);
    const before = toneDurationMs(phone.heard(), 800);
    await eventually('the first call goes on', () => toneDurationMs(phone.heard(), 800) > before + 300);
    phone.hangUp();
    await system.closedCall(long);
    const next = await startSipp({ scenario: sippInvite() + sippAnswered + sippBye, service: long, target });
    await next.done();
  });
});

describe('Redis away', () => {
  it('changes nothing for callers: all are answered and give their places back; /health says so; then all is well', async () => {
    const redis = await startRedis({ appendonly: true });
    cleanUps.push(() => redis.stop());
    const system = await start({ environment: { MAX_CALLS: '2', REDIS_URL: redis.url } });
    const isSaid = (state: string) =>
      eventually(`/health says ${state}`, async () => {
        const answer = await fetch(`${system.httpUrl}/health`);
        const { parts } = (await answer.json()) as { parts: { redis: { state: string } } };
        return answer.status === 200 && parts.redis.state === state;
      });
    const scenario = sippInvite() + sippAnswered + sippBye;
    const target = `${system.sipHost}:${system.sipPort}`;
    const threeCalls = async () => {
      const run = await startSipp({ scenario, service: long, target, calls: 3, maxAtOnce: 1 });
      await run.done();
    };
    process.kill(redis.pid, 'SIGSTOP');
    await isSaid('away');
    await threeCalls();
    process.kill(redis.pid, 'SIGCONT');
    await redis.halt('SIGKILL');
    await isSaid('away');
    await threeCalls();
    await redis.resume();
    await isSaid('ok');
    await threeCalls();
    const client = new Redis(redis.url);
    cleanUps.push(() => client.disconnect());
    await eventually('no state of a call is left', async () => (await client.hlen('denwaban:{calls}:owners')) === 0, {
      timeoutMs: 10_000,
    });
    const isOnRecord = async () => (await system.calls()).filter(({ endedAt }) => endedAt).length === 9;
    await eventually('nine calls on record', isOnRecord, { timeoutMs: 10_000 });
  }, 120_000);
});

describe('stopping', () => {
  it('ends calls with BYE, closes their records, and leaves no process', async () => {
    const dataDir = temporaryFolder();
    await denwaban(['load', 'test/scenarios/flows'], { DATA_DIR: dataDir });
    const system = await start({ dataDir });
    const phone = await talkingPhone(system, long);
    await system.stop();
    await phone.heardOf('CALL_CLOSED', { timeoutMs: 2_000 });
    const [call] = await system.calls();
    expect(call?.endedAt).toBeTruthy();
    expect(call?.legs.map((leg) => leg.cause)).toEqual(['system-hangup']);
  });

  it('and starting again finds the data', async () => {
    const dataDir = temporaryFolder();
    await denwaban(['load', 'test/scenarios/flows'], { DATA_DIR: dataDir });
    const first = await start({ dataDir });
    const target = (system: System) => `${system.sipHost}:${system.sipPort}`;
    const scenario = sippInvite() + sippAnswered + sippBye;
    await (await startSipp({ scenario, service: long, target: target(first) })).done();
    await first.stop();
    const second = await start({ dataDir });
    await (await startSipp({ scenario, service: long, target: target(second) })).done();
    await eventually(
      'both calls on record',
      async () => (await second.calls()).filter((call) => call.endedAt).length === 2,
    );
  });
});

describe('a second start on a data folder in use', () => {
  it('is refused and touches nothing of the first: its calls and its Redis go on', async () => {
    const system = await start();
    const phone = await talkingPhone(system, long);
    const second = await denwaban(['start'], { ...system.environment, LOG_LEVEL: 'silent' });
    expect(second.code).toBe(1);
    expect(second.output).toContain(`belongs to process ${system.program.pid}`);
    expect(second.output).toMatch(/remedy: .*DATA_DIR/);
    const redis = new Redis(join(system.dataDir, 'redis/redis.sock'));
    cleanUps.push(() => redis.disconnect());
    // The one that was there from the beginning has the call.
    expect(await redis.hlen('denwaban:{calls}:owners')).toBe(1);
    const upSeconds = Number(/uptime_in_seconds:(\d+)/.exec(await redis.info('server'))?.[1]);
    expect(upSeconds).toBeGreaterThan(0);
    const before = toneDurationMs(phone.heard(), 800);
    await eventually('the call goes on', () => toneDurationMs(phone.heard(), 800) > before + 300);
    const health = (await (await fetch(`${system.httpUrl}/health`)).json()) as { parts: Record<string, unknown> };
    expect(health).toMatchObject({ ready: true, calls: 1, parts: { redis: { state: 'ok' } } });
    phone.hangUp();
    expect((await system.closedCall(long)).legs).toMatchObject([{ cause: 'caller-hangup' }]);
    await eventually('its state is forgotten', async () => (await redis.hlen('denwaban:{calls}:owners')) === 0);
  });
});

describe('a start that cannot succeed names the place and the remedy', () => {
  const attempt = async (environment: Record<string, string>) => {
    const { code, output } = await denwaban(['start'], {
      SIP_PORT: '0',
      HTTP_PORT: '0',
      LOG_LEVEL: 'silent',
      DATA_DIR: temporaryFolder(),
      ...environment,
    });
    expect(code).toBe(1);
    return output;
  };
  const occupy = () =>
    new Promise<number>((resolve) => {
      const server: Server = createServer().listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      });
      cleanUps.push(() => void server.close());
    });

  it('HTTP port in use', async () => {
    const port = await occupy();
    const stack =
      stackName() === 'local'
        ? { DRACHTIO_URL: process.env.DRACHTIO_URL ?? '', FREESWITCH_URLS: process.env.FREESWITCH_URLS ?? '' }
        : {};
    const output = await attempt({ HTTP_PORT: String(port), ...stack });
    expect(output).toContain(String(port));
    expect(output).toMatch(/remedy: .*HTTP_PORT/);
  });

  it('SIP port in use', async () => {
    const port = await occupy();
    const output = await attempt({ SIP_PORT: String(port), DRACHTIO_URL: '', FREESWITCH_URLS: '' });
    expect(output).toContain(String(port));
    expect(output).toMatch(/remedy: .*SIP_PORT/);
  });

  it('a data folder that is a file', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const output = await attempt({ DATA_DIR: file });
    expect(output).toContain(file);
    expect(output).toMatch(/remedy: .*DATA_DIR/);
  });

  it('a Redis that does not answer', async () => {
    const output = await attempt({ REDIS_URL: 'redis://127.0.0.1:1' });
    expect(output).toMatch(/127\.0\.0\.1:1/);
    expect(output).toMatch(/remedy: .*REDIS_URL/);
  });

  it('a wrong setting', async () => {
    expect(await attempt({ MAX_CALLS: 'many' })).toMatch(/MAX_CALLS must be/);
  });
});
