import { createServer } from 'node:net';
import type { SMTPServerOptions } from 'smtp-server';
import { afterEach, describe, expect, it } from 'vitest';
import { createMailDeliverer, type MailSettings } from '../../src/outbox/mail-deliverer.ts';
import { eventually } from '../support/poll.ts';
import { makeCertificate } from './certificate.ts';
import { claimedReport, type MailServer, startMailServer } from './harness.ts';

const { signal: never } = new AbortController();
const servers: MailServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function mailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const server = await startMailServer(options);
  servers.push(server);
  return server;
}

const settingsFor = (port: number, change: Partial<MailSettings> = {}): MailSettings => ({
  host: '127.0.0.1',
  port,
  secure: false,
  requireTls: false,
  login: undefined,
  from: '電話番 <desk@denwaban.example>',
  ...change,
});

const mail = claimedReport('rep_1', { channel: 'mail', target: 'owner@sakura.example' });
const send = ({ port }: MailServer, change: Partial<MailSettings> = {}, entry = mail) =>
  createMailDeliverer(settingsFor(port, change)).deliver(entry, never);

const reply = (responseCode: number, message: string) => Object.assign(new Error(message), { responseCode });

/** Header fields, unfolded, encoded words decoded; and the body as it stands. */
function readMail(raw: string): { headers: Map<string, string>; body: string } {
  const end = raw.indexOf('\r\n\r\n');
  const lines = raw
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const decode = (value: string) =>
    value
      .replace(/\?=\s+=\?/g, '?==?')
      .replace(/=\?UTF-8\?([BQ])\?([^?]*)\?=/gi, (_, kind: string, text: string) =>
        kind.toUpperCase() === 'B' ? Buffer.from(text, 'base64').toString('latin1') : unquote(text.replace(/_/g, ' ')),
      );
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), utf8(decode(line.slice(colon + 1).trim()))];
  });
  return { headers: new Map(headers), body: raw.slice(end + 4) };
}

const utf8 = (latin1: string) => Buffer.from(latin1, 'latin1').toString('utf8');
const unquote = (text: string) =>
  text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

function textOf(part: string): string {
  const { headers, body } = readMail(part);
  const encoding = headers.get('content-transfer-encoding') ?? '';
  return utf8(encoding === 'base64' ? Buffer.from(body, 'base64').toString('latin1') : unquote(body)).replace(
    /\r\n/g,
    '\n',
  );
}

describe('a mail', () => {
  it('arrives with its Japanese subject and text, to one receiver', async () => {
    const server = await mailServer();
    expect(await send(server)).toEqual({ result: 'delivered', statusCode: 250 });
    const [got] = server.mails;
    expect(got).toMatchObject({ from: 'desk@denwaban.example', to: ['owner@sakura.example'], secure: false });
    const { headers } = readMail(got?.raw ?? '');
    expect(headers.get('subject')).toBe('【至急】山田様よりお電話');
    expect(headers.get('from')).toBe('電話番 <desk@denwaban.example>');
    expect(headers.get('to')).toBe('owner@sakura.example');
    expect(headers.get('auto-submitted')).toBe('auto-generated');
    expect(textOf(got?.raw ?? '')).toBe('折り返しをお願いします。\n電話番号: 090-1234-5678\n');
  });

  it('bears the same id and date when it is sent again', async () => {
    const server = await mailServer();
    await send(server);
    await send(server, {}, { ...mail, attempts: 2 });
    const marks = server.mails.map(({ raw }) => readMail(raw).headers).map((h) => [h.get('message-id'), h.get('date')]);
    const mark = ['<rep_1@denwaban.example>', 'Mon, 05 Jan 2026 01:00:00 +0000'];
    expect(marks).toEqual([mark, mark]);
  });

  it('can hold HTML beside the text, and keeps to one line of subject', async () => {
    const server = await mailServer();
    const payload = { subject: '件名\r\nBcc: spy@example.com', text: '本文', html: '<p>本文</p>' };
    await send(server, {}, claimedReport('rep_2', { channel: 'mail', target: 'a@example.com', payload }));
    const raw = server.mails[0]?.raw ?? '';
    const { headers, body } = readMail(raw);
    expect(headers.get('subject')).toBe('件名 Bcc: spy@example.com');
    expect(headers.has('bcc')).toBe(false);
    expect(server.mails[0]?.to).toEqual(['a@example.com']);
    const boundary = /boundary="([^"]+)"/.exec(headers.get('content-type') ?? '')?.[1];
    const parts = body.split(`--${boundary}`).slice(1, 3);
    expect(parts.map((part) => textOf(part.trimStart()).trim())).toEqual(['本文', '<p>本文</p>']);
  });

  it('goes to nobody when its target is not one address', async () => {
    const server = await mailServer();
    const entry = claimedReport('rep_1', { channel: 'mail', target: 'a@example.com, b@example.com' });
    expect(await send(server, {}, entry)).toMatchObject({ result: 'refused', reason: 'forbidden-target' });
    expect(server.mails).toEqual([]);
  });
});

