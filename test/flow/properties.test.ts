import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkFlow } from '../../src/flow/checker.ts';
import { type Flow, flowSchema, limits } from '../../src/flow/flow.ts';
import { startState, step } from '../../src/flow/interpreter.ts';
import { nodeTypes } from '../../src/flow/nodes/index.ts';
import type { Effect, FlowEvent } from '../../src/flow/protocol.ts';

const ids = ['n0', 'n1', 'n2', 'n3', 'n4', 'constructor'];
const target = fc.constantFrom(...ids);
const prompt = fc.constantFrom(
  { ja: { file: 'a.wav' } },
  { ja: [{ text: 'はい' }, { tone: '%(100,0,440)' }], en: { text: 'yes {{v}}' } },
  { '*': { silenceMs: 100 } },
  { en: { text: 'only English' } },
  { ja: { digitsOf: 'v', folder: 'digits' } },
);
const seconds = fc.constantFrom(1, 2.5, 10);
const retry = fc.record({ tries: fc.integer({ min: 1, max: 3 }), goto: target });
const bargeIn = fc.boolean();
const choice = fc.record(
  { goto: target, set: fc.constant({ v: '2001' }), setLanguage: fc.constantFrom('ja', 'en') },
  { requiredKeys: ['goto'] },
);
const asked = { prompt, bargeIn, timeoutSeconds: seconds, noInput: retry, invalid: retry };

/** Random nodes of each type. A type without an entry here fails the first test below. */
const nodeOfType: Record<string, fc.Arbitrary<object>> = {
  say: fc.record({ prompt, bargeIn, next: target }),
  menu: fc.record({
    ...asked,
    choices: fc.dictionary(fc.constantFrom('1', '2', '*', '#'), choice, { minKeys: 1, noNullPrototype: true }),
  }),
  collect: fc.record({
    ...asked,
    variable: fc.constantFrom('v', 'w'),
    minDigits: fc.integer({ min: 1, max: 3 }),
    maxDigits: fc.integer({ min: 3, max: 5 }),
    terminators: fc.constantFrom('', '#', '*#'),
    next: target,
  }),
  branch: fc.record({
    cases: fc.array(
      fc.record({
        when: fc.constantFrom<object>(
          { variable: { name: 'v', startsWith: '1' } },
          { language: 'en' },
          { time: { from: '10:00', to: '09:00' } },
          { callerWithheld: true },
        ),
        goto: target,
      }),
      { minLength: 1, maxLength: 2 },
    ),
    otherwise: target,
  }),
  record: fc.record({
    prompt,
    bargeIn,
    beep: fc.boolean(),
    stopKeys: fc.constantFrom('', '#'),
    tooShort: retry,
    next: target,
  }),
  transfer: fc.record(
    {
      prompt,
      to: fc.constantFrom<object>({ number: '2001' }, { number: '110' }, { variable: 'v' }, { variable: 'w' }),
      done: target,
      busy: target,
      failed: target,
    },
    { requiredKeys: ['to', 'done', 'failed'] },
  ),
  escalate: fc.record(
    {
      prompt,
      queue: fc.constant('front'),
      music: fc.constant({ '*': { tone: '%(400,200,400)' } }),
      announce: fc.constant({ everySeconds: 5, prompt: { '*': { silenceMs: 100 } } }),
      back: fc.constant({ '*': { silenceMs: 100 } }),
      message: fc.record({ key: fc.constantFrom('1', '*'), goto: target }),
      done: target,
      timeOut: target,
      failed: target,
    },
    { requiredKeys: ['queue', 'music', 'done', 'failed'] },
  ),
  goto: fc.record({ next: target }),
  hangup: fc.record({ prompt, outcome: fc.constant('over') }, { requiredKeys: ['outcome'] }),
};

const node = fc.oneof(
  ...Object.entries(nodeOfType).map(([type, fields]) => fields.map((rest): { type: string } => ({ type, ...rest }))),
);

