import { type Flow, findNode, limits, typeOf } from './flow.ts';
import type { NodeEvent } from './node-type.ts';
import type { Effect, FlowEvent } from './protocol.ts';
import {
  cancelNodeTimers,
  emit,
  endCall,
  enter,
  fault,
  newTimer,
  perform,
  playAgain,
  playApology,
  type Run,
  viewOf,
} from './run.ts';
import type { FlowState } from './state.ts';

export { type FlowState, startState } from './state.ts';

export interface StepResult {
  state: FlowState;
  /** To be run in this order. */
  effects: Effect[];
}

/**
 * What a call does next. Pure: same flow, state and event give the same result; nothing given is changed; no clock
 * but the event's `atMs`. Never throws for anything a caller or a telephone can do; late and unknown events are
 * ignored. After `hung-up` or the effect `hangup` the state is final.
 */
export function step(flow: Flow, state: FlowState, event: FlowEvent): StepResult {
  if (state.phase === 'ended') return { state, effects: [] };
  const run: Run = {
    flow,
    state: { ...state, variables: { ...state.variables }, timers: { ...state.timers } },
    effects: [],
    atMs: event.atMs,
    stepsLeft: limits.stepsPerEvent,
  };
  handle(run, event);
  takeKeysAhead(run);
  return { state: run.state, effects: withoutNeedlessStops(run.effects) };
}

function handle(run: Run, event: FlowEvent): void {
  switch (event.type) {
    case 'hung-up':
      endCall(run, outcomeOfHangUp(run));
      return;
    case 'started':
      if (run.state.phase === 'new') begin(run);
      return;
    case 'resumed':
      resume(run);
      return;
    case 'digit':
      onDigit(run, event.digit);
      return;
    case 'play-done':
      onPlayDone(run, event);
      return;
    case 'timer':
      onTimer(run, event.timerId);
      return;
    case 'record-done':
      onRecordDone(run, event);
      return;
    case 'dial-done':
      if (run.state.dial?.dialId !== event.dialId || run.state.dial.answered) return;
      run.state.dial = event.outcome === 'answered' ? { dialId: event.dialId, answered: true } : null;
      tell(run, { type: 'dialled', outcome: event.outcome });
      return;
    case 'peer-ended':
      if (run.state.dial?.dialId !== event.dialId) return;
      run.state.dial = null;
      tell(run, { type: 'peer-ended' });
      return;
    default:
      onDesk(run, event);
  }
}

/** What people at the desk do. */
function onDesk(run: Run, event: Extract<FlowEvent, { escalationId: string }>): void {
  const { escalationId, atMs: _atMs, ...happening } = event;
  if (run.state.escalationId !== escalationId) return;
  const isOver = event.type === 'desk-done' || (event.type === 'desk-call-back' && event.outcome === 'kept');
  if (isOver) run.state.escalationId = null;
  tell(run, happening);
}

function outcomeOfHangUp(run: Run): string | undefined {
  const { state, flow } = run;
  const node = state.phase === 'running' ? findNode(flow, state.nodeId) : undefined;
  return node && typeOf(node).hungUp(node, viewOf(run));
}

function begin(run: Run): void {
  run.state.phase = 'running';
  run.state.startedAtMs = run.atMs;
  startLimit(run);
  enter(run, run.flow.start);
}

/** The rest of the call's longest time. */
function startLimit(run: Run): void {
  const leftMs = run.state.startedAtMs + run.flow.maxCallSeconds * 1000 - run.atMs;
  const timerId = newTimer(run, Math.max(0, Math.round(leftMs)));
  run.state.limitTimerId = timerId;
}

/** What ran under the other controller is gone, except a talk with a connected party. */
function resume(run: Run): void {
  const { state } = run;
  if (state.phase === 'new') {
    begin(run);
    return;
  }
  state.play = null;
  state.timers = {};
  state.recordingId = null;
  state.swallow = null;
  if (!state.dial?.answered) state.dial = null;
  startLimit(run);
  if (state.phase === 'apologising') {
    playApology(run);
    return;
  }
  const node = findNode(run.flow, state.nodeId);
  if (!node) {
    fault(run, `node ${state.nodeId} is not in this version of the flow`);
    return;
  }
  const type = typeOf(node);
  if (type.resume) {
    perform(run, type.resume(node, viewOf(run)));
    return;
  }
  state.memory = {};
  perform(run, type.enter(node, viewOf(run)));
}

