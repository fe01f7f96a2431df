import { z } from 'zod';
import { prompt } from '../marks.ts';
import { defineNode } from '../node-type.ts';

/** Outcomes that the interpreter itself gives. */
export const reservedOutcomes: readonly string[] = ['flow-fault', 'limit-reached', 'abandoned', 'served'];

export const hangup = defineNode(
  'hangup',
  {
    prompt: prompt.optional(),
    outcome: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,39}$/, 'lower-case letters, digits and hyphens')
      .refine((outcome) => !reservedOutcomes.includes(outcome), 'an outcome of your own')
      .default('completed')
      .meta({ description: "The call's result in the call log" }),
  },
  {
    summary: 'Says a last word, where there is one, and ends the call.',
    endsCall: true,
    isHeard: (node) => node.prompt !== undefined,
    keys: () => 'drop',
    enter: (node) =>
      node.prompt
        ? [{ type: 'play', prompts: [node.prompt], bargeIn: false }]
        : [{ type: 'hang-up', outcome: node.outcome }],
    on: (node, _view, event) => (event.type === 'prompt-ended' ? [{ type: 'hang-up', outcome: node.outcome }] : []),
  },
);
