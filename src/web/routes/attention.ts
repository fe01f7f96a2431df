import { z } from 'zod';
import { answeringServices } from '../../accounts/accounts.ts';
import { intakeOutcomes } from '../../accounts/cards.ts';
import { needsAttention } from '../../desk/attention.ts';
import type { IntakeStores } from '../../desk/intake-store.ts';
import type { VoicemailStore } from '../../desk/voicemail.ts';
import { outboxChannels } from '../../outbox/entry.ts';
import { type Api, about, type RouteParts } from '../api.ts';

const ofAccount = { accountId: z.string(), name: z.string() };

const attentionSchema = z.object({
  accounts: z
    .array(
      z.object({
        ...ofAccount,
        ...{ complaints: z.int(), limit: z.int(), answeringService: z.enum(answeringServices) },
      }),
    )
    .meta({ description: 'complaints have reached what the plan allows, or the answering service is suspended' }),
  unfinished: z
    .array(z.object({ ...ofAccount, intakeId: z.string(), agentName: z.string(), leftAtMs: z.int() }))
    .meta({ description: 'forms that nobody is at and nobody has saved, oldest first' }),
  nowhere: z
    .array(
      z.object({
        ...ofAccount,
        newestAtMs: z.int(),
        outcomes: z.array(z.object({ outcome: z.enum(intakeOutcomes).nullable(), count: z.int() })),
      }),
    )
    .meta({ description: 'reports of the last 7 days that the card sends nowhere' }),
  givenUp: z
    .array(
      z.object({
        ...ofAccount,
        ...{ channel: z.enum(outboxChannels), newestAtMs: z.int(), outboxIds: z.array(z.string()) },
      }),
    )
    .meta({ description: 'reports that were given up' }),
});

/** What somebody who looks after the desk has to see to. */
export function attentionRoutes(
  api: Api,
  parts: RouteParts,
  stores: IntakeStores & { voicemails: Pick<VoicemailStore, 'nowhere'> | undefined },
): void {
  api.get('/attention', {
    ...about(
      'reports',
      'What needs attention: complaints, unfinished forms, reports that did not arrive',
      { permission: 'intakes.list' },
      { response: { 200: attentionSchema } },
    ),
    handler: async () => needsAttention({ ...stores, outbox: parts.data.outbox }, parts.clock.nowMs()),
  });
}
