import { unreachable } from '../kernel/assert.ts';
import { type Flow, findNode, limits, typeOf } from './flow.ts';
import type { Action, NodeView } from './node-type.ts';
import { beepTone, resolvePrompts } from './prompt.ts';
import type { Effect, LeaveDeskCause } from './protocol.ts';
import type { FlowState } from './state.ts';

/** One event being worked on: a private copy of the state, and the effects so far. */
export interface Run {
  readonly flow: Flow;
  readonly state: FlowState;
  readonly effects: Effect[];
  readonly atMs: number;
  stepsLeft: number;
}

/** How long a finishing key counts as pressed out of habit. */
const swallowMs = 2_000;
/** Longest apology; the call ends then, whatever became of the sound. */
const apologyMs = 20_000;

export function emit(run: Run, effect: Effect): void {
  run.effects.push(effect);
}

/** What the node may look at, now. */
export function viewOf({ flow, state, atMs }: Run): NodeView {
  const { memory, variables, language, context } = state;
  return { memory, variables, language, context, timezone: flow.timezone, atMs, keysWaiting: state.keysAhead !== '' };
}

/** Leaves the current node for another. Every entry counts against the limits. */
export function enter(run: Run, nodeId: string): void {
  const { state, flow } = run;
  leave(run);
  state.steps++;
  if (run.stepsLeft-- <= 0) {
    fault(run, 'too many steps within one event');
    return;
  }
  if (state.steps > limits.stepsPerCall) {
    fault(run, 'too many steps within one call');
    return;
  }
  const node = findNode(flow, nodeId);
  if (!node) {
    fault(run, `there is no node ${nodeId}`);
    return;
  }
  state.nodeId = nodeId;
  emit(run, { type: 'node-entered', nodeId });
  perform(run, typeOf(node).enter(node, viewOf(run)));
}

/** Carries out what a node asks for. What stands behind a way out is not reached. */
export function perform(run: Run, actions: readonly Action[]): void {
  for (const action of actions) {
    if (action.type === 'go-to') {
      enter(run, action.nodeId);
      return;
    }
    if (action.type === 'hang-up') {
      endCall(run, action.outcome);
      return;
    }
    if (action.type === 'fault') {
      fault(run, action.message);
      return;
    }
    if (action.type === 'play') {
      const reason = play(run, action);
      if (reason !== undefined) {
        fault(run, reason);
        return;
      }
    } else performSmall(run, action);
  }
}

function performSmall(run: Run, action: Exclude<Action, { type: 'go-to' | 'hang-up' | 'fault' | 'play' }>): void {
  const { state } = run;
  switch (action.type) {
    case 'stop-play':
      stopPlay(run);
      return;
    case 'start-timer':
      cancelTimer(run, action.name);
      state.timers[action.name] = newTimer(run, action.delayMs, action.forKey);
      return;
    case 'cancel-timer':
      cancelTimer(run, action.name);
      return;
    case 'record': {
      state.recordingId = newId(run, `${state.context.callId}_r`);
      emit(run, { ...action, recordingId: state.recordingId });
      return;
    }
    case 'stop-record':
      if (!(state.recordingId === null)) emit(run, { type: 'stop-record' });
      return;
    case 'dial': {
      const dialId = newId(run, `${state.context.callId}_d`);
      state.dial = { dialId, answered: false };
      emit(run, { ...action, dialId });
      return;
    }
    case 'escalate': {
      const escalationId = newId(run, `${state.context.callId}_q`);
      state.escalationId = escalationId;
      const { language, variables } = state;
      emit(run, { ...action, escalationId, language, learned: { ...variables } });
      return;
    }
    case 'leave-desk':
      leaveDesk(run, action.why);
      return;
    case 'call-back-later':
    case 'overflow-failed':
      if (state.escalationId) emit(run, { ...action, escalationId: state.escalationId });
      return;
    case 'set':
      Object.assign(state.variables, action.variables);
      return;
    case 'set-language':
      state.language = action.language;
      return;
    case 'remember':
      state.memory = action.memory;
      return;
    case 'collected':
      emit(run, { type: 'digits-collected', nodeId: state.nodeId, digits: action.digits });
      return;
    case 'swallow':
      state.swallow = { keys: action.keys, untilMs: run.atMs + swallowMs };
      return;
    default:
      unreachable(action);
  }
}

