import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { createPasswords } from './accounts/passwords.ts';
import type { PhoneCredentialStore } from './accounts/phone-credentials.ts';
import { callBacksOf } from './call/call-backs.ts';
import { LostLegSweep } from './call/lost-legs.ts';
import type { PhoneRegistrations } from './call/phones.ts';
import { type CallService, createCallService } from './call/service.ts';
import type { CommandContext, CommandStores } from './cli/command.ts';
import { commands } from './cli/commands.ts';
import { prepareFirstStart } from './cli/first-start.ts';
import { type Config, readConfig } from './config.ts';
import { prepareDataDir } from './data-dir.ts';
import { startAgentHistory } from './desk/agent-history-shipper.ts';
import { createDesk, type DeskOptions } from './desk/desk.ts';
import { DeskLive } from './desk/live.ts';
import { startPhoneRevocation } from './desk/phone-revocation.ts';
import { SettingsMirror } from './desk/settings-mirror.ts';
import { startIntakes } from './desk/start-intakes.ts';
import { loadFlow } from './flow/load-flow.ts';
import type { ChannelRecord } from './kernel/channel-record.ts';
import { systemClock as clock } from './kernel/clock.ts';
import { DenwabanError } from './kernel/errors.ts';
import { newId } from './kernel/ids.ts';
import type { Logger } from './kernel/logger.ts';
import { Shutdown } from './kernel/shutdown.ts';
import { createChannelRecordWriter } from './ledger/channel-record-writer.ts';
import { createLedger } from './ledger/create-ledger.ts';
import { createLogger, printError } from './logger.ts';
import { createDeliverers } from './outbox/create-deliverers.ts';
import { createOutbox } from './outbox/outbox.ts';
import { createTargetGuard } from './outbox/target-guard.ts';
import { createPromptLibrary } from './speech/prompt-library.ts';
import { espeakNg, japaneseVoice } from './speech/synthesizer.ts';
import { openRedis, type RedisConnection } from './store/redis/open-redis.ts';
import { startPrivateRedis } from './store/redis/private-redis.ts';
import { RedisCallOrders } from './store/redis/redis-call-orders.ts';
import { RedisCallStateStore } from './store/redis/redis-call-state-store.ts';
import { RedisDeskStore } from './store/redis/redis-desk-store.ts';
import { RedisDeskView } from './store/redis/redis-desk-view.ts';
import { RedisPhoneRegistry } from './store/redis/redis-phone-registry.ts';
import { RedisRegistrationGuard } from './store/redis/redis-registration-guard.ts';
import { openSql } from './store/sql/open-sql.ts';
import { createAccountsData } from './store/sql/sql-accounts-data.ts';
import { SqlChannelRecordStore } from './store/sql/sql-channel-record-store.ts';
import { SqlFactStore } from './store/sql/sql-fact-store.ts';
import { SqlAttemptStore } from './store/sql/sql-session-store.ts';
import { openSipPhone } from './switch/open-phone.ts';
import { SwitchStartError, spawnSwitch } from './switch/spawn.ts';
import { createTelephony } from './telephony/create-telephony.ts';
import { startHttpServer } from './web/http-server.ts';

const flowFolder = resolve(import.meta.dirname, '../flows');
/** Built by scripts/build-console.ts. */
const consoleFolder = resolve(import.meta.dirname, '../dist/console');
const sampleFolder = join(flowFolder, 'sample');
/** Of the digest that agents' phones register with. Their hashes hold for it alone: never changed. */
const phoneRealm = 'denwaban';
const passwords = createPasswords();
const callBounds = { maxCallMs: 14_400_000, maxStepsPerCall: 10_000, maxTalkMs: 14_400_000 };
const callEndDeadlineMs = 5_000;
const flushDeadlineMs = 5_000;

/** SQL and the stores on it. */
async function openStores(config: Config, logger: Logger) {
  const sql = await openSql(config.databaseUrl, { clock, logger });
  const data = createAccountsData(sql);
  const { flows, outbox, webhookSecrets } = data;
  const records = { facts: new SqlFactStore(sql), channels: new SqlChannelRecordStore(sql) };
  return { sql, data, flows, outbox, webhookSecrets, ...records };
}

type Stores = Awaited<ReturnType<typeof openStores>>;

