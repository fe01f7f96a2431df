import { describe, expect, it } from 'vitest';
import { limits } from '../../src/flow/flow.ts';
import { bye, FlowCall, flowOf, text } from './harness.ts';

const retry = (goto: string, more: object = {}) => ({ goto, ...more });
const say = (words: string, next: string, more: object = {}) => ({ type: 'say', prompt: text(words), next, ...more });
const menu = (choices: Record<string, string>, more: object = {}) => ({
  type: 'menu',
  prompt: text('menu'),
  choices: Object.fromEntries(Object.entries(choices).map(([key, goto]) => [key, { goto }])),
  noInput: retry('bye', { tries: 2, prompt: text('no key') }),
  invalid: retry('bye', { tries: 2, prompt: text('wrong key') }),
  ...more,
});

describe('a call', () => {
  it('goes from prompt to prompt and ends with the outcome of the hangup', () => {
    const call = new FlowCall(flowOf({ hello: say('hello', 'bye'), bye })).start();
    expect(call.words).toEqual(['hello']);
    call.playEnds();
    expect(call.words).toEqual(['bye']);
    call.playEnds();
    expect(call.outcome).toBe('bye');
    expect(call.nodes).toEqual(['hello', 'bye']);
    expect(call.state.phase).toBe('ended');
  });

  it('does nothing before it starts and nothing after it has ended', () => {
    const call = new FlowCall(flowOf({ bye }));
    expect(call.feed({ type: 'play-done', playId: 'p1', outcome: 'finished' })).toEqual([]);
    call.start();
    expect(call.feed({ type: 'started' })).toEqual([]);
    call.playEnds();
    const ended = call.state;
    expect(call.press('1')).toEqual([]);
    expect(call.feed({ type: 'hung-up' })).toEqual([]);
    expect(call.feed({ type: 'resumed' })).toEqual([]);
    expect(call.state).toEqual(ended);
  });

  it('ignores events that come late or that it does not know', () => {
    const call = new FlowCall(flowOf({ hello: say('hello', 'second'), second: say('second', 'bye'), bye })).start();
    const first = call.newest('play').playId;
    call.playEnds();
    expect(call.feed({ type: 'play-done', playId: first, outcome: 'not-found' })).toEqual([]);
    expect(call.feed({ type: 'timer', timerId: 't99' })).toEqual([]);
    expect(call.feed({ type: 'dial-done', dialId: 'd', outcome: 'busy' })).toEqual([]);
    expect(call.feed({ type: 'record-done', recordingId: 'r', outcome: 'key', durationMs: 5 })).toEqual([]);
    expect(call.feed({ type: 'peer-ended', dialId: 'd' })).toEqual([]);
    expect(call.feed({ type: 'digit', digit: 'x' })).toEqual([]);
    const unknown: unknown = { type: 'weather' };
    expect(call.feed(unknown as { type: 'started' })).toEqual([]);
    expect(call.words).toEqual(['second']);
  });

  it('is ended when it lasts longer than the flow allows', () => {
    const call = new FlowCall(flowOf({ hello: say('hello', 'bye'), bye }, { maxCallSeconds: 60 })).start();
    const limit = call.all.find((effect) => effect.type === 'start-timer');
    expect(limit).toMatchObject({ delayMs: 60_000 });
    call.feed({ type: 'timer', timerId: call.newest('start-timer').timerId }, 60_000);
    expect(call.outcome).toBe('limit-reached');
  });

  it('stops what is under way when the caller hangs up, and nothing else', () => {
    const recorder = {
      type: 'record',
      prompt: text('speak'),
      tooShort: retry('bye'),
      next: 'bye',
    };
    const call = new FlowCall(flowOf({ recorder, bye })).start();
    call.playEnds();
    const types = call.feed({ type: 'hung-up' }).map(({ type }) => type);
    expect(types.sort()).toEqual(['cancel-timer', 'stop-record']);
    expect(call.state.phase).toBe('ended');
  });
});

