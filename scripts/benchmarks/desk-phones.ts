/**
 * Agents' phones for the bench of the desk, in a process of their own: plain SIP by UDP on one socket. They register with
 * digest, answer an INVITE with 180 and 200, and hang up after the talk. Each INVITE is told to the parent the moment it
 * is read, by the machine's monotonic clock.
 *
 *   node scripts/benchmarks/desk-phones.ts <server port, 0: no registration> <phones> <talk ms>
 */
import { createHash, randomUUID } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { monotonicMs, type PhoneReport, phonePassword } from './desk-phone-words.ts';

const [serverPort = 0, count = 0, talkMs = 0] = process.argv.slice(2).map(Number);
const host = '127.0.0.1';
const socket = createSocket({ type: 'udp4', recvBufferSize: 4_194_304 });
/** Where audio goes; nobody listens. */
const audio = createSocket('udp4');
const seen = new Set<string>();
const replies = new Map<string, (text: string) => void>();

const tell = (report: PhoneReport) => process.send?.(report);
const headers = (text: string, name: string) =>
  [...text.matchAll(new RegExp(`^${name}\\s*:\\s*(.*)$`, 'gim'))].map(([, value = '']) => value.trim());
const headerOf = (text: string, name: string) => headers(text, name)[0] ?? '';
const branchOf = (text: string) => /branch=([^;\s]+)/.exec(headerOf(text, 'Via'))?.[1] ?? '';
const newVia = (branch: string) => `Via: SIP/2.0/UDP ${host}:${port};rport;branch=${branch}`;

socket.bind(0, host);
audio.bind(0, host);
await Promise.all([once(socket, 'listening'), once(audio, 'listening')]);
const { port } = socket.address();
socket.on('message', (data, from) => {
  const atMs = monotonicMs();
  const text = data.toString();
  if (text.startsWith('SIP/2.0')) {
    if (!text.startsWith('SIP/2.0 1')) replies.get(branchOf(text))?.(text);
    return;
  }
  const method = text.slice(0, text.indexOf(' '));
  if (method === 'INVITE') onInvite(text, from.port, atMs);
  else if (method === 'ACK') onAck(text, from.port);
  else socket.send(answer(text, '200 OK'), from.port, host);
});