/** Addresses of the pair that does the telephony: the configured one, or the embedded switch started here. */
async function openSwitch(config: Config, shutdown: Shutdown, onLost: (why: string) => void) {
  if (config.drachtio && config.freeswitches) {
    return { drachtio: config.drachtio, freeswitches: config.freeswitches };
  }
  const secret = randomBytes(24).toString('hex');
  const [rtpPortMin, rtpPortMax] = config.rtpPorts;
  const spawned = await spawnSwitch({
    bindAddress: config.bindAddress,
    publicAddress: config.publicAddress,
    sipPort: config.sipPort,
    controlPort: 0,
    controlSecret: secret,
    eventSocketPort: 0,
    eventSocketPassword: secret,
    mrfSipPort: 0,
    rtpPortMin,
    rtpPortMax,
    maxCalls: config.maxCalls,
    maxCallsPerSecond: config.maxCallsPerSecond,
    mediaTimeoutMs: 60_000,
  }).catch((error: unknown) => {
    if (!(error instanceof SwitchStartError)) throw error;
    throw new DenwabanError('SWITCH_FAILED', error.message, {
      remedy: `${error.remedy ?? 'Look at what it printed above'} (settings: SIP_PORT, BIND_ADDRESS, RTP_PORTS)`,
    });
  });
  let stopping = false;
  shutdown.add('embedded switch', () => {
    stopping = true;
    return spawned.stop();
  });
  spawned.exited.then((code) => {
    if (!stopping) onLost(`the embedded switch ended unexpectedly with ${code}`);
  });
  const host = '127.0.0.1';
  return {
    drachtio: { host, port: spawned.controlPort, secret },
    freeswitches: [{ name: 'embedded', host, port: spawned.eventSocketPort, password: secret }],
    sipPort: spawned.sipPort,
  };
}

/** What delivers reports and notices, running. */
function startOutbox(
  config: Config,
  { outbox: store, webhookSecrets: secrets }: Stores,
  logger: Logger,
  shutdown: Shutdown,
) {
  const { mail, allowInsecureTargets, outboxGiveUpHours, outboxKeepDays } = config;
  const outbox = createOutbox({
    store,
    deliverers: createDeliverers({ mail, allowInsecureTargets, secrets, clock, logger }),
    clock,
    logger,
    limits: { giveUpAfterMs: outboxGiveUpHours * 3_600_000, keepEndedMs: outboxKeepDays * 86_400_000 },
  });
  shutdown.add('outbox', () => outbox.stop(flushDeadlineMs));
  outbox.start();
  return outbox;
}

/** The configured Redis, or a private one started here. */
async function connectRedis(config: Config, logger: Logger, shutdown: Shutdown) {
  const privateRedis = config.redisUrl
    ? undefined
    : await startPrivateRedis({ folder: join(config.dataDir, 'redis'), clock });
  if (privateRedis) shutdown.add('private Redis', () => privateRedis.stop());
  const redis = await openRedis(config.redisUrl ?? privateRedis?.socketPath ?? '', { clock, logger });
  shutdown.add('Redis connection', () => redis.close());
  return redis;
}

/** The journal of facts on its way to the database. */
async function openLedger({ dataDir }: Config, { facts: store }: Stores, logger: Logger, shutdown: Shutdown) {
  const ledger = await createLedger({ dataDir, store, clock, logger });
  shutdown.add('ledger', async () => {
    await ledger.flush(flushDeadlineMs);
    await ledger.stop();
  });
  return ledger;
}

/** Where the switches' own records of their channels go. */
function keepChannelRecords({ channels: store }: Stores, logger: Logger, shutdown: Shutdown) {
  const writer = createChannelRecordWriter({ store, clock, logger });
  shutdown.add('channel records', () => writer.stop());
  return (record: ChannelRecord) => writer.add(record);
}

/** Where agents' phones register, and by what they prove who they are. */
function phoneRegistrations(redis: RedisConnection, phones: PhoneCredentialStore): PhoneRegistrations {
  return {
    realm: phoneRealm,
    registry: new RedisPhoneRegistry(redis),
    guard: new RedisRegistrationGuard(redis),
    credentials: { find: (username) => phones.findForDigest(username) },
  };
}

/** What flows say: files, and texts spoken into files. */
function openPrompts({ dataDir }: Config, logger: Logger) {
  const japanese = japaneseVoice();
  if (japanese.missing) logger.warn(japanese.missing, 'Japanese texts with kanji cannot be spoken');
  const synthesizers = [japanese.synthesizer, espeakNg()];
  return createPromptLibrary({ flowFolder, cacheFolder: join(dataDir, 'prompts'), synthesizers, clock, logger });
}

