import { availableParallelism } from 'node:os';
import { addressList } from '../kernel/address-list.ts';
import { createDrachtioServer } from './drachtio/server.ts';
import { createFreeSwitch } from './freeswitch/freeswitch.ts';
import { parseSettings, SettingsError } from './main-settings.ts';
import { createMediaEngine } from './media/engine.ts';
import type { SipEndpoint } from './sip/api.ts';
import { createSipEndpoint } from './sip/endpoint.ts';
import type { SwitchSettings } from './spawn.ts';

/**
 * The embedded switch as a process: a drachtio-server and a FreeSWITCH with parked channels, for a controller on the
 * same machine. Settings are one JSON object (`SwitchSettings`), in the first argument or in DENWABAN_SWITCH_CONFIG.
 * Prints one line of JSON when it is ready or cannot be, and one whenever it is sent a line (a sign of life, with how
 * it is); ends on SIGTERM, SIGINT, or when its standard input closes, which is when its parent dies.
 */

const HANGUP_DEADLINE_MS = 3_000;
const STOP_DEADLINE_MS = 5_000;
const REFUSALS_EVERY_MS = 5_000;
/** Only this machine talks to the control ports and to FreeSWITCH's SIP profile. */
const LOOPBACK = '127.0.0.1';

/** Told on standard error, one JSON object a line; nothing here holds numbers or names of callers. */
const log = (level: string) => (fields: Record<string, unknown>, message: string) => {
  process.stderr.write(`${JSON.stringify({ level, part: 'switch', ...fields, message })}\n`);
};
const logger = { debug: () => undefined, info: () => undefined, warn: log('warn') };

interface Part {
  /** What stands in the way where it cannot start: a port or range. */
  uses: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

function createSwitch(settings: SwitchSettings) {
  const { bindAddress, publicAddress, sipPort, mrfSipPort } = settings;
  const both = (address: string, port: number) =>
    (['udp', 'tcp'] as const).map((protocol) => ({ protocol, address, port }));
  const publicly = publicAddress === bindAddress ? {} : { publicAddress };
  const sip = createSipEndpoint({
    listen: both(bindAddress, sipPort),
    ...publicly,
    userAgent: 'denwaban',
    // PRACKs are the controller's, as with drachtio-server.
    autoPrack: false,
    natAware: true,
    // The controller refuses the others.
    tellAllow: ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'INFO', 'UPDATE', 'PRACK', 'REGISTER'],
    overlapStatus: 491,
  });
  const mrfSip = createSipEndpoint({
    listen: both(LOOPBACK, mrfSipPort),
    userAgent: 'denwaban-media',
    contactUser: 'mod_sofia',
    allow: ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'INFO', 'UPDATE', 'REFER', 'NOTIFY'],
    supported: ['timer'],
  });
  const media = createMediaEngine({
    bindAddress,
    portMin: settings.rtpPortMin,
    portMax: settings.rtpPortMax,
    // One that dies takes its calls with it: never all of them.
    workers: Math.max(2, availableParallelism()),
  });
  const drachtio = createDrachtioServer({
    listen: { address: LOOPBACK, port: settings.controlPort },
    secret: settings.controlSecret,
    sip,
    limits: {
      maxCalls: settings.maxCalls,
      maxCallsPerSecond: settings.maxCallsPerSecond,
      trusts: settings.trustedPeers?.length ? addressList(settings.trustedPeers) : undefined,
    },
    ...publicly,
    logger,
  });
  // A call has up to three channels: caller, agent, and one that is being rung.
  const freeSwitch = createFreeSwitch({
    eventSocket: { address: LOOPBACK, port: settings.eventSocketPort, password: settings.eventSocketPassword },
    sip: mrfSip,
    media,
    publicAddress,
    maxSessions: settings.maxCalls * 3,
    sessionsPerSecond: settings.maxCallsPerSecond * 3,
    mediaTimeoutMs: settings.mediaTimeoutMs,
    logger,
  });
  return { sip, mrfSip, media, drachtio, freeSwitch };
}

/** Tells the parent what was refused here, now and then: a line of JSON on standard output. */
function reportRefusals({ drachtio }: Switch): void {
  setInterval(() => {
    const refusals = drachtio.takeRefusals();
    if (refusals.length > 0) report({ refusals });
  }, REFUSALS_EVERY_MS).unref();
}

