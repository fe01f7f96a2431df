import { bargeIn } from '../fields.ts';
import { nodeRef, prompt } from '../marks.ts';
import { defineNode } from '../node-type.ts';

export const say = defineNode(
  'say',
  { prompt, bargeIn: bargeIn(false), next: nodeRef },
  {
    summary: 'Plays a prompt and goes on. A key that cuts it short is kept for the next node that asks for one.',
    isHeard: () => true,
    enter: (node, view) =>
      node.bargeIn && view.keysWaiting
        ? [{ type: 'go-to', nodeId: node.next }]
        : [{ type: 'play', prompts: [node.prompt], bargeIn: node.bargeIn }],
    on: (node, _view, event) => {
      const over = event.type === 'prompt-ended' || (event.type === 'key' && node.bargeIn);
      return over ? [{ type: 'go-to', nodeId: node.next }] : [];
    },
  },
);
