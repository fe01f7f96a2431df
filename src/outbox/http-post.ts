import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import { type DeliveryOutcome, isTlsCode } from './delivery.ts';
import { forbiddenTargetCode, type TargetGuard } from './target-guard.ts';

/** What a POST needs besides what it says. */
export interface HttpContext {
  guard: TargetGuard;
  clock: Clock;
  /** Authorities trusted besides the system's, PEM. */
  ca?: string | undefined;
}

/** Of silence on the connection. The attempt as a whole is limited by its signal. */
const idleTimeoutMs = 15_000;
const maxBodyBytes = 65_536;
const maxBodyMs = 2_000;
const detailCharacters = 200;

/**
 * POSTs JSON to a URL that the guard allows: no redirects followed, no proxy, a connection of its own, the answer's
 * body read only as far as it helps the record. A 2xx is delivered; 4xx is refused except 408, 425 and 429; anything
 * else may pass (RFC 9110, 15).
 */
export async function postJson(
  { guard, clock, ca }: HttpContext,
  options: { url: string; body: string; headers?: Record<string, string>; signal: AbortSignal },
): Promise<DeliveryOutcome> {
  const fault = guard.fault(options.url);
  if (fault !== undefined) return { result: 'refused', reason: 'forbidden-target', detail: `the URL ${fault}` };
  const url = new URL(options.url);
  const body = Buffer.from(options.body);
  return new Promise((resolve) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, {
      method: 'POST',
      agent: false,
      lookup: guard.lookupFor(url),
      signal: options.signal,
      timeout: idleTimeoutMs,
      ...(ca === undefined ? {} : { ca }),
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'content-length': body.length,
        'user-agent': 'denwaban',
        ...options.headers,
      },
    });
    request.once('timeout', () => request.destroy(Object.assign(new Error('silence'), { code: 'ETIMEDOUT' })));
    // Stays, so that what happens after the answer ends nothing but the connection.
    request.on('error', (error) => resolve(connectionFailure(error)));
    request.once('response', (response) => {
      const text = readStart(response, clock).finally(() => request.destroy());
      // Taken: what its body says, or whether it ends, is of no importance.
      if (isSuccess(response)) resolve({ result: 'delivered', statusCode: response.statusCode ?? 200 });
      else text.then((detail) => resolve(statusOutcome(response, detail, clock.nowMs())));
    });
    request.end(body);
  });
}

const isSuccess = ({ statusCode = 0 }: IncomingMessage) => statusCode >= 200 && statusCode < 300;

function statusOutcome(response: IncomingMessage, text: string, nowMs: number): DeliveryOutcome {
  const statusCode = response.statusCode ?? 0;
  const detail = `${statusCode} ${text.slice(0, detailCharacters)}`;
  if (statusCode >= 300 && statusCode < 400) return { result: 'failed', reason: 'redirect', detail, statusCode };
  const passing = statusCode < 400 || statusCode >= 500 || [408, 425, 429].includes(statusCode);
  if (!passing) return { result: 'refused', reason: 'http-status', detail, statusCode };
  const retryAfterMs = parseRetryAfter(response.headers['retry-after'], nowMs);
  const asked = retryAfterMs === undefined ? {} : { retryAfterMs };
  return { result: 'failed', reason: 'http-status', detail, statusCode, ...asked };
}

/** RFC 9110, 10.2.3: seconds, or a date. Gives ms from now; undefined when it is neither. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d{1,10}\s*$/.test(value)) return Number(value) * 1_000;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

function connectionFailure(error: NodeJS.ErrnoException): DeliveryOutcome {
  const code = error.code ?? '';
  const detail = `${code} ${errorMessage(error)}`;
  if (code === forbiddenTargetCode) return { result: 'failed', reason: 'forbidden-target', detail };
  if (code === 'ETIMEDOUT') return { result: 'failed', reason: 'timeout', detail };
  return { result: 'failed', reason: isTlsCode(code) ? 'tls' : 'unreachable', detail };
}

/** The beginning of a body: until it ends, breaks off, is too long or takes too long. Never rejects. */
function readStart(response: IncomingMessage, clock: Clock): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const done = () => {
      clock.clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString('utf8'));
    };
    const timer = clock.setTimeout(done, maxBodyMs);
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBodyBytes) chunks.push(chunk);
      else done();
    });
    response.once('end', done);
    response.once('error', done);
    response.once('close', done);
  });
}
