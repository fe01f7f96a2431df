import { z } from 'zod';
import { WeakPassword } from '../accounts/password-strength.ts';
import { DenwabanError, isDatabaseAway } from '../kernel/errors.ts';

/** Every error that the API answers with: its HTTP status, and what to say where nothing better is known. */
export const errorCatalogue = {
  INPUT_INVALID: { status: 400, message: 'the request is not as it should be', remedy: 'Correct the places named' },
  JSON_INVALID: { status: 400, message: 'the body is not valid JSON', remedy: 'Send valid JSON' },
  USER_INVALID: { status: 400, message: 'the user is not as it should be' },
  PHONE_INVALID: { status: 400, message: 'the phone is not as it should be' },
  PHONE_NUMBER_INVALID: { status: 400, message: 'not a phone number' },
  PASSWORD_WEAK: { status: 400, message: 'the password is too weak' },
  FLOW_INVALID: { status: 400, message: 'the flow is not sound', remedy: 'Correct the places named' },
  QUEUE_INVALID: { status: 400, message: 'the queue is not as it should be' },
  SECRET_MISSING: { status: 400, message: 'a masked secret is not known' },
  INTAKE_UNFIT: { status: 400, message: 'the form is not ready to be reported', remedy: 'Fill in the fields named' },
  NOT_SIGNED_IN: { status: 401, message: 'nobody is signed in', remedy: 'Sign in (again)' },
  SIGN_IN_REFUSED: {
    status: 401,
    message: 'login name or password is wrong',
    remedy: 'Check both, or ask an operator',
  },
  PASSWORD_EXPIRED: {
    status: 401,
    message: 'the temporary password was not changed in time',
    remedy: 'Ask an operator for a new one (denwaban user password <login name>)',
  },
  PASSWORD_TEMPORARY: {
    status: 403,
    message: 'the password is a temporary one: nothing but choosing another is possible',
    remedy: 'PUT /me/password with the old password and a new one',
  },
  PASSWORD_WRONG: { status: 403, message: 'the old password is wrong' },
  NOT_ALLOWED: { status: 403, message: 'your role may not do this', remedy: 'Ask an operator' },
  CROSS_SITE: {
    status: 403,
    message: 'this request could come from another site',
    remedy: 'Send the header X-Denwaban: 1, from the same origin',
  },
  NOT_FOUND: { status: 404, message: 'there is no such thing' },
  ACCOUNT_UNKNOWN: { status: 404, message: 'there is no such account' },
  USER_UNKNOWN: { status: 404, message: 'there is no such user' },
  SESSION_UNKNOWN: { status: 404, message: 'there is no such session' },
  NUMBER_UNKNOWN: { status: 404, message: 'this number is assigned to nobody' },
  FLOW_UNKNOWN: { status: 404, message: 'the account has no such flow' },
  PHONE_UNKNOWN: { status: 404, message: 'there is no such phone' },
  QUEUE_UNKNOWN: { status: 404, message: 'there is no such queue' },
  OUTBOX_ENTRY_UNKNOWN: { status: 404, message: 'there is nothing like it in the outbox' },
  METHOD_NOT_ALLOWED: { status: 405, message: 'not by this method' },
  INTAKE_CHANGED: {
    status: 409,
    message: 'somebody else has typed here since',
    remedy: 'Take over how it stands (current), and send what is still missing',
  },
  INTAKE_EXISTS: { status: 409, message: 'this call has an open intake already' },
  INTAKE_SAVED: { status: 409, message: 'this intake has been reported and changes no more' },
  CALL_NOT_TALKING: { status: 409, message: 'caller and agent do not talk (any more)' },
  CALL_NOT_WAITING: { status: 409, message: 'the caller does not wait (any more)' },
  CALL_BUSY: { status: 409, message: 'the agent is not free, or a transfer is under way', remedy: 'Try another' },
  CALL_ORDER_FORBIDDEN: { status: 409, message: 'the account does not allow this' },
  CALL_NOT_RECORDED: { status: 409, message: 'this call is not recorded' },
  CALL_ORDER_FAILED: { status: 409, message: 'it could not be done', remedy: 'Look at the call, and try again' },
  PHONE_NOT_REGISTERED: { status: 409, message: 'no phone of the agent is registered' },
  QUEUE_FULL: { status: 409, message: 'the queue is full' },
  QUEUE_CLOSED: { status: 409, message: 'the queue is closed' },
  NUMBER_TAKEN: { status: 409, message: 'the number is another account’s' },
  FLOW_OF_ANOTHER_ACCOUNT: { status: 409, message: 'the flow belongs to another account' },
  LOGIN_NAME_TAKEN: { status: 409, message: 'there is such a user already' },
  PHONE_NAME_TAKEN: { status: 409, message: 'there is such a phone already' },
  QUEUE_IN_USE: { status: 409, message: 'the queue is in use' },
  LAST_OPERATOR: { status: 409, message: 'this is the last operator' },
  NOT_OF_THE_DESK: { status: 409, message: 'this user takes no calls' },
  USERS_FULL: { status: 409, message: 'there are too many users' },
  QUEUES_FULL: { status: 409, message: 'there are too many queues' },
  PHONES_FULL: { status: 409, message: 'this agent has too many phones' },
  LINK_EXPIRED: { status: 410, message: 'this link has expired', remedy: 'Sign in, or ask for the recording' },
  BODY_TOO_LARGE: { status: 413, message: 'the body is too large' },
  NOT_JSON: { status: 415, message: 'the body is not JSON', remedy: 'Send content-type: application/json' },
  RANGE_BEYOND_END: { status: 416, message: 'the file ends before that' },
  TOO_MANY_ATTEMPTS: {
    status: 429,
    message: 'too many failed sign-ins',
    remedy: 'Wait as long as Retry-After says (seconds)',
  },
  INTERNAL: { status: 500, message: 'a fault of ours', remedy: 'Try again; if it stays, look at the log' },
  CALL_UNANSWERED: {
    status: 503,
    message: 'whoever drives the call does not answer: it may be done',
    remedy: 'Look at the call',
  },
  DATABASE_AWAY: {
    status: 503,
    message: 'the database is away; calls are answered all the same',
    remedy: 'Try again in a few seconds',
  },
  REDIS_UNAVAILABLE: {
    status: 503,
    message: 'the desk cannot be reached just now; calls are answered all the same',
    remedy: 'Try again in a few seconds',
  },
  TOO_BUSY: { status: 503, message: 'too busy', remedy: 'Try again in a few seconds' },
} as const satisfies Record<string, { status: number; message: string; remedy?: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** The one shape of every error. */
export const errorSchema = z.object({
  error: z.object({
    code: z.string().meta({ description: 'Stable, for programs' }),
    message: z.string().meta({ description: 'For people' }),
    remedy: z.string().optional().meta({ description: 'What to do about it' }),
    path: z.string().optional().meta({ description: 'Where in the request: body.skills.billing' }),
    reasons: z.array(z.string()).optional().meta({ description: 'Of PASSWORD_WEAK, for programs: what is weak' }),
  }),
});

/** Schemas that the API's description names. Its own: others' named schemas (the flow language) are no part of it. */
export const apiSchemas = z.registry<{ id: string }>().add(errorSchema, { id: 'Error' });

export type ErrorBody = z.infer<typeof errorSchema>;

/** Ends a request with an error of the catalogue. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string | undefined;
  readonly path: string | undefined;
  readonly reasons: readonly string[];
  /** To be sent with it. */
  readonly headers: Record<string, string>;
  constructor(
    code: ErrorCode,
    more: {
      message?: string;
      remedy?: string;
      path?: string;
      reasons?: readonly string[];
      headers?: Record<string, string>;
    } = {},
  ) {
    super(more.message ?? errorCatalogue[code].message);
    this.code = code;
    this.remedy = more.remedy;
    this.path = more.path;
    this.reasons = more.reasons ?? [];
    this.headers = more.headers ?? {};
  }
}

