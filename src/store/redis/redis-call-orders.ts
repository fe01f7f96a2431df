import { z } from 'zod';
import {
  type CallOrder,
  type CallOrderInbox,
  type CallOrderResult,
  type CallOrders,
  callOrderResultSchema,
  callOrderSchema,
  type OrderedCall,
  type OrderHandler,
  orderRefused,
} from '../../desk/call-orders.ts';
import { callerStates, type DeskListenerHandle } from '../../desk/desk-store.ts';
import { type Clock, deadlinePassed, withDeadline } from '../../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { RedisConnection, Subscription } from './open-redis.ts';
import { redisError } from './redis-errors.ts';

const answerDeadlineMs = 3_000;

const orderSchema = z.object({ orderId: z.string(), answerTo: z.string(), callId: z.string(), order: callOrderSchema });
const answerSchema = z.object({ orderId: z.string(), result: callOrderResultSchema });

export interface RedisCallOrdersOptions {
  /** Which controller drives the call. */
  ownerOf(callId: string): Promise<string | undefined>;
  clock: Clock;
  logger: Logger;
  /** Of the desk's keys as well. */
  prefix?: string;
}

/**
 * Orders to calls in progress by pub/sub: to the channel of the controller that drives the call, and the answer to a
 * channel of the sender's own. Nothing is kept: what nobody hears was not ordered. What is answered too late may have
 * been done.
 */
export class RedisCallOrders implements CallOrders, CallOrderInbox {
  readonly #redis: RedisConnection;
  readonly #options: RedisCallOrdersOptions;
  readonly #prefix: string;
  readonly #answerTo: string;
  readonly #waiting = new Map<string, (result: CallOrderResult) => void>();
  #answers: { subscription: Subscription; ready: Promise<void> } | undefined;

  constructor(redis: RedisConnection, options: RedisCallOrdersOptions) {
    this.#redis = redis;
    this.#options = options;
    this.#prefix = `${options.prefix ?? 'denwaban'}:{desk}:`;
    this.#answerTo = `${this.#prefix}answers:${newId('sender')}`;
  }

  async find(callId: string): Promise<OrderedCall | undefined> {
    const fields = ['account', 'state', 'agent'] as const;
    try {
      const [accountId, state, agentId] = await this.#redis.client.hmget(`${this.#prefix}call:${callId}`, ...fields);
      if (!accountId || !state) return undefined;
      return { accountId, state: z.enum(callerStates).parse(state), agentId: agentId ?? undefined };
    } catch (error) {
      throw redisError(error);
    }
  }

  async send(callId: string, order: CallOrder): Promise<CallOrderResult> {
    const { clock, logger } = this.#options;
    const orderId = newId('order');
    try {
      const result = await withDeadline(clock, this.#ask(orderId, callId, order), answerDeadlineMs);
      if (result !== deadlinePassed) return result;
      logger.warn({ callId, order: order.type }, 'an order to a call was not answered');
    } catch (error) {
      if (!(error instanceof DenwabanError)) throw error;
      logger.warn({ callId, order: order.type, err: errorMessage(error) }, 'an order to a call could not be sent');
    } finally {
      this.#waiting.delete(orderId);
    }
    return orderRefused('unanswered');
  }

  listen(controllerId: string, handle: OrderHandler): DeskListenerHandle {
    const subscription = this.#redis.subscribe(this.#channelOf(controllerId), {
      onMessage: (message) => {
        this.#onOrder(message, handle).catch((error: unknown) =>
          this.#options.logger.warn({ err: errorMessage(error) }, 'an order to a call could not be done'),
        );
      },
      onConnected: () => undefined,
    });
    return { close: async () => subscription.close() };
  }

  /** Waits for no more answers. */
  close(): void {
    this.#answers?.subscription.close();
    for (const settle of this.#waiting.values()) settle(orderRefused('unanswered'));
  }

  async #ask(orderId: string, callId: string, order: CallOrder): Promise<CallOrderResult> {
    // One who is called back is known by the call that has ended: the desk knows which controller has the turn.
    const controllerId = (await this.#options.ownerOf(callId)) ?? (await this.#deskControllerOf(callId));
    if (!controllerId) return orderRefused('no-such-call');
    await this.#hearAnswers();
    const answered = new Promise<CallOrderResult>((resolve) => this.#waiting.set(orderId, resolve));
    await this.#publish(this.#channelOf(controllerId), { orderId, answerTo: this.#answerTo, callId, order });
    return answered;
  }

  async #deskControllerOf(callId: string): Promise<string | null> {
    try {
      return await this.#redis.client.hget(`${this.#prefix}call:${callId}`, 'controller');
    } catch (error) {
      throw redisError(error);
    }
  }

  /** From the first order on. */
  #hearAnswers(): Promise<void> {
    if (this.#answers) return this.#answers.ready;
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    const subscription = this.#redis.subscribe(this.#answerTo, {
      onMessage: (message) => {
        const { orderId, result } = answerSchema.parse(JSON.parse(message));
        this.#waiting.get(orderId)?.(result);
      },
      onConnected: resolve,
    });
    this.#answers = { subscription, ready };
    return ready;
  }

  async #onOrder(message: string, handle: OrderHandler): Promise<void> {
    const { orderId, answerTo, callId, order } = orderSchema.parse(JSON.parse(message));
    const result = await handle(callId, order);
    await this.#publish(answerTo, { orderId, result });
  }

  #channelOf(controllerId: string): string {
    return `${this.#prefix}orders:${controllerId}`;
  }

  async #publish(channel: string, message: object): Promise<void> {
    try {
      await this.#redis.client.publish(channel, JSON.stringify(message));
    } catch (error) {
      throw redisError(error);
    }
  }
}
