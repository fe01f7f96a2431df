import { expect } from 'vitest';
import { checkFlow } from '../../src/flow/checker.ts';
import type { Flow } from '../../src/flow/flow.ts';
import { type FlowState, startState, step } from '../../src/flow/interpreter.ts';
import type { Effect, FlowEvent, PlayOutcome } from '../../src/flow/protocol.ts';

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
export type Happening = DistributiveOmit<FlowEvent, 'atMs'>;
type EffectOf<T extends Effect['type']> = Extract<Effect, { type: T }>;

export const text = (words: string) => ({ ja: { text: words } });
export const bye = { type: 'hangup', prompt: text('bye'), outcome: 'bye' };

/** A checked flow of these nodes, beginning with the first. */
export function flowOf(nodes: Record<string, object>, more: object = {}): Flow {
  const checked = checkFlow(
    { flowId: 'test', start: Object.keys(nodes)[0], nodes, ...more },
    { fileExists: () => true },
  );
  if (!checked.ok) throw new Error(JSON.stringify(checked.faults));
  return checked.flow;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

/**
 * A call in the interpreter. Each state is frozen and goes through JSON before the next event, as it does when it is
 * saved: what would not survive that fails here.
 */
export class FlowCall {
  readonly flow: Flow;
  state: FlowState;
  /** Effects of the last event. */
  last: Effect[] = [];
  /** Effects of all events. */
  all: Effect[] = [];
  nowMs = Date.UTC(2026, 3, 1, 1, 0, 0);

  constructor(flow: Flow, context: { from?: string; to?: string } = {}) {
    this.flow = flow;
    const { from = '09012345678', to = '0312345678' } = context;
    this.state = startState(flow, { callId: 'call-1', fromNumber: from, toNumber: to, language: 'ja' });
  }

  feed(happening: Happening, afterMs = 10): Effect[] {
    this.nowMs += afterMs;
    const before: FlowState = deepFreeze(JSON.parse(JSON.stringify(this.state)));
    const { state, effects } = step(this.flow, before, { ...happening, atMs: this.nowMs });
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
    this.state = state;
    this.last = effects;
    this.all.push(...effects);
    return effects;
  }

  start(): this {
    this.feed({ type: 'started' });
    return this;
  }

  /** Presses keys, one event each. */
  press(keys: string, afterMs = 10): Effect[] {
    return [...keys].flatMap((digit) => this.feed({ type: 'digit', digit }, afterMs));
  }

  /** The newest effect of a type, in the whole call. */
  newest<T extends Effect['type']>(type: T): EffectOf<T> {
    const found = this.all.findLast((effect): effect is EffectOf<T> => effect.type === type);
    if (!found) throw new Error(`no ${type} among ${JSON.stringify(this.all)}`);
    return found;
  }

  /** The prompt playing now ends. */
  playEnds(outcome: PlayOutcome = 'finished'): Effect[] {
    return this.feed({ type: 'play-done', playId: this.newest('play').playId, outcome });
  }

  /** The timer started last fires. */
  timeout(): Effect[] {
    const { timerId, delayMs } = this.newest('start-timer');
    return this.feed({ type: 'timer', timerId }, delayMs);
  }

  /** The node's timer of this name fires. */
  timer(name: string): Effect[] {
    const timerId = this.state.timers[name];
    if (timerId === undefined) throw new Error(`no timer ${name} among ${JSON.stringify(this.state.timers)}`);
    return this.feed({ type: 'timer', timerId });
  }

  get nodes(): string[] {
    return this.all.flatMap((effect) => (effect.type === 'node-entered' ? [effect.nodeId] : []));
  }

  get digits(): string[] {
    return this.all.flatMap((effect) => (effect.type === 'digits-collected' ? [effect.digits] : []));
  }

  get outcome(): string | undefined {
    return this.all.find((effect): effect is EffectOf<'hangup'> => effect.type === 'hangup')?.outcome;
  }

  /** The words playing now, from prompts that are texts. */
  get words(): string[] {
    const { play } = this.state;
    return (play?.effect.prompts ?? []).map((prompt) => ('text' in prompt ? prompt.text : JSON.stringify(prompt)));
  }
}
