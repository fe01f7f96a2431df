import { z } from 'zod';
import type { AgentHistoryStore } from '../../desk/agent-history.ts';
import { agentStates } from '../../desk/desk-store.ts';
import { type Api, about, idSchema, type RouteParts } from '../api.ts';
import { ApiError } from '../errors.ts';

const dayMs = 86_400_000;

const changeSchema = z.object({
  changeId: z.string(),
  atMs: z.int(),
  from: z.enum(agentStates),
  state: z.enum(agentStates),
  reason: z.string().meta({
    description:
      'of a break; unreachable, missed-calls: paused by the desk; listening: hears others talk. phone-back: available again',
  }),
  callId: z.string().optional(),
  by: z
    .object({ userId: z.string(), displayName: z.string().optional() })
    .optional()
    .meta({ description: 'who asked for it; absent where it came of a call or by itself' }),
});

const querystring = z.strictObject({
  sinceMs: z.coerce.number().int().min(0).optional().meta({ description: 'ms since the epoch; default: a day ago' }),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  before: z.string().max(40).optional().meta({ description: 'The next page: the last changeId of this one' }),
});

/** What agents did when. */
export function agentHistoryRoutes(api: Api, { data, clock }: RouteParts, history: AgentHistoryStore): void {
  api.get('/agents/:agentId/history', {
    ...about(
      'desk',
      "Changes of an agent's state, newest first",
      { permission: 'agents.history' },
      {
        params: z.strictObject({ agentId: idSchema }),
        querystring,
        response: { 200: z.object({ changes: z.array(changeSchema) }) },
      },
    ),
    handler: async (request) => {
      const { agentId } = request.params;
      const { sinceMs = clock.nowMs() - dayMs, limit, before } = request.query;
      if (!(await data.users.find(agentId))) throw new ApiError('NOT_FOUND');
      const page = { agentId, fromMs: sinceMs, limit, ...(before === undefined ? {} : { before }) };
      const changes = await history.list(page);
      const names = new Map((await data.users.list()).map(({ userId, displayName }) => [userId, displayName]));
      return {
        changes: changes.map(({ agentId: _, callId, byUserId, ...change }) => ({
          ...change,
          ...(callId === undefined ? {} : { callId }),
          ...(byUserId === undefined ? {} : { by: { userId: byUserId, displayName: names.get(byUserId) } }),
        })),
      };
    },
  });
}
