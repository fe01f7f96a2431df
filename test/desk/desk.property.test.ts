import fc from 'fast-check';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { strategies } from '../../src/accounts/queues.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { commands } from './desk-commands.ts';
import { DeskUnderTest } from './desk-model.ts';

/** More for a long search: `DESK_RUNS=5000 DESK_SECONDS=600 npx vitest run test/desk/desk.property.test.ts`. */
const numRuns = Number(process.env['DESK_RUNS'] ?? 150);
const seconds = Number(process.env['DESK_SECONDS'] ?? 12);

let server: TestRedis;
let connections: RedisConnection[];

beforeAll(async () => {
  server = await startRedis();
  const options = { clock: systemClock, logger: silentLogger };
  connections = await Promise.all([0, 1, 2].map(() => openRedis(server.url, options)));
});

afterAll(async () => {
  await Promise.all(connections.map((connection) => connection.close()));
  await server.stop();
});

describe('the desk, whatever callers, agents and controllers do, and whenever they die', () => {
  it(
    'loses nobody, serves nobody twice, keeps the order, and leaves nothing behind',
    async () => {
      const strategy = fc.constantFrom(...strategies);
      await fc.assert(
        fc.asyncProperty(fc.tuple(strategy, strategy), commands, async (chosen, steps) => {
          const desk = await DeskUnderTest.start(connections, chosen);
          await fc.asyncModelRun(async () => ({ model: {}, real: desk }), steps);
          await desk.end();
        }),
        { numRuns, interruptAfterTimeLimit: seconds * 1_000, endOnFailure: false },
      );
    },
    (seconds + 60) * 1_000,
  );
});
