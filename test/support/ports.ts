import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/** A port that is free on 127.0.0.1 for UDP and TCP alike, as far as anyone can say beforehand. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await tcpPort();
    if (await udpPortIsFree(port)) return port;
  }
}

/** A port that is free together with the one above it (baresip takes both). */
export async function freePortPair(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if ((await tcpPortIsFree(port + 1)) && (await udpPortIsFree(port + 1))) return port;
  }
}

function tcpPortIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function tcpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** True when some process has a UDP or TCP socket bound to the port. Looks without touching it. */
export function portIsBound(port: number): boolean {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  return ['/proc/net/udp', '/proc/net/tcp'].some((table) =>
    readFileSync(table, 'utf8')
      .split('\n')
      .some((row) => row.trim().split(/\s+/)[1]?.concat(' ').endsWith(hex)),
  );
}

function udpPortIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.on('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}

/** Which of the test files that run at the same time this is: 0, 1, … Nothing of theirs may meet. */
const lane = (Number(process.env.VITEST_POOL_ID ?? 1) - 1) % 4;

/**
 * First and last port for the audio of a switch: apart from the phones', and below those that the system gives to
 * everyone. Late packets of one file's calls must not be heard in those of another.
 */
export function rtpPorts(): [number, number] {
  const first = 10_000 + 1_500 * lane;
  return [first, first + 1_499];
}

/**
 * A port for SIPp's audio: it takes this one and the next few. Below the range the system gives to everyone, where
 * nothing else takes one between this look and SIPp's.
 */
export function sippMediaPort(): number {
  for (;;) {
    const port = 18_000 + 8 * (4 * Math.floor(Math.random() * 30) + lane);
    if ([0, 1, 2, 3].every((offset) => !portIsBound(port + offset))) return port;
  }
}

/**
 * A port beyond the trunk, for phones that come and go while the system runs: below the range the system gives to
 * everyone, so that nobody else takes it meanwhile. The one above it is free, too.
 */
export function trunkPortOfOurs(): number {
  for (;;) {
    const port = 19_000 + 2 * (4 * Math.floor(Math.random() * 120) + lane);
    if ([0, 1].every((offset) => !portIsBound(port + offset))) return port;
  }
}