/** The answering desk, with agents' and queues' settings as the database has them. */
async function startDesk(
  config: Config,
  redis: RedisConnection,
  { data }: Stores,
  logger: Logger,
  shutdown: Shutdown,
  { onReported, onCallBack }: { onReported: () => void; onCallBack: DeskOptions['onCallBack'] & {} },
) {
  const controllerId = newId('controller');
  const deskStore = new RedisDeskStore(redis);
  const mirror = new SettingsMirror({ ...data, store: deskStore, clock, logger });
  shutdown.add('desk settings', () => mirror.stop());
  await mirror.start();
  const { accounts } = data;
  const isSuspended = async (id: string) => (await accounts.findAccount(id))?.answeringService === 'suspended';
  const desk = createDesk({ store: deskStore, clock, logger, controllerId, onCallBack, isSuspended });
  shutdown.add('desk', () => desk.stop());
  await desk.start();
  startAgentHistory({ desk: deskStore, view: new RedisDeskView(redis), data, clock, logger, shutdown });
  const reportAfterMs = config.intakeReportMinutes * 60_000;
  const intaking = startIntakes({ data, desk: deskStore, onReported, reportAfterMs, clock, logger, shutdown });
  return { controllerId, desk, deskStore, ...intaking };
}

type DeskRoom = Awaited<ReturnType<typeof startDesk>>;
/** The people whom calls ask for. */
function peopleAt(room: DeskRoom, { registry }: PhoneRegistrations, { cards }: Stores['data']) {
  return {
    ...{ desk: room.desk, intake: room.opener, phonesOf: (agentId: string) => registry.contactsOf(agentId) },
    recordingPolicy: async (accountId: string) => (await cards.find(accountId))?.recording,
  };
}

/** Orders to calls in progress: heard for this controller's, sent for all. */
function openOrders(
  redis: RedisConnection,
  states: RedisCallStateStore,
  on: { controllerId: string; calls: CallService; logger: Logger; shutdown: Shutdown },
) {
  const { controllerId, calls, logger, shutdown } = on;
  const orders = new RedisCallOrders(redis, { ownerOf: (callId) => states.ownerOf(callId), clock, logger });
  const inbox = orders.listen(controllerId, (callId, order) => calls.order(callId, order));
  shutdown.add('call orders', () => inbox.close().then(() => orders.close()));
  return orders;
}

/** Builds and starts everything; every part is in `shutdown` the moment it runs. Gives what to print. */
async function startAll(
  config: Config,
  logger: Logger,
  shutdown: Shutdown,
  onLost: (why: string) => void,
): Promise<string> {
  prepareDataDir(config.dataDir);
  const stores = await openStores(config, logger);
  shutdown.add('database', () => stores.sql.close());
  const { data, flows, facts } = stores;
  const shared = { data, facts, flowFolder, passwords, phoneRealm, targets: createTargetGuard(config) };
  const { secrets } = await prepareFirstStart({ sampleFolder, clock, ...shared });
  const redis = await connectRedis(config, logger, shutdown);
  const ledger = await openLedger(config, stores, logger, shutdown);
  const outbox = startOutbox(config, stores, logger, shutdown);
  const pair = await openSwitch(config, shutdown, onLost);
  const onChannelRecord = keepChannelRecords(stores, logger, shutdown);
  const phones = phoneRegistrations(redis, data.phones);
  const revocation = await startPhoneRevocation({ data, registry: phones.registry, clock, logger, shutdown });
  const telephony = createTelephony({ ...config, ...pair, phones, onChannelRecord, clock, logger });
  shutdown.add('telephony', () => telephony.stop());
  const states = new RedisCallStateStore(redis);
  const onReported = () => outbox.notify();
  // The desk is there before the calls are, since these ask it for the callers that they take over.
  const callRoom = Promise.withResolvers<CallService>();
  const onCallBack = callBacksOf(callRoom.promise);
  const deskRoom = await startDesk(config, redis, stores, logger, shutdown, { onReported, onCallBack });
  const { controllerId, deskStore, intakes } = deskRoom;
  const calls = createCallService({
    telephony,
    accounts: data.accounts,
    flows,
    loadFlow,
    ledger,
    states,
    prompts: openPrompts(config, logger),
    people: peopleAt(deskRoom, phones, data),
    apology: (language) => ({ file: `prompts/${language === 'ja' ? 'ja' : 'en'}/apology.wav` }),
    clock,
    logger,
    controllerId,
    recordingsFolder: join(config.dataDir, 'recordings'),
    limits: { ...callBounds, maxCalls: config.maxCalls, maxCallsPerSecond: config.maxCallsPerSecond },
  });
  shutdown.add('calls', () => calls.stop({ deadlineMs: callEndDeadlineMs }));
  await calls.start();
  callRoom.resolve(calls);
  process.once('SIGUSR2', () => calls.drain().then(() => process.kill(process.pid, 'SIGTERM')));
  const sweep = new LostLegSweep({ ...stores, states, ledger, flush: () => ledger.flush(), clock, logger });
  shutdown.add('sweep', () => sweep.stop());
  sweep.start();
  const http = await startHttpServer({
    address: config.bindAddress,
    port: config.httpPort,
    health: async () => {
      const { ready, mediaServers } = telephony.status();
      return {
        ready,
        details: { calls: calls.activeCalls, mediaServers, ledger: ledger.status(), outbox: outbox.status() },
      };
    },
    desk: deskStore,
    deskLive: new DeskLive({ store: new RedisDeskView(redis), clock, logger }),
    callOrders: openOrders(redis, states, { controllerId, calls, logger, shutdown }),
    consoleFolder,
    intakes,
    agentHistory: data.agentHistory,
    attempts: new SqlAttemptStore(stores.sql),
    ...shared,
    onPhonesRevoked: () => revocation.look(),
    clock,
    logger,
    publicUrl: config.publicUrl,
    trustedProxies: config.trustedProxies,
  });
  shutdown.add('HTTP', () => http.stop());
  const number = (await data.accounts.listNumbers())[0]?.number ?? '';
  const sipPort = 'sipPort' in pair ? pair.sipPort : telephony.sipAddress()?.port;
  const sipHost = 'sipPort' in pair ? config.publicAddress : telephony.sipAddress()?.address;
  return readyText(config, `sip:${number}@${sipHost}:${sipPort}`, http.port, secrets);
}

