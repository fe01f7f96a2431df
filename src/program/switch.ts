import { randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import { DenwabanError } from '../kernel/errors.ts';
import type { Shutdown } from '../kernel/shutdown.ts';
import { SwitchStartError, spawnSwitch } from '../switch/spawn.ts';

/** Addresses of the pair that does the telephony: the configured one, or the embedded switch started here. */
export async function openSwitch(config: Config, shutdown: Shutdown, onLost: (why: string) => void) {
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