/** What may work in a few seconds. */
const passing: ReadonlySet<ErrorCode> = new Set(['TOO_BUSY', 'DATABASE_AWAY', 'REDIS_UNAVAILABLE']);

/** What is sent for anything that was thrown. `fault`: it is ours, and belongs in the log. */
export function toAnswer(error: unknown): {
  status: number;
  headers: Record<string, string>;
  body: ErrorBody;
  fault: boolean;
} {
  const known = toApiError(error);
  const entry: { status: number; remedy?: string } = errorCatalogue[known.code];
  const remedy = known.remedy ?? entry.remedy;
  return {
    status: entry.status,
    headers: passing.has(known.code) ? { 'retry-after': '5', ...known.headers } : known.headers,
    body: {
      error: {
        code: known.code,
        message: known.message,
        ...(remedy === undefined ? {} : { remedy }),
        ...(known.path === undefined ? {} : { path: known.path }),
        ...(known.reasons.length === 0 ? {} : { reasons: [...known.reasons] }),
      },
    },
    fault: known.code === 'INTERNAL',
  };
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof DenwabanError && isErrorCode(error.code)) {
    // Of database and Redis only the log says more: strangers see this too.
    if (isDatabaseAway(error)) return new ApiError('DATABASE_AWAY');
    if (error.code === 'REDIS_UNAVAILABLE') return new ApiError('REDIS_UNAVAILABLE');
    const { code, message, remedy } = error;
    const reasons = error instanceof WeakPassword ? error.reasons : [];
    return new ApiError(code, { message, reasons, ...(remedy === undefined ? {} : { remedy }) });
  }
  if (!(error instanceof Error)) return new ApiError('INTERNAL');
  if ('validation' in error && Array.isArray(error.validation)) return invalidInput(error);
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new ApiError('BODY_TOO_LARGE');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new ApiError('NOT_JSON');
  if (code === 'FST_ERR_CTP_INVALID_JSON_BODY' || code === 'FST_ERR_CTP_EMPTY_JSON_BODY') {
    return new ApiError('JSON_INVALID');
  }
  const status = 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status === 416) return new ApiError('RANGE_BEYOND_END');
  return status >= 400 && status < 500 ? new ApiError('INPUT_INVALID') : new ApiError('INTERNAL');
}

/** Names every place; what stands there is not repeated: it may be a password. */
function invalidInput(error: Error & { validation?: unknown; validationContext?: unknown }): ApiError {
  const place = String(error.validationContext ?? 'request');
  const issues = z
    .array(z.looseObject({ instancePath: z.string().default(''), message: z.string().optional() }))
    .catch([])
    .parse(error.validation)
    .map(({ instancePath, message = 'not as it should be' }) => ({
      path: `${place}${instancePath.replaceAll('/', '.')}`,
      message,
    }));
  const [first] = issues;
  if (!first) return new ApiError('INPUT_INVALID');
  const shown = issues.slice(0, 20);
  return new ApiError('INPUT_INVALID', {
    message: shown.map(({ path, message }) => `${path}: ${message}`).join('; '),
    path: first.path,
  });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalogue, code);
}