/** Flows that have the right shape but that the checker would mostly refuse: the interpreter must hold all the same. */
const flows: fc.Arbitrary<Flow> = fc
  .tuple(fc.array(node, { minLength: 1, maxLength: ids.length }), target)
  .map(([nodes, start]) =>
    flowSchema.parse({
      flowId: 'random',
      languages: ['ja', 'en'],
      start,
      nodes: Object.fromEntries(nodes.map((value, index) => [ids[index], value])),
    }),
  );

/** The way of each type that is taken when the caller does nothing. */
const mainWay: Record<string, (next: string) => object> = {
  say: (next) => ({ next }),
  menu: (goto) => ({ noInput: { goto } }),
  collect: (goto) => ({ noInput: { goto }, next: goto }),
  branch: (otherwise) => ({ otherwise }),
  record: (next) => ({ next, tooShort: { goto: next } }),
  transfer: (failed) => ({ failed }),
  escalate: (failed) => ({ failed }),
  goto: (next) => ({ next }),
};

/** Flows that the checker accepts: a chain in which every way leads on or, by a key, back to a menu at the beginning. */
const soundFlows: fc.Arbitrary<object> = fc
  .array(
    node.filter(({ type }) => type !== 'hangup'),
    { minLength: 1, maxLength: 8 },
  )
  .map((links) => {
    const everywhere = { '*': { silenceMs: 100 } };
    const start = {
      type: 'collect',
      prompt: everywhere,
      variable: 'v',
      maxDigits: 2,
      noInput: { goto: 'm1' },
      invalid: { goto: 'm0' },
      next: 'm1',
    };
    const setter = { ...start, variable: 'w', noInput: { goto: 'm2' }, next: 'm2' };
    const all = [start, setter, ...links, { type: 'hangup', prompt: everywhere, outcome: 'over' }];
    const nodes = all.map((link, index) => {
      const next = `m${index + 1}`;
      const onward = JSON.stringify(link).replace(/"(n\d|constructor)"/g, `"${next}"`);
      const sound = { ...JSON.parse(onward), ...('prompt' in link ? { prompt: everywhere } : {}) };
      const dialled = link.type === 'transfer' ? { to: { variable: 'v' } } : {};
      return [`m${index}`, { ...sound, ...dialled, ...mainWay[link.type]?.(next) }];
    });
    return { flowId: 'sound', languages: ['ja', 'en'], start: 'm0', nodes: Object.fromEntries(nodes) };
  });

/** What may happen next; `pick` chooses among what is under way, or an id of long ago. */
type Move = { kind: string; pick: number; key: string };
const moves = fc.array(
  fc.record({
    kind: fc.constantFrom(
      'digit',
      'digit',
      'digit',
      'play',
      'play',
      'timer',
      'record',
      'dial',
      'peer',
      'desk',
      'desk',
      'resumed',
      'started',
      'stale',
    ),
    pick: fc.nat(9),
    key: fc.constantFrom(...'0123456789*#A'),
  }),
  { maxLength: 60 },
);

