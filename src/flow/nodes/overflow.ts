import { unreachable } from '../../kernel/assert.ts';
import { toMs } from '../fields.ts';
import type { LocalizedPrompt } from '../marks.ts';
import type { Action, KeyPolicy, NodeEvent, NodeView } from '../node-type.ts';
import { dialledAs } from '../number-match.ts';
import type { OverflowStep } from '../protocol.ts';

/**
 * What becomes of a caller whom nobody at the desk will serve: the queue names one step after the other, and this part
 * of the node `escalate` does it. Its phases in the node's memory: `transfer` (rings) and `transferred`; `call-back`
 * (asked for); `between` (the next step is awaited); `voicemail` (its prompt), `recording`, `last-words`.
 */

/** How long a number rings to which the caller is transferred. */
export const ringSeconds = 30;
const voicemail = { maxSeconds: 120, silenceSeconds: 5, minSeconds: 1, stopKey: '#' };

/** Begins a step. The wait's own timers and sounds have been stopped. */
export function startOverflow(
  node: { message?: { goto: string } | undefined },
  view: NodeView,
  step: OverflowStep,
): Action[] {
  switch (step.type) {
    case 'transfer':
      return startTransfer(view, step.number);
    case 'voicemail':
      if (node.message) return [leave, { type: 'go-to', nodeId: node.message.goto }];
      return [leave, ...askForMessage(view)];
    case 'callback':
      return [inPhase(view, 'call-back'), { type: 'call-back-later' }];
    case 'message':
      return [leave, ...say(view, step.text)];
    default:
      return unreachable(step);
  }
}

/** What happens while a step is done. */
export function onOverflow(node: { done: string }, view: NodeView, event: NodeEvent): Action[] {
  const { phase } = view.memory;
  switch (event.type) {
    case 'dialled':
      if (phase !== 'transfer') return [];
      return event.outcome === 'answered' ? [leave, inPhase(view, 'transferred')] : tryNext(view);
    case 'peer-ended':
      return [{ type: 'go-to', nodeId: node.done }];
    case 'prompt-ended':
      if (phase === 'voicemail') return recordMessage(view);
      return phase === 'last-words' ? [{ type: 'hang-up', outcome: String(view.memory['outcome']) }] : [];
    case 'key':
      return phase === 'recording' && event.key === voicemail.stopKey ? [{ type: 'stop-record' }] : [];
    case 'recorded':
      return phase === 'recording' ? onRecorded(view, event) : [];
    default:
      return [];
  }
}

/** Another controller has the call. The desk names the step again that was not done. */
export function resumeOverflow(view: NodeView): Action[] {
  switch (view.memory['phase']) {
    case 'talking':
    case 'transferred':
      return [];
    case 'voicemail':
    case 'recording':
      return askForMessage(view);
    case 'last-words':
      return [{ type: 'hang-up', outcome: String(view.memory['outcome']) }];
    default:
      return between(view);
  }
}

/** What becomes of keys while the caller does not wait in the line. */
export function overflowKeys(view: NodeView): KeyPolicy {
  return view.memory['phase'] === 'recording' ? 'live' : 'drop';
}

/** The outcome of the call where the caller hangs up now. */
export function hungUpIn(view: NodeView): string | undefined {
  switch (view.memory['phase']) {
    case 'talking':
    case 'transferred':
      return 'served';
    // Who presses the key knows what comes, and need not hear it to the end.
    case 'asking':
      return 'call-back';
    case 'recording':
      return undefined;
    case 'last-words':
      return String(view.memory['outcome']);
    default:
      return 'abandoned';
  }
}

/** The step could not be done. */
export function tryNext(view: NodeView): Action[] {
  return [...between(view), { type: 'overflow-failed' }];
}

/** Says something and ends the call. */
export function lastWords(prompts: LocalizedPrompt[], outcome: string): Action[] {
  return [
    { type: 'remember', memory: { phase: 'last-words', outcome } },
    { type: 'play', prompts, bargeIn: false },
  ];
}

/** A prompt that comes with denwaban, in the call's language or else in English. */
export function ready(view: NodeView, name: string): LocalizedPrompt {
  return { '*': { file: `prompts/${view.language === 'ja' ? 'ja' : 'en'}/${name}.wav` } };
}

const leave: Action = { type: 'leave-desk', why: 'overflow' };

function startTransfer(view: NodeView, number: string): Action[] {
  const target = dialledAs(number);
  if (!target) return tryNext(view);
  const { number: toNumber, isWithheld } = target;
  const fromNumber = isWithheld ? 'anonymous' : view.context.toNumber;
  return [inPhase(view, 'transfer'), { type: 'dial', toNumber, fromNumber, ringTimeoutMs: toMs(ringSeconds) }];
}

function inPhase(view: NodeView, phase: string): Action {
  return { type: 'remember', memory: { ...view.memory, phase } };
}

/** What comes next is known at once, most often; where it is not, the music goes on. */
function between(view: NodeView): Action[] {
  return [inPhase(view, 'between'), { type: 'start-timer', name: 'again', delayMs: 1_000 }];
}

function askForMessage(view: NodeView): Action[] {
  return [
    { type: 'remember', memory: { phase: 'voicemail' } },
    { type: 'play', prompts: [ready(view, 'message')], bargeIn: false, beep: true },
  ];
}

function recordMessage(view: NodeView): Action[] {
  return [
    inPhase(view, 'recording'),
    {
      type: 'record',
      maxDurationMs: toMs(voicemail.maxSeconds),
      silenceMs: toMs(voicemail.silenceSeconds),
      stopKeys: voicemail.stopKey,
      minDurationMs: toMs(voicemail.minSeconds),
    },
  ];
}

function onRecorded(view: NodeView, event: Extract<NodeEvent, { type: 'recorded' }>): Action[] {
  // The silence that ended it is not speech.
  const saidMs = event.durationMs - (event.outcome === 'silence' ? toMs(voicemail.silenceSeconds) : 0);
  const isTaken = event.outcome !== 'failed' && saidMs >= toMs(voicemail.minSeconds);
  return isTaken
    ? lastWords([ready(view, 'message-thanks')], 'message-taken')
    : lastWords([ready(view, 'message-none')], 'no-message');
}

/** In the call's language; where there is none, in whatever language there is. It is the end of the call. */
function say(view: NodeView, text: Record<string, string | undefined>): Action[] {
  const language = text[view.language]
    ? view.language
    : (Object.keys(text).find((other) => text[other]) ?? view.language);
  // It is no flow's: nothing in it stands for a variable.
  const words = (text[language] ?? '').replace(/[{}]/g, ' ');
  return [{ type: 'set-language', language }, ...lastWords([{ [language]: { text: words } }], 'turned-away')];
}
