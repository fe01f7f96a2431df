import type { DeskListener } from '../desk/desk.ts';
import type { OverflowCause } from '../desk/desk-store.ts';
import type { AgentLegs } from './agent-legs.ts';
import type { CallBackSide } from './call-back-side.ts';
import type { DeskHappening } from './desk-access.ts';
import type { TalkControl } from './talk-control.ts';

/** Those at a caller's stay whom the desk's decisions concern. */
export interface DeskListenerParties {
  agents: Pick<AgentLegs, 'ring' | 'withdraw'>;
  talk: Pick<TalkControl, 'onRing' | 'isTarget' | 'onNotTaken'>;
  callBack: Pick<CallBackSide, 'onOffer' | 'onLost'>;
  post(entry: () => void): void;
  /** Nobody hands the caller over any more: whoever was reserved for that is let go. */
  keep(): void;
  feed(event: DeskHappening): void;
  /** The caller waits in another line. */
  changeQueue(queueId: string): void;
  /** The queue has nothing more to offer. */
  onExhausted(why: OverflowCause): void;
}

/** What the desk decides, into the call's mailbox. */
export function deskListener(parties: DeskListenerParties): DeskListener {
  const { agents, talk, callBack, post, keep, feed, changeQueue, onExhausted } = parties;
  return {
    ring: (order) =>
      post(() => {
        if (!order.isTransfer) callBack.onOffer(order.offerId);
        else if (!talk.onRing(order)) return keep();
        agents.ring(order);
      }),
    stopRinging: (offerId) =>
      post(() => {
        agents.withdraw(offerId);
        // Where nothing rang yet.
        if (talk.isTarget(offerId)) talk.onNotTaken('cancelled');
      }),
    progress: ({ position, estimateMs }) => {
      const wait = estimateMs === undefined ? {} : { waitMs: Math.round(estimateMs) };
      post(() => feed({ type: 'desk-progress', position, ...wait }));
    },
    movedTo: (queueId) => post(() => changeQueue(queueId)),
    overflow: (step, why) =>
      post(() => {
        if (step.type === 'hang-up') onExhausted(why);
        else feed({ type: 'desk-overflow', step });
      }),
    lost: () => post(() => callBack.onLost()),
  };
}
