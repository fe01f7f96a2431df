import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { DenwabanError } from './kernel/errors.ts';

const port = (fallback: number) =>
  z.coerce
    .number({ error: 'must be a port number, 0 to 65535' })
    .int('must be a whole number')
    .min(0, 'must be 0 to 65535')
    .max(65_535, 'must be 0 to 65535')
    .default(fallback);
const count = (fallback: number, max: number) =>
  z.coerce
    .number({ error: `must be a whole number, 1 to ${max}` })
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(max, `must be at most ${max}`)
    .default(fallback);

/** `tcp://:secret@host:9022` → its parts. */
const drachtioUrl = z.string().transform((text, context) => {
  const url = parseUrl(text, 'tcp:');
  if (!url?.password) {
    context.addIssue({ code: 'custom', message: 'must look like tcp://:secret@host:9022' });
    return z.NEVER;
  }
  return { host: url.hostname, port: Number(url.port || 9022), secret: decodeURIComponent(url.password) };
});

/** One or more `esl://:password@host:8021`, separated by commas or spaces. */
const freeswitchUrls = z.string().transform((text, context) => {
  const servers = text.split(/[\s,]+/).filter(Boolean);
  const parsed = servers.map((server) => parseUrl(server, 'esl:'));
  const good = parsed.filter((url): url is URL => Boolean(url?.password));
  if (good.length === 0 || good.length !== parsed.length) {
    context.addIssue({
      code: 'custom',
      message: 'must look like esl://:password@host:8021, several separated by commas',
    });
    return z.NEVER;
  }
  return good.map((url) => ({
    name: url.host,
    host: url.hostname,
    port: Number(url.port || 8021),
    password: decodeURIComponent(url.password),
  }));
});

/** `sip:host:port;transport=udp`: the carrier (or PBX) that outgoing calls go to. */
const trunkUrl = z
  .string()
  .regex(
    /^sips?:([^@;\s]+@)?[^@;\s]+(;transport=(udp|tcp))?$/i,
    'must look like sip:trunk.example.com:5060;transport=udp',
  );

/** `smtp://user:password@host:587` or `smtps://…:465`: the mail server that takes all mail. */
const smtpUrl = z.string().transform((text, context) => {
  const url = parseUrl(text, 'smtp:') ?? parseUrl(text, 'smtps:');
  if (!url || (url.username === '') !== (url.password === '')) {
    context.addIssue({ code: 'custom', message: 'must look like smtp://user:password@mail.example.com:587' });
    return z.NEVER;
  }
  const secure = url.protocol === 'smtps:';
  const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { host, port: Number(url.port || (secure ? 465 : 587)), secure, login: user ? { user, password } : undefined };
});

