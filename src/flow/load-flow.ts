import { checkFlow } from './checker.ts';
import type { StoredFlow } from './flow-store.ts';
import { type FlowState, startState, step } from './interpreter.ts';
import type { CallContext, FlowEvent } from './protocol.ts';

/** A stored flow version, ready to run. @throws Error when the flow does not pass the checker any more. */
export function loadFlow(stored: StoredFlow) {
  const checked = checkFlow(stored.definition, { fileExists: () => true, isStored: true });
  if (!checked.ok) {
    throw new Error(checked.faults.map((fault) => `${fault.path}: ${fault.message}`).join('; '));
  }
  const { flow } = checked;
  return {
    start: (context: CallContext) => startState(flow, context),
    step: (state: unknown, event: FlowEvent) => step(flow, state as FlowState, event),
  };
}
