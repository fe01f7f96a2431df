/**
 * The baseline for the way to the INVITE: whoever a script in Redis picks is rung by a bare drachtio application, with no
 * lease, no state, no media server and no record. `poll`: it looks for free agents every 5 s, as jambonz' queues do;
 * otherwise a message wakes it.
 *
 *   node scripts/benchmarks/baseline-desk.ts <redis url> <prefix> <phones' port> [poll]
 */
import Srf from 'drachtio-srf';
import { Redis } from 'ioredis';
import { scan } from './desk-baseline.ts';
import { configuredPair } from './event-socket.ts';

const [url = '', prefix = '', phonesPort = '', mode] = process.argv.slice(2);
const pollEveryMs = 5_000;
const head = `${prefix}:{scan}:`;
const { drachtio } = configuredPair();
const srf = new Srf();
const redis = new Redis(url);
const lines = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 9 RTP/AVP 0', ''];

function ring(agentId: string): void {
  srf.createUAC(`sip:${agentId}@127.0.0.1:${phonesPort}`, { localSdp: lines.join('\r\n') }).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
  });
}

async function poll(): Promise<void> {
  for (const agentId of await redis.smembers(`${head}free`)) {
    if ((await redis.eval(scan, 1, head, agentId)) !== 1) continue;
    await redis.srem(`${head}free`, agentId);
    ring(agentId);
  }
}

srf.connect(drachtio);
srf.on('error', () => process.exit(1));
srf.on('connect', async () => {
  if (mode === 'poll') setInterval(poll, pollEveryMs);
  else {
    const listener = redis.duplicate();
    await listener.subscribe(`${head}to`);
    listener.on('message', (_channel, agentId) => ring(agentId));
  }
  console.log('baseline ready');
});
