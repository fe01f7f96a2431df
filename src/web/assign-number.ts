import type { AssignedNumber } from '../accounts/accounts.ts';
import type { Change } from '../accounts/change.ts';
import { assignNumber } from '../accounts/manage-accounts.ts';
import { DenwabanError } from '../kernel/errors.ts';
import { normalizePhoneNumber } from '../kernel/phone-number.ts';
import type { FlowStores } from './publish-flow.ts';

/**
 * Gives a number to an account, on record: one of its own flows answers, and another account's number is taken from it only
 * where `move` says so (service-rules.md, Calls 9).
 * @throws DenwabanError `ACCOUNT_UNKNOWN`, `FLOW_UNKNOWN`, `NUMBER_TAKEN`, `PHONE_NUMBER_INVALID`.
 */
export async function assignCheckedNumber(
  change: Change<FlowStores>,
  assigned: AssignedNumber,
  { move, moveRemedy }: { move: boolean; moveRemedy: string },
): Promise<AssignedNumber> {
  const { accounts, flows } = change.stores;
  const { accountId, flowId } = assigned;
  const number = normalizePhoneNumber(assigned.number);
  if (!(await accounts.findAccount(accountId))) {
    throw new DenwabanError('ACCOUNT_UNKNOWN', `there is no account "${accountId}"`, {
      remedy: 'Add the account first',
    });
  }
  const own = (await flows.listFlows(accountId)).map((flow) => flow.flowId);
  if (!own.includes(flowId)) {
    throw new DenwabanError('FLOW_UNKNOWN', `the account "${accountId}" has no flow "${flowId}"`, {
      remedy: own.length > 0 ? `It has ${own.join(', ')}` : 'Publish its flow first',
    });
  }
  const before = await accounts.findNumber(number);
  if (before && before.accountId !== accountId && !move) {
    throw new DenwabanError('NUMBER_TAKEN', `${before.number} is assigned to the account "${before.accountId}"`, {
      remedy: moveRemedy,
    });
  }
  return assignNumber(change, { ...assigned, number });
}