/** Tells the current node. */
function tell(run: Run, event: NodeEvent): void {
  if (run.state.phase !== 'running') return;
  const node = findNode(run.flow, run.state.nodeId);
  if (!node) {
    fault(run, `node ${run.state.nodeId} is not in this version of the flow`);
    return;
  }
  perform(run, typeOf(node).on(node, viewOf(run), event));
}

function keyPolicy(run: Run) {
  const node = run.state.phase === 'running' ? findNode(run.flow, run.state.nodeId) : undefined;
  return node ? typeOf(node).keys(node, viewOf(run)) : run.state.phase === 'new' ? 'keep' : 'drop';
}

function onDigit(run: Run, key: string): void {
  const { state } = run;
  if (!/^[0-9*#A-D]$/.test(key)) return;
  if (state.swallow) {
    const dropped = run.atMs <= state.swallow.untilMs && state.swallow.keys.includes(key);
    state.swallow = null;
    if (dropped) {
      if (state.play?.effect.stopOnDigit) playAgain(run);
      return;
    }
  }
  const policy = keyPolicy(run);
  if (policy === 'drop') return;
  if (policy !== 'live' && state.keysAhead.length < limits.keysAhead) state.keysAhead += key;
  if (state.play?.effect.stopOnDigit) {
    // The switch has stopped it by itself, unless it was started again since.
    if (state.play.restarted) emit(run, { type: 'stop-play' });
    state.play = null;
  }
  if (policy !== 'take') tell(run, { type: 'key', key });
}

/** Gives keys to the node that wants them, in order, each once. */
function takeKeysAhead(run: Run): void {
  while (run.state.keysAhead !== '' && run.state.phase === 'running' && keyPolicy(run) === 'take') {
    if (run.stepsLeft-- <= 0) {
      fault(run, 'too many steps within one event');
      return;
    }
    const key = run.state.keysAhead.charAt(0);
    run.state.keysAhead = run.state.keysAhead.slice(1);
    tell(run, { type: 'key', key });
  }
}

function onPlayDone(run: Run, event: Extract<FlowEvent, { type: 'play-done' }>): void {
  const { state } = run;
  const playing = state.play;
  if (playing?.effect.playId !== event.playId) return;
  const swallows = state.swallow !== null && run.atMs <= state.swallow.untilMs;
  if (event.outcome === 'stopped' && playing.effect.stopOnDigit && swallows) {
    playAgain(run);
    return;
  }
  state.play = null;
  if (event.outcome === 'leg-ended') return;
  if (state.phase === 'apologising') {
    endCall(run, 'flow-fault');
    return;
  }
  if (event.outcome === 'not-found') {
    const files = playing.effect.prompts.map((prompt) => ('file' in prompt ? prompt.file : 'spoken or made sound'));
    fault(run, `prompt not found: ${files.join(', ')}`);
    return;
  }
  if (event.outcome === 'failed') {
    fault(run, 'the prompt could not be played');
    return;
  }
  tell(run, { type: 'prompt-ended' });
}

function onTimer(run: Run, timerId: string): void {
  const { state } = run;
  if (timerId === state.limitTimerId) {
    state.limitTimerId = null;
    endCall(run, 'limit-reached');
    return;
  }
  const name = Object.keys(state.timers).find((candidate) => state.timers[candidate] === timerId);
  if (name === undefined) return;
  delete state.timers[name];
  if (state.phase === 'apologising') {
    endCall(run, 'flow-fault');
    return;
  }
  tell(run, { type: 'timeout', name });
}

function onRecordDone(run: Run, event: Extract<FlowEvent, { type: 'record-done' }>): void {
  if (run.state.recordingId !== event.recordingId) return;
  run.state.recordingId = null;
  // The caller is gone: `hung-up` follows.
  if (event.outcome === 'leg-ended') {
    cancelNodeTimers(run);
    return;
  }
  tell(run, { type: 'recorded', outcome: event.outcome, durationMs: event.durationMs });
}

/** A play stops what played before: an order to stop in front of it would only cost time. */
function withoutNeedlessStops(effects: Effect[]): Effect[] {
  const lastPlay = effects.findLastIndex(({ type }) => type === 'play');
  return effects.filter((effect, index) => effect.type !== 'stop-play' || index > lastPlay);
}
