import { z } from 'zod';
import { bargeIn, retry, retrySchema, seconds, toMs } from '../fields.ts';
import type { LocalizedPrompt } from '../marks.ts';
import { assignments, languageRef, nodeRef, prompt, setsVariable } from '../marks.ts';
import type { Action, Memory, NodeView } from '../node-type.ts';
import { defineNode } from '../node-type.ts';

const choiceSchema = z.strictObject({
  goto: nodeRef,
  set: assignments.optional(),
  setLanguage: languageRef.optional(),
});

const fields = {
  prompt,
  bargeIn: bargeIn(true),
  choices: z
    .record(z.string().regex(/^[0-9*#]$/, 'a key: 0 to 9, * or #'), choiceSchema)
    .refine((choices) => Object.keys(choices).length > 0, 'at least one key')
    .meta({ description: 'What each key does' }),
  variable: setsVariable.optional(),
  timeoutSeconds: seconds(0.5, 60).default(5).meta({ description: 'How long to wait for a key after the prompt' }),
  noInput: retrySchema.meta({ description: 'No key came in time' }),
  invalid: retrySchema.meta({ description: 'A key that is no choice' }),
};
type Menu = z.output<z.ZodObject<typeof fields>>;

export const menu = defineNode('menu', fields, {
  summary: 'Plays a prompt and goes where the pressed key says.',
  asksCaller: true,
  isHeard: () => true,
  keys: (node, view) => (node.bargeIn || view.memory['asked'] ? 'take' : 'keep'),
  enter: (node, view) => ask(node, view, [], {}),
  on: (node, view, event) => {
    if (event.type === 'key' && (node.bargeIn || view.memory['asked'])) return choose(node, view, event.key);
    if (event.type === 'prompt-ended') {
      return [
        { type: 'remember', memory: { ...view.memory, asked: true } },
        { type: 'start-timer', name: 'no-input', delayMs: toMs(node.timeoutSeconds), forKey: true },
      ];
    }
    if (event.type !== 'timeout') return [];
    return retry(view, 'noInput', node.noInput, (lead, memory) => ask(node, view, lead, memory));
  },
});

/** Keys that wait make the prompt needless. */
function ask(node: Menu, view: NodeView, lead: LocalizedPrompt[], memory: Memory): Action[] {
  const remember: Action = { type: 'remember', memory: { ...memory, asked: false } };
  if (node.bargeIn && view.keysWaiting) return [remember];
  return [remember, { type: 'play', prompts: [...lead, node.prompt], bargeIn: node.bargeIn }];
}

function choose(node: Menu, view: NodeView, key: string): Action[] {
  const choice = Object.hasOwn(node.choices, key) ? node.choices[key] : undefined;
  const actions: Action[] = [
    { type: 'collected', digits: key },
    { type: 'cancel-timer', name: 'no-input' },
  ];
  if (!choice) {
    return [...actions, ...retry(view, 'invalid', node.invalid, (lead, memory) => ask(node, view, lead, memory))];
  }
  if (node.variable) actions.push({ type: 'set', variables: { [node.variable]: key } });
  if (choice.set) actions.push({ type: 'set', variables: choice.set });
  if (choice.setLanguage) actions.push({ type: 'set-language', language: choice.setLanguage });
  return [...actions, { type: 'go-to', nodeId: choice.goto }];
}
