import type { CallContext, Effect, FlowEvent } from '../flow/protocol.ts';

/** A flow ready to run: the pure interpreter with one version's definition. States are plain JSON. */
export interface FlowRunner {
  start(context: CallContext): unknown;
  step(state: unknown, event: FlowEvent): { state: unknown; effects: Effect[] };
}
