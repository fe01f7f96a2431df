import { z } from 'zod';
import { type CallShown, listenModes, transferFailures } from '../../desk/call-shown.ts';
import { agentStates, callerStates, type DeskListenerHandle } from '../../desk/desk-store.ts';
import type { DeskOverview, DeskViewStore, FiguresSlot } from '../../desk/live.ts';
import type { RedisConnection } from './open-redis.ts';

/** Lua's empty table becomes an object in JSON. */
const listOf = <T extends z.ZodType>(item: T) =>
  z.preprocess((value) => (Array.isArray(value) ? value : []), z.array(item));

const stateSchema = z.enum(agentStates);
const slotSchema = z.object({
  atMs: z.number(),
  answered: z.number(),
  inTime: z.number(),
  left: z.number(),
  waitMs: z.number(),
});
const queueSchema = z
  .object({
    queueId: z.string(),
    name: z.string(),
    timezone: z.string(),
    waiting: z.number(),
    oldestAtMs: z.number().optional(),
    line: listOf(z.string()),
    agents: z.partialRecord(stateSchema, z.number()),
    handlingMs: z.number().optional(),
    slots: listOf(slotSchema),
  })
  .transform((queue) => ({
    ...queue,
    oldestAtMs: queue.oldestAtMs,
    handlingMs: queue.handlingMs,
    agents: { ...nobody, ...queue.agents },
  }));
const nobody = { offline: 0, available: 0, reserved: 0, ringing: 0, talking: 0, 'wrap-up': 0, break: 0 };
const agentSchema = z
  .object({
    agentId: z.string(),
    displayName: z.string(),
    queues: listOf(z.string()),
    state: stateSchema,
    reason: z.string(),
    sinceMs: z.number(),
    untilMs: z.number().optional(),
    wanted: z.enum(['available', 'break', 'offline']),
    callId: z.string().optional(),
    missesInRow: z.number(),
  })
  .transform((agent) => ({ ...agent, callId: agent.callId, untilMs: agent.untilMs }));
const shownSchema = z.object({
  held: z.boolean().optional(),
  transfer: z.object({ to: z.string(), state: z.literal('ringing') }).optional(),
  transferFailed: z.enum(transferFailures).optional(),
  recording: z.enum(['on', 'paused']).optional(),
  listeners: listOf(z.object({ agentId: z.string(), mode: z.enum(listenModes) })).optional(),
});
const callSchema = z
  .object({
    callId: z.string(),
    state: z.enum(callerStates),
    queueId: z.string(),
    account: z.object({ accountId: z.string(), name: z.string(), reading: z.string() }),
    callerNumber: z.string().optional(),
    waitingSinceMs: z.number(),
    isCallBack: z.boolean(),
    agentId: z.string().optional(),
    shown: shownSchema.optional(),
    heldSinceMs: z.number().optional(),
  })
  .transform(({ shown, heldSinceMs, ...call }) => ({
    ...call,
    ...withoutGaps(shown),
    ...(heldSinceMs === undefined ? {} : { heldSinceMs }),
    callerNumber: call.callerNumber,
    agentId: call.agentId,
  }));
const replySchema = z.object({
  result: z.object({
    nowMs: z.number(),
    queues: listOf(queueSchema),
    agents: listOf(agentSchema),
    calls: listOf(callSchema),
  }),
});

const lineShown = 10;
/** As parts/desk-base.lua has it. */
const slotMs = 1_800_000;
const slotsKeptMs = 50 * slotMs;

/** Only what is there. */
function withoutGaps(shown: z.infer<typeof shownSchema> | undefined): CallShown {
  return Object.fromEntries(Object.entries(shown ?? {}).filter(([, value]) => value !== undefined));
}

/** How the desk in Redis stands: one Lua operation for all of it, and a channel on which every change is told. */
export class RedisDeskView implements DeskViewStore {
  readonly #redis: RedisConnection;
  readonly #prefix: string;
  readonly #nowMs: (() => number) | undefined;
  readonly #slots = new Map<string, Map<number, FiguresSlot>>();
  #slotsFrom: number | '' = '';

  constructor(redis: RedisConnection, { prefix = 'denwaban', nowMs }: { prefix?: string; nowMs?: () => number } = {}) {
    this.#redis = redis;
    this.#prefix = `${prefix}:{desk}:`;
    this.#nowMs = nowMs;
  }

  async look(): Promise<DeskOverview> {
    const args = [this.#nowMs?.() ?? '', lineShown, this.#slotsFrom];
    const answer = await this.#redis.runScript('deskOverview', [this.#prefix], args);
    const overview = replySchema.parse(JSON.parse(z.string().parse(answer))).result;
    for (const queue of overview.queues) queue.slots = this.#withEarlier(queue.queueId, queue.slots, overview.nowMs);
    // What is longer ago than a whole slot changes no more.
    this.#slotsFrom = Math.floor(overview.nowMs / slotMs) - 1;
    return overview;
  }

  /** Past half hours are read once. */
  #withEarlier(queueId: string, fresh: readonly FiguresSlot[], nowMs: number): FiguresSlot[] {
    const known = this.#slots.get(queueId) ?? new Map<number, FiguresSlot>();
    for (const slot of fresh) known.set(slot.atMs, slot);
    for (const atMs of known.keys()) if (atMs < nowMs - slotsKeptMs) known.delete(atMs);
    this.#slots.set(queueId, known);
    return [...known.values()];
  }

  watch(listener: { onChanged(): void; onConnected(): void }): DeskListenerHandle {
    const subscription = this.#redis.subscribe(`${this.#prefix}changed`, {
      onMessage: () => listener.onChanged(),
      onConnected: () => listener.onConnected(),
    });
    return { close: async () => subscription.close() };
  }
}