describe('menu', () => {
  const nodes = { menu: menu({ '1': 'one', '2': 'bye' }), one: say('one', 'bye'), bye };

  it('takes a key during the prompt, which the switch stops by itself', () => {
    const call = new FlowCall(flowOf(nodes)).start();
    expect(call.newest('play').stopOnDigit).toBe(true);
    const effects = call.press('1').map(({ type }) => type);
    expect(effects).toEqual(['digits-collected', 'node-entered', 'play']);
    expect(call.nodes).toEqual(['menu', 'one']);
  });

  it('keeps a key for after the prompt where the prompt must be heard', () => {
    const call = new FlowCall(flowOf({ ...nodes, menu: menu({ '1': 'one', '2': 'bye' }, { bargeIn: false }) })).start();
    expect(call.newest('play').stopOnDigit).toBe(false);
    expect(call.press('1')).toEqual([]);
    call.playEnds();
    expect(call.nodes).toEqual(['menu', 'one']);
  });

  it('asks again when no key comes, then goes where noInput says', () => {
    const call = new FlowCall(flowOf(nodes)).start();
    call.playEnds();
    expect(call.newest('start-timer')).toMatchObject({ delayMs: 5_000, forKey: true });
    call.timeout();
    expect(call.words).toEqual(['no key', 'menu']);
    call.playEnds();
    call.timeout();
    expect(call.nodes).toEqual(['menu', 'bye']);
    expect(call.digits).toEqual([]);
  });

  it('counts wrong keys by themselves, and has them on record', () => {
    const call = new FlowCall(flowOf(nodes)).start();
    call.playEnds();
    call.timeout();
    call.press('7');
    expect(call.words).toEqual(['wrong key', 'menu']);
    call.press('8');
    expect(call.nodes).toEqual(['menu', 'bye']);
    expect(call.digits).toEqual(['7', '8']);
  });

  it('stops its timer when a key comes, so that an event of it is late', () => {
    const call = new FlowCall(flowOf(nodes)).start();
    call.playEnds();
    const { timerId } = call.newest('start-timer');
    expect(call.press('1')).toContainEqual({ type: 'cancel-timer', timerId });
    expect(call.feed({ type: 'timer', timerId })).toEqual([]);
  });

  it('sets variables and the language of a choice', () => {
    const both = { ja: { text: 'nihongo' }, en: { text: 'english' } };
    const choices = { '9': { goto: 'last', setLanguage: 'en', set: { plan: 'gold' } } };
    const flow = flowOf(
      {
        menu: {
          ...menu({}, { prompt: both, variable: 'key' }),
          choices,
          noInput: retry('last'),
          invalid: retry('last'),
        },
        last: { type: 'hangup', prompt: both },
      },
      { languages: ['ja', 'en'] },
    );
    const call = new FlowCall(flow).start();
    call.press('9');
    expect(call.state.variables).toEqual({ key: '9', plan: 'gold' });
    expect(call.words).toEqual(['english']);
  });
});

describe('keys pressed ahead', () => {
  const nodes = {
    first: menu({ '1': 'second', '2': 'bye' }),
    second: menu({ '1': 'bye', '2': 'code' }),
    code: {
      type: 'collect',
      prompt: text('code'),
      variable: 'code',
      minDigits: 2,
      maxDigits: 4,
      noInput: retry('bye'),
      invalid: retry('bye'),
      next: 'thanks',
    },
    thanks: say('thanks', 'bye'),
    bye,
  };

  it('are used in order, each once, by the nodes that ask, and make prompts needless', () => {
    const call = new FlowCall(flowOf({ hello: say('hello', 'first'), ...nodes })).start();
    call.press('1212#');
    expect(call.nodes).toEqual(['hello']);
    call.playEnds();
    expect(call.nodes).toEqual(['hello', 'first', 'second', 'code', 'thanks']);
    expect(call.digits).toEqual(['1', '2', '12']);
    expect(call.words).toEqual(['thanks']);
    expect(call.state.keysAhead).toBe('');
  });

  it('before the start are kept', () => {
    const call = new FlowCall(flowOf(nodes));
    call.press('1');
    call.start();
    expect(call.nodes).toEqual(['first', 'second']);
  });

  it('cut a prompt short that may be, and are kept for the next node', () => {
    const call = new FlowCall(flowOf({ hello: say('hello', 'first', { bargeIn: true }), ...nodes })).start();
    call.press('1');
    expect(call.nodes).toEqual(['hello', 'first', 'second']);
    expect(call.words).toEqual(['menu']);
  });

  it('lead to the same, whichever of key and end of prompt is told first', () => {
    const flow = flowOf({ hello: say('hello', 'first', { bargeIn: true }), ...nodes });
    const keyFirst = new FlowCall(flow).start();
    const helloId = keyFirst.newest('play').playId;
    keyFirst.press('1');
    keyFirst.feed({ type: 'play-done', playId: helloId, outcome: 'stopped' });
    const endFirst = new FlowCall(flow).start();
    endFirst.playEnds('stopped');
    endFirst.press('1');
    expect(endFirst.nodes).toEqual(keyFirst.nodes);
    expect(endFirst.words).toEqual(keyFirst.words);
  });

  it('are bounded', () => {
    const call = new FlowCall(flowOf({ hello: say('hello', 'first'), ...nodes })).start();
    call.press('3'.repeat(limits.keysAhead + 20));
    expect(call.state.keysAhead).toHaveLength(limits.keysAhead);
  });
});

