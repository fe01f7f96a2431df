import { randomBytes } from 'node:crypto';
import { spawnSwitch } from '../../src/switch/spawn.ts';
import { rtpPorts } from './ports.ts';
import { prepareStack, stackName } from './stack.ts';

/** A switch that outlives the controllers of a test: the configured pair, or an embedded switch started by itself. */
export async function startOwnSwitch(): Promise<{ environment: Record<string, string>; stop(): Promise<void> }> {
  if (stackName() !== 'embedded') return { ...(await prepareStack()), stop: async () => undefined };
  const [rtpPortMin, rtpPortMax] = rtpPorts();
  const secret = randomBytes(16).toString('hex');
  const spawned = await spawnSwitch({
    bindAddress: '127.0.0.1',
    publicAddress: '127.0.0.1',
    sipPort: 0,
    controlPort: 0,
    controlSecret: secret,
    eventSocketPort: 0,
    eventSocketPassword: secret,
    mrfSipPort: 0,
    rtpPortMin,
    rtpPortMax,
    maxCalls: 200,
    maxCallsPerSecond: 100,
    mediaTimeoutMs: 20_000,
  });
  return {
    environment: {
      DRACHTIO_URL: `tcp://:${secret}@127.0.0.1:${spawned.controlPort}`,
      FREESWITCH_URLS: `esl://:${secret}@127.0.0.1:${spawned.eventSocketPort}`,
    },
    stop: () => spawned.stop(),
  };
}
