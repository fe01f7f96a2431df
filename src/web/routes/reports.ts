import { z } from 'zod';
import { accountIdSchema } from '../../accounts/accounts.ts';
import { intakeOutcomes, urgencies } from '../../accounts/cards.ts';
import type { IntakeStores } from '../../desk/intake-store.ts';
import { complainedAccounts } from '../../desk/intake-view.ts';
import { reportLanguages } from '../../desk/intake-words.ts';
import { type Api, about } from '../api.ts';
import { scopeFor, whoIs } from '../guard.ts';

const reportSchema = z.object({
  seq: z.int(),
  ...{ reportId: z.string(), intakeId: z.string(), accountId: z.string(), callId: z.string() },
  createdAtMs: z.int(),
  complete: z.boolean().meta({ description: 'false: nobody finished the intake' }),
  outcome: z.enum(intakeOutcomes).nullable(),
  urgency: z.enum(urgencies),
  language: z.enum(reportLanguages),
  ...{ subject: z.string(), text: z.string() },
  fields: z.record(z.string(), z.unknown()),
});

/** Reports to accounts, and what was counted. */
export function reportRoutes(api: Api, stores: IntakeStores): void {
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
  api.get('/reports', {
    ...about(
      'reports',
      'Reports of intakes, newest first',
      { permission: 'reports.read', ownOnly: true },
      { querystring, response: { 200: z.object({ reports: z.array(reportSchema) }) } },
    ),
    handler: async (request) => {
      const { limit, beforeSeq, accountId } = request.query;
      const of = scopeFor(request, 'reports.read') === 'own' ? (whoIs(request).user.accountId ?? '') : accountId;
      const reports = await stores.reports.list({
        limit,
        ...(beforeSeq === undefined ? {} : { beforeSeq }),
        ...(of === undefined ? {} : { accountId: of }),
      });
      return { reports: reports.map(({ fields, ...report }) => ({ ...report, fields: { ...fields } })) };
    },
  });
  api.get('/accounts/:accountId/outcomes', {
    ...about(
      'reports',
      'How often each outcome was reported, sales calls and wrong numbers among them',
      { permission: 'reports.read', owner: 'accountId' },
      {
        params: z.strictObject({ accountId: accountIdSchema }),
        querystring: z.strictObject({
          fromMs: z.coerce.number().int().min(0).default(0),
          toMs: z.coerce.number().int().min(0).default(Number.MAX_SAFE_INTEGER),
        }),
        response: { 200: z.object({ outcomes: z.partialRecord(z.enum(intakeOutcomes), z.int()) }) },
      },
    ),
    handler: async (request) => ({ outcomes: await stores.intakes.outcomes({ ...request.params, ...request.query }) }),
  });
  api.get('/complained-accounts', {
    ...about(
      'reports',
      'Accounts with as many complaints as their plan allows, or more: to be suspended, or not; also in /attention',
      { permission: 'intakes.list' },
      {
        response: {
          200: z.object({
            accounts: z.array(
              z.object({ accountId: z.string(), complaints: z.int(), limit: z.int(), suspended: z.boolean() }),
            ),
          }),
        },
      },
    ),
    handler: async () => ({ accounts: await complainedAccounts(stores) }),
  });
}
