import { z } from 'zod';
import { agentProfileSchema, agentSettingsSchema, wordSchema } from '../../accounts/agents.ts';
import { makeChange } from '../../accounts/change.ts';
import {
  addPhone,
  refuseStrayQueues,
  removePhone,
  removeQueue,
  saveAgent,
  saveQueue,
} from '../../accounts/manage-desk.ts';
import { phoneSchema } from '../../accounts/phone-credentials.ts';
import { queueSettingsSchema } from '../../accounts/queues.ts';
import { type Api, about, done, doneSchema, idSchema, type RouteParts } from '../api.ts';
import { ApiError } from '../errors.ts';
import { actorFrom } from '../guard.ts';
import { refuseQueue } from '../house.ts';

const agentParams = z.strictObject({ agentId: idSchema });
const queueParams = z.strictObject({ queueId: wordSchema });

/** Agents' settings. */
export function agentRoutes(api: Api, parts: RouteParts): void {
  const { data } = parts;
  const body = agentSettingsSchema.omit({ agentId: true });
  api.get('/agents', {
    ...about(
      'agents',
      'All agents',
      { permission: 'agents.list' },
      { response: { 200: z.object({ agents: z.array(agentProfileSchema) }) } },
    ),
    handler: async () => ({ agents: await data.agents.list() }),
  });
  api.get('/agents/:agentId', {
    ...about(
      'agents',
      'One agent',
      { permission: 'agents.read', owner: 'agentId' },
      { params: agentParams, response: { 200: agentProfileSchema } },
    ),
    handler: async (request) => {
      const agent = await data.agents.find(request.params.agentId);
      if (!agent) throw new ApiError('NOT_FOUND');
      return agent;
    },
  });
  api.put('/agents/:agentId', {
    ...about(
      'agents',
      'Make a user an agent, or change what the agent can do',
      { permission: 'agents.write' },
      { params: agentParams, body, response: { 200: agentProfileSchema } },
    ),
    handler: async (request) =>
      makeChange(parts, actorFrom(request), async (change) => {
        const agent = await saveAgent(change, { ...request.body, agentId: request.params.agentId });
        await refuseStrayQueues(change);
        return agent;
      }),
  });
  phoneRoutes(api, parts);
}

function phoneRoutes(api: Api, parts: RouteParts): void {
  const newPhone = phoneSchema.pick({ username: true, label: true }).partial();
  const given = z.object({
    phone: phoneSchema,
    password: z.string().meta({ description: 'Shown this once: key it into the phone' }),
  });
  api.get('/agents/:agentId/phones', {
    ...about(
      'agents',
      'The phones that an agent can register',
      { permission: 'phones.read', owner: 'agentId' },
      { params: agentParams, response: { 200: z.object({ phones: z.array(phoneSchema) }) } },
    ),
    handler: async (request) => ({ phones: await parts.data.phones.list(request.params.agentId) }),
  });
  api.post('/agents/:agentId/phones', {
    ...about(
      'agents',
      'Give a phone of an agent its user name and password',
      { permission: 'phones.write', owner: 'agentId' },
      { params: agentParams, body: newPhone, response: { 201: given } },
    ),
    handler: async (request, reply) => {
      const wanted = { ...request.body, agentId: request.params.agentId, realm: parts.phoneRealm };
      const added = await makeChange(parts, actorFrom(request), (change) => addPhone(change, wanted));
      return reply.code(201).send(added);
    },
  });
  api.delete('/agents/:agentId/phones/:username', {
    ...about(
      'agents',
      'Take the credentials of a phone away',
      { permission: 'phones.write', owner: 'agentId' },
      { params: agentParams.extend({ username: idSchema }), response: { 200: doneSchema } },
    ),
    handler: async (request) => {
      const { agentId, username } = request.params;
      await makeChange(parts, actorFrom(request), (change) => removePhone(change, agentId, username));
      await parts.onPhonesRevoked?.();
      return done;
    },
  });
}

/** Queues' settings. */
export function queueRoutes(api: Api, parts: RouteParts): void {
  const { data } = parts;
  api.get('/queues', {
    ...about(
      'queues',
      'All queues',
      { permission: 'queues.read' },
      { response: { 200: z.object({ queues: z.array(queueSettingsSchema) }) } },
    ),
    handler: async () => ({ queues: await data.queues.list() }),
  });
  api.get('/queues/:queueId', {
    ...about(
      'queues',
      'One queue',
      { permission: 'queues.read' },
      { params: queueParams, response: { 200: queueSettingsSchema } },
    ),
    handler: async (request) => {
      const queue = await data.queues.find(request.params.queueId);
      if (!queue) throw new ApiError('QUEUE_UNKNOWN');
      return queue;
    },
  });
  api.put('/queues/:queueId', {
    ...about(
      'queues',
      'Add or replace a queue; the body names it too',
      { permission: 'queues.write' },
      { params: queueParams, body: queueSettingsSchema, response: { 200: queueSettingsSchema } },
    ),
    handler: async (request) => {
      if (request.body.queueId !== request.params.queueId) {
        throw new ApiError('INPUT_INVALID', { message: 'body and path name two queues', path: 'body.queueId' });
      }
      await refuseQueue(parts.house, request.body);
      return makeChange(parts, actorFrom(request), async (change) => {
        await saveQueue(change, request.body);
        await refuseStrayQueues(change);
        return request.body;
      });
    },
  });
  api.delete('/queues/:queueId', {
    ...about(
      'queues',
      'Remove a queue that nothing names',
      { permission: 'queues.remove' },
      { params: queueParams, response: { 200: doneSchema } },
    ),
    handler: async (request) => {
      await makeChange(parts, actorFrom(request), (change) => removeQueue(change, request.params.queueId));
      return done;
    },
  });
}
