import { createHmac } from 'node:crypto';
import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { parseRetryAfter, postJson } from '../../src/outbox/http-post.ts';
import type { Resolve } from '../../src/outbox/resolve.ts';
import { createSlackDeliverer } from '../../src/outbox/slack-deliverer.ts';
import { createTargetGuard } from '../../src/outbox/target-guard.ts';
import { createWebhookDeliverer } from '../../src/outbox/webhook-deliverer.ts';
import type { WebhookSecret, WebhookSecretStore } from '../../src/outbox/webhook-secrets.ts';
import { eventually } from '../support/poll.ts';
import { makeCertificate } from './certificate.ts';
import { claimedReport, type Receiver, startReceiver } from './harness.ts';

const guard = createTargetGuard({ allowInsecureTargets: true });
const context = { guard, clock: systemClock };
const { signal: never } = new AbortController();
const secretText = (text: string) => `whsec_${Buffer.from(text).toString('base64')}`;
const secretsAre = (...texts: string[]): WebhookSecretStore => {
  const secrets: WebhookSecret[] = texts.map((text) => ({
    secret: secretText(text),
    createdAtMs: 0,
    retiresAtMs: undefined,
  }));
  return { current: async () => secrets, rotate: () => Promise.reject(new Error('not here')) };
};

function* endlessChunks() {
  for (;;) yield 'x'.repeat(10_000);
}

const receivers: Receiver[] = [];
const receiver = async (...options: Parameters<typeof startReceiver>) => {
  const started = await startReceiver(...options);
  receivers.push(started);
  return started;
};
afterEach(async () => {
  await Promise.all(receivers.splice(0).map((each) => each.close()));
});

