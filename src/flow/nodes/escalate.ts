import { z } from 'zod';
import { seconds, toMs } from '../fields.ts';
import { dialsVariable, nodeRef, prompt, queueRef, setsVariable } from '../marks.ts';
import type { Action, NodeEvent, NodeFault, NodeView } from '../node-type.ts';
import { defineNode } from '../node-type.ts';
import { variablesOf } from '../prompt.ts';
import type { DeskOutcome } from '../protocol.ts';
import { collectedNumber, onCallBack } from './call-back.ts';
import { hungUpIn, onOverflow, overflowKeys, resumeOverflow, startOverflow } from './overflow.ts';

/** Where neither flow nor queue ends the wait. */
const longestWaitSeconds = 7_200;
const holdMusic = { '*': { file: 'prompts/hold.wav' } };

const skillSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'lower-case letters, digits and hyphens'),
  minLevel: z.int().min(1).max(10).default(1),
});

const announceSchema = z.strictObject({
  everySeconds: seconds(5, 600).default(30),
  prompt: prompt.meta({ description: 'May name the place in the queue and the minutes to wait by their variables' }),
  promptWithoutEstimate: prompt.optional().meta({
    description:
      'Heard instead where `prompt` names the minutes and nobody can tell them yet; left out: the music goes on',
  }),
});

const key = z.string().regex(/^[0-9*#]$/, 'a key: 0 to 9, * or #');

const callBackSchema = z.strictObject({
  key,
  goto: nodeRef.meta({ description: 'The place is kept: says so and hangs up' }),
  variable: dialsVariable
    .optional()
    .meta({ description: "Holds the number to call where it is set; otherwise it is the caller's own" }),
  refused: nodeRef.optional().meta({
    description: 'The number is withheld, or may not be dialled; left out: the caller goes on waiting',
  }),
  refusedPrompt: prompt.optional().meta({ description: 'Heard in that case before the caller goes on waiting' }),
});

const fields = {
  prompt: prompt.optional().meta({ description: 'Heard first; the caller has their place in the queue already' }),
  queue: queueRef.meta({ description: 'Whose agents are asked' }),
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
  maxWaitSeconds: seconds(5, 7_200).optional().meta({
    description: 'Counted from the beginning of the wait; left out: as long as the queue allows, at most two hours',
  }),
  message: z
    .strictObject({ key, goto: nodeRef })
    .optional()
    .meta({ description: 'The caller may press a key instead of waiting' }),
  callBack: callBackSchema
    .optional()
    .meta({ description: 'The caller may press a key, hang up, and be called back when it is their turn' }),
  done: nodeRef.meta({ description: 'The caller has talked to an agent, who has hung up' }),
  noAgent: nodeRef.optional().meta({ description: 'Nobody serves the queue now' }),
  timeOut: nodeRef.optional().meta({ description: 'Waited too long' }),
  closed: nodeRef
    .optional()
    .meta({ description: "Outside the hours of the queue, or the account's answering service is suspended" }),
  failed: nodeRef.meta({
    description: 'The queue is full or away; also no agent, time-out and closed without a way of their own',
  }),
};
type Escalate = z.output<z.ZodObject<typeof fields>>;

const keyTwice = (pressed: string): NodeFault => ({
  path: ['callBack', 'key'],
  message: { en: `the key ${pressed} leaves a message already`, ja: `キー ${pressed} は伝言に使われています` },
  remedy: { en: 'Choose another key for one of the two', ja: 'どちらかを別のキーにしてください' },
});

const withoutEstimate = (waitVariable: string): NodeFault => ({
  path: ['announce', 'promptWithoutEstimate'],
  message: {
    en: `names ${waitVariable}, which is not set then`,
    ja: `その時には設定されない ${waitVariable} を読み上げています`,
  },
  remedy: { en: 'Leave the minutes out of this prompt', ja: 'このプロンプトでは待ち時間に触れないでください' },
});

export const escalate = defineNode('escalate', fields, {
  summary:
    'Asks for people: the caller waits with music until an agent answers. Hanging up meanwhile is `abandoned`, while talking `served`.',
  isHeard: () => true,
  check: ({ message, callBack, announce, waitVariable }) => [
    ...(message && message.key === callBack?.key ? [keyTwice(callBack.key)] : []),
    ...(announce?.promptWithoutEstimate && variablesOf(announce.promptWithoutEstimate).has(waitVariable)
      ? [withoutEstimate(waitVariable)]
      : []),
  ],
  keys: (node, view) => (isWaiting(view) ? (takesKeys(node) ? 'live' : 'drop') : overflowKeys(view)),
  enter: (node, view) => [
    {
      type: 'escalate',
      queueId: node.queue,
      priority: node.priority,
      skills: node.skills,
      ...collectedNumber(node, view),
    },
    ...timers(node, view),
    ...(node.prompt ? [play(node, node.prompt)] : music(node)),
  ],
  // The place in the queue survives the controller, and how long the caller has waited; the music does not.
  resume: (node, view) => (isWaiting(view) ? [...timers(node, view), ...backAgain(node)] : resumeOverflow(view)),
  on: (node, view, event) => {
    switch (event.type) {
      case 'prompt-ended':
        return isWaiting(view) ? music(node) : onOverflow(node, view, event);
      case 'timeout':
        return onTime(node, view, event.name);
      case 'key':
        return isWaiting(view) ? onKey(node, view, event.key) : onOverflow(node, view, event);
      default:
        return onDesk(node, view, event);
    }
  },
  hungUp: (_node, view) => hungUpIn(view),
});

/** Whether the caller waits in the line, and is heard to. */
function isWaiting(view: NodeView): boolean {
  return view.memory['phase'] === undefined;
}

function onKey(node: Escalate, view: NodeView, pressed: string): Action[] {
  if (pressed === node.message?.key) {
    return [
      { type: 'leave-desk', why: 'message' },
      { type: 'go-to', nodeId: node.message.goto },
    ];
  }
  if (pressed !== node.callBack?.key) return music(node);
  // The key has stopped what was heard, and the answer comes at once; where it does not, the music goes on.
  return [
    { type: 'remember', memory: { ...view.memory, phase: 'asking' } },
    { type: 'start-timer', name: 'again', delayMs: 1_000 },
    { type: 'call-back-later' },
  ];
}

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
        { type: 'remember', memory: { ...view.memory, placed: true, estimated: event.waitMs !== undefined } },
      ];
    case 'desk-answered':
      return [...hush(), { type: 'remember', memory: { phase: 'talking' } }];
    case 'desk-parted':
      // The wait begins again: a lost agent, or another queue (where nothing has gone wrong).
      return [...timers(node, { ...view, memory: {} }), ...(event.handedOver ? music(node) : backAgain(node))];
    case 'desk-done':
      return [{ type: 'go-to', nodeId: exitFor(node, event.outcome) }];
    case 'desk-overflow':
      return [...hush(), ...startOverflow(node, view, event.step)];
    case 'desk-call-back':
      return onCallBack(node, view, event.outcome, { music: music(node), play: (what) => play(node, what) });
    default:
      return onOverflow(node, view, event);
  }
}

