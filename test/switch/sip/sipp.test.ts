import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SipEndpoint } from '../../../src/switch/sip/api.ts';
import { addressOf, finalOf, sdp, settled, startEndpoint } from './support.ts';

/** Against SIPp: a client and a server that are not ours. */

let folder: string;
let endpoint: SipEndpoint;
let ends: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sipp-'));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  endpoint = await startEndpoint({ t1Ms: 50 });
  ends = [];
});
afterEach(() => endpoint.stop());

const scenario = (name: string): string[] => ['-sf', join(import.meta.dirname, 'sipp', `${name}.xml`)];

/** Runs SIPp to its end. Rejects when a call failed, with what SIPp said of it. */
async function sipp(args: string[]): Promise<void> {
  const common = ['-i', '127.0.0.1', '-nostdin', '-timeout', '40s', '-timeout_error', '-recv_timeout', '20000'];
  await new Promise<void>((resolve, reject) => {
    execFile('sipp', [...args, ...common], { cwd: folder, timeout: 60_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`sipp: ${error.code} ${stderr}\n${stdout.slice(-3_000)}`));
      else resolve();
    });
  });
}

const target = (protocol: 'udp' | 'tcp' = 'udp'): string => `127.0.0.1:${addressOf(endpoint, protocol).port}`;
const transport = { udp: ['-t', 'u1'], tcp: ['-t', 't1'] } as const;

/** Answers calls, and each request in them. */
function answerCalls(): void {
  endpoint.on('request', (transaction) => {
    const { request } = transaction;
    if (request.method !== 'INVITE' || transaction.dialog) {
      transaction.respond(200, request.method === 'INVITE' ? { body: sdp } : {});
      return;
    }
    transaction.respond(180);
    transaction.respond(200, { body: sdp }).dialog?.on('terminated', (why) => ends.push(why));
  });
}

describe.each(['udp', 'tcp'] as const)('SIPp over %s', (protocol) => {
  it('calls us: 300 calls at 100 a second', { timeout: 60_000 }, async () => {
    answerCalls();
    await sipp(['-sn', 'uac', ...transport[protocol], '-m', '300', '-r', '100', '-d', '200', target(protocol)]);
    await settled(endpoint);
    expect(ends).toEqual(Array(300).fill('remote-bye'));
  });

  it('calls us with a hold in the middle', { timeout: 60_000 }, async () => {
    answerCalls();
    await sipp([...scenario('caller-hold'), ...transport[protocol], '-m', '50', '-r', '50', target(protocol)]);
    await settled(endpoint);
    expect(ends).toEqual(Array(50).fill('remote-bye'));
  });

  it('is called by us: 100 calls', { timeout: 60_000 }, async () => {
    const probe = createSocket('udp4').bind(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address();
    probe.close();
    const calls = 100;
    await endpoint.stop();
    endpoint = await startEndpoint({ t1Ms: 100 });
    const server = sipp(['-sn', 'uas', ...transport[protocol], '-p', String(port), '-m', String(calls)]);
    const uri = `sip:uas@127.0.0.1:${port}${protocol === 'tcp' ? ';transport=tcp' : ''}`;
    // A few at a time: SIPp fails a call whose INVITE is repeated after its answer, as it is when SIPp is slow
    const byes: (number | undefined)[] = [];
    let started = 0;
    const line = async (): Promise<void> => {
      while (started++ < calls) byes.push(await callAndHangUp(uri));
    };
    await Promise.all([line(), line(), line(), line()]);
    expect(byes).toEqual(Array(calls).fill(200));
    await server;
    await settled(endpoint);
  });
});

/** Calls, trying again while SIPp is not up yet, and hangs up as soon as answered. Gives the status of the BYE. */
async function callAndHangUp(uri: string): Promise<number | undefined> {
  for (;;) {
    const { message, dialog } = await finalOf(endpoint.request({ method: 'INVITE', uri, body: sdp }));
    if (message.status === 503) continue;
    if (!dialog) return message.status;
    dialog.ack();
    return (await finalOf(dialog.request({ method: 'BYE' }))).message.status;
  }
}

it('SIPp on a network that loses a tenth of the packets', { timeout: 90_000 }, async () => {
  answerCalls();
  await sipp([...scenario('caller-hold'), '-lost', '10', '-m', '40', '-r', '40', target()]);
  await settled(endpoint);
  expect(ends).toHaveLength(40);
});

it('SIPp never sends its ACK: 200 again, then BYE', { timeout: 60_000 }, async () => {
  answerCalls();
  await sipp([...scenario('caller-no-ack'), '-m', '5', target()]);
  await settled(endpoint);
  expect(ends).toEqual(Array(5).fill('ack-timeout'));
});

it('SIPp gives up while it rings', { timeout: 60_000 }, async () => {
  let cancels = 0;
  endpoint.on('request', (transaction) => {
    transaction.on('cancel', () => cancels++);
    transaction.respond(180);
  });
  await sipp([...scenario('caller-cancel'), '-m', '30', '-r', '30', target()]);
  await settled(endpoint);
  expect(cancels).toBe(30);
});
