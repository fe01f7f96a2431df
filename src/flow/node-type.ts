import { z } from 'zod';
import type { Words } from './fault.ts';
import type { LocalizedPrompt, Path } from './marks.ts';
import type {
  CallBackOutcome,
  CallContext,
  DeskOutcome,
  Escalation,
  LeaveDeskCause,
  OverflowStep,
} from './protocol.ts';

/** What a node asks for. The interpreter turns these into effects and keeps ids, timers and limits. */
export type Action =
  /** Plays; ends with the node event `prompt-ended`. `bargeIn`: a key stops it. `beep`: a short tone after it. */
  | { type: 'play'; prompts: LocalizedPrompt[]; bargeIn: boolean; beep?: boolean; loop?: boolean }
  | { type: 'stop-play' }
  /** Ends with the node event `timeout`. A timer of the same name is replaced. `forKey`: as in the effect. */
  | { type: 'start-timer'; name: string; delayMs: number; forKey?: true }
  | { type: 'cancel-timer'; name: string }
  | { type: 'record'; maxDurationMs: number; silenceMs: number; stopKeys: string; minDurationMs: number }
  | { type: 'stop-record' }
  | { type: 'dial'; toNumber: string; fromNumber: string; ringTimeoutMs: number; maxTalkMs?: number }
  /** Asks for people; `learned` and `language` are filled in. */
  | ({ type: 'escalate' } & Omit<Escalation, 'learned' | 'language'>)
  | { type: 'leave-desk'; why: Exclude<LeaveDeskCause, 'left'> }
  | { type: 'call-back-later' }
  | { type: 'overflow-failed' }
  | { type: 'set'; variables: Record<string, string> }
  | { type: 'set-language'; language: string }
  /** The node's own memory, until it is left. */
  | { type: 'remember'; memory: Memory }
  /** Puts keyed digits on record. */
  | { type: 'collected'; digits: string }
  /** Drops the next key if it is one of these and comes soon: a finishing key pressed out of habit. */
  | { type: 'swallow'; keys: string }
  | { type: 'go-to'; nodeId: string }
  | { type: 'hang-up'; outcome: string }
  /** The flow can't go on: apology, then the end. No personal data in the message. */
  | { type: 'fault'; message: string };

/** Plain JSON. */
export type Memory = Record<string, string | number | boolean>;

/** What a node is told. */
export type NodeEvent =
  | { type: 'key'; key: string }
  | { type: 'prompt-ended' }
  | { type: 'timeout'; name: string }
  | { type: 'recorded'; outcome: 'stopped' | 'silence' | 'key' | 'limit' | 'failed'; durationMs: number }
  | { type: 'dialled'; outcome: 'answered' | 'busy' | 'no-answer' | 'failed' | 'forbidden' }
  | { type: 'peer-ended' }
  | { type: 'desk-progress'; position: number; waitMs?: number }
  | { type: 'desk-answered' }
  | { type: 'desk-parted'; handedOver?: true }
  | { type: 'desk-done'; outcome: DeskOutcome }
  | { type: 'desk-overflow'; step: OverflowStep }
  | { type: 'desk-call-back'; outcome: CallBackOutcome };

/** What a node may look at. */
export interface NodeView {
  readonly memory: Readonly<Memory>;
  readonly variables: Readonly<Record<string, string>>;
  readonly language: string;
  readonly context: Readonly<CallContext>;
  readonly timezone: string;
  /** ms since the epoch, of the event being handled. */
  readonly atMs: number;
  /** Keys wait that were pressed before the node was entered. */
  readonly keysWaiting: boolean;
}

/**
 * What becomes of keys: `take` = handled now, those keyed ahead first; `live` = only those pressed from now on;
 * `keep` = left for the next node, this one is only told; `drop` = not for us (the caller talks to somebody).
 */
export type KeyPolicy = 'take' | 'live' | 'keep' | 'drop';

/** A node type: schema, pure handler and documentation in one file. Methods take the checked node. */
export interface NodeType<N = BaseNode> {
  readonly type: string;
  /** One line for the reference page. */
  readonly summary: string;
  readonly schema: z.ZodObject;
  /** The caller decides by keys where it goes: a loop through such a node can be left. */
  readonly asksCaller: boolean;
  /** True when the node can end the call. */
  readonly endsCall: boolean;
  /** True when the caller certainly hears something in it. */
  isHeard(node: N): boolean;
  /** Faults that no single field shows; the path is within the node. */
  check(node: N): NodeFault[];
  keys(node: N, view: NodeView): KeyPolicy;
  enter(node: N, view: NodeView): Action[];
  /** Entered again after another controller took the call over. Left out: `enter`, with an empty memory. */
  resume?(node: N, view: NodeView): Action[];
  on(node: N, view: NodeView, event: NodeEvent): Action[];
  /** The call's outcome where the caller hangs up here; undefined: `caller-hangup`. */
  hungUp(node: N, view: NodeView): string | undefined;
}

/** A fault within a node. */
export interface NodeFault {
  path: Path;
  message: Words;
  remedy: Words;
}

export interface BaseNode {
  type: string;
  note?: string | undefined;
}

const note = z.string().max(500).optional().meta({ description: 'For people; not heard' });

interface Definition<N> {
  summary: string;
  asksCaller?: boolean;
  endsCall?: boolean;
  isHeard?: (node: N) => boolean;
  check?: (node: N) => NodeFault[];
  keys?: (node: N, view: NodeView) => KeyPolicy;
  enter: (node: N, view: NodeView) => Action[];
  resume?: (node: N, view: NodeView) => Action[];
  on?: (node: N, view: NodeView, event: NodeEvent) => Action[];
  hungUp?: (node: N, view: NodeView) => string | undefined;
}

/** Defines a node type from its fields (zod) and handlers. `type` and `note` are added to the fields. */
export function defineNode<const T extends string, S extends z.core.$ZodLooseShape>(
  type: T,
  fields: S,
  definition: Definition<z.output<ReturnType<typeof nodeSchema<T, S>>>>,
): TypedNode<ReturnType<typeof nodeSchema<T, S>>> {
  return {
    type,
    summary: definition.summary,
    schema: nodeSchema(type, fields),
    asksCaller: definition.asksCaller ?? false,
    endsCall: definition.endsCall ?? false,
    isHeard: definition.isHeard ?? (() => false),
    check: definition.check ?? (() => []),
    keys: definition.keys ?? (() => 'keep'),
    enter: definition.enter,
    ...(definition.resume ? { resume: definition.resume } : {}),
    on: definition.on ?? (() => []),
    hungUp: definition.hungUp ?? (() => undefined),
  };
}

/** A node type whose schema is known to the compiler. */
export interface TypedNode<S extends z.ZodObject> extends NodeType<z.output<S>> {
  readonly schema: S;
}

function nodeSchema<const T extends string, S extends z.core.$ZodLooseShape>(type: T, fields: S) {
  return z.strictObject({ type: z.literal(type), ...fields, note });
}
