import { z } from 'zod';
import type { AgentProfile } from '../../accounts/agents.ts';
import { overflowStepSchema } from '../../accounts/queues.ts';
import {
  type AgentStatus,
  agentStates,
  callerStates,
  type EnqueueResult,
  type GivenUpCallBack,
  type OfferEvent,
  overflowCauses,
} from '../../desk/desk-store.ts';
import { type DeskRequest, deskRequestSchema } from '../../desk/request.ts';
import { assert } from '../../kernel/assert.ts';

/** Lua's empty table becomes an object in JSON. */
export const listOf = <T extends z.ZodType>(item: T) =>
  z.preprocess((value) => (Array.isArray(value) ? value : []), z.array(item));

export const replySchema = z.object({ dueInMs: z.number(), result: z.unknown() });
const offerSchema = z.object({
  offerId: z.string(),
  callId: z.string(),
  agentId: z.string(),
  displayName: z.string(),
  ringTimeoutMs: z.number(),
  pressOneToAccept: z.boolean(),
  isCallBack: z.boolean(),
  isTransfer: z.boolean(),
});
export const handToSchema = z.union([z.enum(['not-talking', 'busy', 'not-allowed']), offerSchema]);
const movedOnSchema = z.object({ callId: z.string(), queueId: z.string() });
const overflowSchema = z.object({
  callId: z.string(),
  step: overflowStepSchema.transform((step) => {
    assert(step.type !== 'queue', 'another queue is entered where overflow is decided');
    return step;
  }),
  why: z.enum(overflowCauses),
});
export const messageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('offer'), offer: offerSchema }),
  z.object({ type: z.literal('withdrawn'), callId: z.string(), offerId: z.string() }),
  movedOnSchema.extend({ type: z.literal('moved') }),
  overflowSchema.extend({ type: z.literal('overflow') }),
]);
export const pendingSchema = z.object({
  moved: listOf(movedOnSchema),
  offers: listOf(offerSchema),
  overflows: listOf(overflowSchema),
  lost: listOf(z.string()),
});
const enqueuedSchema = z.union([z.enum(['full', 'unknown-queue', 'gone']), z.number()]);
const callerStateSchema = z.enum(callerStates);
export const movedSchema = z.union([z.enum(['full', 'unknown-queue', 'not-waiting']), z.number()]);
export const resumedSchema = z.union([
  z.enum(['unknown', 'taken']),
  z.object({
    state: callerStateSchema,
    request: z.string(),
    queue: z.string(),
    offer: z.string().optional(),
    agent: z.string().optional(),
  }),
]);
export const placesSchema = listOf(
  z.object({ callId: z.string(), position: z.number(), estimateMs: z.number().optional() }),
);
const stateSchema = z.enum(agentStates);
export const agentSchema = z
  .object({
    agentId: z.string(),
    state: stateSchema,
    reason: z.string(),
    sinceMs: z.number(),
    wanted: z.enum(['available', 'break', 'offline']),
    callId: z.string().optional(),
    missesInRow: z.number(),
  })
  .transform((agent): AgentStatus => ({ ...agent, callId: agent.callId }));
export const lineSchema = listOf(
  z.object({
    callId: z.string(),
    accountId: z.string(),
    state: callerStateSchema,
    enqueuedAtMs: z.number(),
    isCallBack: z.boolean(),
    agentIds: listOf(z.string()),
  }),
);
export const figuresSchema = z.nullable(
  z.object({
    waiting: z.number(),
    longestWaitMs: z.number(),
    agents: z.partialRecord(stateSchema, z.number()),
    handlingMs: z.number().optional(),
  }),
);
export const changeSchema = z.object({
  agent: z.string(),
  from: stateSchema,
  state: stateSchema,
  reason: z.string(),
  at: z.coerce.number(),
  call: z.string(),
  by: z.string().default(''),
});

const givenUpSchema = z.object({ request: z.string(), queueId: z.string(), atMs: z.number() });

export function toGivenUp(json: string): GivenUpCallBack {
  const { request, ...about } = givenUpSchema.parse(JSON.parse(json));
  return { ...about, request: deskRequestSchema.parse(JSON.parse(request)) };
}

/** Skills as level by name. */
export function needsJson({ skills, language }: DeskRequest): string {
  const levels = Object.fromEntries(skills.map(({ name, minLevel }) => [name, minLevel]));
  return JSON.stringify({ ...(language ? { language } : {}), skills: levels });
}

export function profileJson({ displayName, queues, skills, languages, refusedAccounts }: AgentProfile): string {
  const set = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, true]));
  const refused = set(refusedAccounts);
  return JSON.stringify({ displayName, queues: [...new Set(queues)], skills, languages: set(languages), refused });
}

export function toEnqueueResult(result: unknown): EnqueueResult | { outcome: 'gone' } {
  const enqueued = enqueuedSchema.parse(result);
  if (enqueued === 'gone') return { outcome: 'gone' };
  if (typeof enqueued === 'number') return { outcome: 'queued', position: enqueued };
  return { outcome: 'refused', reason: enqueued };
}

export function scriptOf(event: OfferEvent): { script: string; args: (string | number)[] } {
  switch (event.type) {
    case 'ringing':
      return { script: 'deskRinging', args: [] };
    case 'answered':
      return { script: 'deskAnswered', args: [] };
    case 'connected':
      return { script: 'deskConnected', args: [] };
    case 'missed':
      return { script: 'deskMissed', args: [event.why] };
    case 'finished':
      return { script: 'deskFinished', args: [event.wrapUpMs ?? ''] };
    case 'not-reached':
      return { script: 'deskNotReached', args: [event.againMs, event.attemptsMax ?? ''] };
    case 'agent-lost':
      return { script: 'deskAgentLost', args: [] };
  }
}

/** An id of a stream is two numbers; with the second at full width they ascend as text too. */
export function toChangeId(streamId: string): string {
  const [atMs = '', count = ''] = streamId.split('-');
  return `${atMs}-${count.padStart(6, '0')}`;
}

export function toStreamId(changeId: string): string {
  return changeId.split('-').map(Number).join('-');
}

export function toRecord(fields: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let index = 0; index + 1 < fields.length; index += 2) record[fields[index] ?? ''] = fields[index + 1] ?? '';
  return record;
}
