import type { AccountStore } from '../accounts/accounts.ts';
import type { DeskListener, DeskTicket, RingOrder } from '../desk/desk.ts';
import type { DeskRequest } from '../desk/request.ts';
import { type Clock, deadlinePassed, withDeadline } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { CallActor } from './actor.ts';
import type { DeskAccess } from './desk-access.ts';
import { outboundNumber } from './outbound-rules.ts';
import type { CallIdentity } from './saved-call.ts';

/** What a call-back that cannot be dialled now waits before its next turn; that counts as no attempt. */
const againMs = 30_000;
const lookUpDeadlineMs = 2_000;

export interface CallBacksOptions {
  accounts: Pick<AccountStore, 'findAccount'>;
  people?: Pick<DeskAccess, 'intake'> | undefined;
  clock: Clock;
  logger: Logger;
  /** One more call can be driven here. */
  hasRoom(): boolean;
  /** A call that begins with an agent. */
  newActor(identity: CallIdentity): CallActor;
}

/** Turns of call-backs: whom this controller calls back, and whom it may not, or not now. */
export class CallBacks {
  readonly #options: CallBacksOptions;

  constructor(options: CallBacksOptions) {
    this.#options = options;
  }

  /** An agent is free for a caller who wants to be called back. Gives who is told what the desk decides. */
  async take(request: DeskRequest, ticket: DeskTicket): Promise<DeskListener> {
    const identity = await this.#identify(request);
    if (identity === 'not-now' || (typeof identity === 'object' && !this.#options.hasRoom())) return handBack(ticket);
    if (identity === 'never') return this.#giveUp(request, ticket);
    return this.#options.newActor(identity).peers.callBack(request, ticket);
  }

  /** The account may not dial it: the agent whose turn it is has the case on the page, and hence the account a report. */
  #giveUp(request: DeskRequest, ticket: DeskTicket): DeskListener {
    const { logger, people, clock } = this.#options;
    const { callId, account, callerNumber = '', queueId, learned } = request;
    logger.warn({ callId }, 'a call-back is given up: the account may not dial it');
    let isGivenUp = false;
    const ring = ({ offerId, agentId }: RingOrder) => {
      if (isGivenUp) return;
      isGivenUp = true;
      const opening = { callId, accountId: account.accountId, callerNumber, queueId, learned, offerId, agentId };
      people?.intake?.open({ ...opening, atMs: clock.nowMs() });
      ticket.leave('done');
    };
    return { ...deaf, ring };
  }

  /** As the account is now: its rules may have changed since the caller asked. */
  async #identify(request: DeskRequest): Promise<CallIdentity | 'never' | 'not-now'> {
    const { accounts, clock, logger } = this.#options;
    const { callBack } = request;
    if (!callBack) return 'never';
    try {
      const account = await withDeadline(clock, accounts.findAccount(request.account.accountId), lookUpDeadlineMs);
      if (account === deadlinePassed) return 'not-now';
      const isServed = account?.status === 'active' && account.answeringService === 'active';
      const outbound = account && outboundNumber(account.outbound, callBack.toNumber);
      if (!isServed || !outbound) return 'never';
      return {
        ...{ callId: newId('call'), callBackOf: request.callId, accountId: account.accountId },
        ...{ flowId: '', flowVersion: 0, fromNumber: outbound.number, toNumber: callBack.fromNumber },
        language: request.language ?? account.language,
        account: { name: account.name, reading: account.nameReading },
        ...{ outbound: account.outbound, callerLegId: newId('leg') },
      };
    } catch (error) {
      logger.error({ callId: request.callId, err: errorMessage(error) }, 'a call-back could not be looked up');
      return 'not-now';
    }
  }
}

/**
 * For the desk, which wants a listener at once and may have work before the call room has begun: keeps what is told until
 * there is one.
 */
export function callBacksOf(
  room: Promise<{ callBack(request: DeskRequest, ticket: DeskTicket): Promise<DeskListener> }>,
): (request: DeskRequest, ticket: DeskTicket) => DeskListener {
  return (request, ticket) => {
    const listener = room.then((calls) => calls.callBack(request, ticket)).catch(() => handBack(ticket));
    const tell = (say: (to: DeskListener) => void) => {
      listener.then(say).catch(() => undefined); // Neither of the two rejects.
    };
    return {
      ring: (order) => tell((to) => to.ring(order)),
      stopRinging: (offerId) => tell((to) => to.stopRinging(offerId)),
      progress: (progress) => tell((to) => to.progress(progress)),
      movedTo: (queueId) => tell((to) => to.movedTo(queueId)),
      overflow: (step, why) => tell((to) => to.overflow(step, why)),
      lost: () => tell((to) => to.lost()),
    };
  };
}

const deaf: DeskListener = {
  ring: () => undefined,
  stopRinging: () => undefined,
  progress: () => undefined,
  movedTo: () => undefined,
  overflow: () => undefined,
  lost: () => undefined,
};

/** Rings nobody: the agents are free again at once, and the call-back gets another turn. */
function handBack(ticket: DeskTicket): DeskListener {
  return { ...deaf, ring: ({ offerId }: RingOrder) => void ticket.notReached(offerId, { againMs }) };
}
