import { DenwabanError, errorMessage } from '../../kernel/errors.ts';
import type { SqlKind } from './schema.ts';

/** Why the database cannot be used, in words, and what to do about it. Nothing in it is a piece of the password. */
export function openError(kind: SqlKind, name: string, error: unknown): DenwabanError {
  if (error instanceof DenwabanError && error.code !== 'DATABASE_AWAY') return error;
  const message = `the database ${name} cannot be opened: ${whyOf(error)}`;
  const remedy = kind === 'sqlite' ? sqliteRemedy : postgresRemedy(codeOf(error), whyOf(error));
  return new DenwabanError('DATABASE_UNREACHABLE', message, { cause: error, remedy });
}

const sqliteRemedy = 'Check that the folder is writable, the disk has room and the file is a denwaban database';

/** Of several attempts (one per address) the first. */
function whyOf(error: unknown): string {
  const [first] = error instanceof AggregateError ? error.errors : [];
  const text = errorMessage(first ?? error);
  return text.replace(/^the database is away: /, '') || String(codeOf(error) ?? 'it does not answer');
}

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

function postgresRemedy(code: string | undefined, why: string): string {
  if (code === '42501') {
    return 'Let the role of DATABASE_URL make tables: as the owner of the database, GRANT CREATE ON SCHEMA public TO that role; tables that another role has made must be handed over with ALTER TABLE … OWNER TO';
  }
  if (code === '3D000')
    return 'Make the database, with the role of DATABASE_URL as its owner: CREATE DATABASE … OWNER …';
  if (code === '3F000') return 'Make a schema for it: CREATE SCHEMA …, and set the role’s search_path to it';
  if (code === '28P01')
    return 'Correct user and password in DATABASE_URL; the password may be percent-encoded or as it is';
  if (code === '28000' && /no encryption|SSL off/i.test(why))
    return 'PostgreSQL wants encryption: add ?sslmode=require';
  if (code === '28000') return 'Let PostgreSQL take this user from this machine (pg_hba.conf), or correct DATABASE_URL';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return 'Write the host in DATABASE_URL as the certificate names it, or use sslmode=verify-ca';
  }
  if (code === 'CERT_HAS_EXPIRED') return 'Renew the certificate of PostgreSQL';
  if (certificateFaults.has(code ?? '')) {
    return 'Name the authority that signed the certificate of PostgreSQL: add &sslrootcert=/path/to/ca.pem to DATABASE_URL';
  }
  if (/does not support SSL/.test(why)) return 'Switch ssl on in PostgreSQL, or write sslmode=disable in DATABASE_URL';
  if (code === 'ENOTFOUND') return 'Correct the host in DATABASE_URL; no machine of that name is known';
  if (code === '53300')
    return 'Raise max_connections in PostgreSQL, or stop what else is connected; each process takes up to 11';
  return 'Check that PostgreSQL runs there, and that host and port of DATABASE_URL are right';
}
