import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createMediaEngine } from '../../src/switch/media/engine.ts';
import { writeWavHeader } from '../../src/switch/media/wav.ts';

/**
 * How many G.711 legs can hear prompts at once, and how late their packets are, measured by another process at the
 * receiving end. Beside it, in the same run: a timer per stream, as it is usually written.
 *
 * The sender of either kind and the receiving end run before the rest of the machine, where that is allowed.
 *
 *     node scripts/benchmarks/media.ts [--legs 800] [--seconds 15]
 */

export interface MediaBenchOptions {
  legs: number;
  seconds: number;
}

/** What the receiving end saw of one sender. */
interface Arrivals {
  streams: number;
  packets: number;
  /** Holes in the timeline: lost, or left out by the sender. */
  missing: number;
  /** Over 10 ms after their time, counted from the earliest packet of the stream. */
  late: number;
  /** Over 30 ms after the packet before: late whatever the drift. */
  gaps: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** Share of the machine nobody used meanwhile: near 0, others took what the sender needed, and the row says little. */
  idlePercent: number;
}

export interface MediaBenchRow extends Arrivals {
  name: string;
  /** Late or missing. */
  latePercent: number;
  /** What the engine itself says of its packets' lateness at sending. */
  ownLatePercent?: number;
  gapPercent: number;
  cpuPercent: number;
  memoryMb: number;
}

const self = fileURLToPath(import.meta.url);
const packetMs = 20;
const lateMs = 10;
const portMin = 30_000;
const settleMs = 2_000;

const sleep = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs));

async function nextMessage<T>(child: ChildProcess): Promise<T> {
  const [message] = await once(child, 'message');
  return message as T;
}

function startChild(role: string, legs: number): ChildProcess {
  return fork(self, [role, String(legs)], { execArgv: [] });
}

async function endChild(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.disconnect();
  await gone;
}

/** A prompt of 3 s that is not all one byte. */
function writePrompt(file: string): void {
  const samples = Buffer.alloc(3 * 8_000 * 2);
  for (let index = 0; index < samples.length / 2; index++) {
    samples.writeInt16LE(Math.round(8_000 * Math.sin(index / 3) * Math.sin(index / 900)), index * 2);
  }
  writeFileSync(file, Buffer.concat([writeWavHeader(1, samples.length), samples]));
}

function toRow(name: string, arrivals: Arrivals, cpuPercent: number, memoryMb: number): MediaBenchRow {
  const expected = arrivals.packets + arrivals.missing;
  const share = (count: number) => (expected === 0 ? 100 : (100 * count) / expected);
  return {
    name,
    ...arrivals,
    latePercent: share(arrivals.late + arrivals.missing),
    gapPercent: share(arrivals.gaps),
    cpuPercent,
    memoryMb,
  };
}

/** Time of all cores so far, in ms: idle, and altogether. */
function machineTime(): { idleMs: number; allMs: number } {
  const times = cpus().map((core) => core.times);
  const idleMs = times.reduce((sum, core) => sum + core.idle, 0);
  return { idleMs, allMs: times.reduce((sum, core) => sum + core.user + core.nice + core.sys + core.irq, idleMs) };
}

/** Lets the receiver measure for so long while a sender runs. */
async function measure(receiver: ChildProcess, seconds: number): Promise<Arrivals> {
  const before = machineTime();
  receiver.send({ do: 'begin' });
  await sleep(seconds * 1_000);
  const after = machineTime();
  receiver.send({ do: 'report' });
  const idlePercent = (100 * (after.idleMs - before.idleMs)) / Math.max(1, after.allMs - before.allMs);
  return { ...(await nextMessage<Omit<Arrivals, 'idlePercent'>>(receiver)), idlePercent };
}

