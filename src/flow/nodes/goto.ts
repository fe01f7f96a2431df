import { nodeRef } from '../marks.ts';
import { defineNode } from '../node-type.ts';

export const goto = defineNode(
  'goto',
  { next: nodeRef },
  {
    summary: 'Goes on elsewhere at once; gives a part of the tree a name.',
    enter: (node) => [{ type: 'go-to', nodeId: node.next }],
  },
);
