import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../support/poll.ts';

/** SIPp as caller or callee: steps of its scenario language, for calls whose signalling only matters. */

export interface SippOptions {
  /** `host:port` to call; left out, it waits for calls. */
  target?: string;
  service?: string;
  calls?: number;
  transport?: 'u1' | 't1';
  extra?: string[];
}

export interface Sipp {
  readonly port: number;
  /** Resolves when all went as the scenario says; rejects with SIPp's own account when not. */
  readonly done: Promise<void>;
  /** What it sent and received so far. */
  messages(): string;
  /** Ends it early. */
  stop(): void;
}

/** Starts SIPp on the steps; bounded at 30 s. */
export async function sipp(steps: string[], options: SippOptions = {}, triesLeft = 3): Promise<Sipp> {
  const folder = mkdtempSync(join(tmpdir(), 'sipp-'));
  const port = await freeUdpPort();
  const file = join(folder, 'scenario.xml');
  writeFileSync(file, `<?xml version="1.0"?>\n<scenario name="test">\n${steps.join('\n')}\n</scenario>\n`);
  const { target, service = '5550100', calls = 1, transport = 'u1', extra = [] } = options;
  const args = ['-sf', file, '-i', '127.0.0.1', '-p', String(port), '-nostdin', '-m', String(calls), '-s', service];
  args.push('-l', String(calls), '-r', '100', '-t', transport, '-trace_msg', '-trace_err', '-timeout', '30s');
  args.push('-timeout_error', ...extra, ...(target ? [target] : []));
  const child = spawn('sipp', args, { cwd: folder, stdio: 'ignore' });
  let ended = false;
  const done = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      const account = ended ? '' : report(folder);
      rmSync(folder, { recursive: true, force: true });
      if (code === 0 || ended) resolve();
      else reject(new Error(`SIPp ended with ${code ?? signal}:\n${account}`));
    });
  });
  // Waited for by the test, which may come to it later
  done.catch(() => undefined);
  if (!target) {
    const ready = async () => child.exitCode !== null || (await portIsTaken(port));
    await eventually('SIPp to listen', ready);
    // Tests of other files had taken its port, or one for its audio, since we looked.
    if (child.exitCode !== null && triesLeft > 1) return sipp(steps, options, triesLeft - 1);
  }
  return {
    port,
    done,
    messages: () => (child.exitCode === null ? report(folder, 'messages') : ''),
    stop: () => {
      ended = true;
      child.kill('SIGKILL');
    },
  };
}

function report(folder: string, part = ''): string {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log') && name.includes(part))
    .map((name) => readFileSync(join(folder, name), 'utf8').slice(-5_000))
    .join('\n');
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

function portIsTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.on('error', () => resolve(true));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(false)));
  });
}

/** SDP of the far end; `direction` for hold. */
export function sdpBody(direction = 'sendrecv'): string {
  return `v=0
o=user 53655765 2353687637 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 40000 RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=${direction}
`;
}

interface Sent {
  body?: string;
  headers?: string;
}

function bodyLines({ body = '', headers = '' }: Sent): string {
  const type = body === '' ? '' : 'Content-Type: application/sdp\n';
  return `${headers === '' ? '' : `${headers}\n`}${type}Content-Length: [len]\n\n${body}`;
}

/** The caller's INVITE. */
export function invite(sent: Sent = { body: sdpBody() }): string {
  return `<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "caller" <sip:09011112222@[local_ip]:[local_port]>;tag=[pid]A[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
${bodyLines(sent)}]]></send>`;
}

/** A caller's request in its dialog, after `answered`. */
export function request(method: string, cseq: number, sent: Sent = {}): string {
  return `<send${method === 'ACK' ? '' : ' retrans="500"'}><![CDATA[
${method} [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "caller" <sip:09011112222@[local_ip]:[local_port]>;tag=[pid]A[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: ${cseq} ${method}
Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
${bodyLines(sent)}]]></send>`;
}

/** The caller gives up while it rings. */
export const cancel = `<send retrans="500"><![CDATA[
CANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
From: "caller" <sip:09011112222@[local_ip]:[local_port]>;tag=[pid]A[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 CANCEL
Max-Forwards: 70
Content-Length: 0

]]></send>`;

/** The caller acknowledges a failure. */
export const ackFailure = `<send><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
From: "caller" <sip:09011112222@[local_ip]:[local_port]>;tag=[pid]A[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>`;

export const receive = (response: number): string => `<recv response="${response}" rrs="true"/>`;
export const maybe = (response: number): string => `<recv response="${response}" optional="true"/>`;
export const receiveRequest = (method: string): string => `<recv request="${method}" rrs="true"/>`;
export const pause = (ms: number): string => `<pause milliseconds="${ms}"/>`;
/**
 * After the answer, before what the application must hear: srf loses what comes in one read with the answer's echo, as
 * nobody can have subscribed by then. The real server is no different.
 */
export const settle = pause(100);
/** The call is answered, and acknowledged. */
export const answered = [maybe(100), maybe(180), maybe(183), receive(200), request('ACK', 1)].join('\n');
/** The call is refused with this status, and acknowledged. */
export const refused = (status: number): string => [maybe(100), maybe(180), receive(status), ackFailure].join('\n');
/** The caller hangs up. */
export const hangUp = (cseq = 9): string => [request('BYE', cseq), receive(200)].join('\n');

/** Answers the request just received, as callee or caller. */
export function reply(status: string, sent: Sent = {}, tag = '[pid]B[call_number]'): string {
  return `<send${status.startsWith('200') && sent.body ? ' retrans="500"' : ''}><![CDATA[
SIP/2.0 ${status}
[last_Via:]
[last_From:]
[last_To:]${tag === '' ? '' : `;tag=${tag}`}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:callee@[local_ip]:[local_port];transport=[transport]>
${bodyLines(sent)}]]></send>`;
}

/** Waits until the other side hangs up. */
export const waitForBye = [receiveRequest('BYE'), reply('200 OK', {}, '')].join('\n');