/** The engine plays a prompt to every leg, over and over; `talk` has every caller send audio as well. */
async function benchEngine({ legs, seconds }: MediaBenchOptions, talk: boolean): Promise<MediaBenchRow> {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-bench-'));
  const prompt = join(folder, 'prompt.wav');
  writePrompt(prompt);
  const receiver = startChild('receiver', legs);
  const { ports } = await nextMessage<{ ports: number[] }>(receiver);
  const engine = createMediaEngine({
    bindAddress: '127.0.0.1',
    portMin,
    portMax: portMin + 4 * legs + 100,
    workers: 1,
  });
  try {
    await engine.start();
    const legPorts: number[] = [];
    for (let leg = 0; leg < legs; leg++) {
      const legId = `leg-${leg}`;
      legPorts.push((await engine.openLeg(legId)).rtpPort);
      const remote = { address: '127.0.0.1', port: ports[leg % ports.length] ?? 0 };
      engine.setMedia(legId, { codec: 'PCMU', payloadType: 0, remote, direction: 'sendrecv' });
      engine.play(legId, { playId: legId, sources: [prompt], loop: true, terminators: 'any' });
    }
    if (talk) receiver.send({ do: 'talk', ports: legPorts });
    await sleep(settleMs);
    await engine.lateness();
    const cpuBefore = process.cpuUsage();
    const beganMs = performance.now();
    const arrivals = await measure(receiver, seconds);
    const cpu = process.cpuUsage(cpuBefore);
    const cpuPercent = (cpu.user + cpu.system) / 10 / (performance.now() - beganMs);
    const memoryMb = process.memoryUsage().rss / 1024 / 1024;
    const { sent, late } = await engine.lateness();
    const name = talk ? 'denwaban, callers talk' : 'denwaban, callers silent';
    return { ...toRow(name, arrivals, cpuPercent, memoryMb), ownLatePercent: (100 * late) / Math.max(1, sent) };
  } finally {
    await engine.stop();
    await endChild(receiver);
    rmSync(folder, { recursive: true });
  }
}

/** The baseline: `setInterval(20)` for each stream, a new buffer for each packet. */
async function benchTimerPerStream({ legs, seconds }: MediaBenchOptions): Promise<MediaBenchRow> {
  const receiver = startChild('receiver', legs);
  const { ports } = await nextMessage<{ ports: number[] }>(receiver);
  const sender = startChild('timers', legs);
  sender.send({ ports });
  try {
    await sleep(settleMs);
    const arrivals = await measure(receiver, seconds);
    sender.send({ report: true });
    const usage = await nextMessage<{ cpuPercent: number; memoryMb: number }>(sender);
    return toRow('a timer per stream', arrivals, usage.cpuPercent, usage.memoryMb);
  } finally {
    await endChild(sender);
    await endChild(receiver);
  }
}

/** Runs all rows one after the other. */
export async function benchMedia(options: MediaBenchOptions): Promise<MediaBenchRow[]> {
  const silent = await benchEngine(options, false);
  const talking = await benchEngine(options, true);
  return [silent, talking, await benchTimerPerStream(options)];
}

async function main(args: string[]): Promise<void> {
  const option = (name: string, otherwise: number) => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? otherwise : Number(args[at + 1]);
  };
  const options = { legs: option('legs', 800), seconds: option('seconds', 15) };
  const rows = await benchMedia(options);
  console.table(
    rows.map((row) => ({
      sender: row.name,
      legs: row.streams,
      packets: row.packets,
      holes: row.missing,
      [`late > ${lateMs} ms %`]: row.latePercent.toFixed(3),
      'by own count %': row.ownLatePercent?.toFixed(3) ?? '',
      'gap > 30 ms %': row.gapPercent.toFixed(3),
      'p50 ms': row.p50Ms.toFixed(1),
      'p99 ms': row.p99Ms.toFixed(1),
      'max ms': row.maxMs.toFixed(1),
      'cpu %': row.cpuPercent.toFixed(0),
      'machine idle %': row.idlePercent.toFixed(0),
      'memory MB': row.memoryMb.toFixed(0),
    })),
  );
  console.log(JSON.stringify({ bench: 'media', packetMs, ...options, rows }));
}

if (import.meta.main) {
  const [role, legs] = process.argv.slice(2);
  if (role === 'receiver' || role === 'timers') {
    const peer = await import('./media-peers.ts');
    if (role === 'receiver') await peer.receive();
    else await peer.sendByTimers(Number(legs));
  } else await main(process.argv.slice(2));
}