/** Says what goes wrong in the media engine, and that it is well again. */
function watchMedia({ media }: Switch): void {
  media.on('fault', (fault) => logger.warn({ ...fault }, 'an error in the work of a leg was caught'));
  media.on('workers', ({ lost, legs }) => {
    if (lost === undefined) logger.warn({ ...media.workers }, 'a media worker is back');
    else logger.warn({ why: lost, legs, ...media.workers }, 'a media worker was lost');
  });
}

type Switch = ReturnType<typeof createSwitch>;

function partsOf({ sip, mrfSip, media, drachtio, freeSwitch }: Switch, settings: SwitchSettings): Part[] {
  const part = (uses: string, it: { start(): Promise<void>; stop(): Promise<void> }): Part => ({
    uses,
    start: () => it.start(),
    stop: () => it.stop(),
  });
  return [
    part(`RTP ports ${settings.rtpPortMin}-${settings.rtpPortMax}`, media),
    part(`SIP port ${settings.sipPort}`, sip),
    part(`media SIP port ${settings.mrfSipPort}`, mrfSip),
    part(`control port ${settings.controlPort}`, drachtio),
    part(`event socket port ${settings.eventSocketPort}`, freeSwitch),
  ];
}

/** Starts all, in order; when one fails, stops what had started. */
async function startParts(parts: Part[]): Promise<void> {
  const started: Part[] = [];
  for (const part of parts) {
    try {
      await part.start();
      started.push(part);
    } catch (error) {
      for (const running of started.reverse()) await running.stop();
      throw startError(part, error);
    }
  }
}

function startError(part: Part, error: unknown): SettingsError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EADDRINUSE') {
    return new SettingsError(`${part.uses} is in use`, `Stop what uses ${part.uses}, or choose another`);
  }
  if (code === 'EACCES') return new SettingsError(`${part.uses} needs more rights`, 'Choose a port above 1023');
  if (code === 'EADDRNOTAVAIL') {
    return new SettingsError(`${part.uses}: this machine does not have that address`, 'Correct bindAddress');
  }
  return new SettingsError(`${part.uses}: ${String(error)}`, 'See the message');
}

/** BYE to every leg, then all parts in the opposite order; bounded. */
async function shutDown(running: Switch, parts: Part[]): Promise<void> {
  setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref();
  await Promise.all([
    running.freeSwitch.hangupAll('SYSTEM_SHUTDOWN', HANGUP_DEADLINE_MS),
    hangUpDialogs(running.sip, HANGUP_DEADLINE_MS),
  ]);
  for (const part of [...parts].reverse()) await part.stop();
}

/** BYE to every peer, whoever owns the dialog; waits until they are confirmed, or the deadline has passed. */
async function hangUpDialogs(sip: SipEndpoint, deadlineMs: number): Promise<void> {
  const over = sip.dialogs
    .filter(({ state }) => state === 'confirmed')
    .map((dialog) => {
      const bye = dialog.request({ method: 'BYE', headers: { Reason: 'SIP;cause=503;text="Switch stops"' } });
      return new Promise<void>((resolve) => bye.once('terminated', resolve).once('response', () => resolve()));
    });
  const deadline = new Promise<void>((resolve) => setTimeout(resolve, deadlineMs).unref());
  await Promise.race([Promise.all(over), deadline]);
}

function report(fields: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
}

async function main(): Promise<void> {
  const settings = parseSettings(process.argv[2] ?? process.env['DENWABAN_SWITCH_CONFIG']);
  const running = createSwitch(settings);
  watchMedia(running);
  const parts = partsOf(running, settings);
  await startParts(parts);
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    shutDown(running, parts).then(
      () => process.exit(0),
      (error: unknown) => {
        logger.warn({ error: String(error) }, 'did not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.stdin.on('end', stop).on('close', stop).on('error', stop);
  // The parent asks for signs of life, a line each.
  process.stdin.on('data', () => report({ mediaWorkers: running.media.workers }));
  report({
    ready: true,
    sipPort: running.sip.addresses[0]?.port,
    controlPort: running.drachtio.address.port,
    eventSocketPort: running.freeSwitch.eventSocketAddress.port,
    mrfSipPort: running.mrfSip.addresses[0]?.port,
  });
  reportRefusals(running);
}

main().catch((error: unknown) => {
  const remedy = error instanceof SettingsError ? error.remedy : 'See the message';
  report({ ready: false, error: error instanceof Error ? error.message : String(error), remedy });
  // Written out before the end: a pipe is not flushed by process.exit.
  process.stdout.write('', () => process.exit(1));
});