function onTime(node: Escalate, view: NodeView, name: string): Action[] {
  const { phase, ...memory } = view.memory;
  if (name === 'again') {
    return phase === 'asking' ? music(node) : [...timers(node, { ...view, memory }), ...music(node)];
  }
  if (phase === 'talking') return [];
  if (name === 'wait') {
    return [
      { type: 'leave-desk', why: 'time-out' },
      { type: 'go-to', nodeId: node.timeOut ?? node.failed },
    ];
  }
  const { announce } = node;
  if (!announce) return [];
  const words = isWaiting(view) && view.memory['placed'] ? announcement(node, announce, view) : undefined;
  return [...announceLater(node), ...(words ? [play(node, words)] : [])];
}

/** Before a queue's first talks, and while nobody is at work there, the wait can't be told. */
function announcement(node: Escalate, announce: NonNullable<Escalate['announce']>, view: NodeView) {
  const isTold = view.memory['estimated'] || !variablesOf(announce.prompt).has(node.waitVariable);
  return isTold ? announce.prompt : announce.promptWithoutEstimate;
}

/** Nothing of the wait is heard any more, or falls due. */
function hush(): Action[] {
  return [
    { type: 'cancel-timer', name: 'wait' },
    { type: 'cancel-timer', name: 'announce' },
    { type: 'cancel-timer', name: 'again' },
    { type: 'stop-play' },
  ];
}

function backAgain(node: Escalate): Action[] {
  return node.back ? [play(node, node.back)] : music(node);
}

/** The longest wait, counted from when it began as the node remembers it, and the next announcement. */
function timers(node: Escalate, { memory, atMs }: NodeView): Action[] {
  const untilMs = Number(memory['untilMs'] ?? atMs + toMs(node.maxWaitSeconds ?? longestWaitSeconds));
  return [
    { type: 'remember', memory: { ...memory, untilMs } },
    { type: 'start-timer', name: 'wait', delayMs: Math.max(0, untilMs - atMs) },
    ...announceLater(node),
  ];
}

function announceLater({ announce }: Escalate): Action[] {
  return announce ? [{ type: 'start-timer', name: 'announce', delayMs: toMs(announce.everySeconds) }] : [];
}

function takesKeys({ message, callBack }: Escalate): boolean {
  return message !== undefined || callBack !== undefined;
}

/** A key stops what is heard only where keys have a meaning: otherwise it would be a gap. */
function play(node: Escalate, what: NonNullable<Escalate['prompt']>): Action {
  return { type: 'play', prompts: [what], bargeIn: takesKeys(node) };
}

function music(node: Escalate): Action[] {
  return [{ type: 'play', prompts: [node.music], bargeIn: takesKeys(node), loop: true }];
}

function exitFor(node: Escalate, outcome: DeskOutcome): string {
  const exits = { done: node.done, 'no-agent': node.noAgent, 'time-out': node.timeOut, closed: node.closed };
  return (outcome === 'full' || outcome === 'failed' ? undefined : exits[outcome]) ?? node.failed;
}
