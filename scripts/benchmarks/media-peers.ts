import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { preferThisThread } from '../../src/switch/media/priority.ts';

/** The other processes of the media bench: the receiving end, and the baseline's sender. */

const packetMs = 20;
const packetSamples = 160;
const lateMs = 10;
const receivingSockets = 16;

interface Stream {
  /** RTP timestamps and arrival times of the packets, in order of arrival. */
  timestamps: number[];
  arrivals: number[];
}

async function openSocket(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', lookup: (host, _options, callback) => callback(null, host, 4) });
  const listening = once(socket, 'listening');
  socket.bind(0, '127.0.0.1');
  await listening;
  socket.setRecvBufferSize(4 * 1024 * 1024);
  return socket;
}

/** Sends 20 ms of silence to every port each 20 ms, spread over the frame, on an absolute schedule. */
function talkTo(ports: number[], sockets: Socket[]): void {
  const beganMs = performance.now();
  const packets = ports.map((_, index) => {
    const packet = Buffer.alloc(172, 0xff);
    packet.writeUInt16BE(0x8000, 0);
    packet.writeUInt32BE(index + 1, 8);
    return packet;
  });
  let sent = 0;
  const turn = () => {
    const due = Math.floor(((performance.now() - beganMs) / packetMs) * ports.length);
    for (; sent < due; sent++) {
      const index = sent % ports.length;
      const frame = Math.floor(sent / ports.length);
      const packet = packets[index];
      if (!packet) continue;
      packet.writeUInt16BE(frame & 0xffff, 2);
      packet.writeUInt32BE((frame * 160) >>> 0, 4);
      sockets[index % sockets.length]?.send(packet, 0, packet.length, ports[index], '127.0.0.1');
    }
    setTimeout(turn, 2);
  };
  turn();
}

const percentile = (sorted: number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

/** A packet's time is what its RTP timestamp says, as a player of the stream sees it; a frame never sent is a hole. */
function summarize(streams: Map<number, Stream>) {
  const lateness: number[] = [];
  let missing = 0;
  let gaps = 0;
  for (const { timestamps, arrivals } of streams.values()) {
    const first = timestamps[0] ?? 0;
    const frames = timestamps.map((timestamp) => ((timestamp - first) | 0) / packetSamples);
    const offsets = frames.map((frame, index) => (arrivals[index] ?? 0) - frame * packetMs);
    const earliest = offsets.reduce((least, offset) => Math.min(least, offset), Number.POSITIVE_INFINITY);
    for (const offset of offsets) lateness.push(offset - earliest);
    missing += (frames.at(-1) ?? 0) + 1 - frames.length;
    for (let index = 1; index < arrivals.length; index++) {
      if ((arrivals[index] ?? 0) - (arrivals[index - 1] ?? 0) > packetMs + lateMs) gaps++;
    }
  }
  lateness.sort((a, b) => a - b);
  return {
    streams: streams.size,
    packets: lateness.length,
    missing,
    late: lateness.filter((value) => value > lateMs).length,
    gaps,
    p50Ms: percentile(lateness, 0.5),
    p99Ms: percentile(lateness, 0.99),
    maxMs: lateness.at(-1) ?? 0,
  };
}

/** Receives on a few sockets, tells streams apart by SSRC, and reports when asked. */
export async function receive(): Promise<void> {
  preferThisThread();
  const streams = new Map<number, Stream>();
  let measuring = false;
  const sockets: Socket[] = [];
  for (let index = 0; index < receivingSockets; index++) {
    const socket = await openSocket();
    socket.on('message', (message) => {
      if (!measuring || message.length < 12 || (message[1] ?? 0) >= 192) return;
      const nowMs = performance.now();
      const ssrc = message.readUInt32BE(8);
      let stream = streams.get(ssrc);
      if (!stream) {
        stream = { timestamps: [], arrivals: [] };
        streams.set(ssrc, stream);
      }
      stream.timestamps.push(message.readUInt32BE(4));
      stream.arrivals.push(nowMs);
    });
    sockets.push(socket);
  }
  process.on('message', (order: { do: 'begin' | 'report' | 'talk'; ports?: number[] }) => {
    if (order.do === 'talk') talkTo(order.ports ?? [], sockets);
    if (order.do === 'begin') {
      streams.clear();
      measuring = true;
    }
    if (order.do === 'report') {
      measuring = false;
      process.send?.(summarize(streams));
    }
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ ports: sockets.map((socket) => socket.address().port) });
}

/** The usual way: a timer and a socket for each stream, a new packet each time. */
export async function sendByTimers(legs: number): Promise<void> {
  preferThisThread();
  const [{ ports }] = (await once(process, 'message')) as [{ ports: number[] }];
  const prompt = Buffer.alloc(24_000, 0x55);
  const cpuBefore = process.cpuUsage();
  const beganMs = performance.now();
  for (let leg = 0; leg < legs; leg++) {
    const socket = createSocket('udp4');
    let sequence = 0;
    setInterval(() => {
      const header = Buffer.alloc(12);
      header.writeUInt16BE(0x8000, 0);
      header.writeUInt16BE(sequence & 0xffff, 2);
      header.writeUInt32BE((sequence * 160) >>> 0, 4);
      header.writeUInt32BE(leg + 1, 8);
      const at = (sequence * 160) % prompt.length;
      sequence++;
      socket.send(Buffer.concat([header, prompt.subarray(at, at + 160)]), ports[leg % ports.length], '127.0.0.1');
    }, packetMs);
  }
  process.on('message', () => {
    const cpu = process.cpuUsage(cpuBefore);
    const cpuPercent = (cpu.user + cpu.system) / 10 / (performance.now() - beganMs);
    process.send?.({ cpuPercent, memoryMb: process.memoryUsage().rss / 1024 / 1024 });
  });
  process.on('disconnect', () => process.exit());
}
