import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { AttemptStore, Transactions } from '../accounts/accounts-data.ts';
import type { Passwords } from '../accounts/passwords.ts';
import type { SignInLimits } from '../accounts/sign-in.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { FactIndex, FactStore } from '../ledger/ledger.ts';
import type { RefusalIndex } from '../ledger/refusal-log.ts';
import type { TargetGuard } from '../outbox/target-guard.ts';
import { errorSchema } from './errors.ts';
import type { GuardOptions, RouteGuard } from './guard.ts';
import type { HouseParts } from './house.ts';
import type { OutboxStores } from './manage-outbox.ts';
import type { FlowStores } from './publish-flow.ts';

/** The server as routes see it: requests and answers are checked and typed by zod schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** Stores whose changes are on the audit record. */
type ApiStores = OutboxStores & FlowStores;

/** Where calls are on record. */
export type CallFacts = Pick<FactStore, 'listCallIds' | 'factsOfCall'> & Pick<FactIndex, 'factsOfCalls'> & RefusalIndex;

/** What the API stands on. */
export interface ApiParts {
  data: ApiStores & Transactions<ApiStores>;
  facts: CallFacts;
  /** What flows and queues are checked against. */
  house: HouseParts;
  attempts: AttemptStore;
  passwords: Passwords;
  clock: Clock;
  logger: Logger;
  signInLimits?: SignInLimits;
  /** Of the digest that agents' phones register with. */
  phoneRealm: string;
  /** Takes over at once that phones have lost their credentials; left out: it is taken over by and by. */
  onPhonesRevoked?: () => Promise<void>;
  /** Where reports may be sent. */
  targets: TargetGuard;
}

/** What routes are made with. */
export type RouteParts = ApiParts & GuardOptions;

/** What a route takes and gives. */
interface RouteSchemas {
  params?: z.ZodType;
  querystring?: z.ZodType;
  body?: z.ZodType;
  response: Record<number, z.ZodType>;
}

/** A route's guard, its line in the description, and what it takes and gives. */
export function about<Schemas extends RouteSchemas>(tag: string, summary: string, guard: RouteGuard, schemas: Schemas) {
  const response: Schemas['response'] & typeof errorAnswers = { ...schemas.response, ...errorAnswers };
  return { config: { guard }, schema: { ...schemas, response, tags: [tag], summary } };
}

const errorAnswers = { '4xx': errorSchema, '5xx': errorSchema };

/** The answer of what has nothing to tell. */
export const doneSchema = z.object({ done: z.literal(true) });
export const done = { done: true } as const;

export const idSchema = z.string().min(1).max(80);
