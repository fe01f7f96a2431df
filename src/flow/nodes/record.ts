import { z } from 'zod';
import { bargeIn, moreThan, retry, retrySchema, seconds, toMs } from '../fields.ts';
import type { LocalizedPrompt } from '../marks.ts';
import { nodeRef, prompt } from '../marks.ts';
import type { Action, Memory, NodeEvent, NodeView } from '../node-type.ts';
import { defineNode } from '../node-type.ts';

const fields = {
  prompt,
  bargeIn: bargeIn(true),
  beep: z.boolean().default(true).meta({ description: 'A short tone before the recording begins' }),
  maxSeconds: seconds(1, 600).default(120),
  minSeconds: seconds(0, 60).default(1).meta({ description: 'What is shorter counts as too short' }),
  silenceSeconds: seconds(0, 30).default(5).meta({ description: 'Silence that ends the recording; 0 = none' }),
  stopKeys: z
    .string()
    .regex(/^[0-9*#]{0,12}$/, 'of 0 to 9, * and #')
    .default('#'),
  tooShort: retrySchema.meta({ description: 'Nothing, or next to nothing, was said' }),
  next: nodeRef,
  failed: nodeRef.optional().meta({
    description:
      'Could not be recorded, or not to the end (no room on the disk); without it the caller hears an apology and the call ends',
  }),
};
type RecordNode = z.output<z.ZodObject<typeof fields>>;

export const record = defineNode('record', fields, {
  summary: 'Records what the caller says, after a beep, until a key, silence or the limit.',
  isHeard: () => true,
  check: (node) =>
    node.minSeconds > node.maxSeconds
      ? [{ path: ['minSeconds'], ...moreThan('minSeconds', node.minSeconds, 'maxSeconds', node.maxSeconds) }]
      : [],
  keys: (node, view) => (node.bargeIn || view.memory['recording'] ? 'live' : 'keep'),
  enter: (node) => ask(node, [], {}),
  on: (node, view, event) => {
    if (event.type === 'recorded') return finish(node, view, event);
    if (event.type === 'prompt-ended') return begin(node, view);
    if (event.type !== 'key') return [];
    if (!view.memory['recording']) return node.bargeIn ? skipToBeep(node, view) : [];
    // The switch stops at these keys by itself; a key that came by another way than RTP it may not have seen.
    return node.stopKeys.includes(event.key)
      ? [{ type: 'remember', memory: { ...view.memory, keySeen: true } }, { type: 'stop-record' }]
      : [];
  },
});

function ask(node: RecordNode, lead: LocalizedPrompt[], memory: Memory): Action[] {
  return [
    { type: 'remember', memory: { ...memory, recording: false, skipped: false, keySeen: false } },
    { type: 'play', prompts: [...lead, node.prompt], bargeIn: node.bargeIn, beep: node.beep },
  ];
}

function skipToBeep(node: RecordNode, view: NodeView): Action[] {
  if (view.memory['skipped']) return [];
  if (!node.beep) return begin(node, view);
  return [
    { type: 'remember', memory: { ...view.memory, skipped: true } },
    { type: 'play', prompts: [], bargeIn: false, beep: true },
  ];
}

function begin(node: RecordNode, view: NodeView): Action[] {
  return [
    { type: 'remember', memory: { ...view.memory, recording: true } },
    {
      type: 'record',
      maxDurationMs: toMs(node.maxSeconds),
      silenceMs: toMs(node.silenceSeconds),
      stopKeys: node.stopKeys,
      minDurationMs: toMs(node.minSeconds),
    },
  ];
}

function finish(node: RecordNode, view: NodeView, event: Extract<NodeEvent, { type: 'recorded' }>): Action[] {
  if (event.outcome === 'failed') {
    return node.failed
      ? [{ type: 'go-to', nodeId: node.failed }]
      : [{ type: 'fault', message: 'the recording failed' }];
  }
  // The silence that ended it is not speech.
  const saidMs = event.durationMs - (event.outcome === 'silence' ? toMs(node.silenceSeconds) : 0);
  if (saidMs < toMs(node.minSeconds)) {
    return retry(view, 'tooShort', node.tooShort, (lead, memory) => ask(node, lead, memory));
  }
  // The event of the key that stopped it may come after this one: it is not for the next node.
  const late: Action[] =
    event.outcome === 'key' && !view.memory['keySeen'] ? [{ type: 'swallow', keys: node.stopKeys }] : [];
  return [...late, { type: 'go-to', nodeId: node.next }];
}
