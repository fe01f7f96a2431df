import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './poll.ts';
import { freePort, portIsBound, sippMediaPort } from './ports.ts';
import { type RunningProgram, runProgram } from './process.ts';

export interface SippOptions {
  /** The scenario: the elements inside `<scenario>`. */
  scenario: string;
  /** `host:port` to call; leave out for a scenario that waits for calls. */
  target?: string;
  /** The number dialled. */
  service?: string;
  calls?: number;
  callsPerSecond?: number;
  maxAtOnce?: number;
  transport?: 'udp' | 'tcp';
  port?: number;
  timeoutSeconds?: number;
  extra?: string[];
}

export interface SippRun {
  readonly port: number;
  readonly program: RunningProgram;
  /** Waits for the end; rejects with SIPp's own account when a call did not go as the scenario says. */
  done(): Promise<void>;
  /** Messages SIPp sent and received so far. */
  messages(): string;
  stop(): Promise<void>;
}

/** Runs SIPp, a SIP client that is not ours, on a scenario. Bounded in calls and time. */
export async function startSipp(options: SippOptions): Promise<SippRun> {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-sipp-'));
  const port = options.port ?? (await freePort());
  const file = join(folder, 'scenario.xml');
  writeFileSync(
    file,
    `<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="test">\n${options.scenario}\n</scenario>\n`,
  );
  const timeout = options.timeoutSeconds ?? 40;
  const args = ['-sf', file, '-i', '127.0.0.1', '-p', String(port), '-nostdin', '-m', String(options.calls ?? 1)];
  args.push('-l', String(options.maxAtOnce ?? options.calls ?? 1), '-r', String(options.callsPerSecond ?? 10));
  args.push('-timeout', `${timeout}s`, '-timeout_error', '-trace_msg', '-trace_err');
  args.push('-t', options.transport === 'tcp' ? 't1' : 'u1', '-mp', String(sippMediaPort()));
  if (options.service) args.push('-s', options.service);
  args.push(...(options.extra ?? []));
  if (options.target) args.push(options.target);
  const program = runProgram('sipp', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  // One that waits for calls is ready only when its socket is open.
  await eventually('SIPp to listen', () => program.exited() || portIsBound(port));
  const read = (part: string) =>
    readdirSync(folder)
      .filter((name) => name.includes(part))
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('\n');
  let messages: string | undefined;
  const cleanUp = () => {
    messages = read('messages');
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    port,
    program,
    messages: () => messages ?? read('messages'),
    done: async () => {
      const code = await program.exit;
      const errors = `${read('errors').slice(0, 3000)}\n${program.output().slice(-1500)}`;
      cleanUp();
      if (code !== 0) throw new Error(`SIPp ended with ${code}:\n${errors}\n${messages?.slice(-4000)}`);
    },
    stop: async () => {
      await program.end({ withinMs: 8_000 });
      cleanUp();
    },
  };
}

/** One call, or one exchange, with denwaban; rejects when a message is not as the scenario says. Gives all messages. */
export async function phoneSystem(
  system: { sipHost: string; sipPort: number },
  service: string,
  scenario: string,
  options: Partial<SippOptions> = {},
): Promise<string> {
  const run = await startSipp({ scenario, service, target: `${system.sipHost}:${system.sipPort}`, ...options });
  await run.done();
  return run.messages();
}

/** An SDP offer for G.711 µ-law and telephone-event on 101. */
export const sippSdp = `v=0
o=caller 53655765 2353687637 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
`;

/** An INVITE; `headers` are added as they are. */
export function sippInvite(
  options: { headers?: string; body?: string; cseq?: number; contentType?: string } = {},
): string {
  const body = options.body ?? sippSdp;
  return `<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "caller" <sip:0901111[call_number]@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: ${options.cseq ?? 1} INVITE
Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
${options.headers ? `${options.headers}\n` : ''}${body ? `Content-Type: ${options.contentType ?? 'application/sdp'}\n` : ''}Content-Length: [len]

${body}]]></send>`;
}

/** The message with a branch of its own: so that it can be sent twice, or a CANCEL or ACK can have its INVITE's. */
export function withBranch(message: string, name: string): string {
  return message.replace('branch=[branch]', `branch=z9hG4bK-${name}-[call_number]-[pid]`);
}

/** The message addressed to the number dialled, as outside of a dialog. */
export function toService(message: string): string {
  return message.replace('[next_url]', 'sip:[service]@[remote_ip]:[remote_port]');
}

/** A request inside the dialog that the 200 made. */
export function sippInDialog(
  method: string,
  options: { cseq: number; body?: string; contentType?: string; headers?: string; retrans?: boolean },
): string {
  return `<send${options.retrans === false || method === 'ACK' ? '' : ' retrans="500"'}><![CDATA[
${method} [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: "caller" <sip:0901111[call_number]@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: ${options.cseq} ${method}
Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
${options.headers ? `${options.headers}\n` : ''}${options.body ? `Content-Type: ${options.contentType ?? 'application/sdp'}\n` : ''}Content-Length: [len]

${options.body ?? ''}]]></send>`;
}

export const sippAck = sippInDialog('ACK', { cseq: 1 });
/** Waits for provisional answers (optional) and the 200, and acknowledges. */
export const sippAnswered = `<recv response="100" optional="true"/><recv response="180" optional="true"/><recv response="183" optional="true"/><recv response="200" rrs="true"/>${sippAck}`;
export const sippBye = `${sippInDialog('BYE', { cseq: 9 })}<recv response="200"/>`;
/** An answer to the request received last; in a dialog that it begins, `tag` makes our side known. */
export function sippReply(
  status: string,
  options: { headers?: string; body?: string; tag?: string; retrans?: boolean } = {},
): string {
  const { headers, body, tag } = options;
  return `<send${options.retrans ? ' retrans="500"' : ''}><![CDATA[
SIP/2.0 ${status}
[last_Via:]
[last_From:]
[last_To:]${tag ? `;tag=${tag}` : ''}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
${headers ? `${headers}\n` : ''}${body ? 'Content-Type: application/sdp\n' : ''}Content-Length: [len]

${body ?? ''}]]></send>`;
}

/** Waits until the other side hangs up. */
export const sippWaitForBye = `<recv request="BYE"/>${sippReply('200 OK')}`;

/** Call-IDs of the calls that SIPp has had a 200 for, by what it wrote of its messages. */
export function answeredCalls(messages: string): Set<string> {
  const answers = messages
    .split(/^-{10,}.*$/m)
    .filter((part) => part.includes('SIP/2.0 200') && / INVITE\r?$/m.test(part));
  return new Set(answers.flatMap((part) => /^Call-ID:\s*(\S+)/im.exec(part)?.[1] ?? []));
}