/** `desk@example.com`, or `電話番 <desk@example.com>`. */
const mailFrom = z
  .string()
  .regex(
    /^([^<>@\r\n]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/,
    'must look like desk@example.com or 電話番 <desk@example.com>',
  );

/** IPv4 addresses and networks, separated by commas or spaces. */
const peers = z.string().transform((text, context) => {
  const given = text.split(/[\s,]+/).filter(Boolean);
  const wrong = given.find((peer) => !z.union([z.ipv4(), z.cidrv4()]).safeParse(peer).success);
  if (wrong === undefined) return given;
  context.addIssue({
    code: 'custom',
    message: `must be IPv4 addresses or networks such as 192.0.2.7,10.20.0.0/16, which "${wrong}" is not`,
  });
  return z.NEVER;
});

/** `request-uri`, `to`, or `to=` and the peers it holds for. */
const numberFrom = z.string().transform((text, context) => {
  const [, where = '', rest = ''] = /^\s*(request-uri|to)\s*(?:=(.*))?$/is.exec(text) ?? [];
  if (where.toLowerCase() === 'request-uri' && rest === '') return [];
  if (where.toLowerCase() === 'to' && !text.includes('=')) return ['0.0.0.0/0'];
  const given = where.toLowerCase() === 'to' ? peers.safeParse(rest) : undefined;
  if (given?.success && given.data.length > 0) return given.data;
  context.addIssue({ code: 'custom', message: 'must be request-uri, to, or to=192.0.2.7,10.20.0.0/16' });
  return z.NEVER;
});

const settings = z.object({
  SIP_PORT: port(5060),
  HTTP_PORT: port(8080),
  DATA_DIR: z.string().min(1).default('./data'),
  BIND_ADDRESS: z.ipv4({ error: 'must be an IPv4 address such as 127.0.0.1 or 0.0.0.0' }).default('127.0.0.1'),
  PUBLIC_ADDRESS: z.ipv4({ error: 'must be the IPv4 address that phones reach' }).optional(),
  REDIS_URL: z
    .string()
    .regex(/^(rediss?|unix):\/\//, 'must look like redis://host:6379')
    .optional(),
  DATABASE_URL: z
    .string()
    .regex(
      /^(sqlite:|postgres(ql)?:\/\/)/,
      'must look like sqlite:/path/file.sqlite or postgres://user:password@host/database',
    )
    .optional(),
  PGPASSFILE: z.string().min(1).optional(),
  DRACHTIO_URL: drachtioUrl.optional(),
  FREESWITCH_URLS: freeswitchUrls.optional(),
  TRUNK_URL: trunkUrl.optional(),
  TRUSTED_PEERS: peers.optional(),
  TRUNK_NUMBER_FROM: numberFrom.default([]),
  RTP_PORTS: z
    .string()
    .regex(/^\d{1,5}-\d{1,5}$/, 'must be a range such as 20000-29999')
    .default('20000-29999')
    .transform((text) => text.split('-').map(Number) as [number, number])
    .refine(
      ([min, max]) => min >= 1024 && max <= 65_535 && max - min >= 3,
      'must be a range within 1024-65535, at least 4 ports',
    ),
  LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], { error: 'must be debug, info, warn, error or silent' })
    .default('info'),
  PUBLIC_URL: z.url({ protocol: /^https?$/, error: 'must look like https://desk.example.com' }).optional(),
  TRUSTED_PROXIES: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .refine((parts) => parts.every(isNetwork), 'must be IP addresses or networks (10.0.0.0/8), separated by commas')
    .optional(),
  SMTP_URL: smtpUrl.optional(),
  SMTP_TLS: z.enum(['required', 'optional'], { error: 'must be required or optional' }).optional(),
  MAIL_FROM: mailFrom.optional(),
  ALLOW_INSECURE_TARGETS: z
    .enum(['yes', 'no'], { error: 'must be yes or no' })
    .default('no')
    .transform((text) => text === 'yes'),
  OUTBOX_GIVE_UP_HOURS: count(72, 720),
  OUTBOX_KEEP_DAYS: count(30, 3_650),
  INTAKE_REPORT_MINUTES: count(30, 1_440),
  MAX_CALLS: count(400, 100_000),
  MAX_CALLS_PER_SECOND: count(60, 10_000),
});

/** Everything that can be set from outside, checked. */
export type Config = Readonly<{
  sipPort: number;
  httpPort: number;
  dataDir: string;
  bindAddress: string;
  publicAddress: string;
  redisUrl: string | undefined;
  databaseUrl: string;
  drachtio: { host: string; port: number; secret: string } | undefined;
  freeswitches: { name: string; host: string; port: number; password: string }[] | undefined;
  trunkUri: string | undefined;
  /** Believed when they say who calls: IPv4 addresses and networks. */
  trustedPeers: readonly string[];
  /** Their calls name the number dialled in To: IPv4 addresses and networks. */
  numberInToPeers: readonly string[];
  rtpPorts: [min: number, max: number];
  publicUrl: string | undefined;
  trustedProxies: string[];
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Undefined: reports and notices by mail wait. */
  mail:
    | {
        host: string;
        port: number;
        secure: boolean;
        requireTls: boolean;
        login: { user: string; password: string } | undefined;
        from: string;
      }
    | undefined;
  allowInsecureTargets: boolean;
  outboxGiveUpHours: number;
  outboxKeepDays: number;
  intakeReportMinutes: number;
  maxCalls: number;
  maxCallsPerSecond: number;
}>;

