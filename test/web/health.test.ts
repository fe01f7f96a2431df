import { afterEach, describe, expect, it } from 'vitest';
import type { Health } from '../../src/web/routes/health.ts';
import { startServer, type TestServer } from './support.ts';

const open: TestServer[] = [];
const start = async (health: () => Promise<Health>, port = 0) => {
  const server = await startServer({ health, port });
  open.push(server);
  return server.http;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.stop()));
});

describe('GET /health', () => {
  it('is 200 while calls can be answered and 503 while not', async () => {
    let ready = true;
    const { port } = await start(async () => ({ ready, details: { calls: 3, ledger: { waiting: [1] } } }));
    const up = await fetch(`http://127.0.0.1:${port}/health`);
    expect([up.status, await up.json()]).toEqual([200, { ready: true, calls: 3, ledger: { waiting: [1] } }]);
    expect(up.headers.get('cache-control')).toBe('no-store');
    ready = false;
    expect((await fetch(`http://127.0.0.1:${port}/health?x=1`)).status).toBe(503);
    expect((await fetch(`http://127.0.0.1:${port}/health`, { method: 'HEAD' })).status).toBe(503);
  });

  it('is 503 when the check itself fails', async () => {
    const { port } = await start(() => Promise.reject(new Error('redis is gone')));
    const answer = await fetch(`http://127.0.0.1:${port}/health`);
    expect([answer.status, await answer.json()]).toEqual([503, { ready: false, error: 'redis is gone' }]);
  });

  it('answers 404 and 405 elsewhere', async () => {
    const { port } = await start(async () => ({ ready: true, details: {} }));
    expect((await fetch(`http://127.0.0.1:${port}/x`)).status).toBe(404);
    const other = await fetch(`http://127.0.0.1:${port}/health`, { method: 'DELETE' });
    expect([other.status, other.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('names a port in use, and the remedy', async () => {
    const { port } = await start(async () => ({ ready: true, details: {} }));
    await expect(start(async () => ({ ready: true, details: {} }), port)).rejects.toMatchObject({
      code: 'HTTP_PORT_IN_USE',
      message: expect.stringContaining(String(port)),
      remedy: expect.stringContaining('HTTP_PORT'),
    });
  });
});
