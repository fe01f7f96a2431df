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
      const list = (before: number | undefined) =>
        data.audit.list({
          limit,
          ...(before === undefined ? {} : { beforeSeq: before }),
          ...(of === undefined ? {} : { accountId: of }),
        });
      if (!own) return { entries: await list(beforeSeq) };
      const entries = await forAccount(list, limit, beforeSeq);
      const colleagues = (await data.users.list()).filter(({ accountId: theirs }) => theirs === of);
      const ids = new Set(colleagues.map(({ userId }) => userId));
      return { entries: entries.map((entry) => ({ ...entry, actor: toAccount(entry, ids) })) };
    },
  });
}

/** Who listens in is told to nobody whom it concerns: nor to an account, as in its call log. */
async function forAccount(
  list: (beforeSeq: number | undefined) => Promise<AuditRecord[]>,
  limit: number,
  beforeSeq: number | undefined,
): Promise<AuditRecord[]> {
  const found: AuditRecord[] = [];
  for (let before = beforeSeq; ; ) {
    const page = await list(before);
    found.push(...page.filter(({ action }) => !action.startsWith('call.listen')));
    // A page may be of nothing else: the next one is looked at, so that an empty one is the last.
    if (page.length < limit || found.length >= limit) return found.slice(0, limit);
    before = page.at(-1)?.seq;
  }
}

/** An account sees who of its own people did what; of the provider's people only that it was one of them. */
function toAccount({ actor }: AuditRecord, colleagues: Set<string>): Actor | { kind: 'provider'; name: string } {
  if (actor.userId !== undefined && colleagues.has(actor.userId)) return actor;
  return { kind: 'provider', name: 'provider' };
}
