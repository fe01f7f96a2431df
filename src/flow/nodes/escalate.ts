import { z } from 'zod';
import { seconds, toMs } from '../fields.ts';
import { nodeRef, prompt, setsVariable } from '../marks.ts';
import type { Action, NodeEvent, NodeView } from '../node-type.ts';
import { defineNode } from '../node-type.ts';
import type { DeskOutcome } from '../protocol.ts';

const holdMusic = { '*': { file: 'prompts/hold.wav' } };

const skillSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'lower-case letters, digits and hyphens'),
  minLevel: z.int().min(1).max(10).default(1),
});

const announceSchema = z.strictObject({
  everySeconds: seconds(5, 600).default(30),
  prompt: prompt.meta({ description: 'May name the place in the queue and the minutes to wait by their variables' }),
});

const fields = {
  prompt: prompt.optional().meta({ description: 'Heard first; the caller has their place in the queue already' }),
  queue: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a queue id: lower-case letters, digits and hyphens')
    .meta({ description: 'Whose agents are asked' }),
  priority: z
    .int()
    .min(0)
    .max(9)
    .default(0)
    .meta({ description: 'Higher is served first; then who has waited longest' }),
  skills: z.array(skillSchema).max(10).default([]).meta({ description: 'What the agent must be able to do' }),
  music: prompt.default(holdMusic).meta({ description: 'Repeated while the caller waits' }),
  announce: announceSchema.optional().meta({ description: 'Heard now and then, once the place is known' }),
  back: prompt.optional().meta({ description: 'Heard when the agent was lost and the caller waits again' }),
  positionVariable: setsVariable.default('queuePosition'),
  waitVariable: setsVariable.default('queueWaitMinutes'),
  maxWaitSeconds: seconds(5, 7_200).default(600),
  message: z
    .strictObject({ key: z.string().regex(/^[0-9*#]$/, 'a key: 0 to 9, * or #'), goto: nodeRef })
    .optional()
    .meta({ description: 'The caller may press a key instead of waiting' }),
  done: nodeRef.meta({ description: 'The caller has talked to an agent, who has hung up' }),
  noAgent: nodeRef.optional().meta({ description: 'Nobody serves the queue now' }),
  timeOut: nodeRef.optional().meta({ description: 'Waited too long' }),
  closed: nodeRef.optional().meta({ description: 'Outside the hours of the queue' }),
  failed: nodeRef.meta({
    description: 'The queue is full or away; also no agent, time-out and closed without a way of their own',
  }),
};
type Escalate = z.output<z.ZodObject<typeof fields>>;

export const escalate = defineNode('escalate', fields, {
  summary:
    'Asks for people: the caller waits with music until an agent answers. Hanging up meanwhile is `abandoned`, while talking `served`.',
  isHeard: () => true,
  keys: (node, view) => (node.message && view.memory['phase'] !== 'talking' ? 'live' : 'drop'),
  enter: (node) => [
    { type: 'escalate', queueId: node.queue, priority: node.priority, skills: node.skills },
    { type: 'start-timer', name: 'wait', delayMs: toMs(node.maxWaitSeconds) },
    ...announceLater(node),
    ...(node.prompt ? [play(node, node.prompt)] : music(node)),
  ],
  // The place in the queue survives the controller; the music does not.
  resume: (node, view) => (view.memory['phase'] === 'talking' ? [] : wait(node)),
  on: (node, view, event) => {
    const isTalking = view.memory['phase'] === 'talking';
    switch (event.type) {
      case 'prompt-ended':
        return isTalking ? [] : music(node);
      case 'timeout':
        return isTalking ? [] : onTime(node, view, event.name);
      case 'key':
        if (event.key !== node.message?.key) return isTalking ? [] : music(node);
        return [
          { type: 'leave-desk', why: 'message' },
          { type: 'go-to', nodeId: node.message.goto },
        ];
      default:
        return onDesk(node, view, event);
    }
  },
  hungUp: (_node, view) => (view.memory['phase'] === 'talking' ? 'served' : 'abandoned'),
});

function onDesk(node: Escalate, view: NodeView, event: NodeEvent): Action[] {
  switch (event.type) {
    case 'desk-progress':
      return [
        {
          type: 'set',
          variables: {
            [node.positionVariable]: String(event.position),
            ...(event.waitMs === undefined ? {} : { [node.waitVariable]: String(Math.ceil(event.waitMs / 60_000)) }),
          },
        },
        { type: 'remember', memory: { ...view.memory, placed: true } },
      ];
    case 'desk-answered':
      return [
        { type: 'cancel-timer', name: 'wait' },
        { type: 'cancel-timer', name: 'announce' },
        { type: 'stop-play' },
        { type: 'remember', memory: { phase: 'talking' } },
      ];
    case 'desk-parted':
      return [{ type: 'remember', memory: {} }, ...wait(node, event.handedOver)];
    case 'desk-done':
      return [{ type: 'go-to', nodeId: exitFor(node, event.outcome) }];
    default:
      return [];
  }
}

function onTime(node: Escalate, view: NodeView, name: string): Action[] {
  if (name === 'wait') {
    return [
      { type: 'leave-desk', why: 'time-out' },
      { type: 'go-to', nodeId: node.timeOut ?? node.failed },
    ];
  }
  const { announce } = node;
  if (!announce) return [];
  return [...announceLater(node), ...(view.memory['placed'] ? [play(node, announce.prompt)] : [])];
}

/** Waiting begins again: a lost agent, another controller, or another queue (where nothing has gone wrong). */
function wait(node: Escalate, isHandedOver = false): Action[] {
  return [
    { type: 'start-timer', name: 'wait', delayMs: toMs(node.maxWaitSeconds) },
    ...announceLater(node),
    ...(node.back && !isHandedOver ? [play(node, node.back)] : music(node)),
  ];
}

function announceLater({ announce }: Escalate): Action[] {
  return announce ? [{ type: 'start-timer', name: 'announce', delayMs: toMs(announce.everySeconds) }] : [];
}

/** A key stops what is heard only where keys have a meaning: otherwise it would be a gap. */
function play(node: Escalate, what: NonNullable<Escalate['prompt']>): Action {
  return { type: 'play', prompts: [what], bargeIn: node.message !== undefined };
}

function music(node: Escalate): Action[] {
  return [{ type: 'play', prompts: [node.music], bargeIn: node.message !== undefined, loop: true }];
}

function exitFor(node: Escalate, outcome: DeskOutcome): string {
  const exits = { done: node.done, 'no-agent': node.noAgent, 'time-out': node.timeOut, closed: node.closed };
  return (outcome === 'full' || outcome === 'failed' ? undefined : exits[outcome]) ?? node.failed;
}