function eventOf({ kind, pick, key }: Move, effects: Effect[], atMs: number): FlowEvent {
  const newest = <T extends Effect['type']>(type: T) =>
    effects
      .filter((effect): effect is Extract<Effect, { type: T }> => effect.type === type)
      .at(-1 - (pick > 7 ? 1 : 0));
  const dialId = newest('dial')?.dialId ?? '';
  switch (kind) {
    case 'digit':
      return { type: 'digit', digit: key, atMs };
    case 'play': {
      const outcome =
        (['finished', 'finished', 'finished', 'stopped', 'not-found', 'failed', 'leg-ended'] as const)[pick % 7] ??
        'finished';
      return { type: 'play-done', playId: newest('play')?.playId ?? '', outcome, atMs };
    }
    case 'timer':
      return { type: 'timer', timerId: newest('start-timer')?.timerId ?? '', atMs };
    case 'record': {
      const outcome = (['stopped', 'silence', 'key', 'limit', 'leg-ended', 'failed'] as const)[pick % 6] ?? 'key';
      return {
        type: 'record-done',
        recordingId: newest('record')?.recordingId ?? '',
        outcome,
        durationMs: pick * 700,
        atMs,
      };
    }
    case 'dial': {
      const outcome = (['answered', 'busy', 'no-answer', 'failed', 'forbidden'] as const)[pick % 5] ?? 'busy';
      return { type: 'dial-done', dialId, outcome, atMs };
    }
    case 'peer':
      return { type: 'peer-ended', dialId, atMs };
    case 'desk': {
      const escalationId = newest('escalate')?.escalationId ?? '';
      const type = (['desk-progress', 'desk-answered', 'desk-parted', 'desk-done'] as const)[pick % 4] ?? 'desk-done';
      if (type === 'desk-progress')
        return { type, escalationId, position: pick, ...(pick % 3 ? { waitMs: pick * 9_000 } : {}), atMs };
      const outcome = (['done', 'no-agent', 'time-out', 'closed', 'full', 'failed'] as const)[pick % 6] ?? 'done';
      return type === 'desk-done' ? { type, escalationId, outcome, atMs } : { type, escalationId, atMs };
    }
    case 'stale':
      return { type: 'timer', timerId: 't1', atMs };
    default:
      return { type: kind === 'resumed' ? 'resumed' : 'started', atMs };
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

/** Plays a call through, the state frozen and through JSON between events; gives all effects per event. */
function play(flow: Flow, script: readonly Move[]): { batches: Effect[][]; phase: string } {
  let atMs = Date.UTC(2026, 0, 1);
  let state = startState(deepFreeze(flow), { callId: 'c', fromNumber: 'anonymous', toNumber: '1', language: 'ja' });
  const batches: Effect[][] = [];
  const feed = (event: FlowEvent) => {
    const result = step(flow, deepFreeze(JSON.parse(JSON.stringify(state))), event);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    state = result.state;
    batches.push(result.effects);
  };
  feed({ type: 'started', atMs });
  for (const move of script) {
    atMs += 137;
    feed(eventOf(move, batches.flat(), atMs));
  }
  feed({ type: 'hung-up', atMs });
  return { batches, phase: state.phase };
}

const count = (effects: Effect[], type: Effect['type']) => effects.filter((effect) => effect.type === type).length;

describe('whatever the flow and whatever happens', () => {
  it('every node type takes part', () => {
    expect(Object.keys(nodeOfType).sort()).toEqual(nodeTypes.map(({ type }) => type).sort());
  });

  it('the call never throws, stays plain and bounded, and is over after hung-up', () => {
    fc.assert(
      fc.property(flows, moves, (flow, script) => {
        const { batches, phase } = play(flow, script);
        expect(phase).toBe('ended');
        for (const batch of batches) {
          expect(count(batch, 'node-entered')).toBeLessThanOrEqual(limits.stepsPerEvent);
          expect(batch.length).toBeLessThan(limits.stepsPerEvent * 8);
        }
      }),
      { numRuns: 600 },
    );
  });

  it('ends at most once, faults at most once, says nothing after the end, and only stops things after hung-up', () => {
    fc.assert(
      fc.property(flows, moves, (flow, script) => {
        const { batches } = play(flow, script);
        const all = batches.flat();
        expect(count(all, 'hangup')).toBeLessThanOrEqual(1);
        expect(count(all, 'fault')).toBeLessThanOrEqual(1);
        const end = all.findIndex(({ type }) => type === 'hangup');
        if (end >= 0) expect(all.slice(end + 1)).toEqual([]);
        const last = batches.at(-1) ?? [];
        for (const effect of last.filter(({ type }) => type !== 'hangup')) {
          expect(['stop-play', 'stop-record', 'cancel-timer', 'cancel-dial', 'leave-desk']).toContain(effect.type);
        }
        // Waiting for an agent or talking to one: the call's outcome is known all the same.
        for (const effect of last)
          if (effect.type === 'hangup') expect(['abandoned', 'served']).toContain(effect.outcome);
      }),
      { numRuns: 600 },
    );
  });

  it('ids are never used twice, what is cancelled was started, and no emergency number is dialled', () => {
    fc.assert(
      fc.property(flows, moves, (flow, script) => {
        const all = play(flow, script).batches.flat();
        const started = all.flatMap((effect) => {
          if (effect.type === 'play') return [effect.playId];
          if (effect.type === 'start-timer') return [effect.timerId];
          if (effect.type === 'record') return [effect.recordingId];
          return effect.type === 'dial' ? [effect.dialId] : [];
        });
        expect(new Set(started).size).toBe(started.length);
        for (const effect of all) {
          if (effect.type === 'cancel-timer') expect(started).toContain(effect.timerId);
          if (effect.type === 'cancel-dial') expect(started).toContain(effect.dialId);
          if (effect.type === 'dial') expect(['110', '118', '119']).not.toContain(effect.toNumber);
          if (effect.type === 'play') expect(effect.prompts.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 600 },
    );
  });

  it('every key is put on record at most once', () => {
    fc.assert(
      fc.property(flows, moves, (flow, script) => {
        const keyed = script.filter(({ kind }) => kind === 'digit').length;
        const all = play(flow, script).batches.flat();
        const collected = all.flatMap((effect) => (effect.type === 'digits-collected' ? [...effect.digits] : []));
        expect(collected.length).toBeLessThanOrEqual(keyed);
      }),
      { numRuns: 600 },
    );
  });
});

describe('whatever is given to the checker', () => {
  it('it answers, and names a path for every fault', () => {
    const json = fc.jsonValue({ maxDepth: 5 });
    const near = fc.record(
      { flowId: fc.constant('x'), start: target, nodes: fc.dictionary(target, fc.oneof(node, json)), language: json },
      { requiredKeys: ['nodes'] },
    );
    fc.assert(
      fc.property(fc.oneof(json, near), (input) => {
        const result = checkFlow(input, { fileExists: () => true });
        if (result.ok) return;
        expect(result.faults.length).toBeGreaterThan(0);
        for (const { path, message, remedy, ja } of result.faults) {
          expect(path).toMatch(/^\$/);
          expect(message.length * remedy.length).toBeGreaterThan(0);
          expect(ja.message).toMatch(/[ぁ-ん]/);
          expect(ja.remedy).toMatch(/[ぁ-ん]/);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('a flow it accepts ends by itself when the caller does nothing', () => {
    fc.assert(
      fc.property(soundFlows, (input) => {
        const checked = checkFlow(input, { fileExists: () => true, isStored: true });
        expect(checked).toMatchObject({ ok: true });
        if (checked.ok) expect(outcomeWithoutKeys(checked.flow)).toMatch(/^[a-z-]+$/);
      }),
      { numRuns: 300 },
    );
  });
});

/** No key, every prompt heard to its end, every dial refused, no agent there, every recording silent. */
function outcomeWithoutKeys(flow: Flow): string {
  let state = startState(flow, { callId: 'c', fromNumber: '1', toNumber: '2', language: 'ja' });
  let open: FlowEvent[] = [{ type: 'started', atMs: 0 }];
  let steps = 0;
  for (let event = open.shift(); event && steps < 10_000; event = open.shift(), steps++) {
    const result = step(flow, state, event);
    state = result.state;
    const hangup = result.effects.find((effect) => effect.type === 'hangup');
    if (hangup) return hangup.outcome;
    open = open.concat(result.effects.flatMap((effect) => answerTo(effect)));
    open.sort((a, b) => Number(a.type === 'timer') - Number(b.type === 'timer'));
  }
  return 'STANDS STILL';
}

function answerTo(effect: Effect): FlowEvent[] {
  if (effect.type === 'play' && effect.loop) return []; // Only something else ends it.
  if (effect.type === 'escalate') {
    return [{ type: 'desk-done', escalationId: effect.escalationId, outcome: 'no-agent', atMs: 0 }];
  }
  if (effect.type === 'play') return [{ type: 'play-done', playId: effect.playId, outcome: 'finished', atMs: 0 }];
  // The limit on the whole call is left out: the flow is to end before it.
  if (effect.type === 'start-timer') {
    return effect.delayMs > 100_000 ? [] : [{ type: 'timer', timerId: effect.timerId, atMs: 0 }];
  }
  if (effect.type === 'dial') return [{ type: 'dial-done', dialId: effect.dialId, outcome: 'failed', atMs: 0 }];
  if (effect.type !== 'record') return [];
  return [{ type: 'record-done', recordingId: effect.recordingId, outcome: 'silence', durationMs: 5_000, atMs: 0 }];
}