describe('a mail server that', () => {
  it('does not know the receiver has refused for good; one that defers has not', async () => {
    const unknown = await mailServer({ onRcptTo: (_address, _session, done) => done(reply(550, 'no such user')) });
    expect(await send(unknown)).toMatchObject({ result: 'refused', reason: 'smtp-reply', statusCode: 550 });
    const busy = await mailServer({ onRcptTo: (_address, _session, done) => done(reply(450, 'greylisted')) });
    expect(await send(busy)).toMatchObject({ result: 'failed', reason: 'smtp-reply', statusCode: 450 });
  });

  it('does not take the message, for good or for now', async () => {
    const answering = (error: Error) =>
      mailServer({
        onData: (stream, _session, done) => {
          stream.resume();
          stream.on('end', () => done(error));
        },
      });
    expect(await send(await answering(reply(554, 'spam')))).toMatchObject({ result: 'refused', statusCode: 554 });
    expect(await send(await answering(reply(451, 'disk full')))).toMatchObject({ result: 'failed', statusCode: 451 });
  });

  it('finds the message too big has refused it', async () => {
    const small = await mailServer({ onMailFrom: (_address, _session, done) => done(reply(552, 'too big')) });
    expect(await send(small)).toMatchObject({ result: 'refused', statusCode: 552 });
  });

  it('refuses us, and not the message, is tried again: the settings may be put right', async () => {
    const sender = await mailServer({ onMailFrom: (_address, _session, done) => done(reply(550, 'not your domain')) });
    expect(await send(sender)).toMatchObject({ result: 'failed', reason: 'smtp-reply', statusCode: 550 });
    const greeting = await mailServer({ onConnect: (_session, done) => done(reply(554, 'go away')) });
    expect(await send(greeting)).toMatchObject({ result: 'failed' });
    const login = await mailServer({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) => done(reply(535, 'wrong password')),
    });
    expect(await send(login, { login: { user: 'desk', password: 'old' } })).toMatchObject({
      result: 'failed',
      reason: 'smtp-login',
      statusCode: 535,
    });
  });

  it('is not there', async () => {
    const server = await startMailServer();
    await server.close();
    expect(await send(server)).toMatchObject({ result: 'failed', reason: 'unreachable' });
  });

  it.each([
    ['says nothing', ''],
    // Each line counts as a sign of life, so that no time-out of silence ever ends it.
    ['greets without end', '220-one moment\r\n'],
  ])('takes the connection and %s is left when the signal says so', async (_what, said) => {
    let open = 0;
    const silent = createServer((socket) => {
      open += 1;
      const saying = setInterval(() => said && socket.write(said), 20);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        clearInterval(saying);
        open -= 1;
      });
      socket.resume();
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const aborter = new AbortController();
    const outcome = createMailDeliverer(settingsFor(port)).deliver(mail, aborter.signal);
    await eventually('it is connected', () => open === 1);
    aborter.abort('timeout');
    expect(await outcome).toMatchObject({ result: 'failed' });
    await eventually('the connection is gone', () => open === 0);
    silent.close();
  });
});

describe('mail over TLS', () => {
  const certificate = makeCertificate();
  const accepting: SMTPServerOptions = { onAuth: (auth, _session, done) => done(null, { user: auth.username ?? '' }) };

  it('logs in after STARTTLS', async () => {
    const server = await mailServer({ ...certificate, ...accepting, disabledCommands: [] });
    const secret = { login: { user: 'desk', password: 'p@ss' }, requireTls: true, ca: certificate.cert };
    expect(await send(server, secret)).toMatchObject({ result: 'delivered' });
    expect(server.mails[0]).toMatchObject({ secure: true, user: 'desk' });
  });

  it('from the first byte', async () => {
    const server = await mailServer({ ...certificate, secure: true });
    expect(await send(server, { secure: true, ca: certificate.cert })).toMatchObject({ result: 'delivered' });
    expect(server.mails[0]?.secure).toBe(true);
  });

  it('is not sent in the clear where it must be protected, nor to a server that nobody vouches for', async () => {
    const plain = await mailServer();
    expect(await send(plain, { requireTls: true })).toMatchObject({ result: 'failed' });
    const unknown = await mailServer({ ...certificate, disabledCommands: ['AUTH'] });
    expect(await send(unknown, { requireTls: true })).toMatchObject({ result: 'failed', reason: 'tls' });
    expect([...plain.mails, ...unknown.mails]).toEqual([]);
  });
});

