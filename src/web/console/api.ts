const base = '/api/v1';
const deadlineMs = 15_000;

/** What the server refused, or why it could not be reached (`OFFLINE`). */
export class ApiFailure extends Error {
  readonly status: number;
  readonly code: string;
  readonly remedy: string | undefined;
  /** Where in the request. */
  readonly path: string | undefined;
  /** What is weak about a password. */
  readonly reasons: readonly string[];
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: number,
    error: { code?: string; message?: string; remedy?: string; path?: string; reasons?: string[] },
    retry?: number,
  ) {
    super(error.message ?? error.code ?? String(status));
    this.status = status;
    this.code = error.code ?? 'INTERNAL';
    this.remedy = error.remedy;
    this.path = error.path;
    this.reasons = error.reasons ?? [];
    this.retryAfterSeconds = retry;
  }
}

/**
 * Sends a request to the API and gives the body of its answer, whose shape the server has checked.
 * @throws ApiFailure
 */
export async function send<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(`${base}${path}`, {
    method,
    // Small requests arrive even when the page is closed meanwhile.
    keepalive: method !== 'GET',
    signal: AbortSignal.timeout(deadlineMs),
    headers: { 'x-denwaban': '1', ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  }).catch(() => undefined);
  if (!response) throw new ApiFailure(0, { code: 'OFFLINE' });
  const answer: unknown = await response.json().catch(() => ({}));
  if (response.ok) return answer as T;
  const error = isObject(answer) && isObject(answer['error']) ? answer['error'] : {};
  throw new ApiFailure(response.status, error, Number(response.headers.get('retry-after')) || undefined);
}

/** As {@link send}, undefined where there is no such thing. */
export async function find<T>(path: string): Promise<T | undefined> {
  try {
    return await send<T>('GET', path);
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 404) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
