import { z } from 'zod';
import type { LocalizedPrompt } from './marks.ts';
import { nodeRef, prompt } from './marks.ts';
import type { Action, Memory, NodeFault, NodeView } from './node-type.ts';

/** Fields that several node types share. */

/** A duration in seconds (fractions allowed). */
export const seconds = (min: number, max: number) => z.number().min(min).max(max);

/** Says that the lower bound is above the upper one. */
export const moreThan = (low: string, least: number, high: string, most: number): Omit<NodeFault, 'path'> => ({
  message: {
    en: `${low} (${least}) is more than ${high} (${most})`,
    ja: `${low}（${least}）が ${high}（${most}）より大きくなっています`,
  },
  remedy: {
    en: `Lower ${low} to ${most}, or raise ${high} to ${least}`,
    ja: `${low} を ${most} に下げるか、${high} を ${least} に上げてください`,
  },
});

/** Seconds of the flow language in ms. */
export const toMs = (durationSeconds: number): number => Math.round(durationSeconds * 1000);

export const bargeIn = (standard: boolean) =>
  z.boolean().default(standard).meta({ description: 'A key stops the prompt' });

/** What to do when input is missing or wrong: asked again until the tries are used up, then on to `goto`. */
export const retrySchema = z.strictObject({
  tries: z
    .int()
    .min(1)
    .max(10)
    .default(3)
    .meta({ description: 'How often it may happen; the last time leads to `goto`' }),
  prompt: prompt.optional().meta({ description: 'Heard before the question is asked again' }),
  goto: nodeRef,
});
export type Retry = z.output<typeof retrySchema>;

/**
 * Counts one more `kind` of failed input in the node's memory: gives the way out when the tries are used up, else the
 * actions that ask again. `fresh` is what the memory starts from when the question is asked again.
 */
export function retry(
  view: NodeView,
  kind: 'noInput' | 'invalid' | 'tooShort',
  rule: Retry,
  ask: (lead: LocalizedPrompt[], memory: Memory) => Action[],
): Action[] {
  const failures = Number(view.memory[kind] ?? 0) + 1;
  if (failures >= rule.tries) return [{ type: 'go-to', nodeId: rule.goto }];
  return ask(rule.prompt ? [rule.prompt] : [], { ...view.memory, [kind]: failures });
}
