import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { makeChange, onRecord } from '../../accounts/change.ts';
import { agentStates, type DeskStaffStore } from '../../desk/desk-store.ts';
import { type Api, about, done, doneSchema, idSchema, type RouteParts } from '../api.ts';
import { ApiError } from '../errors.ts';
import { actorFrom, whoIs } from '../guard.ts';

const params = z.strictObject({ agentId: idSchema });

const statusSchema = z.object({
  agentId: z.string(),
  state: z.enum(agentStates),
  reason: z.string(),
  sinceMs: z.number().meta({ description: 'since when, ms since the epoch' }),
  wanted: z.enum(['available', 'break', 'offline']).meta({ description: 'what follows the present call' }),
  callId: z.string().optional(),
  missesInRow: z.number(),
});

const wantedSchema = z.strictObject({
  state: z.enum(['available', 'break', 'offline']),
  reason: z
    .string()
    .max(100)
    .regex(/^\P{Cc}*$/u, 'no control characters')
    .default('')
    .meta({ description: 'of a break' }),
});

/** Agents at work: their state now, and what they (or a supervisor) want it to be. */
export function deskWorkRoutes(api: Api, parts: RouteParts, desk: DeskStaffStore): void {
  api.get('/agents/:agentId/state', {
    ...about(
      'desk',
      'What an agent does now',
      { permission: 'agents.state', owner: 'agentId' },
      { params, response: { 200: statusSchema } },
    ),
    handler: async (request) => {
      const status = await desk.findAgent(request.params.agentId);
      if (!status) throw new ApiError('NOT_FOUND');
      const { callId, ...rest } = status;
      return { ...rest, ...(callId === undefined ? {} : { callId }) };
    },
  });
  api.put('/agents/:agentId/state', {
    ...about(
      'desk',
      'Take calls, take a break, or go; during a call it takes effect afterwards',
      { permission: 'agents.state', owner: 'agentId' },
      { params, body: wantedSchema, response: { 200: doneSchema } },
    ),
    handler: async (request) => {
      const { state, reason } = request.body;
      const { agentId } = request.params;
      await recordOrder(request, parts, desk, 'agent.state', { state, reason });
      if (!(await desk.setAgentState(agentId, state, reason, whoIs(request).user.userId))) {
        throw new ApiError('NOT_FOUND');
      }
      return done;
    },
  });
  api.delete('/agents/:agentId/wrap-up', {
    ...about(
      'desk',
      'Wrap-up is done before its time',
      { permission: 'agents.state', owner: 'agentId' },
      { params, response: { 200: doneSchema } },
    ),
    handler: async (request) => {
      await recordOrder(request, parts, desk, 'agent.end-wrap-up', {});
      await desk.endWrapUp(request.params.agentId, whoIs(request).user.userId);
      return done;
    },
  });
}

/**
 * What somebody does to another's state is on the audit record, before it is done: nothing happens that is not there.
 * One's own is in the agent's history alone.
 */
async function recordOrder(
  request: FastifyRequest<{ Params: z.infer<typeof params> }>,
  parts: RouteParts,
  desk: Pick<DeskStaffStore, 'findAgent'>,
  action: string,
  wanted: { state?: string; reason?: string },
): Promise<void> {
  const { agentId } = request.params;
  if (whoIs(request).user.userId === agentId) return;
  const before = await desk.findAgent(agentId);
  if (!before) throw new ApiError('NOT_FOUND');
  const { state, reason } = before;
  await makeChange(parts, actorFrom(request), (change) =>
    onRecord(change, action, { kind: 'agent', id: agentId }, { before: { state, reason }, after: wanted }),
  );
}
