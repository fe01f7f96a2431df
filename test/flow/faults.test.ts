import { describe, expect, it } from 'vitest';
import type { Flow } from '../../src/flow/flow.ts';
import { limits } from '../../src/flow/flow.ts';
import { bye, FlowCall, flowOf, text } from './harness.ts';

const say = (words: string, next: string, more: object = {}) => ({ type: 'say', prompt: text(words), next, ...more });
const apologyIn = (language: string) => [{ file: `prompts/${language}/apology.wav` }];

describe('a flow that fails while it runs', () => {
  const flow = flowOf({ hello: say('hello', 'bye'), bye });

  it.each(['not-found', 'failed'] as const)('apologises and ends when a prompt is %s', (outcome) => {
    const call = new FlowCall(flow).start();
    const types = call.playEnds(outcome).map(({ type }) => type);
    expect(types).toEqual(['fault', 'play', 'start-timer']);
    expect(call.newest('fault')).toMatchObject({ nodeId: 'hello' });
    expect(call.newest('play')).toMatchObject({ prompts: apologyIn('ja'), stopOnDigit: false });
    expect(call.press('1')).toEqual([]);
    call.playEnds();
    expect(call.outcome).toBe('flow-fault');
    expect(call.nodes).toEqual(['hello']);
  });

  it('ends when the apology can not be heard either', () => {
    for (const outcome of ['not-found', 'failed'] as const) {
      const call = new FlowCall(flow).start();
      call.playEnds('not-found');
      call.playEnds(outcome);
      expect(call.outcome).toBe('flow-fault');
      expect(call.all.filter(({ type }) => type === 'fault')).toHaveLength(1);
    }
  });

  it('ends when the end of the apology is never told', () => {
    const call = new FlowCall(flow).start();
    call.playEnds('not-found');
    call.timeout();
    expect(call.outcome).toBe('flow-fault');
  });

  it('ends at once when the caller hangs up during the apology', () => {
    const call = new FlowCall(flow).start();
    call.playEnds('not-found');
    expect(call.feed({ type: 'hung-up' }).every(({ type }) => type === 'cancel-timer')).toBe(true);
    expect(call.state.phase).toBe('ended');
  });

  it("apologises in the call's language, or in the flow's own words", () => {
    const english = flowOf({ hello: { type: 'hangup', prompt: { en: { text: 'bye' } } } }, { language: 'en' });
    const call = new FlowCall(english).start();
    call.playEnds('not-found');
    expect(call.newest('play').prompts).toEqual(apologyIn('en'));
    const own = new FlowCall({ ...flow, apology: text('sorry') }).start();
    own.playEnds('not-found');
    expect(own.words).toEqual(['sorry']);
  });

  it('puts nothing that the caller keyed into the fault', () => {
    const withVariable = flowOf({
      ask: {
        type: 'collect',
        prompt: text('x'),
        variable: 'secret',
        maxDigits: 4,
        noInput: { goto: 'bye' },
        invalid: { goto: 'bye' },
        next: 'read',
      },
      read: say('{{secret}}', 'bye'),
      bye,
    });
    const call = new FlowCall(withVariable).start();
    call.press('4711');
    expect(call.words).toEqual(['4711']);
    call.playEnds('not-found');
    expect(JSON.stringify(call.newest('fault'))).not.toContain('4711');
  });

  it('is stopped when it runs in circles within one event', () => {
    // The checker refuses such flows; the interpreter must hold all the same.
    const circle: Flow = {
      ...flow,
      start: 'a',
      nodes: { a: { type: 'goto', next: 'b' }, b: { type: 'goto', next: 'a' } },
    };
    const call = new FlowCall(circle).start();
    expect(call.nodes).toHaveLength(limits.stepsPerEvent);
    expect(call.newest('fault').message).toContain('one event');
    expect(call.newest('play').prompts).toEqual(apologyIn('ja'));
  });

  it('is stopped when it takes too many steps in the whole call', () => {
    const circle: Flow = { ...flow, nodes: { ...flow.nodes, ...flowOf({ hello: say('hello', 'bye'), bye }).nodes } };
    const endless: Flow = {
      ...circle,
      start: 'hello',
      nodes: { hello: { type: 'say', prompt: text('x'), bargeIn: false, next: 'hello' } },
    };
    const call = new FlowCall(endless).start();
    for (let count = 0; count <= limits.stepsPerCall && call.state.phase === 'running'; count++) call.playEnds();
    expect(call.nodes).toHaveLength(limits.stepsPerCall);
    expect(call.newest('fault').message).toContain('one call');
  });

  it('holds when the flow names a node that it does not have', () => {
    const call = new FlowCall({ ...flow, start: 'constructor' }).start();
    expect(call.newest('fault').message).toContain('constructor');
  });
});

