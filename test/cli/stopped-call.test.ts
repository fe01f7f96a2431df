import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { stopOnce } from '../../src/cli/call.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { eventually } from '../support/poll.ts';
import { runProgram } from '../support/process.ts';
import { denwaban } from '../support/system.ts';

const root = resolve(import.meta.dirname, '../..');
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Rings for ever, or answers; says yes to whatever ends the call. */
async function calledParty(answers: boolean) {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  cleanUps.push(() => socket.close());
  const methods: string[] = [];
  const { port } = socket.address();
  const reply = (request: string, from: RemoteInfo, status: string, sdp = '') => {
    const kept = request.split('\r\n').filter((line) => /^(Via|From|Call-ID|CSeq):/i.test(line));
    const to = /^To:.*$/im.exec(request)?.[0] ?? '';
    const lines = [`SIP/2.0 ${status}`, ...kept, to.includes('tag=') ? to : `${to};tag=callee`];
    lines.push(`Contact: <sip:callee@127.0.0.1:${port}>`);
    if (sdp) lines.push('Content-Type: application/sdp');
    lines.push(`Content-Length: ${sdp.length}`, '', sdp);
    socket.send(lines.join('\r\n'), from.port, from.address);
  };
  const sdp = [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 40000 RTP/AVP 0', ''],
  ].join('\r\n');
  socket.on('message', (bytes, from) => {
    const request = bytes.toString();
    const [method = ''] = request.split(' ');
    methods.push(method);
    if (method === 'INVITE') reply(request, from, answers ? '200 OK' : '180 Ringing', answers ? sdp : '');
    else if (method !== 'ACK') reply(request, from, '200 OK');
    // RFC 3261, 9.2: the INVITE that was cancelled has its own answer.
    if (method === 'CANCEL') reply(request.replace(/CSeq: (\d+) CANCEL/i, 'CSeq: $1 INVITE'), from, '487 Cancelled');
  });
  return { uri: `sip:0312345678@127.0.0.1:${port}`, methods };
}

function phone(uri: string) {
  const program = runProgram(join(root, 'node_modules/.bin/node'), [join(root, 'src/main.ts'), 'call', uri], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  cleanUps.push(() => program.end({ signal: 'SIGKILL' }));
  return program;
}

it.each(['SIGINT', 'SIGTERM'] as const)('denwaban call that is ended by %s says BYE', async (signal) => {
  const callee = await calledParty(true);
  const program = phone(callee.uri);
  await eventually('it is answered', () => /answered/.test(program.output()), { timeoutMs: 60_000 });
  program.child.kill(signal);
  await eventually('the BYE arrives', () => callee.methods.includes('BYE'), { timeoutMs: 15_000 });
  expect(await program.exit).toBe(0);
});

it('one wish to stop that arrives twice hangs up; only who insists later ends the process before BYE is answered', async () => {
  const clock = new FakeClock();
  const did: string[] = [];
  const signal = stopOnce(
    clock,
    () => did.push('hang up'),
    () => did.push('exit'),
  );
  signal();
  await clock.advance(20);
  signal();
  expect(did).toEqual(['hang up']);
  await clock.advance(2_000);
  signal();
  expect(did).toEqual(['hang up', 'exit']);
});

it('and CANCEL while it rings', async () => {
  const callee = await calledParty(false);
  const program = phone(callee.uri);
  await eventually('it rings', () => /ringing/.test(program.output()), { timeoutMs: 60_000 });
  program.child.kill('SIGINT');
  await eventually('the CANCEL arrives', () => callee.methods.includes('CANCEL'), { timeoutMs: 15_000 });
  expect(await program.exit).toBe(2);
});

it('commands on a data folder that is not there say so, and make none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-none-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  const dataDir = join(folder, 'typing-error');
  const { code, output } = await denwaban(['calls'], { DATA_DIR: dataDir, DATABASE_URL: '' });
  expect(code).toBe(1);
  expect(output).toContain(`there is no data folder ${dataDir}`);
  expect(output).toMatch(/remedy: .*DATA_DIR/);
  expect(existsSync(dataDir)).toBe(false);
});

it('denwaban --version says its version', async () => {
  const { code, stdout } = await denwaban(['--version'], {});
  expect([code, stdout.trim()]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
});

it('a start that fails says why to a person, and on standard error nothing that is not JSON', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-none-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  const secret = 'p@ss/w:rd#1';
  const DATABASE_URL = `postgres://denwaban:${secret}@127.0.0.1:1/denwaban`;
  const { code, output, stdout } = await denwaban(['start'], { DATA_DIR: join(folder, 'data'), DATABASE_URL });
  expect(code).toBe(1);
  expect(stdout).toMatch(/denwaban: the database 127\.0\.0\.1:1\/denwaban cannot be opened.*\nremedy: /);
  const printed = new Set(stdout.split('\n'));
  const log = output.split('\n').filter((line) => !printed.has(line));
  expect(log.length).toBeGreaterThan(0);
  for (const line of log) expect(() => JSON.parse(line)).not.toThrow();
  for (const piece of ['p@ss', 'w:rd', 'rd#1', 'ss/w']) expect(output).not.toContain(piece);
});
