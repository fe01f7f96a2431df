import { z } from 'zod';
import { accountIdSchema } from '../../accounts/accounts.ts';
import type { Actor, AuditRecord } from '../../accounts/audit.ts';
import { roles } from '../../accounts/users.ts';
import { type Api, about, type RouteParts } from '../api.ts';
import { scopeFor, whoIs } from '../guard.ts';

const recordSchema = z.object({
  seq: z.int(),
  atMs: z.int(),
  actor: z.object({
    kind: z.enum(['user', 'command-line', 'program', 'provider']),
    userId: z.string().optional(),
    role: z.enum(roles).optional(),
    name: z.string(),
    address: z.string().optional(),
  }),
  action: z.string(),
  subject: z.object({ kind: z.string(), id: z.string(), accountId: z.string().optional() }),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
});

/** The audit record. */
export function auditRoutes(api: Api, { data }: RouteParts): void {
  const querystring = z.strictObject({
    limit: z.coerce.number().int().min(1).max(500).default(100),
    beforeSeq: z.coerce
      .number()
      .int()
      .min(1)
      .optional()
      .meta({ description: 'The next page: the last seq of this one' }),
    accountId: accountIdSchema.optional(),
  });
  api.get('/audit', {
    ...about(
      'audit',
      'What was done, newest first',
      { permission: 'audit.read', ownOnly: true },
      { querystring, response: { 200: z.object({ entries: z.array(recordSchema) }) } },
    ),
    handler: async (request) => {
      const { user } = whoIs(request);
      const { limit, beforeSeq, accountId } = request.query;
      const own = scopeFor(request, 'audit.read') === 'own';
      const of = own ? (user.accountId ?? '') : accountId;
      const entries = await data.audit.list({
        limit,
        ...(beforeSeq === undefined ? {} : { beforeSeq }),
        ...(of === undefined ? {} : { accountId: of }),
      });
      if (!own) return { entries };
      const colleagues = (await data.users.list()).filter(({ accountId: theirs }) => theirs === of);
      const ids = new Set(colleagues.map(({ userId }) => userId));
      return { entries: entries.map((entry) => ({ ...entry, actor: toAccount(entry, ids) })) };
    },
  });
}

/** An account sees who of its own people did what; of the provider's people only that it was one of them. */
function toAccount({ actor }: AuditRecord, colleagues: Set<string>): Actor | { kind: 'provider'; name: string } {
  if (actor.userId !== undefined && colleagues.has(actor.userId)) return actor;
  return { kind: 'provider', name: 'provider' };
}
