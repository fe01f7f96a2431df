import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { makeChange, onRecord } from '../../accounts/change.ts';
import {
  type CallOrder,
  type CallOrders,
  type OrderedCall,
  type OrderRefusal,
  type TransferTarget,
  transferTargetSchema,
} from '../../desk/call-orders.ts';
import { listenModes } from '../../desk/call-shown.ts';
import { type Api, about, done, doneSchema, idSchema, type RouteParts } from '../api.ts';
import { ApiError, type ErrorCode } from '../errors.ts';
import { actorFrom, scopeFor, whoIs } from '../guard.ts';

/** What the routes of calls in progress stand on. */
export type CallParts = Pick<RouteParts, 'data' | 'clock'> & { orders: CallOrders };

const params = z.strictObject({ callId: idSchema });
const response = { 200: doneSchema };
const holdSchema = z.strictObject({ held: z.boolean() });
const personSchema = z.strictObject({
  type: z.literal('person'),
  personId: idSchema.meta({ description: 'on the card of the account whose call it is' }),
});
const transferSchema = z.strictObject({
  to: z.discriminatedUnion('type', [...transferTargetSchema.options, personSchema]),
});
const recordingSchema = z.strictObject({ paused: z.boolean() });
const moveSchema = z.strictObject({
  queueId: idSchema,
  first: z.boolean().default(false).meta({ description: 'to the head of the line' }),
});
const listenSchema = z.strictObject({
  mode: z.enum(listenModes).meta({ description: 'who hears the listener: nobody, the agent, both' }),
});

/** Of a talk: the agent's own, for supervisors anybody's. */
const control = { permission: 'calls.control', ownOnly: true } as const;
const move = { permission: 'calls.move' } as const;
const listen = { permission: 'calls.listen' } as const;

/** Orders to calls in progress, done by whichever controller drives the call. */
export function callRoutes(api: Api, parts: CallParts): void {
  talkRoutes(api, parts);
  api.post('/desk/calls/:callId/end', {
    onRequest: ownOnly(parts),
    ...about('calls', 'End the call', control, { params, response }),
    handler: async (request) => give(request, parts, 'call.end', { type: 'end' }),
  });
  api.post('/desk/calls/:callId/move', {
    ...about('calls', 'Move a waiting caller: to another queue, with the age kept, or to the head of the line', move, {
      ...{ params, body: moveSchema, response },
    }),
    handler: async (request) => {
      const { queueId, first } = request.body;
      return give(request, parts, 'call.move', { type: 'move', queueId, first });
    },
  });
  api.post('/desk/calls/:callId/listen', {
    ...about('calls', 'Listen to a talk: your own phone rings; once more to change the mode', listen, {
      ...{ params, body: listenSchema, response },
    }),
    handler: async (request) => {
      const { userId: agentId } = whoIs(request).user;
      return give(request, parts, 'call.listen', { type: 'listen', agentId, mode: request.body.mode });
    },
  });
  api.delete('/desk/calls/:callId/listen', {
    ...about('calls', 'Listen no more', listen, { params, response }),
    handler: async (request) => {
      const { userId: agentId } = whoIs(request).user;
      return give(request, parts, 'call.listen-end', { type: 'stop-listening', agentId });
    },
  });
}

