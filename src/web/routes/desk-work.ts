import { z } from 'zod';
import { agentStates, type DeskStaffStore } from '../../desk/desk-store.ts';
import { type Api, about, done, doneSchema, idSchema } from '../api.ts';
import { ApiError } from '../errors.ts';

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
  reason: z.string().max(100).default('').meta({ description: 'of a break' }),
});

/** Agents at work: their state now, and what they (or a supervisor) want it to be. */
export function deskWorkRoutes(api: Api, desk: DeskStaffStore): void {
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
      if (!(await desk.setAgentState(request.params.agentId, state, reason))) throw new ApiError('NOT_FOUND');
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
      await desk.endWrapUp(request.params.agentId);
      return done;
    },
  });
}
