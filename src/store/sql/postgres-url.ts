import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { userInfo as machineUser } from 'node:os';
import { type ConnectionOptions, checkServerIdentity, createSecureContext } from 'node:tls';
import { DenwabanError, errorMessage } from '../../kernel/errors.ts';
import { defaultPasswordFile } from './password-file.ts';

const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

/** What `postgres://…` says, read as PostgreSQL's own programs do. */
export interface PostgresSettings {
  host: string;
  port: number;
  database: string;
  /** Where none is named: who runs this. */
  user: string;
  password: string | undefined;
  /** Where a password is looked up that is neither here nor in the environment. */
  passwordFile: string;
  /** Undefined: not encrypted. */
  tls: ConnectionOptions | undefined;
  /** Not encrypted where the server cannot. */
  tlsIsOptional: boolean;
  /** Encrypted so where the server takes nothing else. */
  tlsIfAsked: ConnectionOptions | undefined;
  applicationName: string;
  /** Server settings: `-c search_path=…`. */
  options: string | undefined;
  /** `host/database`, without user and password. */
  name: string;
}

/**
 * Reads the url of a PostgreSQL database. User and password may be percent-encoded or not: characters such as `@ / : #`
 * in a password are understood as they stand. What is wrong is said without a piece of the password.
 * @throws DenwabanError `DATABASE_URL_INVALID`.
 */
export function readPostgresUrl(url: string): PostgresSettings {
  const { userInfo, place } = split(url.replace(/^postgres(ql)?:\/\//, ''));
  const [, hostAndPort = '', path = '', query = ''] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/.exec(place) ?? [];
  const parameters = new URLSearchParams(query);
  const { host, port } = readHost(parameters.get('host') ?? hostAndPort, parameters.get('port'));
  const colon = userInfo?.indexOf(':') ?? -1;
  const user = colon < 0 ? userInfo : userInfo?.slice(0, colon);
  const password = colon < 0 ? undefined : userInfo?.slice(colon + 1);
  const name = user === undefined ? undefined : decoded(user);
  const account = name || parameters.get('user') || machineUser().username;
  const database = decoded(path) || parameters.get('dbname') || account;
  return {
    host,
    port,
    database,
    user: account,
    passwordFile: parameters.get('passfile') ?? defaultPasswordFile(),
    password: (password === undefined ? undefined : decoded(password)) || parameters.get('password') || undefined,
    ...readTls(parameters, host),
    applicationName: parameters.get('application_name') ?? 'denwaban',
    options: parameters.get('options') ?? undefined,
    name: `${host}${port === 5432 ? '' : `:${port}`}/${database}`,
  };
}

/** Host, database and parameters as they can stand behind the password. */
const placeForm =
  /^[^@/?#]*(\/[^@/?#]*)?(\?((host|port|user|password|dbname|ssl|ssl[a-z]+|application_name|options|passfile|connect_timeout|channel_binding|target_session_attrs|keepalives[a-z_]*|gssencmode|uselibpqcompat)(=[^#]*)?)?)?$/;

/**
 * A password with `@`, `/`, `?` or `#` in it makes a url that means something else, or nothing: it ends at the first `@`
 * behind which all the rest can be a place.
 */
function split(text: string): { userInfo: string | undefined; place: string } {
  const places = [...text.matchAll(/@/g)].map(({ index }) => index);
  const at = places.find((index) => placeForm.test(text.slice(index + 1)));
  if (at !== undefined) return { userInfo: text.slice(0, at), place: text.slice(at + 1) };
  if (places.length === 0 && !text.includes('#')) return { userInfo: undefined, place: text };
  throw invalid('it has no host and database behind its @');
}

function readHost(written: string, otherPort: string | null): { host: string; port: number } {
  const text = decoded(written);
  if (text.startsWith('/')) {
    const [, socket = written, socketPort] = /^(.*?)(?::(\d+))?$/.exec(written) ?? [];
    return { host: decoded(socket), port: readPort(socketPort ?? otherPort ?? undefined) };
  }
  if (text.includes(',')) throw invalid('several hosts are not supported', 'Name the one that is written to');
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]*))(?::(.*))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw invalid('its host cannot be read');
  return { host: host || 'localhost', port: readPort(port ?? otherPort ?? undefined) };
}

function readPort(written: string | undefined): number {
  const port = Number(written || 5432);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  // It is not repeated: it may be a piece of a password.
  throw invalid('its port is not a number from 1 to 65535');
}

function readTls(
  parameters: URLSearchParams,
  host: string,
): Pick<PostgresSettings, 'tls' | 'tlsIsOptional' | 'tlsIfAsked'> {
  const written = parameters.get('sslmode') ?? (parameters.get('ssl') === 'true' ? 'require' : undefined);
  const mode = sslModes.find((one) => one === (written ?? 'allow'));
  if (!mode) throw invalid(`its sslmode is none of ${sslModes.join(', ')}`);
  const none = { tls: undefined, tlsIsOptional: false, tlsIfAsked: undefined };
  if (mode === 'disable' || host.startsWith('/')) return none;
  const tls = tlsOptions(parameters, host, mode);
  return mode === 'allow' ? { ...none, tlsIfAsked: tls } : { ...none, tls, tlsIsOptional: mode === 'prefer' };
}

function tlsOptions(parameters: URLSearchParams, host: string, mode: (typeof sslModes)[number]): ConnectionOptions {
  const rootCert = parameters.get('sslrootcert');
  const authority = rootCert === null || rootCert === 'system' ? {} : { ca: readPem(rootCert, 'sslrootcert') };
  // With an authority at hand `require` verifies too, as libpq does.
  const verifies = mode.startsWith('verify') || (mode === 'require' && rootCert !== null);
  const checksName = mode === 'verify-full' || rootCert === 'system';
  return {
    ...authority,
    ...ownCertificate(parameters),
    ...(isIP(host) ? {} : { servername: host }),
    rejectUnauthorized: verifies,
    // Node would compare with "localhost" where the host is an address.
    checkServerIdentity: (_, certificate) => (checksName ? checkServerIdentity(host, certificate) : undefined),
  };
}

/** By which the server knows us, where it wants that. */
function ownCertificate(parameters: URLSearchParams): { cert?: string; key?: string } {
  const [certFile, keyFile] = [parameters.get('sslcert'), parameters.get('sslkey')];
  if (certFile === null && keyFile === null) return {};
  if (certFile === null || keyFile === null) {
    throw invalid('it has only one of sslcert and sslkey', 'Add the other: a certificate goes with its key');
  }
  const own = { cert: readPem(certFile, 'sslcert'), key: readPem(keyFile, 'sslkey') };
  try {
    createSecureContext(own);
  } catch (error) {
    const remedy = 'Name a certificate and its own key, PEM files, the key without a passphrase';
    throw invalid(`its sslcert and sslkey cannot be used: ${errorMessage(error)}`, remedy);
  }
  return own;
}

function readPem(path: string, parameter: string): string {
  const remedy = `Set ${parameter} to a PEM file that this user may read`;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw invalid(`its ${parameter} cannot be read: ${errorMessage(error)}`, remedy);
  }
  if (!text.includes('-----BEGIN '))
    throw invalid(`the file of its ${parameter} has nothing in it that is PEM`, remedy);
  return text;
}

/** As it stands where it is not percent-encoded. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A `%` that encodes nothing.
  }
}

function invalid(why: string, remedy = 'It looks like postgres://user:password@host:5432/database'): DenwabanError {
  return new DenwabanError('DATABASE_URL_INVALID', `DATABASE_URL cannot be used: ${why}`, { remedy });
}