describe('a webhook', () => {
  it('arrives signed, so that its receiver can check it by the published recipe', async () => {
    const { url, received } = await receiver();
    const deliverer = createWebhookDeliverer({ ...context, secrets: secretsAre('new secret', 'old secret') });
    expect(await deliverer.deliver(claimedReport('rep_1', { target: url }), never)).toEqual({
      result: 'delivered',
      statusCode: 204,
    });
    const [got] = received;
    expect(got).toMatchObject({ method: 'POST', path: '/hook' });
    expect(got?.headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8', 'webhook-id': 'rep_1' });
    const timestamp = Number(got?.headers['webhook-timestamp']);
    expect(Math.abs(timestamp - systemClock.nowMs() / 1000)).toBeLessThan(5);
    const sign = (key: string) =>
      createHmac('sha256', key).update(`rep_1.${timestamp}.${got?.body}`, 'utf8').digest('base64');
    expect(got?.headers['webhook-signature']).toBe(`v1,${sign('new secret')} v1,${sign('old secret')}`);
    expect(JSON.parse(got?.body ?? '')).toEqual({
      type: 'report',
      timestamp: '2026-01-05T01:00:00.000Z',
      data: {
        id: 'rep_1',
        subject: '【至急】山田様よりお電話',
        text: '折り返しをお願いします。\n電話番号: 090-1234-5678\n',
        fields: { caller: { name: '山田', number: '+819012345678' }, urgent: true },
      },
    });
  });

  it('says the same under the same id when it is sent again', async () => {
    const { url, received } = await receiver();
    const deliverer = createWebhookDeliverer({ ...context, secrets: secretsAre('s') });
    const entry = claimedReport('rep_1', { target: url });
    await deliverer.deliver(entry, never);
    await deliverer.deliver({ ...entry, attempts: 2 }, never);
    expect(received.map(({ headers, body }) => [headers['webhook-id'], body])).toEqual([
      ['rep_1', received[0]?.body],
      ['rep_1', received[0]?.body],
    ]);
  });

  it('goes over TLS to a receiver whose certificate is trusted, and to no other', async () => {
    const certificate = makeCertificate();
    const { url, received } = await receiver(undefined, certificate);
    const options = { url, body: '{}', signal: never };
    expect(await postJson({ ...context, ca: certificate.cert }, options)).toMatchObject({ result: 'delivered' });
    expect(await postJson(context, options)).toMatchObject({ result: 'failed', reason: 'tls' });
    expect(received).toHaveLength(1);
  });
});

describe('a receiver that', () => {
  const post = (url: string, signal = never) => postJson(context, { url, body: '{"a":1}', signal });

  it.each([
    [200, { result: 'delivered', statusCode: 200 }],
    [202, { result: 'delivered', statusCode: 202 }],
    [400, { result: 'refused', reason: 'http-status', statusCode: 400 }],
    [404, { result: 'refused', reason: 'http-status', statusCode: 404 }],
    [408, { result: 'failed', reason: 'http-status', statusCode: 408 }],
    [410, { result: 'refused', reason: 'http-status', statusCode: 410 }],
    [425, { result: 'failed', reason: 'http-status', statusCode: 425 }],
    [429, { result: 'failed', reason: 'http-status', statusCode: 429 }],
    [500, { result: 'failed', reason: 'http-status', statusCode: 500 }],
    [503, { result: 'failed', reason: 'http-status', statusCode: 503 }],
  ])('answers %i', async (status, outcome) => {
    const { url } = await receiver((response) => void response.writeHead(status).end('because'));
    expect(await post(url)).toMatchObject(outcome);
  });

  it('says why, has that on record', async () => {
    const { url } = await receiver((response) => void response.writeHead(400).end('no_text'));
    expect(await post(url)).toMatchObject({ detail: '400 no_text' });
  });

  it('asks for a pause, gets it', async () => {
    const { url } = await receiver((response) => void response.writeHead(429, { 'retry-after': '120' }).end());
    expect(await post(url)).toMatchObject({ result: 'failed', retryAfterMs: 120_000 });
    const nowMs = Date.UTC(2026, 0, 5, 1, 0, 0);
    expect(parseRetryAfter('Mon, 05 Jan 2026 01:02:00 GMT', nowMs)).toBe(120_000);
    expect(parseRetryAfter('Mon, 05 Jan 2026 00:00:00 GMT', nowMs)).toBe(0);
    expect(parseRetryAfter('soon', nowMs)).toBeUndefined();
    expect(parseRetryAfter(undefined, nowMs)).toBeUndefined();
  });

  it.each([301, 302, 307, 308])('redirects by %i is not followed', async (status) => {
    const elsewhere = await receiver();
    const { url } = await receiver((response) => void response.writeHead(status, { location: elsewhere.url }).end());
    expect(await post(url)).toMatchObject({ result: 'failed', reason: 'redirect', statusCode: status });
    expect(elsewhere.received).toEqual([]);
  });

  it('drops the connection, without or in the middle of an answer', async () => {
    const before = await receiver((response) => void response.socket?.destroy());
    expect(await post(before.url)).toMatchObject({ result: 'failed', reason: 'unreachable' });
    const within = await receiver((response) => {
      response.writeHead(500, { 'content-length': 1_000 }).write('half', () => response.socket?.destroy());
    });
    expect(await post(within.url)).toMatchObject({ result: 'failed', statusCode: 500 });
  });

  it('is not there', async () => {
    const gone = await receiver();
    await gone.close();
    expect(await post(gone.url)).toMatchObject({ result: 'failed', reason: 'unreachable' });
  });

  it('answers nonsense', async () => {
    const server = createServer((socket) => socket.end('220 mail.example.com ESMTP\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    expect(await post(`http://127.0.0.1:${port}/`)).toMatchObject({ result: 'failed' });
    server.close();
  });

  it('never answers is left when the signal says so', async () => {
    const silent = await receiver(() => undefined);
    const aborter = new AbortController();
    const outcome = post(silent.url, aborter.signal);
    await eventually('it has the request', () => silent.open === 1);
    aborter.abort('timeout');
    expect(await outcome).toMatchObject({ result: 'failed' });
    await eventually('the connection is gone', () => silent.open === 0);
  });

  it('goes on talking for ever is cut off, and counts as having taken it', async () => {
    const endless = await receiver((response) => {
      response.writeHead(200);
      Readable.from(endlessChunks()).pipe(response);
    });
    expect(await post(endless.url)).toEqual({ result: 'delivered', statusCode: 200 });
    await eventually('the connection is gone', () => endless.open === 0);
  });

  it('takes its time over the words of a refusal is not waited for', async () => {
    const slow = await receiver((response) => void response.writeHead(404).write('one'));
    expect(await post(slow.url)).toMatchObject({ result: 'refused', detail: '404 one' });
    await eventually('the connection is gone', () => slow.open === 0);
  });
});

describe('a target inside the house', () => {
  const strict = { guard: createTargetGuard({ allowInsecureTargets: false }), clock: systemClock };

  it('is not connected to by its address', async () => {
    const inside = await receiver(undefined, makeCertificate());
    expect(await postJson(strict, { url: inside.url, body: '{}', signal: never })).toMatchObject({
      result: 'refused',
      reason: 'forbidden-target',
    });
    expect(inside.received).toEqual([]);
  });

  it('is not connected to by a name, also when the name led elsewhere a moment ago', async () => {
    const certificate = makeCertificate();
    const inside = await receiver(undefined, certificate);
    const url = inside.url.replace('127.0.0.1', 'localhost');
    const options = { url, body: '{}', signal: never };
    expect(await postJson({ ...strict, ca: certificate.cert }, options)).toMatchObject({
      result: 'failed',
      reason: 'forbidden-target',
    });
    let asked = 0;
    const rebinding: Resolve = (_hostname, callback) => {
      asked += 1;
      callback(null, [{ address: asked === 1 ? '1.1.1.1' : '127.0.0.1', family: 4 }]);
    };
    const rebound = createTargetGuard({ allowInsecureTargets: false, resolve: rebinding });
    await new Promise((resolve) => rebound.lookupFor(new URL(url))('localhost', { all: true }, resolve));
    expect(await postJson({ guard: rebound, clock: systemClock }, options)).toMatchObject({
      reason: 'forbidden-target',
    });
    expect(asked).toBe(2);
    expect(inside.received).toEqual([]);
  });
});

describe('a Slack message', () => {
  it('arrives as plain text that mentions nobody, with the id at its end', async () => {
    const { url, received } = await receiver((response) => void response.writeHead(200).end('ok'));
    const payload = { subject: '山田様 <!channel>', text: 'A&B <https://evil.example|click>\n'.repeat(2) };
    const entry = claimedReport('rep_1', { channel: 'slack', target: url, payload });
    expect(await createSlackDeliverer(context).deliver(entry, never)).toMatchObject({ result: 'delivered' });
    const { text, ...rest } = JSON.parse(received[0]?.body ?? '');
    expect(text).toBe(
      '山田様 &lt;!channel&gt;\n\nA&amp;B &lt;https://evil.example|click&gt;\nA&amp;B &lt;https://evil.example|click&gt;\n\n[rep_1]',
    );
    expect(rest).toMatchObject({ mrkdwn: false, unfurl_links: false });
    expect(received[0]?.headers['webhook-signature']).toBeUndefined();
  });

  it('that is too long keeps its id', async () => {
    const { url, received } = await receiver();
    const payload = { subject: 's', text: '長'.repeat(90_000) };
    await createSlackDeliverer(context).deliver(claimedReport('rep_1', { target: url, payload }), never);
    const { text } = JSON.parse(received[0]?.body ?? '');
    expect(text).toMatch(/長…\n\n\[rep_1\]$/);
    expect(text.length).toBeLessThan(40_000);
  });

  it('that Slack does not want any more is refused', async () => {
    const { url } = await receiver((response) => void response.writeHead(410).end('channel_is_archived'));
    const entry = claimedReport('rep_1', { channel: 'slack', target: url });
    expect(await createSlackDeliverer(context).deliver(entry, never)).toMatchObject({
      result: 'refused',
      detail: '410 channel_is_archived',
    });
  });
});
