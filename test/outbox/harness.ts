import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { NewOutboxEntry, OutboxEntry } from '../../src/outbox/entry.ts';
import { parseNewEntry } from '../../src/outbox/entry.ts';

/** A report to be sent. */
export const report = (outboxId: string, change: Partial<NewOutboxEntry> = {}): NewOutboxEntry => ({
  outboxId,
  accountId: 'sakura',
  kind: 'report',
  channel: 'webhook',
  target: 'https://hooks.example.com/a',
  payload: {
    subject: '【至急】山田様よりお電話',
    text: '折り返しをお願いします。\n電話番号: 090-1234-5678\n',
    fields: { caller: { name: '山田', number: '+819012345678' }, urgent: true },
  },
  createdAtMs: Date.UTC(2026, 0, 5, 1, 0, 0),
  ...change,
});

/** The same as a worker has it. */
export const claimedReport = (outboxId: string, change: Partial<NewOutboxEntry> = {}): OutboxEntry => ({
  ...parseNewEntry(report(outboxId, change)),
  state: 'pending',
  attempts: 1,
  failures: 0,
  sinceMs: 0,
  endedAtMs: undefined,
  lastError: undefined,
});

/** One request as a receiver saw it. */
export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver on 127.0.0.1 that keeps what it gets and answers as told. */
export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** How many requests it is still to answer. */
  readonly open: number;
  /** Same port again after `close`. */
  listen(): Promise<void>;
  close(): Promise<void>;
}

type Answer = (response: ServerResponse, received: Received) => void | Promise<void>;

export async function startReceiver(
  answer: Answer = (response) => void response.writeHead(204).end(),
  tls?: { key: string; cert: string },
): Promise<Receiver> {
  const received: Received[] = [];
  let open = 0;
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    open += 1;
    response.once('close', () => {
      open -= 1;
    });
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const got = { method, path, headers, body: Buffer.concat(chunks).toString('utf8') };
      received.push(got);
      void answer(response, got);
    });
  };
  const server: Server = tls ? createSecureServer(tls, listener) : createServer(listener);
  let port = 0;
  const listen = () =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        port = (server.address() as AddressInfo).port;
        resolve();
      });
    });
  await listen();
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/hook`,
    received,
    get open() {
      return open;
    },
    listen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** One mail as a mail server took it. */
export interface Mail {
  from: string;
  to: string[];
  raw: string;
  secure: boolean;
  user: string | undefined;
}

export interface MailServer {
  readonly port: number;
  readonly mails: Mail[];
  close(): Promise<void>;
}

/** A real SMTP server on 127.0.0.1. Without STARTTLS and log-in unless the options say so. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    logger: false,
    disabledCommands: ['STARTTLS', 'AUTH'],
    closeTimeout: 100,
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks).toString('latin1'),
          secure: session.secure,
          user: typeof session.user === 'string' ? session.user : undefined,
        });
        callback();
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
