import { basename } from 'node:path';
import { z } from 'zod';
import { accountIdSchema } from '../../accounts/accounts.ts';
import { endCauses, legKinds } from '../../kernel/call-fact.ts';
import { type CallRecord, foldCall } from '../../ledger/call-record.ts';
import { type Api, about, type CallFacts, idSchema } from '../api.ts';
import { ApiError } from '../errors.ts';
import { scopeFor, whoIs } from '../guard.ts';

const timeSchema = z.string().nullable().meta({ description: 'RFC 3339 with ms; null: it has not happened' });
const legSchema = z.object({
  legId: z.string(),
  kind: z.enum(legKinds).nullable(),
  direction: z.enum(['inbound', 'outbound']).nullable(),
  ...{ from: z.string(), to: z.string(), sipCallId: z.string().nullable() },
  ...{ offeredAt: timeSchema, answeredAt: timeSchema, endedAt: timeSchema },
  cause: z.enum(endCauses).nullable(),
  sipStatus: z.int().nullable(),
  ringMs: z.number().nullable(),
  talkMs: z.number(),
});
const callSchema = z.object({
  callId: z.string(),
  accountId: z.string().nullable(),
  ...{ from: z.string(), to: z.string() },
  flow: z.string().nullable(),
  flowVersion: z.int().nullable(),
  callBackOf: z.string().nullable().meta({ description: 'the call in which the caller asked to be called back' }),
  ...{ offeredAt: z.string(), answeredAt: timeSchema, endedAt: timeSchema },
  outcome: z.string(),
  path: z.array(z.string()).meta({ description: 'the nodes of the flow, in order' }),
  legs: z.array(legSchema),
  recordings: z.array(
    z.object({
      ...{ recordingId: z.string(), legId: z.string(), agentId: z.string().nullable(), file: z.string() },
      durationMs: z.number(),
      incomplete: z.enum(['cut-short', 'missing']).nullable().meta({ description: 'null: all of it is there' }),
    }),
  ),
  faults: z.array(z.object({ nodeId: z.string().nullable(), message: z.string() })),
});

/** The call log: an account's own for the account. What callers pressed is not in it. */
export function callLogRoutes(api: Api, facts: CallFacts): void {
  api.get('/calls', {
    ...about(
      'calls',
      'The calls on record, newest first',
      { permission: 'calls.log', ownOnly: true },
      {
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(500).default(100),
          before: idSchema.optional().meta({ description: 'The next page: the last callId of this one' }),
          accountId: accountIdSchema.optional(),
        }),
        response: { 200: z.object({ calls: z.array(callSchema) }) },
      },
    ),
    handler: async (request) => {
      const { limit, before, accountId } = request.query;
      const isOwn = scopeFor(request, 'calls.log') === 'own';
      const of = isOwn ? (whoIs(request).user.accountId ?? '') : accountId;
      const ids = await facts.listCallIds({
        limit,
        ...(of === undefined ? {} : { accountId: of }),
        ...(before === undefined ? {} : { before: await beginningOf(before, facts, isOwn ? of : undefined) }),
      });
      const byCall = Map.groupBy(await facts.factsOfCalls(ids), ({ callId }) => callId);
      return { calls: ids.map((id) => shown(foldCall(byCall.get(id) ?? []), isOwn)) };
    },
  });
}

/** Where the page before has ended. Another account's call is as if it did not exist. */
async function beginningOf(callId: string, facts: CallFacts, accountId: string | undefined) {
  const opening = (await facts.factsOfCall(callId)).find(
    (fact) => fact.type === 'offered' && (fact.kind === 'caller' || fact.kind === 'canary'),
  );
  if (!opening || (accountId !== undefined && opening.accountId !== accountId)) throw new ApiError('NOT_FOUND');
  return { callId, atMs: opening.atMs };
}

/** To accounts it is told neither who listens in (`desk/live-view.ts` tells agents neither) nor where files lie. */
function shown({ digits: _, ...call }: CallRecord, isOwn: boolean): z.infer<typeof callSchema> {
  if (!isOwn) return call;
  return {
    ...call,
    legs: call.legs.filter(({ kind }) => kind !== 'listener'),
    recordings: call.recordings.map((recording) => ({ ...recording, file: basename(recording.file) })),
  };
}
