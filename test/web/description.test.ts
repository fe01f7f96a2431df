import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { CallOrders } from '../../src/desk/call-orders.ts';
import { orderRefused } from '../../src/desk/call-orders.ts';
import { DeskLive } from '../../src/desk/live.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisDeskStore } from '../../src/store/redis/redis-desk-store.ts';
import { RedisDeskView } from '../../src/store/redis/redis-desk-view.ts';
import { user } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { goodPassword, startServer, type TestServer } from './support.ts';

const documentSchema = z.object({
  security: z.array(z.record(z.string(), z.array(z.string()))),
  components: z.object({
    securitySchemes: z.record(
      z.string(),
      z.object({ type: z.literal('apiKey'), in: z.literal('cookie'), name: z.string() }),
    ),
  }),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
        parameters: z
          .array(z.looseObject({ in: z.string(), name: z.string(), required: z.boolean().optional(), schema: z.any() }))
          .default([]),
        requestBody: z.object({ content: z.record(z.string(), z.any()) }).optional(),
        responses: z.record(z.string(), z.object({ content: z.record(z.string(), z.any()) })),
      }),
    ),
  ),
});
type Document = z.infer<typeof documentSchema>;
type Operation = Document['paths'][string][string];

const root = user('root', { role: 'operator' });
const boss = user('boss', { role: 'supervisor' });
let redisServer: TestRedis;
let redis: RedisConnection;
beforeAll(async () => {
  redisServer = await startRedis();
  redis = await openRedis(redisServer.url, { clock: systemClock, logger: silentLogger });
});
afterAll(async () => {
  await redis.close();
  await redisServer.stop();
});

/** How browsers may reach the server. */
const ways = {
  'by http': {},
  'by https, as PUBLIC_URL says': { publicUrl: 'https://desk.example.com' },
  'by https, as a trusted proxy says': { trustedProxies: ['127.0.0.1'] },
};

describe.each(Object.entries(ways))('what the description says is what a client meets who comes %s', (way, options) => {
  let server: TestServer;
  let document: Document;
  /** Of a client that does what the description says and knows nothing else. */
  const always: Record<string, string> = way.includes('proxy') ? { 'x-forwarded-proto': 'https' } : {};
  beforeAll(async () => {
    const callOrders: CallOrders = { find: async () => undefined, send: async () => orderRefused('no-such-call') };
    const deskLive = new DeskLive({ store: new RedisDeskView(redis), clock: systemClock, logger: silentLogger });
    server = await startServer({ ...options, callOrders, deskLive, desk: new RedisDeskStore(redis) });
    await server.addUser(root);
    await server.addUser(boss);
    const answer = await fetch(`${server.url}/api/openapi.json`, { headers: always });
    document = documentSchema.parse(await answer.json());
  });
  afterAll(() => server.stop());

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
    );
  const needsSession = (operation: Operation) => (operation.security ?? document.security).length > 0;
  const headersOf = (operation: Operation) =>
    operation.parameters.filter((parameter) => parameter.in === 'header' && parameter.required);

  /** What is sent is as empty as it can be: it is about who may, not about what is done. */
  async function send(name: string, headers: Record<string, string>) {
    const [method = '', path = ''] = name.split(' ');
    const away = new AbortController();
    const url = `${server.url}${path.replace(/\{\w+\}/g, 'x')}`;
    const answer = await fetch(url, { method, headers: { ...always, ...headers }, signal: away.signal });
    const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
    const text = type === 'text/event-stream' ? '' : await answer.text();
    away.abort();
    return {
      status: answer.status,
      type,
      code: /"code":"(\w+)"/.exec(text)?.[1],
      cookies: answer.headers.getSetCookie(),
    };
  }
  const required = (operation: Operation) =>
    Object.fromEntries(headersOf(operation).map(({ name, schema }) => [name, String(schema.const)]));

  /** Signs in as a client that was made from the description; gives the cookie as the description names it. */
  async function signIn(loginName: string): Promise<Record<string, string>> {
    const operation = document.paths['/api/v1/login']?.['post'];
    if (!operation) throw new Error('no sign-in is described');
    const answer = await fetch(`${server.url}/api/v1/login`, {
      method: 'POST',
      headers: {
        ...always,
        ...required(operation),
        'content-type': Object.keys(operation.requestBody?.content ?? {})[0] ?? '',
      },
      body: JSON.stringify({ loginName, password: goodPassword }),
    });
    expect(answer.status).toBe(200);
    const [pair = ''] = (answer.headers.getSetCookie()[0] ?? '').split(';');
    const scheme = document.components.securitySchemes['session'];
    expect(pair.split('=')[0]).toBe(scheme?.name);
    return { cookie: `${scheme?.name}=${pair.split('=')[1]}` };
  }

  it('of security: whoever is not signed in is refused exactly where a session is asked for', async () => {
    expect(operations().length).toBeGreaterThan(50);
    for (const { name, operation } of operations()) {
      const { code } = await send(name, required(operation));
      expect([name, code === 'NOT_SIGNED_IN']).toEqual([name, needsSession(operation)]);
    }
    expect(
      operations()
        .filter(({ operation }) => !needsSession(operation))
        .map(({ name }) => name),
    ).toEqual(['POST /api/v1/login']);
  });

  it('of headers: requests are refused exactly where one is missing that is asked for', async () => {
    for (const { name, operation } of operations()) {
      const asked = headersOf(operation).map((header) => header.name);
      const { code } = await send(name, {});
      expect([name, code === 'CROSS_SITE']).toEqual([name, asked.length > 0]);
    }
  });

  it('of what comes back: each answer is of a type that is described for its status', async () => {
    const types = new Set<string>();
    for (const { name, operation } of operations()) {
      const who = /\/listen$/.test(name) ? 'boss' : 'root';
      const { status, type, code } = await send(name, { ...required(operation), ...(await signIn(who)) });
      expect([name, code]).not.toEqual([name, 'NOT_SIGNED_IN']);
      expect([name, code]).not.toEqual([name, 'NOT_ALLOWED']);
      const described = operation.responses[String(status)] ?? operation.responses[`${Math.floor(status / 100)}XX`];
      expect([name, status, Object.keys(described?.content ?? {})]).toEqual([name, status, [type]]);
      types.add(`${status} ${type}`);
    }
    expect([...types]).toEqual(expect.arrayContaining(['200 application/json', '200 text/event-stream']));
  });
});
