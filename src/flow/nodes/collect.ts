import { z } from 'zod';
import { bargeIn, moreThan, retry, retrySchema, seconds, toMs } from '../fields.ts';
import type { LocalizedPrompt } from '../marks.ts';
import { nodeRef, prompt, setsVariable } from '../marks.ts';
import type { Action, Memory, NodeView } from '../node-type.ts';
import { defineNode } from '../node-type.ts';

const fields = {
  prompt,
  bargeIn: bargeIn(true),
  variable: setsVariable,
  minDigits: z.int().min(1).max(32).default(1),
  maxDigits: z.int().min(1).max(32),
  terminators: z
    .string()
    .regex(/^[*#]{0,2}$/, 'of * and #')
    .default('#')
    .meta({ description: 'Keys that finish the input; they are not part of it' }),
  timeoutSeconds: seconds(0.5, 60)
    .default(5)
    .meta({ description: 'How long to wait for the first key after the prompt' }),
  interDigitSeconds: seconds(0.5, 60)
    .default(3)
    .meta({ description: 'A pause this long between keys finishes the input' }),
  noInput: retrySchema.meta({ description: 'No key came in time' }),
  invalid: retrySchema.meta({ description: 'Fewer keys than `minDigits`' }),
  next: nodeRef,
};
type Collect = z.output<z.ZodObject<typeof fields>>;

export const collect = defineNode('collect', fields, {
  summary: 'Plays a prompt and collects digits into a variable.',
  asksCaller: true,
  isHeard: () => true,
  check: (node) =>
    node.minDigits > node.maxDigits
      ? [{ path: ['minDigits'], ...moreThan('minDigits', node.minDigits, 'maxDigits', node.maxDigits) }]
      : [],
  keys: (node, view) => (node.bargeIn || view.memory['asked'] ? 'take' : 'keep'),
  enter: (node, view) => ask(node, view, [], {}),
  on: (node, view, event) => {
    if (event.type === 'key' && (node.bargeIn || view.memory['asked'])) return addKey(node, view, event.key);
    if (event.type === 'prompt-ended') {
      return [
        { type: 'remember', memory: { ...view.memory, asked: true } },
        { type: 'start-timer', name: 'no-input', delayMs: toMs(node.timeoutSeconds), forKey: true },
      ];
    }
    if (event.type !== 'timeout') return [];
    return event.name === 'inter-digit' ? finish(node, view, digitsOf(view)) : askAgain(node, view, 'noInput');
  },
});

const digitsOf = (view: NodeView): string => String(view.memory['digits'] ?? '');

/** Keys that wait make the prompt needless. */
function ask(node: Collect, view: NodeView, lead: LocalizedPrompt[], memory: Memory): Action[] {
  const remember: Action = { type: 'remember', memory: { ...memory, asked: false, digits: '' } };
  if (node.bargeIn && view.keysWaiting) return [remember];
  return [remember, { type: 'play', prompts: [...lead, node.prompt], bargeIn: node.bargeIn }];
}

const askAgain = (node: Collect, view: NodeView, kind: 'noInput' | 'invalid'): Action[] =>
  retry(view, kind, node[kind], (lead, memory) => ask(node, view, lead, memory));

function addKey(node: Collect, view: NodeView, key: string): Action[] {
  const quiet: Action = { type: 'cancel-timer', name: 'no-input' };
  if (node.terminators.includes(key)) return [quiet, ...finish(node, view, digitsOf(view))];
  const digits = digitsOf(view) + key;
  if (digits.length >= node.maxDigits) {
    return [quiet, { type: 'swallow', keys: node.terminators }, ...finish(node, view, digits)];
  }
  return [
    quiet,
    { type: 'remember', memory: { ...view.memory, asked: true, digits } },
    { type: 'start-timer', name: 'inter-digit', delayMs: toMs(node.interDigitSeconds), forKey: true },
  ];
}

function finish(node: Collect, view: NodeView, digits: string): Action[] {
  const actions: Action[] = [{ type: 'cancel-timer', name: 'inter-digit' }];
  if (digits !== '') actions.push({ type: 'collected', digits });
  if (digits.length < node.minDigits) return [...actions, ...askAgain(node, view, 'invalid')];
  return [...actions, { type: 'set', variables: { [node.variable]: digits } }, { type: 'go-to', nodeId: node.next }];
}
