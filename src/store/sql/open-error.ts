import { DenwabanError, errorMessage } from '../../kernel/errors.ts';
import type { PostgresSettings } from './postgres-url.ts';
import type { SqlKind } from './schema.ts';

/** Of whose connection it is: what a remedy can name. */
export type ConnectedAs = Pick<PostgresSettings, 'user' | 'database' | 'options' | 'tls'>;

/** Why the database cannot be used, in words, and what to do about it. Nothing in it is a piece of the password. */
export function openError(kind: SqlKind, name: string, error: unknown, as?: ConnectedAs): DenwabanError {
  if (error instanceof DenwabanError && error.code !== 'DATABASE_AWAY') return error;
  const why = whyOf(error);
  const message = `the database ${name} cannot be opened: ${why}`;
  const remedy = kind === 'sqlite' || !as ? sqliteRemedy : postgresRemedy(codeOf(error), why, as);
  return new DenwabanError('DATABASE_UNREACHABLE', message, { cause: error, remedy });
}

const sqliteRemedy = 'Check that the folder is writable, the disk has room and the file is a denwaban database';

/** Of several attempts (one per address) the first. */
function whyOf(error: unknown): string {
  const [first] = error instanceof AggregateError ? error.errors : [];
  const text = errorMessage(first ?? error);
  if (/client password must be a string/.test(text)) return noPassword;
  return text.replace(/^the database is away: /, '') || String(codeOf(error) ?? 'it does not answer');
}

const noPassword = 'PostgreSQL asks for a password, and none is known';

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof DenwabanError) return codeOf(error.cause);
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const certificateFaults = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
]);

function postgresRemedy(code: string | undefined, why: string, as: ConnectedAs): string {
  if (code === '42501') return rightRemedy(why, as);
  if (code === '3D000') return `Make the database: CREATE DATABASE ${quoted(as.database)} OWNER ${quoted(as.user)}`;
  if (code === '3F000') return schemaRemedy(as);
  if (code === '28P01')
    return 'Correct user and password in DATABASE_URL; the password may be percent-encoded or as it is';
  if (why === noPassword) {
    return 'Write the password into DATABASE_URL (postgres://user:password@host/database), or set PGPASSWORD or PGPASSFILE';
  }
  if (code === '28000' && /no encryption|SSL off/i.test(why))
    return 'PostgreSQL wants encryption: add ?sslmode=require';
  if (code === '28000' && /client certificate/i.test(why)) {
    return 'PostgreSQL wants to see a certificate of ours: add &sslcert=/path/to/client.pem&sslkey=/path/to/client.key to DATABASE_URL';
  }
  if (code === '28000') return 'Let PostgreSQL take this user from this machine (pg_hba.conf), or correct DATABASE_URL';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return 'Write the host in DATABASE_URL as the certificate names it, or use sslmode=verify-ca';
  }
  if (code === 'CERT_HAS_EXPIRED') return 'Renew the certificate of PostgreSQL';
  if (code === 'CERT_NOT_YET_VALID')
    return 'Put the clock of this machine right, or renew the certificate of PostgreSQL';
  if (certificateFaults.has(code ?? '')) {
    return as.tls?.ca
      ? 'The authority in sslrootcert has not signed the certificate of PostgreSQL: name the file of the one that has'
      : 'Name the authority that signed the certificate of PostgreSQL: add &sslrootcert=/path/to/ca.pem to DATABASE_URL';
  }
  if (/does not support SSL/.test(why)) return 'Switch ssl on in PostgreSQL, or write sslmode=disable in DATABASE_URL';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return 'Correct the host in DATABASE_URL; no machine of that name is known';
  if (code === '53300')
    return 'Raise max_connections in PostgreSQL, or stop what else is connected; each process takes up to 11';
  return 'Check that PostgreSQL runs there, and that host and port of DATABASE_URL are right';
}

/** The statement that gives the right which is missing. */
function rightRemedy(why: string, { user, database }: ConnectedAs): string {
  const role = quoted(user);
  const [, kind, named] = /permission denied for (schema|database|table|relation|sequence) "?([^"]+)"?/.exec(why) ?? [];
  if (kind === 'database')
    return `As the owner of the database: GRANT CONNECT ON DATABASE ${quoted(database)} TO ${role}`;
  if (kind === 'schema' && named !== undefined) {
    return `As the owner of the database, in it: GRANT USAGE, CREATE ON SCHEMA ${quoted(named)} TO ${role}`;
  }
  return `Another role has made denwaban's tables; as a superuser, in the database: REASSIGN OWNED BY … TO ${role}, with the name of that role (\\dt shows it)`;
}

function schemaRemedy({ user, database, options }: ConnectedAs): string {
  const asked = /search_path=\s*"?([^",\s]+)/.exec(options ?? '')?.[1];
  const schema = quoted(asked ?? 'denwaban');
  const make = `CREATE SCHEMA IF NOT EXISTS ${schema}; GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${quoted(user)}`;
  if (asked !== undefined) return `The schema that DATABASE_URL names, as the owner of the database, in it: ${make}`;
  const use = `ALTER ROLE ${quoted(user)} IN DATABASE ${quoted(database)} SET search_path = denwaban`;
  return `A schema for denwaban, as a superuser in the database: ${make}; ${use}`;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
