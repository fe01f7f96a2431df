import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { DenwabanError } from '../../src/kernel/errors.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { makeGates } from '../../src/store/sql/database-watch.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { PostgresConnections } from '../../src/store/sql/postgres-pool.ts';
import { readPostgresUrl } from '../../src/store/sql/postgres-url.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

/** A PostgreSQL with a private authority, and roles as its operators make them. */
const password = 'se@cr/et:x#1% y&z?';
let postgres: TestPostgres;
let base: string;
const file = (name: string) => join(postgres.dir, name);

beforeAll(async () => {
  postgres = await startPostgres();
  const port = new URL(postgres.url).port;
  base = `postgres://desk:${encodeURIComponent(password)}@localhost:${port}/calls`;
  for (const authority of ['ca', 'other']) {
    openssl(
      'req',
      '-x509',
      ...newKey(authority),
      '-out',
      `${authority}.pem`,
      '-subj',
      `/CN=${authority}`,
      '-days',
      '9',
    );
  }
  certificate('good', 'DNS:localhost,IP:127.0.0.1');
  certificate('elsewhere', 'DNS:db.example.com');
  certificate('expired', 'DNS:localhost', '-1');
  certificate('client', 'DNS:desk');
  await admin(`create role desk login password '${password}'; create role guest login password 'gu@est'`);
  await admin('create database calls owner desk');
  await use('good');
}, 60_000);
afterAll(() => postgres.stop());

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: postgres.dir, stdio: 'pipe' });
}

function newKey(name: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
}

