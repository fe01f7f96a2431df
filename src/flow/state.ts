import type { Flow } from './flow.ts';
import type { Memory } from './node-type.ts';
import type { CallContext, Effect } from './protocol.ts';

type PlayEffect = Extract<Effect, { type: 'play' }>;

/** Where a call is in its flow. Plain JSON; `step` never changes one, it makes the next. */
export interface FlowState {
  phase: 'new' | 'running' | 'apologising' | 'ended';
  flowId: string;
  context: CallContext;
  /** '' before the start. */
  nodeId: string;
  /** The current node's own memory. */
  memory: Memory;
  language: string;
  variables: Record<string, string>;
  /** Keys that no node has asked for yet. */
  keysAhead: string;
  /** A key to be dropped if it comes in time. */
  swallow: { keys: string; untilMs: number } | null;
  /** `restarted`: played again after a dropped key, so that the key which ended it first can't end it now. */
  play: { effect: PlayEffect; restarted: boolean } | null;
  /** Ids of the node's running timers by name. */
  timers: Record<string, string>;
  recordingId: string | null;
  dial: { dialId: string; answered: boolean } | null;
  /** Id of the request for people that is under way. */
  escalationId?: string | null;
  /** Ends the call; set when it starts. */
  limitTimerId: string | null;
  startedAtMs: number;
  /** Nodes entered so far. */
  steps: number;
  /** Last number used in an id. */
  lastId: number;
}

/** The state of a call that has not started. The flow says in which language it begins. */
export function startState(flow: Flow, context: CallContext): FlowState {
  return {
    phase: 'new',
    flowId: flow.flowId,
    context: { ...context, language: flow.language },
    nodeId: '',
    memory: {},
    language: flow.language,
    variables: {},
    keysAhead: '',
    swallow: null,
    play: null,
    timers: {},
    recordingId: null,
    dial: null,
    limitTimerId: null,
    startedAtMs: 0,
    steps: 0,
    lastId: 0,
  };
}
