import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import { DenwabanError, errorMessage } from '../../kernel/errors.ts';

const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

/** What `postgres://…` says, read as PostgreSQL's own programs do. */
export interface PostgresSettings {
  host: string;
  port: number;
  database: string;
  user: string | undefined;
  password: string | undefined;
  /** Undefined: not encrypted. */
  tls: ConnectionOptions | undefined;
  /** Not encrypted where the server cannot. */
  tlsIsOptional: boolean;
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
  const database = decoded(path) || parameters.get('dbname') || name || 'postgres';
  return {
    host,
    port,
    database,
    user: name || parameters.get('user') || undefined,
    password: (password === undefined ? undefined : decoded(password)) || parameters.get('password') || undefined,
    ...readTls(parameters, host),
    applicationName: parameters.get('application_name') ?? 'denwaban',
    options: parameters.get('options') ?? undefined,
    name: `${host}${port === 5432 ? '' : `:${port}`}/${database}`,
  };
}

/** Host, database and parameters as they can stand behind the password. */
const placeForm =
  /^[^@/?#]*(\/[^@/?#]*)?(\?((host|port|user|password|dbname|ssl|ssl[a-z]+|application_name|options|connect_timeout|channel_binding|target_session_attrs|keepalives[a-z_]*|gssencmode|uselibpqcompat)(=[^#]*)?)?)?$/;

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
  if (text.startsWith('/')) return { host: text, port: readPort(otherPort ?? undefined) };
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

function readTls(parameters: URLSearchParams, host: string): Pick<PostgresSettings, 'tls' | 'tlsIsOptional'> {
  const written = parameters.get('sslmode') ?? (parameters.get('ssl') === 'true' ? 'require' : undefined);
  // Without a word of it: as it has been here all along.
  const mode = sslModes.find((one) => one === (written ?? 'disable'));
  if (!mode) throw invalid(`its sslmode is none of ${sslModes.join(', ')}`);
  const rootCert = parameters.get('sslrootcert');
  if (mode === 'disable' || mode === 'allow' || host.startsWith('/')) return { tls: undefined, tlsIsOptional: false };
  const authority = rootCert === null || rootCert === 'system' ? {} : { ca: readPem(rootCert, 'sslrootcert') };
  const [cert, key] = [parameters.get('sslcert'), parameters.get('sslkey')];
  // With an authority at hand `require` verifies too, as libpq does.
  const verifies = mode.startsWith('verify') || (mode === 'require' && rootCert !== null);
  const checksName = mode === 'verify-full' || rootCert === 'system';
  return {
    tlsIsOptional: mode === 'prefer',
    tls: {
      ...authority,
      ...(cert === null ? {} : { cert: readPem(cert, 'sslcert') }),
      ...(key === null ? {} : { key: readPem(key, 'sslkey') }),
      ...(isIP(host) ? {} : { servername: host }),
      rejectUnauthorized: verifies,
      // Node would compare with "localhost" where the host is an address.
      checkServerIdentity: (_, certificate) => (checksName ? checkServerIdentity(host, certificate) : undefined),
    },
  };
}

function readPem(path: string, parameter: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw invalid(`its ${parameter} cannot be read: ${errorMessage(error)}`, `Set ${parameter} to a PEM file`);
  }
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
