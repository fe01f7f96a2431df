import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { afterEach, expect, it } from 'vitest';
import { type SupervisedSwitch, superviseSwitch } from '../../src/switch/supervise.ts';
import { eventually } from '../support/poll.ts';
import { RawPeer } from '../support/raw-peer.ts';

const settings = {
  ...{ bindAddress: '127.0.0.1', publicAddress: '127.0.0.1' },
  ...{ sipPort: 0, controlPort: 0, eventSocketPort: 0, mrfSipPort: 0, rtpPortMin: 34_000, rtpPortMax: 34_999 },
  ...{ controlSecret: 'secret', eventSocketPassword: 'word', maxCalls: 10, maxCallsPerSecond: 10 },
  mediaTimeoutMs: 60_000,
};

let running: SupervisedSwitch | undefined;
afterEach(() => running?.stop());

async function supervised() {
  const lost: string[] = [];
  const back: number[] = [];
  running = await superviseSwitch(settings, {
    onLost: (why) => lost.push(why),
    onFailed: (error) => lost.push(String(error)),
    onBack: () => back.push(performance.now()),
  });
  return { running, lost, back, ports: portsOf(running) };
}

const portsOf = ({ sipPort, controlPort, eventSocketPort }: SupervisedSwitch) => [
  sipPort,
  controlPort,
  eventSocketPort,
];

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** OPTIONS without a client on the control port: 503 shows that the port is served. */
async function expectAnswerAt(port: number): Promise<void> {
  const peer = await RawPeer.open({ protocol: 'udp', address: '127.0.0.1', port });
  try {
    await eventually('an answer by SIP', () => {
      peer.request('OPTIONS');
      return peer.received.length > 0;
    });
  } finally {
    peer.close();
  }
}

it('a switch process that is killed is started again, on the same ports', async () => {
  const { running, lost, back, ports } = await supervised();
  const before = running.pid ?? 0;
  process.kill(before, 'SIGKILL');
  await eventually('the loss', () => lost.length === 1);
  expect(running.health()).toBeUndefined();
  await eventually('another process', () => back.length === 1, { timeoutMs: 10_000 });
  expect(running.pid).not.toBe(before);
  expect(portsOf(running)).toEqual(ports);
  await expectAnswerAt(running.sipPort);
  process.kill(running.pid ?? 0, 'SIGKILL');
  await eventually('a third process', () => back.length === 2, { timeoutMs: 10_000 });
});

it('a switch process that hangs is noticed within 5 s, ended, and replaced', async () => {
  const { running, lost, back } = await supervised();
  const before = running.pid ?? 0;
  const beganAtMs = performance.now();
  process.kill(before, 'SIGSTOP');
  await eventually('that it does not answer', () => running.health()?.answers === false);
  await eventually('its end', () => lost.length === 1);
  expect(performance.now() - beganAtMs).toBeLessThan(5_000);
  expect(lost).toEqual(['it hung and was ended']);
  expect(isAlive(before)).toBe(false);
  await eventually('another process', () => back.length === 1, { timeoutMs: 10_000 });
  await eventually('a sign of life', () => running.health()?.answers);
  const workers = Math.max(2, availableParallelism());
  await eventually('all its workers', () => running.health()?.mediaWorkers.up === workers);
  expect(running.health()?.mediaWorkers.total).toBe(workers);
});

it('a stop leaves no process, also one that comes while another is being started', async () => {
  const { running, lost } = await supervised();
  process.kill(running.pid ?? 0, 'SIGKILL');
  await eventually('the loss', () => lost.length === 1);
  const { sipPort } = running;
  await running.stop();
  expect(running.pid === undefined || !isAlive(running.pid)).toBe(true);
  const socket = createSocket('udp4');
  socket.bind(sipPort, '127.0.0.1');
  await once(socket, 'listening');
  socket.close();
});