function talkRoutes(api: Api, parts: CallParts): void {
  const onRequest = ownOnly(parts);
  api.post('/desk/calls/:callId/hold', {
    onRequest,
    ...about('calls', 'The caller hears music, or talks with the agent again', control, {
      ...{ params, body: holdSchema, response },
    }),
    handler: async (request) => give(request, parts, 'call.hold', { type: 'hold', held: request.body.held }),
  });
  api.post('/desk/calls/:callId/transfer', {
    onRequest,
    ...about(
      'calls',
      'Hand the caller over: to an agent, a queue, a number or a person on the card. Done: under way; what becomes of it the live view shows',
      control,
      { params, body: transferSchema, response },
    ),
    handler: async (request) => {
      const { to } = request.body;
      const target = to.type === 'person' ? await numberOf(request.params.callId, to.personId, parts) : to;
      return give(request, parts, 'call.transfer', { type: 'transfer', to: target }, { to });
    },
  });
  api.delete('/desk/calls/:callId/transfer', {
    onRequest,
    ...about('calls', 'Take the caller back', control, { params, response }),
    handler: async (request) => give(request, parts, 'call.transfer-cancel', { type: 'cancel-transfer' }),
  });
  api.post('/desk/calls/:callId/recording', {
    onRequest,
    ...about('calls', 'Pause the recording of the talk, or go on with it', control, {
      ...{ params, body: recordingSchema, response },
    }),
    handler: async (request) =>
      give(request, parts, 'call.recording', { type: 'recording', paused: request.body.paused }),
  });
}

/** What is another agent's is answered as if it did not exist, before a body is looked at. */
function ownOnly({ orders }: CallParts) {
  return async (request: FastifyRequest): Promise<void> => {
    if (scopeFor(request, 'calls.control') === 'all') return;
    const { callId = '' } = request.params as { callId?: string };
    const call = await orders.find(callId);
    if (call?.state !== 'talking' || call.agentId !== whoIs(request).user.userId) throw new ApiError('NOT_FOUND');
  };
}

/**
 * Sends the order. It is on the audit record (of the caller's account, where that is known) before it is sent, so that
 * nothing is done that is not there, whoever dies meanwhile; where it was not done, or may not have been (`unanswered`),
 * a second entry says so.
 */
async function give(
  request: FastifyRequest,
  parts: CallParts,
  action: string,
  order: CallOrder,
  /** On record, where it says more than the order itself. */
  asked?: object,
): Promise<typeof done> {
  const { callId = '' } = request.params as { callId?: string };
  const { orders } = parts;
  // Afterwards it may be over.
  const call = await orders.find(callId);
  const { type: _type, ...what } = order;
  await record(request, parts, action, { callId, call, what: asked ?? what });
  const result = await orders.send(callId, order);
  if (result.ok) return done;
  await record(request, parts, action, { callId, call, what: { outcome: result.reason } });
  throw new ApiError(codes[result.reason]);
}

async function record(
  request: FastifyRequest,
  parts: CallParts,
  action: string,
  { callId, call, what }: { callId: string; call: OrderedCall | undefined; what: object },
): Promise<void> {
  const subject = { kind: 'call', id: callId, ...(call ? { accountId: call.accountId } : {}) } as const;
  const after = Object.keys(what).length > 0 ? { after: what } : {};
  await makeChange(parts, actorFrom(request), (change) => onRecord(change, action, subject, after));
}

/** The number under which the account says that somebody may be reached. */
async function numberOf(callId: string, personId: string, { orders, data }: CallParts): Promise<TransferTarget> {
  const call = await orders.find(callId);
  const card = call && (await data.cards.find(call.accountId));
  const person = card?.persons.find((one) => one.personId === personId);
  if (!person) throw new ApiError('NOT_FOUND');
  if (person.number === undefined) throw new ApiError('CALL_ORDER_FORBIDDEN');
  return { type: 'number', number: person.number };
}

const codes: Record<OrderRefusal, ErrorCode> = {
  'no-such-call': 'NOT_FOUND',
  'not-talking': 'CALL_NOT_TALKING',
  'not-waiting': 'CALL_NOT_WAITING',
  'not-allowed': 'CALL_ORDER_FORBIDDEN',
  busy: 'CALL_BUSY',
  'no-phone': 'PHONE_NOT_REGISTERED',
  'unknown-queue': 'QUEUE_UNKNOWN',
  full: 'QUEUE_FULL',
  closed: 'QUEUE_CLOSED',
  'not-recorded': 'CALL_NOT_RECORDED',
  failed: 'CALL_ORDER_FAILED',
  unanswered: 'CALL_UNANSWERED',
};