/** Starts a prompt; gives the reason when it can't be made. */
function play(run: Run, order: Omit<Extract<Action, { type: 'play' }>, 'type'>): string | undefined {
  const { state, flow } = run;
  const { language, variables } = state;
  const resolved = resolvePrompts(order.prompts, { language, flowLanguage: flow.language, variables });
  if (!resolved.ok) return resolved.reason;
  const prompts = order.beep ? [...resolved.prompts, beepTone] : resolved.prompts;
  startPlay(run, { prompts, stopOnDigit: order.bargeIn, ...(order.loop ? { loop: true } : {}) }, false);
  return undefined;
}

type PlayEffect = Extract<Effect, { type: 'play' }>;

function startPlay(run: Run, order: Omit<PlayEffect, 'type' | 'playId'>, restarted: boolean): void {
  const effect = { type: 'play' as const, playId: newId(run, 'p'), ...order };
  run.state.play = { effect, restarted };
  emit(run, effect);
}

/** Plays the current prompt from its beginning: a key that was not meant for it has stopped it. */
export function playAgain(run: Run): void {
  const { play: playing } = run.state;
  if (!playing) return;
  const { prompts, stopOnDigit, loop } = playing.effect;
  startPlay(run, { prompts, stopOnDigit, ...(loop ? { loop } : {}) }, true);
}

function stopPlay(run: Run): void {
  if (run.state.play) emit(run, { type: 'stop-play' });
  run.state.play = null;
}

/** Starts a timer and gives its id. Ids are never used again, so that a late event can be told. */
export function newTimer(run: Run, delayMs: number, forKey?: true): string {
  const timerId = newId(run, 't');
  emit(run, { type: 'start-timer', timerId, delayMs, ...(forKey && { forKey }) });
  return timerId;
}

function newId({ state }: Run, prefix: string): string {
  state.lastId++;
  return `${prefix}${state.lastId}`;
}

function cancelTimer(run: Run, name: string): void {
  const timerId = run.state.timers[name];
  if (timerId === undefined) return;
  emit(run, { type: 'cancel-timer', timerId });
  delete run.state.timers[name];
}

export function cancelNodeTimers(run: Run): void {
  for (const name of Object.keys(run.state.timers)) cancelTimer(run, name);
}

/** Ends what the current node has under way. */
function leave(run: Run): void {
  const { state } = run;
  cancelNodeTimers(run);
  stopPlay(run);
  if (state.recordingId !== null) emit(run, { type: 'stop-record' });
  if (state.dial && !state.dial.answered) emit(run, { type: 'cancel-dial', dialId: state.dial.dialId });
  leaveDesk(run, 'left');
  state.recordingId = null;
  state.dial = null;
  state.memory = {};
}

function leaveDesk(run: Run, why: LeaveDeskCause): void {
  const { escalationId } = run.state;
  if (escalationId) emit(run, { type: 'leave-desk', escalationId, why });
  run.state.escalationId = null;
}

/** The flow can't go on: on record, an apology, the end. */
export function fault(run: Run, message: string): void {
  const { state } = run;
  emit(run, { type: 'fault', nodeId: state.nodeId, message });
  leave(run);
  state.phase = 'apologising';
  playApology(run);
}

/** The flow's own apology, or the one that comes with denwaban. */
export function playApology(run: Run): void {
  const { state, flow } = run;
  const ready = { file: `prompts/${state.language === 'ja' ? 'ja' : 'en'}/apology.wav` };
  if (play(run, { prompts: [flow.apology ?? { '*': ready }], bargeIn: false }) !== undefined) {
    endCall(run, 'flow-fault');
    return;
  }
  state.timers['apology'] = newTimer(run, apologyMs);
}

/** Ends the call; with no outcome the caller has hung up. Nothing of it goes on. */
export function endCall(run: Run, outcome?: string): void {
  const { state } = run;
  // The end of the leg ends its sound as well.
  state.play = null;
  leave(run);
  if (state.limitTimerId !== null) emit(run, { type: 'cancel-timer', timerId: state.limitTimerId });
  state.limitTimerId = null;
  state.keysAhead = '';
  state.phase = 'ended';
  if (outcome !== undefined) emit(run, { type: 'hangup', outcome });
}