/**
 * Reads the settings (README, "Settings") from an environment. The only reader of `process.env`.
 * @throws DenwabanError `CONFIG_INVALID` that names every wrong setting and what it must be.
 */
export function readConfig(environment: Record<string, string | undefined> = process.env): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = settings.safeParse(given);
  const faults = parsed.success ? [] : parsed.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}`);
  const read = parsed.data;
  if (read && (read.DRACHTIO_URL === undefined) !== (read.FREESWITCH_URLS === undefined)) {
    faults.push('DRACHTIO_URL and FREESWITCH_URLS must be set together, or neither (then the embedded switch is used)');
  }
  if (read && (read.SMTP_URL === undefined) !== (read.MAIL_FROM === undefined)) {
    faults.push('SMTP_URL and MAIL_FROM must be set together, or neither (then mail waits)');
  }
  if (!read || faults.length > 0) {
    throw new DenwabanError('CONFIG_INVALID', `wrong settings: ${faults.join('; ')}`, {
      remedy: 'Correct the environment variables named; README.md lists them all',
    });
  }
  const dataDir = resolve(read.DATA_DIR);
  return Object.freeze({
    sipPort: read.SIP_PORT,
    httpPort: read.HTTP_PORT,
    dataDir,
    bindAddress: read.BIND_ADDRESS,
    publicAddress: read.PUBLIC_ADDRESS ?? (read.BIND_ADDRESS === '0.0.0.0' ? firstAddress() : read.BIND_ADDRESS),
    redisUrl: read.REDIS_URL,
    databaseUrl:
      withPasswordFile(read.DATABASE_URL, read.PGPASSFILE) ?? `sqlite:${resolve(dataDir, 'denwaban.sqlite')}`,
    drachtio: read.DRACHTIO_URL,
    freeswitches: read.FREESWITCH_URLS,
    trunkUri: read.TRUNK_URL,
    trustedPeers: read.TRUSTED_PEERS ?? [],
    numberInToPeers: read.TRUNK_NUMBER_FROM,
    rtpPorts: read.RTP_PORTS,
    publicUrl: read.PUBLIC_URL,
    trustedProxies: read.TRUSTED_PROXIES ?? [],
    logLevel: read.LOG_LEVEL,
    mail: mailSettings(read),
    allowInsecureTargets: read.ALLOW_INSECURE_TARGETS,
    outboxGiveUpHours: read.OUTBOX_GIVE_UP_HOURS,
    outboxKeepDays: read.OUTBOX_KEEP_DAYS,
    intakeReportMinutes: read.INTAKE_REPORT_MINUTES,
    maxCalls: read.MAX_CALLS,
    maxCallsPerSecond: read.MAX_CALLS_PER_SECOND,
  });
}

/** Mail must be protected on its way, unless someone says otherwise or the server is on this machine. */
function mailSettings({ SMTP_URL: server, SMTP_TLS, MAIL_FROM: from }: z.output<typeof settings>): Config['mail'] {
  if (!server || !from) return undefined;
  const isHere = /^(localhost|127\..*|::1)$/.test(server.host);
  return { ...server, from, requireTls: SMTP_TLS === undefined ? !isHere : SMTP_TLS === 'required' };
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  return (
    version > 0 &&
    more.length === 0 &&
    (bits === undefined || /^\d+$/.test(bits)) &&
    Number(bits ?? 1) <= (version === 4 ? 32 : 128)
  );
}

function parseUrl(text: string, protocol: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === protocol && url.hostname ? url : undefined;
}

/** This machine's first address that others can reach. */
function firstAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.find((entry) => entry.family === 'IPv4' && !entry.internal)?.address ?? '127.0.0.1';
}

/** As PostgreSQL's own programs, which know the variable and a parameter of the url. */
function withPasswordFile(url: string | undefined, file: string | undefined): string | undefined {
  if (url === undefined || file === undefined || !/^postgres/.test(url) || /[?&]passfile=/.test(url)) return url;
  return `${url}${/\?[^@]*$/.test(url) ? '&' : '?'}passfile=${encodeURIComponent(file)}`;
}