describe('collect', () => {
  const collect = {
    type: 'collect',
    prompt: text('code'),
    variable: 'code',
    minDigits: 2,
    maxDigits: 4,
    noInput: retry('bye', { tries: 1 }),
    invalid: retry('bye', { tries: 2, prompt: text('too short') }),
    next: 'next',
  };
  const flow = flowOf({ collect, next: say('next', 'bye', { bargeIn: true }), bye });

  it('is finished by #, which is no part of it', () => {
    const call = new FlowCall(flow).start();
    call.press('123#');
    expect(call.state.variables).toEqual({ code: '123' });
    expect(call.digits).toEqual(['123']);
    expect(call.nodes).toEqual(['collect', 'next']);
  });

  it('is finished by the last digit; a # out of habit is dropped and the next prompt heard all the same', () => {
    const call = new FlowCall(flow).start();
    call.press('1234');
    expect(call.words).toEqual(['next']);
    const cut = call.newest('play').playId;
    expect(call.press('#')).toMatchObject([{ type: 'play', prompts: [{ text: 'next', language: 'ja' }] }]);
    expect(call.feed({ type: 'play-done', playId: cut, outcome: 'stopped' })).toEqual([]);
    expect(call.nodes).toEqual(['collect', 'next']);
    expect(call.state.keysAhead).toBe('');
  });

  it('hears the next prompt to its end also when the end of the cut one is told before the #', () => {
    const call = new FlowCall(flow).start();
    call.press('1234');
    call.playEnds('stopped');
    call.press('#');
    expect(call.words).toEqual(['next']);
    call.playEnds();
    expect(call.nodes).toEqual(['collect', 'next', 'bye']);
  });

  it('stops a prompt that it began again itself: the key that ended it first can not end it now', () => {
    const toDial = { ...collect, next: 'menu' };
    const nodes = {
      toDial,
      menu: menu({ '1': 'dial' }),
      dial: { type: 'transfer', to: { number: '2001' }, done: 'bye', failed: 'bye' },
      bye,
    };
    const call = new FlowCall(flowOf(nodes)).start();
    call.press('1234');
    call.playEnds('stopped');
    expect(call.words).toEqual(['menu']);
    expect(call.press('1').map(({ type }) => type)).toEqual(['stop-play', 'digits-collected', 'node-entered', 'dial']);
  });

  it('takes a # that comes later as a key', () => {
    const call = new FlowCall(flow).start();
    call.press('1234');
    call.press('#', 5_000);
    expect(call.nodes).toEqual(['collect', 'next', 'bye']);
  });

  it('is finished by a pause', () => {
    const call = new FlowCall(flow).start();
    call.press('12');
    expect(call.newest('start-timer')).toMatchObject({ delayMs: 3_000, forKey: true });
    call.timeout();
    expect(call.nodes).toEqual(['collect', 'next']);
  });

  it('asks again when there are too few digits', () => {
    const call = new FlowCall(flow).start();
    call.press('1#');
    expect(call.words).toEqual(['too short', 'code']);
    call.press('5#');
    expect(call.nodes).toEqual(['collect', 'bye']);
    expect(call.state.variables).toEqual({});
  });

  it('gives up where nothing is keyed', () => {
    const call = new FlowCall(flow).start();
    call.playEnds();
    expect(call.newest('start-timer').delayMs).toBe(5_000);
    call.timeout();
    expect(call.nodes).toEqual(['collect', 'bye']);
  });

  it('waits for each next digit anew', () => {
    const call = new FlowCall(flow).start();
    call.press('1');
    const { timerId } = call.newest('start-timer');
    expect(call.press('2')).toContainEqual({ type: 'cancel-timer', timerId });
    expect(call.feed({ type: 'timer', timerId })).toEqual([]);
  });
});

it('a prompt that ends because the caller has gone is no fault', () => {
  const call = new FlowCall(flowOf({ hello: { type: 'say', prompt: text('hello'), next: 'bye' }, bye })).start();
  expect(call.playEnds('leg-ended')).toEqual([]);
  expect(call.feed({ type: 'hung-up' }).map(({ type }) => type)).not.toContain('fault');
});
