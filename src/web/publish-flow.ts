import type { AccountsStores } from '../accounts/accounts-data.ts';
import { type Change, onRecord } from '../accounts/change.ts';
import type { Flow } from '../flow/flow.ts';
import type { FlowStore } from '../flow/flow-store.ts';

/** The stores of the accounts room, and flows. */
export interface FlowStores extends AccountsStores {
  flows: FlowStore;
}

/**
 * Publishes a flow that has been checked, on record: a new version, unless it is as it was.
 * @throws DenwabanError `ACCOUNT_UNKNOWN`, `FLOW_OF_ANOTHER_ACCOUNT`.
 */
export async function publishFlow(
  change: Change<FlowStores>,
  accountId: string,
  definition: Flow,
): Promise<{ flowId: string; version: number }> {
  const { flows } = change.stores;
  const { flowId } = definition;
  const before = await flows.findFlow(flowId);
  const { version } = await flows.publish({ flowId, accountId, definition, atMs: change.atMs });
  const versions = { ...(before ? { before: { version: before.version } } : {}), after: { version } };
  await onRecord(change, 'flow.publish', { kind: 'flow', id: flowId, accountId }, versions);
  return { flowId, version };
}
