import { randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import type { PartHealth } from '../kernel/health.ts';
import type { RefusalLog } from '../ledger/refusal-log.ts';
import { SwitchStartError } from '../switch/spawn.ts';
import { type SupervisedSwitch, superviseSwitch } from '../switch/supervise.ts';
import type { ProgramContext } from './context.ts';

/**
 * Addresses of the pair that does the telephony: the configured one, or the embedded switch, which is started here and
 * started again on the same ports whenever it ends or hangs.
 */
export async function openSwitch({ config, logger, shutdown, board }: ProgramContext, refusals: RefusalLog) {
  if (config.drachtio && config.freeswitches) {
    return { drachtio: config.drachtio, freeswitches: config.freeswitches };
  }
  const secret = randomBytes(24).toString('hex');
  let restarts = 0;
  const running = await superviseSwitch(settingsFor(config, secret), {
    onLost: (why) => {
      restarts += 1;
      logger.error({ why }, 'the embedded switch was lost, and its calls with it; it is started again');
    },
    onFailed: (error) => logger.error({ err: errorMessage(error) }, 'the embedded switch could not be started again'),
    onRefusals: (refused) => refusals.addOfSwitch(refused),
    onBack: () => logger.warn({}, 'the embedded switch is back'),
  }).catch((error: unknown) => {
    if (!(error instanceof SwitchStartError)) throw error;
    throw new DenwabanError('SWITCH_FAILED', error.message, {
      remedy: `${error.remedy ?? 'Look at what it printed above'} (settings: SIP_PORT, BIND_ADDRESS, RTP_PORTS)`,
    });
  });
  shutdown.add('embedded switch', () => running.stop());
  board.add('switch', () => healthOf(running, restarts), { isNeeded: true });
  const host = '127.0.0.1';
  return {
    drachtio: { host, port: running.controlPort, secret },
    freeswitches: [{ name: 'embedded', host, port: running.eventSocketPort, password: secret }],
    sipPort: running.sipPort,
  };
}

function settingsFor(config: Config, secret: string) {
  const [rtpPortMin, rtpPortMax] = config.rtpPorts;
  return {
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
    trustedPeers: [...config.trustedPeers],
    mediaTimeoutMs: 60_000,
  };
}

function healthOf(running: SupervisedSwitch, restarts: number): PartHealth {
  const health = running.health();
  if (!health) return { state: 'away', why: 'it is being started again', details: { restarts } };
  const { answers, mediaWorkers } = health;
  const details = { restarts, pid: running.pid, mediaWorkers };
  if (!answers) return { state: 'away', why: 'it does not answer', details };
  if (mediaWorkers.up === 0) return { state: 'away', why: 'no media worker answers', details };
  if (mediaWorkers.up < mediaWorkers.total) return { state: 'degraded', why: 'not all media workers answer', details };
  return { state: 'ok', details };
}