describe('a recording', () => {
  const sound = Buffer.from(Array.from({ length: 3_000 }, (_, index) => (index * 7) % 256));
  const attachment = { accountId: 'sakura', callId: 'a', recordingId: 'a_r1', fileName: 'message-20260105-100000.wav' };
  const payload = { subject: 'メッセージ', text: '録音を聞く: https://desk.example.com/recordings/a_r1\n', attachment };
  const entry = claimedReport('a_r1.1', { channel: 'mail', target: 'owner@sakura.example', payload });
  const sendWith = ({ port }: MailServer, content: Buffer | undefined) =>
    createMailDeliverer(settingsFor(port), async () => content).deliver(entry, never);

  it('goes along as a file that mail readers play', async () => {
    const server = await mailServer();
    expect(await sendWith(server, sound)).toMatchObject({ result: 'delivered' });
    const raw = server.mails[0]?.raw ?? '';
    const boundary = /boundary="([^"]+)"/.exec(raw)?.[1] ?? '';
    const parts = raw.split(`--${boundary}`).slice(1, -1);
    const [words, file] = parts.map((part) => readMail(part.replace(/^\r\n/, '')));
    expect(textOf(parts[0]?.replace(/^\r\n/, '') ?? '')).toContain('https://desk.example.com/recordings/a_r1');
    expect(words?.headers.get('content-type')).toContain('text/plain');
    expect(file?.headers.get('content-type')).toContain('audio/wav');
    expect(file?.headers.get('content-disposition')).toBe('attachment; filename=message-20260105-100000.wav');
    expect(Buffer.from(file?.body ?? '', 'base64')).toEqual(sound);
  });

  it.each([
    ['is too large for mail', Buffer.alloc(5_242_881)],
    ['is not to be found', undefined],
  ])('stays where it is where it %s: the words go, with the link', async (_, content) => {
    const server = await mailServer();
    expect(await sendWith(server, content)).toMatchObject({ result: 'delivered' });
    expect(server.mails[0]?.raw).not.toContain('audio/wav');
  });

  it('is left out where the mail server takes no such mail', async () => {
    const taken: string[] = [];
    const server = await mailServer({
      onData: (stream, _, callback) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const raw = Buffer.concat(chunks).toString('latin1');
          if (raw.includes('audio/wav')) callback(reply(552, 'too much'));
          else {
            taken.push(raw);
            callback();
          }
        });
      },
    });
    expect(await sendWith(server, sound)).toMatchObject({ result: 'delivered' });
    expect(taken).toHaveLength(1);
  });
});

describe('a mailbox of a form that few programs take', () => {
  it.each([
    ['a/b@example.com', 'a/b@example.com'],
    ['a?b@example.com', 'a?b@example.com'],
  ])('%s gets its report', async (target, received) => {
    const server = await mailServer();
    const outcome = await send(server, {}, claimedReport('rep_1', { channel: 'mail', target }));
    expect(outcome).toMatchObject({ result: 'delivered' });
    expect(server.mails[0]?.to).toEqual([received]);
  });

  it.each([
    ['a..b@docomo.ne.jp', '"a..b"@docomo.ne.jp'],
    ['a.@ezweb.ne.jp', '"a."@ezweb.ne.jp'],
    ['"a b"@example.com', '"a b"@example.com'],
    ['"a@b"@example.com', '"a@b"@example.com'],
    ['"a\\"b"@example.com', '"a\\"b"@example.com'],
    ['"a,b;c"@example.com', '"a,b;c"@example.com'],
    ['-a.-.b...@docomo.ne.jp', '"-a.-.b..."@docomo.ne.jp'],
    ["!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"],
  ])('%s goes out as %s', async (target, quoted) => {
    const receivers: string[] = [];
    const server = createServer((socket) => {
      socket.write('220 carrier\r\n');
      let isData = false;
      socket.on('data', (chunk) => {
        for (const line of chunk.toString('latin1').split('\r\n').slice(0, -1)) {
          if (isData && line !== '.') continue;
          if (line.startsWith('RCPT')) receivers.push(line);
          isData = line === 'DATA';
          socket.write(isData ? '354 go on\r\n' : line === 'QUIT' ? '221 bye\r\n' : '250 fine\r\n');
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const entry = claimedReport('rep_1', { channel: 'mail', target });
    const outcome = await createMailDeliverer(settingsFor(port)).deliver(entry, never);
    server.close();
    expect(outcome).toMatchObject({ result: 'delivered' });
    expect(receivers).toEqual([`RCPT TO:<${quoted}>`]);
  });
});
