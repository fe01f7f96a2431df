import type { CallScript } from './call-script.ts';
import type { Flow } from './flow.ts';
import type { PromptDuration } from './prompt-durations.ts';
import type { SimulatedCall } from './simulated-call.ts';
import { SimulatedLine } from './simulated-line.ts';

export { type CallScript, callScriptSchema } from './call-script.ts';
export { promptDurations } from './prompt-durations.ts';
export type { SimulatedCall, TranscriptEntry } from './simulated-call.ts';

/**
 * Runs a call by its script without a telephone and without waiting: the interpreter on a clock of its own, prompts as
 * long as `durationOf` says. Same flow and script, same result.
 */
export function simulate(flow: Flow, script: CallScript, durationOf: PromptDuration): SimulatedCall {
  return new SimulatedLine(flow, script, durationOf).run();
}

/** How a simulated (or real) call differs from what the script expects; empty = as expected. */
export function differences(
  expected: CallScript['expect'],
  call: Pick<SimulatedCall, 'outcome' | 'nodes' | 'digits' | 'heard'>,
): string[] {
  return (['outcome', 'nodes', 'digits', 'heard'] as const).flatMap((field) => {
    const wanted = expected?.[field];
    if (wanted === undefined || JSON.stringify(wanted) === JSON.stringify(call[field])) return [];
    return [`${field}: expected ${JSON.stringify(wanted)}, was ${JSON.stringify(call[field])}`];
  });
}
