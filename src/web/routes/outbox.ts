import { z } from 'zod';
import { accountIdSchema } from '../../accounts/accounts.ts';
import { makeChange } from '../../accounts/change.ts';
import { outboxChannels, outboxKinds } from '../../outbox/entry.ts';
import { type Api, about, idSchema, type RouteParts } from '../api.ts';
import { ApiError } from '../errors.ts';
import { actorFrom, scopeFor, whoIs } from '../guard.ts';
import { retryDelivery, rotateWebhookSecret } from '../manage-outbox.ts';

const overlapMs = 86_400_000;
const stateSchema = z.enum(['pending', 'delivered', 'given-up']);
const params = z.strictObject({ outboxId: idSchema });
const deliverySchema = z.object({
  outboxId: z.string(),
  accountId: z.string().nullable(),
  kind: z.enum(outboxKinds),
  channel: z.enum(outboxChannels),
  state: stateSchema,
  createdAtMs: z.int(),
  nextAttemptAtMs: z.int(),
  attempts: z.int(),
});
const attemptSchema = z.object({
  attempt: z.int(),
  atMs: z.int(),
  outcome: z.string(),
  statusCode: z.int().optional(),
  error: z.string().optional(),
  durationMs: z.number().optional(),
});

/** Reports and notices on their way, without what they say and where they go. */
export function outboxRoutes(api: Api, parts: RouteParts): void {
  const { outbox } = parts.data;
  const querystring = z.strictObject({
    limit: z.coerce.number().int().min(1).max(500).default(100),
    beforeMs: z.coerce.number().int().min(1).optional().meta({ description: 'The next page' }),
    state: stateSchema.optional(),
    accountId: accountIdSchema.optional(),
  });
  api.get('/outbox', {
    ...about(
      'outbox',
      'Reports and notices on their way, newest first',
      { permission: 'outbox.read', ownOnly: true },
      { querystring, response: { 200: z.object({ deliveries: z.array(deliverySchema) }) } },
    ),
    handler: async (request) => {
      const { limit, beforeMs, state, accountId } = request.query;
      const of = scopeFor(request, 'outbox.read') === 'own' ? (whoIs(request).user.accountId ?? '') : accountId;
      const deliveries = await outbox.list({
        limit,
        ...(beforeMs === undefined ? {} : { beforeMs }),
        ...(state === undefined ? {} : { state }),
        ...(of === undefined ? {} : { accountId: of }),
      });
      return { deliveries: [...deliveries] };
    },
  });
  api.get('/outbox/:outboxId', {
    ...about(
      'outbox',
      'Every attempt to deliver one',
      { permission: 'outbox.read', ownOnly: true },
      { params, response: { 200: deliverySchema.extend({ tried: z.array(attemptSchema) }) } },
    ),
    handler: async (request) => {
      const { outboxId } = request.params;
      const entry = await outbox.find(outboxId);
      const own = scopeFor(request, 'outbox.read') === 'own';
      if (!entry || (own && entry.accountId !== whoIs(request).user.accountId)) throw new ApiError('NOT_FOUND');
      return { ...entry, tried: [...(await outbox.attempts(outboxId))] };
    },
  });
  api.post('/outbox/:outboxId/retry', {
    ...about(
      'outbox',
      'Try one again now that is waiting or was given up',
      { permission: 'outbox.retry' },
      { params, response: { 200: z.object({ result: z.enum(['queued', 'delivered', 'under-way']) }) } },
    ),
    handler: async (request) =>
      makeChange(parts, actorFrom(request), async (change) => ({
        result: await retryDelivery(change, request.params.outboxId),
      })),
  });
  secretRoute(api, parts);
}

function secretRoute(api: Api, parts: RouteParts): void {
  const response = z.object({
    secret: z.string().meta({ description: 'Shown this once: for whoever receives the webhooks' }),
    previousSignsUntilMs: z.int(),
  });
  api.post('/accounts/:accountId/webhook-secret', {
    ...about(
      'outbox',
      "Make a new secret that the account's webhooks are signed with; the one before signs a day longer",
      { permission: 'webhooks.secret', owner: 'accountId' },
      { params: z.strictObject({ accountId: accountIdSchema }), response: { 200: response } },
    ),
    handler: async (request) => {
      const { accountId } = request.params;
      const made = await makeChange(parts, actorFrom(request), (change) =>
        rotateWebhookSecret(change, accountId, overlapMs),
      );
      return { secret: made.secret, previousSignsUntilMs: made.createdAtMs + overlapMs };
    },
  });
}
