import { z } from 'zod';
import { listenModes } from './call-shown.ts';
import type { CallerState, DeskListenerHandle } from './desk-store.ts';

const id = z.string().min(1).max(80);

/** To whom a caller can be handed. */
export const transferTargetSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('agent'), agentId: id }),
  z.strictObject({ type: z.literal('queue'), queueId: id }),
  z.strictObject({ type: z.literal('number'), number: z.string().min(1).max(40) }),
]);
export type TransferTarget = z.infer<typeof transferTargetSchema>;

/** What people at the desk ask of a call in progress. */
export const callOrderSchema = z.discriminatedUnion('type', [
  /** The caller hears music and the agent a soft tone; or they talk again. */
  z.strictObject({ type: z.literal('hold'), held: z.boolean() }),
  z.strictObject({ type: z.literal('transfer'), to: transferTargetSchema }),
  /** The agent takes the caller back. */
  z.strictObject({ type: z.literal('cancel-transfer') }),
  z.strictObject({ type: z.literal('recording'), paused: z.boolean() }),
  z.strictObject({ type: z.literal('end') }),
  /** A waiting caller: to another queue with the age kept, or to the head of the line. */
  z.strictObject({ type: z.literal('move'), queueId: id, first: z.boolean().optional() }),
  /** `agentId`: the supervisor whose phone rings. */
  z.strictObject({ type: z.literal('listen'), agentId: id, mode: z.enum(listenModes) }),
  z.strictObject({ type: z.literal('stop-listening'), agentId: id }),
]);
export type CallOrder = z.infer<typeof callOrderSchema>;

/**
 * Why an order was not done. `busy`: the agent asked for is not free, or a transfer is under way; `not-allowed`: the
 * account's rules forbid the number, or the agent may not serve the account; `unanswered`: nobody who drives the call
 * has said anything in time.
 */
export const orderRefusals = [
  ...['no-such-call', 'not-talking', 'not-waiting', 'not-allowed', 'busy', 'no-phone', 'unknown-queue', 'full'],
  ...['closed', 'not-recorded', 'failed', 'unanswered'],
] as const;
export type OrderRefusal = (typeof orderRefusals)[number];

export const callOrderResultSchema = z.union([
  z.object({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), reason: z.enum(orderRefusals) }),
]);
export type CallOrderResult = z.infer<typeof callOrderResultSchema>;

export const orderDone: CallOrderResult = { ok: true };

/** The answer of an order that cannot be done. */
export function orderRefused(reason: OrderRefusal): CallOrderResult {
  return { ok: false, reason };
}

/** A call as those who order it about must know it. */
export interface OrderedCall {
  accountId: string;
  state: CallerState;
  /** Who has answered. */
  agentId: string | undefined;
}

/** Sends orders to whichever controller drives the call, maybe in another process. */
export interface CallOrders {
  /** Undefined: the call is not at the desk. @throws DenwabanError `REDIS_UNAVAILABLE`. */
  find(callId: string): Promise<OrderedCall | undefined>;
  /** Answers within 3 s, whatever happens. */
  send(callId: string, order: CallOrder): Promise<CallOrderResult>;
}

/** Does an order; resolves when it is known whether it is done, which for a transfer means: under way. */
export type OrderHandler = (callId: string, order: CallOrder) => Promise<CallOrderResult>;

/** Where a controller hears the orders to its calls. */
export interface CallOrderInbox {
  listen(controllerId: string, handle: OrderHandler): DeskListenerHandle;
}
