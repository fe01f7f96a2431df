import type { DeskRequestInput } from '../desk/request.ts';
import type { Effect } from '../flow/protocol.ts';
import { type CallIdentity, deskCallId } from './saved-call.ts';

/** What the desk is asked for a call. `callBackTo`: where the caller can be called back. */
export function deskRequest(
  identity: CallIdentity,
  effect: Extract<Effect, { type: 'escalate' }>,
  callBackTo: string | undefined,
): DeskRequestInput {
  const { accountId, account, fromNumber, toNumber } = identity;
  const { queueId, priority, skills, language, learned } = effect;
  return {
    ...{ callId: deskCallId(identity), account: { accountId, ...account } },
    ...{ queueId, priority, skills, language, learned },
    ...(fromNumber === 'anonymous' ? {} : { callerNumber: fromNumber.slice(0, 80) }),
    ...(callBackTo === undefined ? {} : { callBack: { toNumber: callBackTo, fromNumber: toNumber.slice(0, 80) } }),
  };
}