/** What is printed once everything runs: where to call, and at the first start who may sign in. */
function readyText(config: Config, uri: string, httpPort: number, secrets: readonly string[]): string {
  const url = `http://${config.bindAddress}:${httpPort}`;
  const ready = `denwaban ready: dial ${uri}  health ${url}/health  data ${config.dataDir}`;
  if (secrets.length === 0) return ready;
  return [ready, `first start: sign in at ${config.publicUrl ?? url}/; these are shown this once`, ...secrets].join(
    '\n  ',
  );
}

/**
 * `denwaban start`: runs until SIGTERM or SIGINT; then ends calls with BYE, flushes, and leaves no process. At SIGUSR2 it
 * takes no new calls and stops when those in progress have ended.
 */
async function start(config: Config): Promise<number> {
  const logger = createLogger(config.logLevel);
  const shutdown = new Shutdown(logger);
  let exitCode = 0;
  const stopped = new Promise<void>((resolveStop) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolveStop());
    const lost = (why: string) => {
      console.error(`denwaban: ${why}`);
      exitCode = 1;
      resolveStop();
    };
    startAll(config, logger, shutdown, lost).then(
      (line) => console.log(line),
      (error) => {
        printError(error);
        exitCode = 1;
        resolveStop();
      },
    );
  });
  await stopped;
  const clean = await shutdown.run();
  return clean ? exitCode : 1;
}

/** Runs a command that needs only the database. */
async function withStores<T>(work: (stores: CommandStores) => Promise<T>): Promise<T> {
  const config = readConfig();
  prepareDataDir(config.dataDir);
  const stores = await openStores(config, createLogger(config.logLevel));
  try {
    return await work(stores);
  } finally {
    await stores.sql.close();
  }
}

async function main(): Promise<void> {
  const program = new Command('denwaban').description('電話番: a telephone answering engine');
  program
    .command('start', { isDefault: true })
    .description('run the service until Ctrl-C or SIGTERM')
    .action(async () => {
      // Connections of libraries that are slow to close must not keep a finished process alive.
      process.exit(await start(readConfig()));
    });
  const context: CommandContext = {
    withStores,
    openPhone: openSipPhone,
    passwords,
    clock,
    flowFolder,
    phoneRealm,
    targets: () => createTargetGuard(readConfig()),
    print: (text) => console.log(text),
    done: (code) => {
      process.exitCode = code;
    },
  };
  for (const add of commands) add(program, context);
  await program.parseAsync();
}

main().catch((error: unknown) => {
  printError(error);
  process.exitCode = 1;
});
