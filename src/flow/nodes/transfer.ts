import { z } from 'zod';
import { seconds, toMs } from '../fields.ts';
import { dialNumber, dialsVariable, nodeRef, prompt } from '../marks.ts';
import type { Action, NodeEvent, NodeView } from '../node-type.ts';
import { defineNode } from '../node-type.ts';
import { dialledAs } from '../number-match.ts';

const fields = {
  prompt: prompt.optional().meta({ description: 'Heard before the number is dialled' }),
  to: z.union([z.strictObject({ number: dialNumber }), z.strictObject({ variable: dialsVariable })]),
  callerId: z
    .enum(['dialled', 'caller'])
    .default('dialled')
    .meta({ description: 'Number shown to the phone that rings: the one dialled, or that of the caller' }),
  ringSeconds: seconds(1, 120).default(30),
  maxTalkSeconds: seconds(1, 14_400).optional(),
  done: nodeRef.meta({ description: 'The other party has hung up after a talk' }),
  busy: nodeRef.optional(),
  noAnswer: nodeRef.optional(),
  forbidden: nodeRef.optional(),
  failed: nodeRef.meta({
    description: 'Could not be reached; also busy, no answer and forbidden without a way of their own',
  }),
};
type Transfer = z.output<z.ZodObject<typeof fields>>;

export const transfer = defineNode('transfer', fields, {
  summary: 'Dials a number, connects the caller, and goes on when the other party has hung up or was not reached.',
  isHeard: () => true,
  keys: (_node, view) => (view.memory['phase'] === undefined ? 'keep' : 'drop'),
  enter: (node, view) => (node.prompt ? [{ type: 'play', prompts: [node.prompt], bargeIn: false }] : dial(node, view)),
  // A talk survives the controller: who took the call over reports `peer-ended` when the peer is gone.
  resume: (node, view) => (view.memory['phase'] === 'talking' ? [] : dial(node, view)),
  on: (node, view, event) => {
    if (event.type === 'prompt-ended') return dial(node, view);
    if (event.type === 'dialled') return dialled(node, event.outcome);
    return event.type === 'peer-ended' ? [{ type: 'go-to', nodeId: node.done }] : [];
  },
});

function dial(node: Transfer, view: NodeView): Action[] {
  const number = 'number' in node.to ? node.to.number : keyedNumber(view, node.to.variable);
  if (number === undefined) return [{ type: 'fault', message: 'the variable to dial is not set' }];
  const target = dialledAs(number);
  if (!target) return dialled(node, 'forbidden');
  const shown = node.callerId === 'caller' ? view.context.fromNumber : view.context.toNumber;
  return [
    { type: 'remember', memory: { phase: 'ringing' } },
    {
      type: 'dial',
      toNumber: target.number,
      fromNumber: target.isWithheld ? 'anonymous' : shown,
      ringTimeoutMs: toMs(node.ringSeconds),
      ...(node.maxTalkSeconds === undefined ? {} : { maxTalkMs: toMs(node.maxTalkSeconds) }),
    },
  ];
}

/** What a caller may have dialled: plain digits, else '' (forbidden). */
function keyedNumber(view: NodeView, variable: string): string | undefined {
  if (!Object.hasOwn(view.variables, variable)) return undefined;
  const value = view.variables[variable] ?? '';
  return /^[0-9]{1,20}$/.test(value) ? value : '';
}

function dialled(node: Transfer, outcome: Extract<NodeEvent, { type: 'dialled' }>['outcome']): Action[] {
  if (outcome === 'answered') return [{ type: 'remember', memory: { phase: 'talking' } }];
  const exits = { busy: node.busy, 'no-answer': node.noAnswer, forbidden: node.forbidden, failed: node.failed };
  return [{ type: 'go-to', nodeId: exits[outcome] ?? node.failed }];
}