/** One that the authority `ca` has signed, for a server or a client. */
function certificate(name: string, names: string, days = '5'): void {
  openssl('req', ...newKey(name), '-out', `${name}.csr`, '-subj', '/CN=desk');
  writeFileSync(file('names'), `subjectAltName=${names}\n`);
  const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names'];
  openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.pem`, '-days', days);
  // PostgreSQL takes a key of its own user alone.
  execFileSync('chown', ['--reference', postgres.dir, file(`${name}.key`)]);
  chmodSync(file(`${name}.key`), 0o600);
}

async function admin(text: string, database = 'postgres'): Promise<void> {
  const client = new Client({
    host: postgres.dir,
    port: Number(new URL(postgres.url).port),
    user: 'denwaban',
    database,
  });
  await client.connect();
  // One by one: a database is made in no transaction.
  for (const statement of text.split(';')) await client.query(statement);
  await client.end();
}

const passwords = 'host all all all scram-sha-256';
function use(name: string | undefined, access = [passwords]): Promise<void> {
  const tls = { ssl: 'on', ssl_cert_file: file(`${name}.pem`), ssl_key_file: file(`${name}.key`) };
  const settings: Record<string, string> =
    name === undefined ? { ssl: 'off' } : { ...tls, ssl_ca_file: file('ca.pem') };
  return postgres.configure({ access, settings });
}

/** '' where it works, else what is said and the remedy; a piece of a password in it fails. */
async function open(url: string): Promise<string> {
  try {
    await (await openSql(url, { clock: systemClock, logger: silentLogger })).close();
    return '';
  } catch (error) {
    const { message, remedy } = error as DenwabanError;
    expect(`${message} ${remedy}`).not.toMatch(/se@cr|se%40cr|et:x|gu@est|gu%40est/);
    return `${message} → ${remedy}`;
  }
}

const withTls = (query: string) => open(`${base}?${query.replaceAll('@', `${postgres.dir}/`)}`);

describe('encryption', () => {
  it.each([
    ['sslmode=require', ''],
    ['sslmode=require&sslrootcert=@ca.pem', ''],
    ['sslmode=verify-ca&sslrootcert=@ca.pem', ''],
    ['sslmode=verify-full&sslrootcert=@ca.pem', ''],
    ['sslmode=require&sslrootcert=@other.pem', 'The authority in sslrootcert has not signed'],
    ['sslmode=verify-full&sslrootcert=@other.pem', 'The authority in sslrootcert has not signed'],
    ['sslmode=verify-ca', 'add &sslrootcert='],
    ['sslmode=verify-full&sslrootcert=@none.pem', 'Set sslrootcert to a PEM file'],
    ['sslmode=verify-full&sslrootcert=@names', 'nothing in it that is PEM'],
  ])('with a private authority, %s: %s', async (query, remedy) => {
    const said = await withTls(query);
    if (remedy === '') expect(said).toBe('');
    else expect(said).toContain(remedy);
  });

  it('a certificate of another name, or expired, is taken where nobody asked for more, else refused in words', async () => {
    await use('elsewhere');
    expect(await withTls('sslmode=verify-full&sslrootcert=@ca.pem')).toContain('use sslmode=verify-ca');
    expect(await withTls('sslmode=verify-ca&sslrootcert=@ca.pem')).toBe('');
    await use('expired');
    expect(await withTls('sslmode=verify-ca&sslrootcert=@ca.pem')).toContain('Renew the certificate');
    expect(await withTls('sslmode=require')).toBe('');
  });

  it('a server that wants encryption has it without a word in the url, as psql gives it; the watch too', async () => {
    await use('good', ['hostssl all all all scram-sha-256']);
    expect(await open(base)).toBe('');
    expect(await open(`${base}?sslmode=disable`)).toContain('add ?sslmode=require');
    const gates = makeGates(systemClock);
    const options = { settings: readPostgresUrl(base), gates, logger: silentLogger, onTrouble: () => undefined };
    const connections = new PostgresConnections(options);
    // What looks whether it is there, on a connection of its own.
    await connections.probe.read();
    await connections.end();
  });

  it('a server that wants our certificate, and one that cannot encrypt', async () => {
    await use('good', ['hostssl all all all scram-sha-256 clientcert=verify-ca']);
    expect(await withTls('sslmode=require')).toContain('add &sslcert=');
    expect(await withTls('sslmode=require&sslcert=@client.pem')).toContain('one of sslcert and sslkey');
    expect(await withTls('sslmode=require&sslcert=@client.pem&sslkey=@good.key')).toContain('its own key');
    expect(await withTls('sslmode=require&sslcert=@client.pem&sslkey=@client.key')).toBe('');
    await use(undefined);
    expect(await withTls('sslmode=require')).toContain('Switch ssl on in PostgreSQL');
    for (const query of ['sslmode=prefer', 'sslmode=allow', 'sslmode=disable']) expect(await withTls(query)).toBe('');
  });
});

describe('who connects', () => {
  it('by a password as it stands, IPv6, a socket, and a password file that others may not read', async () => {
    expect(await open(base.replace(encodeURIComponent(password), password))).toBe('');
    expect(await open(base.replace('localhost', '[::1]'))).toBe('');
    const port = new URL(base).port;
    expect(await open(`postgres://desk@${encodeURIComponent(postgres.dir)}:${port}/calls`)).toBe('');
    expect(await open(`postgres://desk@/calls?host=${postgres.dir}&port=${port}`)).toBe('');
    const nobody = `postgres://desk@localhost:${port}/calls`;
    expect(await open(nobody)).toContain('set PGPASSWORD or PGPASSFILE');
    writeFileSync(
      file('passes'),
      `# ours\nlocalhost:*:other:desk:no\nlocalhost:*:calls:desk:${password.replace(':', '\\:')}\n`,
    );
    chmodSync(file('passes'), 0o600);
    const { databaseUrl } = readConfig({ DATABASE_URL: nobody, PGPASSFILE: file('passes') });
    expect(await open(databaseUrl)).toBe('');
    chmodSync(file('passes'), 0o644);
    expect(await open(databaseUrl)).toContain('none is known');
    expect(await open(base.replace(encodeURIComponent(password), 'wrong'))).toContain('Correct user and password');
  });

  const statement = (said: string) => / (GRANT|CREATE|REASSIGN) .*$/.exec(said)?.[0] ?? 'none';
  const guest = (database: string) => base.replace(/\/\/.*@/, '//guest:gu%40est@').replace('/calls', `/${database}`);

  it.each([
    ['no right in the schema public', 'a', '', '', 'a'],
    ['a schema that is another’s', 'b', 'create schema desk', '?options=-csearch_path%3Ddesk', 'b'],
    ['a schema that is not there', 'c', '', '?options=-csearch_path%3Dnope', 'c'],
    [
      'no right to connect',
      'd',
      'revoke connect on database d from public; grant create on schema public to guest',
      '',
      'd',
    ],
    ['no search path', 'g', "alter role guest in database g set search_path = ''", '', 'g'],
    ['no such database', 'e', '', '', undefined],
  ])('%s: the statement that is printed helps', async (_why, database, before, query, made) => {
    if (made) await admin(`create database ${database}`);
    if (made && before) await admin(before, database);
    const said = await open(`${guest(database)}${query}`);
    await admin(statement(said), made ?? 'postgres');
    expect(await open(`${guest(database)}${query}`)).toBe('');
  });

  it('tables that another role has made', async () => {
    await admin('create database f owner desk');
    expect(await open(base.replace('/calls', '/f'))).toBe('');
    await admin(statement(await open(guest('f'))), 'f');
    const said = await open(guest('f'));
    await admin(statement(said).replace('…', 'desk').replace(/,.*$/, ''), 'f');
    expect(await open(guest('f'))).toBe('');
  });
});