function answer(request: string, status: string, toTag = '', body = ''): string {
  const copied = (name: string) => headers(request, name).map((value) => `${name}: ${value}`);
  const to = headerOf(request, 'To');
  const lines = [
    ...[`SIP/2.0 ${status}`, ...copied('Via'), ...copied('Record-Route'), ...copied('From'), ...copied('Call-ID')],
    ...[...copied('CSeq'), `To: ${to}${to.includes('tag=') || !toTag ? '' : `;tag=${toTag}`}`],
    ...[`Contact: <${request.split(' ')[1]}>`, ...(body ? ['Content-Type: application/sdp'] : [])],
  ];
  return `${lines.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function agentOf(request: string): string {
  return /^\S+ sip:([^@]+)@/.exec(request)?.[1] ?? '';
}

/** What follows once the 200 has arrived, by Call-ID. */
const talks = new Map<string, (server: number) => Promise<void>>();

function onInvite(text: string, from: number, atMs: number): void {
  const callId = headerOf(text, 'Call-ID');
  const tag = `t${callId.slice(0, 12)}`;
  const sdp = ['v=0', `o=phone 1 1 IN IP4 ${host}`, 's=-', `c=IN IP4 ${host}`, 't=0 0'];
  const media = [`m=audio ${audio.address().port} RTP/AVP 0`, 'a=rtpmap:0 PCMU/8000', ''];
  if (!seen.has(callId)) {
    seen.add(callId);
    const agentId = agentOf(text);
    tell({ type: 'invite', agentId, atMs });
    socket.send(answer(text, '180 Ringing', tag), from, host);
    talks.set(callId, (server) => talk(text, tag, agentId, server));
  }
  socket.send(answer(text, '200 OK', tag, [...sdp, ...media].join('\r\n')), from, host);
}

function onAck(text: string, from: number): void {
  const callId = headerOf(text, 'Call-ID');
  const begin = talks.get(callId);
  talks.delete(callId);
  begin?.(from);
}

/** A request in the dialog that an INVITE began, from the phone. */
function inDialog(
  method: string,
  cseq: number,
  invite: string,
  tag: string,
  body = '',
): [branch: string, text: string] {
  const branch = `z9hG4bK${randomUUID()}`;
  const contact = /<([^>]+)>/.exec(headerOf(invite, 'Contact'))?.[1] ?? '';
  const to = headerOf(invite, 'To');
  const lines = [
    ...[`${method} ${contact} SIP/2.0`, newVia(branch), 'Max-Forwards: 70'],
    ...headers(invite, 'Record-Route').map((route) => `Route: ${route}`),
    ...[`From: ${to.includes('tag=') ? to : `${to};tag=${tag}`}`, `To: ${headerOf(invite, 'From')}`],
    ...[`Call-ID: ${headerOf(invite, 'Call-ID')}`, `CSeq: ${cseq} ${method}`],
    ...(body ? ['Content-Type: application/dtmf-relay'] : []),
    ...[`Content-Length: ${body.length}`, '', body],
  ];
  return [branch, lines.join('\r\n')];
}

/** Skips the whisper by a key, hangs up after the talk. */
async function talk(invite: string, tag: string, agentId: string, server: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 300));
  await exchange(...inDialog('INFO', 1, invite, tag, 'Signal=1\r\nDuration=100\r\n'), server);
  await new Promise((resolve) => setTimeout(resolve, talkMs - 300));
  await exchange(...inDialog('BYE', 2, invite, tag), server);
  tell({ type: 'ended', agentId });
}

/** Sends a request until its final answer is there. */
async function exchange(branch: string, text: string, to: number): Promise<string> {
  const replied = new Promise<string>((resolve) => replies.set(branch, resolve));
  const again = setInterval(() => socket.send(text, to, host), 500);
  socket.send(text, to, host);
  const reply = await replied;
  clearInterval(again);
  replies.delete(branch);
  return reply;
}

async function register(index: number): Promise<void> {
  const user = `agent-${index}`;
  const uri = `sip:${host}:${serverPort}`;
  const callId = randomUUID();
  const send = (cseq: number, extra: string[]) => {
    const branch = `z9hG4bK${randomUUID()}`;
    const lines = [
      ...[`REGISTER ${uri} SIP/2.0`, newVia(branch), 'Max-Forwards: 70', `From: <sip:${user}@${host}>;tag=r`],
      ...[`To: <sip:${user}@${host}>`, `Call-ID: ${callId}`, `CSeq: ${cseq} REGISTER`],
      ...[`Contact: <sip:${user}@${host}:${port}>`, 'Expires: 3600', ...extra, 'Content-Length: 0', '', ''],
    ];
    return exchange(branch, lines.join('\r\n'), serverPort);
  };
  const challenged = headers(await send(1, []), 'WWW-Authenticate').find((line) => /algorithm="?MD5\b/i.test(line));
  const of = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(challenged ?? '')?.[1] ?? '';
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  const ha1 = md5(`${user}:${of('realm')}:${phonePassword}`);
  const response = md5(`${ha1}:${of('nonce')}:00000001:cn:auth:${md5(`REGISTER:${uri}`)}`);
  const proof = `username="${user}", realm="${of('realm')}", nonce="${of('nonce')}", uri="${uri}", algorithm=MD5`;
  const authorization = `Authorization: Digest ${proof}, response="${response}", cnonce="cn", qop=auth, nc=00000001`;
  const reply = await send(2, [authorization]);
  if (!reply.startsWith('SIP/2.0 200')) throw new Error(`${user} could not register: ${reply.split('\r\n')[0]}`);
}

if (serverPort > 0) for (let index = 0; index < count; index++) await register(index);
tell({ type: 'ready', port });
process.on('disconnect', () => process.exit(0));