describe('a call that another controller takes over', () => {
  const menu = {
    type: 'menu',
    prompt: text('menu'),
    choices: { '1': { goto: 'bye' } },
    noInput: { goto: 'bye' },
    invalid: { goto: 'bye', tries: 2 },
  };
  const flow = flowOf({ hello: say('hello', 'menu'), menu, bye });

  it('enters its node again, without a second visit on record', () => {
    const call = new FlowCall(flow).start();
    call.playEnds();
    const before = call.newest('play').playId;
    call.feed({ type: 'resumed' });
    expect(call.newest('play').playId).not.toBe(before);
    expect(call.words).toEqual(['menu']);
    expect(call.nodes).toEqual(['hello', 'menu']);
    expect(call.feed({ type: 'play-done', playId: before, outcome: 'finished' })).toEqual([]);
    call.press('1');
    expect(call.nodes).toEqual(['hello', 'menu', 'bye']);
  });

  it('keeps keys pressed ahead, variables and the time it may last', () => {
    const call = new FlowCall({ ...flow, maxCallSeconds: 100 }).start();
    call.press('1');
    call.feed({ type: 'resumed' }, 40_000);
    const limit = call.last.find((effect) => effect.type === 'start-timer');
    expect(limit).toMatchObject({ delayMs: 60_000 - 10 });
    call.playEnds();
    expect(call.nodes).toEqual(['hello', 'menu', 'bye']);
  });

  it('starts when it had not yet, and apologises again when it did', () => {
    const fresh = new FlowCall(flow);
    fresh.feed({ type: 'resumed' });
    expect(fresh.nodes).toEqual(['hello']);
    const broken = new FlowCall(flow).start();
    broken.playEnds('not-found');
    broken.feed({ type: 'resumed' });
    expect(broken.newest('play').prompts).toEqual(apologyIn('ja'));
    broken.playEnds();
    expect(broken.outcome).toBe('flow-fault');
  });

  it('dials again what was ringing, and leaves a talk alone', () => {
    const transferFlow = flowOf({
      dial: { type: 'transfer', to: { number: '2001' }, done: 'bye', failed: 'bye' },
      bye,
    });
    const call = new FlowCall(transferFlow).start();
    const first = call.newest('dial').dialId;
    call.feed({ type: 'resumed' });
    const { dialId } = call.newest('dial');
    expect(dialId).not.toBe(first);
    call.feed({ type: 'dial-done', dialId, outcome: 'answered' });
    call.feed({ type: 'resumed' });
    expect(call.last.filter(({ type }) => type === 'dial')).toEqual([]);
    call.feed({ type: 'peer-ended', dialId });
    expect(call.nodes).toEqual(['dial', 'bye']);
  });

  it('is a fault when the flow no longer has the node', () => {
    const call = new FlowCall(flow).start();
    const other = new FlowCall(flowOf({ bye }));
    other.state = call.state;
    other.feed({ type: 'resumed' });
    expect(other.newest('fault').message).toContain('hello');
  });
});

describe('a variable with nothing to say', () => {
  it('is silence, not an empty prompt', () => {
    const ask = {
      type: 'collect',
      prompt: text('x'),
      variable: 'v',
      maxDigits: 4,
      noInput: { goto: 'bye' },
      invalid: { goto: 'bye' },
      next: 'read',
    };
    for (const source of [{ digitsOf: 'v', folder: 'digits' }, { text: '{{v}}' }]) {
      const call = new FlowCall(
        flowOf({ ask, read: { type: 'say', prompt: { ja: source }, next: 'bye' }, bye }),
      ).start();
      call.press('**#');
      expect(call.newest('play').prompts).toEqual([{ silenceMs: 20 }]);
    }
  });
});
