import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DenwabanError } from '../../src/kernel/errors.ts';
import { errorCatalogue, errorSchema, toAnswer } from '../../src/web/errors.ts';
import { user } from '../support/people.ts';
import { type Browser, errorCode, goodPassword, startServer, type TestServer } from './support.ts';

const root = user('root', { role: 'operator' });
const pages = mkdtempSync(join(tmpdir(), 'denwaban-pages-'));
let server: TestServer;
let operator: Browser;
beforeAll(async () => {
  writeFileSync(join(pages, 'index.html'), '<!doctype html><title>denwaban</title>');
  writeFileSync(join(pages, 'app.js'), 'export {};');
  server = await startServer({ consoleFolder: pages });
  await server.addUser(root);
  operator = await server.browserOf(root);
});
afterAll(async () => {
  await server.stop();
  rmSync(pages, { recursive: true, force: true });
});

describe('errors', () => {
  it.each([
    ['a body that is no JSON', 'POST', '/users', '{', {}, 400, 'JSON_INVALID'],
    ['no body', 'POST', '/users', undefined, {}, 400, 'INPUT_INVALID'],
    ['another type', 'POST', '/users', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'NOT_JSON'],
    ['plain text', 'POST', '/login', '{}', { 'content-type': 'text/plain' }, 415, 'NOT_JSON'],
    ['a body that is too large', 'POST', '/users', `"${'x'.repeat(1_100_000)}"`, {}, 413, 'BODY_TOO_LARGE'],
    ['a sign-in that is too large', 'POST', '/login', `"${'x'.repeat(9_000)}"`, {}, 413, 'BODY_TOO_LARGE'],
    ['a field too many', 'POST', '/login', { loginName: 'x', password: 'y', admin: true }, {}, 400, 'INPUT_INVALID'],
    ['a prototype', 'POST', '/users', '{"__proto__": {"role": "operator"}}', {}, 400, 'JSON_INVALID'],
    ['an unknown address', 'GET', '/nothing', undefined, {}, 404, 'NOT_FOUND'],
    ['an unknown method', 'DELETE', '/users', undefined, {}, 405, 'METHOD_NOT_ALLOWED'],
    ['a path that climbs', 'GET', '/users/..%2f..%2fetc', undefined, {}, 404, 'USER_UNKNOWN'],
    ['a broken escape', 'GET', '/users/%ff', undefined, {}, 400, 'INPUT_INVALID'],
    ['an id that is too long', 'GET', `/users/${'x'.repeat(100)}`, undefined, {}, 400, 'INPUT_INVALID'],
  ])('%s', async (_, method, path, body, headers, status, code) => {
    const answer = await operator.send(method, path, body, headers);
    expect([answer.status, errorCode(answer)], answer.text).toEqual([status, code]);
    expect(errorSchema.strict().safeParse(answer.body).success, answer.text).toBe(true);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('name every place, the first as path, and repeat nothing that was sent', async () => {
    const answer = await operator.send('POST', '/users', { loginName: 'A!', displayName: 'my-secret-1', role: 'king' });
    const { error } = answer.body as { error: { message: string; path: string; remedy: string } };
    expect(error.path).toBe('body.loginName');
    expect(error.message).toMatch(/body\.loginName: lower-case letters.*; body\.role: /);
    expect(error.remedy).toBeTruthy();
    const login = await operator.send('POST', '/login', { loginName: 'x', password: { text: 'my-secret-2' } });
    expect(login.text + answer.text).not.toMatch(/my-secret/);
  });

  it('of ours are told without their inside', () => {
    const { status, body, fault } = toAnswer(new Error('select * from users failed at 10.0.0.3'));
    expect([status, body.error.code, fault]).toEqual([500, 'INTERNAL', true]);
    expect(JSON.stringify(body)).not.toMatch(/select|10\.0/);
  });

  it('that pass by themselves say when to try again', () => {
    const { status, headers } = toAnswer(new DenwabanError('TOO_BUSY', 'too many sign-ins at once'));
    expect([status, headers]).toEqual([503, { 'retry-after': '5' }]);
    const away = toAnswer(new DenwabanError('REDIS_UNAVAILABLE', 'Redis is away: no answer from 10.0.0.3'));
    expect([away.status, away.headers, away.fault]).toEqual([503, { 'retry-after': '5' }, false]);
    expect(away.body.error.message).not.toContain('10.0.0.3');
  });

  it('of the room accounts are all in the catalogue', () => {
    const folders = ['src/accounts', 'src/store/sql'];
    const text = folders
      .flatMap((folder) => readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8')))
      .join('\n');
    const thrown = [...text.matchAll(/new DenwabanError\(\s*'([A-Z_]+)'/g)].map(([, code]) => code ?? '');
    const elsewhere = /^(DATABASE_|FLOW_|OUTBOX_|LIMIT_)/;
    expect([...new Set(thrown)].filter((code) => !elsewhere.test(code) && !(code in errorCatalogue))).toEqual([]);
  });
});

describe('answers', () => {
  it('carry headers that keep browsers from harm', async () => {
    for (const path of ['/me', '/nothing', '/api/openapi.json']) {
      const { headers } = await operator.send('GET', path);
      expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*script-src 'self';.*frame-ancestors/);
      expect(headers.get('content-security-policy')).not.toMatch(/script-src[^;]*unsafe/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('give the console its pages, at every address of its own', async () => {
    for (const path of ['/', '/agent', '/accounts/sakura']) {
      const answer = await fetch(`${server.url}${path}`, { headers: { accept: 'text/html' } });
      expect([answer.status, await answer.text()]).toEqual([200, '<!doctype html><title>denwaban</title>']);
      expect(answer.headers.get('content-security-policy')).toBeTruthy();
    }
    expect((await fetch(`${server.url}/app.js`)).status).toBe(200);
    expect((await fetch(`${server.url}/missing.js`)).status).toBe(404);
    expect((await fetch(`${server.url}/api/v1/x`, { headers: { accept: 'text/html' } })).status).toBe(404);
    for (const path of ['/..%2fpackage.json', '/%2e%2e/package.json', '/app.js/../../package.json']) {
      expect(await (await fetch(`${server.url}${path}`)).text()).not.toContain('dependencies');
    }
  });

  it('come to an end for clients that send a body and do not finish', async () => {
    const status = await new Promise((resolve, reject) => {
      const { hostname, port } = new URL(server.url);
      const sent = request({ hostname, port, path: '/api/v1/users', method: 'POST' }, (answer) => {
        resolve(answer.statusCode);
        sent.destroy();
      });
      sent.on('error', reject);
      sent.setHeader('content-type', 'application/json');
      sent.setHeader('x-denwaban', '1');
      sent.write('{"loginName":');
    });
    expect(status).toBe(401);
  });
});

describe('the description', () => {
  it('is OpenAPI 3.1 and has every route, with the errors', async () => {
    const { body } = await operator.send('GET', '/api/openapi.json');
    const description = body as {
      openapi: string;
      paths: Record<string, Record<string, { summary?: string; responses: Record<string, unknown> }>>;
    };
    expect(description.openapi).toBe('3.1.0');
    const described = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, route]) => {
        expect(route.summary, path).toBeTruthy();
        expect(JSON.stringify(route.responses['4XX'])).toContain('#/components/schemas/Error');
        return `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`;
      }),
    );
    const routes = server.http.routes.filter(({ method, url }) => url.startsWith('/api/v1/') && method !== 'HEAD');
    expect(described.toSorted()).toEqual(routes.map(({ method, url }) => `${method} ${url}`).toSorted());
    expect(JSON.stringify(body)).not.toMatch(/"\$ref":"(?!#\/components\/schemas\/Error")/);
  });

  it('has nothing that a password could be read from', async () => {
    const { text } = await operator.send('GET', '/users');
    expect(text).not.toMatch(/hash|argon2/i);
    expect(text).not.toContain(goodPassword);
  });
});
