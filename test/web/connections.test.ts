import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/poll.ts';
import { startServer, type TestServer } from './support.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({});
});
afterAll(() => server.stop());

it('a thousand silent connections of one address keep nobody out, and a request that never ends is closed', async () => {
  const port = Number(new URL(server.url).port);
  const silent = Array.from({ length: 1_000 }, () => {
    const one = connect(port, '127.0.0.1');
    one.on('error', () => undefined).resume();
    return one;
  });
  const slow = connect(port, '127.0.0.1');
  slow.on('error', () => undefined).resume();
  slow.write('GET /health HTTP/1.1\r\nHost: denwaban\r\n');
  await eventually('a bound', () => silent.filter(({ closed }) => !closed).length <= 64, { timeoutMs: 10_000 });
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
  await eventually('the slow one is closed', () => slow.closed, { timeoutMs: 15_000 });
  for (const one of silent) one.destroy();
}, 40_000);
