import { userInfo } from 'node:os';
import { expect, it } from 'vitest';
import { readPostgresUrl } from '../../src/store/sql/postgres-url.ts';

it.each([
  ['p@ss'],
  ['p/ss'],
  ['p:ss'],
  ['p#ss'],
  ['12/ss'],
  ['1#ss'],
  ['a@b/c'],
  ['a@b#c'],
  ['p@/:#'],
  ['100%'],
  ['p?ss'],
])('a password such as %s is read as it stands, and percent-encoded', (password) => {
  const place = { user: 'denwaban', host: 'db.example.com', port: 5433, database: 'calls', password };
  for (const written of [password, encodeURIComponent(password)]) {
    const url = `postgres://denwaban:${written}@db.example.com:5433/calls`;
    expect(readPostgresUrl(url)).toMatchObject({ ...place, name: 'db.example.com:5433/calls' });
    expect(readPostgresUrl(`${url}?application_name=a@b`)).toMatchObject({ ...place, applicationName: 'a@b' });
  }
});

it('reads sockets, IPv6, names without a password, and no name at all', () => {
  expect(readPostgresUrl('postgres:///calls?host=/var/run/postgresql')).toMatchObject({
    ...{ host: '/var/run/postgresql', database: 'calls', user: userInfo().username, tls: undefined },
  });
  expect(readPostgresUrl('postgresql://%2Fvar%2Frun/calls')).toMatchObject({ host: '/var/run', database: 'calls' });
  expect(readPostgresUrl('postgresql://%2Fvar%2Frun:5433/calls')).toMatchObject({ host: '/var/run', port: 5433 });
  expect(readPostgresUrl('postgres://me@[::1]:5433/calls')).toMatchObject({ host: '::1', port: 5433, user: 'me' });
  expect(readPostgresUrl('postgres://me@localhost')).toMatchObject({ database: 'me', password: undefined });
});

it.each([
  ['require', { rejectUnauthorized: false }],
  ['prefer', { rejectUnauthorized: false }],
  ['verify-ca', { rejectUnauthorized: true }],
  ['verify-full', { rejectUnauthorized: true }],
])('sslmode=%s', (mode, tls) => {
  expect(readPostgresUrl(`postgres://a:b@db/c?sslmode=${mode}`)).toMatchObject({
    tls,
    tlsIsOptional: mode === 'prefer',
  });
});

it('does not encrypt where nothing or sslmode=disable says so, and refuses what is no mode', () => {
  expect(readPostgresUrl('postgres://a:b@db/c').tls).toBeUndefined();
  expect(readPostgresUrl('postgres://a:b@db/c?sslmode=disable').tls).toBeUndefined();
  for (const query of ['sslmode=yes', 'sslmode=verify-full&sslrootcert=/no/such/file']) {
    expect(() => readPostgresUrl(`postgres://a:b@db/c?${query}`)).toThrow(/sslmode|sslrootcert/);
  }
});

it.each([
  'postgres://denwaban:secret/word@',
  'postgres://denwaban:secret/word@db:port/x',
  'postgres://denwaban:secret#word',
  'postgres://denwaban:secret@a,b/x',
])('what cannot be read is refused without a piece of it: %s', (url) => {
  try {
    readPostgresUrl(url);
  } catch (error) {
    expect(error).toMatchObject({ code: 'DATABASE_URL_INVALID', remedy: expect.any(String) });
    expect(String(error)).not.toMatch(/secret|word/);
    return;
  }
  expect(readPostgresUrl(url).password ?? '').toContain('secret');
});
