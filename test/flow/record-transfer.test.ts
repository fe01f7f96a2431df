import { describe, expect, it } from 'vitest';
import { bye, FlowCall, flowOf, text } from './harness.ts';

const retry = (goto: string, more: object = {}) => ({ goto, ...more });
const menu = (choices: Record<string, string>, more: object = {}) => ({
  type: 'menu',
  prompt: text('menu'),
  choices: Object.fromEntries(Object.entries(choices).map(([key, goto]) => [key, { goto }])),
  noInput: retry('bye', { tries: 2, prompt: text('no key') }),
  invalid: retry('bye', { tries: 2, prompt: text('wrong key') }),
  ...more,
});

describe('record', () => {
  const recorder = {
    type: 'record',
    prompt: text('speak'),
    maxSeconds: 30,
    minSeconds: 2,
    silenceSeconds: 4,
    stopKeys: '#',
    tooShort: retry('none', { tries: 2, prompt: text('not heard') }),
    next: 'thanks',
  };
  const flow = flowOf({ recorder, thanks: menu({ '1': 'bye' }), none: bye, bye });
  const done = (call: FlowCall, outcome: 'key' | 'silence' | 'limit' | 'failed' | 'leg-ended', durationMs: number) =>
    call.feed({ type: 'record-done', recordingId: call.newest('record').recordingId, outcome, durationMs });

  it('records after prompt and beep, with its limits', () => {
    const call = new FlowCall(flow).start();
    expect(call.newest('play').prompts).toEqual([{ text: 'speak', language: 'ja' }, { tone: '%(300,100,1000)' }]);
    call.playEnds();
    expect(call.newest('record')).toMatchObject({ maxDurationMs: 30_000, silenceMs: 4_000, stopKeys: '#' });
    done(call, 'limit', 30_000);
    expect(call.nodes).toEqual(['recorder', 'thanks']);
  });

  it('ends at a stop key, however the key is told, and keeps it from the next node', () => {
    const before = new FlowCall(flow).start();
    before.playEnds();
    before.press('5');
    expect(before.press('#')).toEqual([{ type: 'stop-record' }]);
    done(before, 'key', 5_000);
    expect(before.nodes).toEqual(['recorder', 'thanks']);

    const after = new FlowCall(flow).start();
    after.playEnds();
    done(after, 'key', 5_000);
    after.press('#');
    expect(after.digits).toEqual([]);
    expect(after.words).toEqual(['menu']);
    after.press('1');
    expect(after.nodes).toEqual(['recorder', 'thanks', 'bye']);
  });

  it('asks again when next to nothing was said, not counting the silence that ended it', () => {
    const call = new FlowCall(flow).start();
    call.playEnds();
    done(call, 'silence', 5_500);
    expect(call.words).toEqual(['not heard', 'speak', '{"tone":"%(300,100,1000)"}']);
    call.playEnds();
    done(call, 'key', 1_000);
    expect(call.nodes).toEqual(['recorder', 'none']);
  });

  it('goes to the beep when a key skips the prompt', () => {
    const call = new FlowCall(flow).start();
    call.press('1');
    expect(call.words).toEqual(['{"tone":"%(300,100,1000)"}']);
    expect(call.press('1')).toEqual([]);
    call.playEnds();
    expect(call.newest('record').stopKeys).toBe('#');
  });

  it('waits for the hang-up when the leg ended, and apologises when recording failed', () => {
    const gone = new FlowCall(flow).start();
    gone.playEnds();
    expect(done(gone, 'leg-ended', 9_000)).toEqual([]);
    const broken = new FlowCall(flow).start();
    broken.playEnds();
    expect(done(broken, 'failed', 0)).toContainEqual(expect.objectContaining({ type: 'fault', nodeId: 'recorder' }));
  });
});

describe('transfer', () => {
  const transfer = {
    type: 'transfer',
    prompt: text('connecting'),
    to: { number: '2001' },
    ringSeconds: 20,
    maxTalkSeconds: 600,
    done: 'done',
    busy: 'busy',
    noAnswer: 'noAnswer',
    forbidden: 'forbidden',
    failed: 'failed',
  };
  const ends = Object.fromEntries(['done', 'busy', 'noAnswer', 'forbidden', 'failed'].map((id) => [id, bye]));
  const flow = flowOf({ transfer, ...ends });
  const dialled = (flow_ = flow, context = {}) => {
    const call = new FlowCall(flow_, context).start();
    call.playEnds();
    return call;
  };
  const dialDone = (call: FlowCall, outcome: 'answered' | 'busy' | 'no-answer' | 'failed' | 'forbidden') =>
    call.feed({ type: 'dial-done', dialId: call.newest('dial').dialId, outcome });

  it('dials after the prompt, under the number that was dialled', () => {
    const call = dialled();
    expect(call.newest('dial')).toMatchObject({
      toNumber: '2001',
      fromNumber: '0312345678',
      ringTimeoutMs: 20_000,
      maxTalkMs: 600_000,
    });
  });

  it.each([
    ['busy', 'busy'],
    ['no-answer', 'noAnswer'],
    ['failed', 'failed'],
    ['forbidden', 'forbidden'],
  ] as const)('%s leads to its own way out', (outcome, nodeId) => {
    const call = dialled();
    dialDone(call, outcome);
    expect(call.nodes).toEqual(['transfer', nodeId]);
  });

  it('leads to failed where there is no way of its own', () => {
    const { busy: _busy, ...without } = transfer;
    const { busy: _end, ...others } = ends;
    const call = dialled(flowOf({ transfer: without, ...others }));
    dialDone(call, 'busy');
    expect(call.nodes).toEqual(['transfer', 'failed']);
  });

  it('goes on when the other party hangs up; keys of the talk are not for the flow', () => {
    const call = dialled();
    dialDone(call, 'answered');
    expect(call.press('123#')).toEqual([]);
    call.feed({ type: 'peer-ended', dialId: call.newest('dial').dialId });
    expect(call.nodes).toEqual(['transfer', 'done']);
    expect(call.state.keysAhead).toBe('');
  });

  it('cancels the ringing when the caller hangs up', () => {
    const call = dialled();
    const { dialId } = call.newest('dial');
    expect(call.feed({ type: 'hung-up' })).toContainEqual({ type: 'cancel-dial', dialId });
  });

  const asking = (variable: object) =>
    flowOf({
      ask: {
        type: 'collect',
        prompt: text('number'),
        variable: 'number',
        maxDigits: 11,
        terminators: '',
        noInput: retry('failed'),
        invalid: retry('failed'),
        next: 'transfer',
      },
      transfer: { ...transfer, prompt: undefined, to: variable },
      ...ends,
    });

  it.each(['110', '118', '119', '0110', '184110', '186119', '110#', '*2001'])('never dials %s when keyed', (keys) => {
    const call = new FlowCall(asking({ variable: 'number' })).start();
    call.press(keys);
    call.timeout();
    expect(call.all.filter(({ type }) => type === 'dial')).toEqual([]);
    expect(call.nodes).toEqual(['ask', 'transfer', 'forbidden']);
  });

  it('dials the number that was keyed, and shows the caller where it says so', () => {
    const call = new FlowCall(
      flowOf({
        ...asking({ variable: 'number' }).nodes,
        transfer: { ...transfer, to: { variable: 'number' }, callerId: 'caller' },
      }),
    ).start();
    call.press('2002');
    call.timeout();
    call.playEnds();
    expect(call.newest('dial')).toMatchObject({ toNumber: '2002', fromNumber: '09012345678' });
  });

  it.each([
    ['０３－１２３４－５６７８', '+81312345678', '0312345678'],
    ['0081-3-1234-5678', '+81312345678', '0312345678'],
    ['184 090-1234-5678', '+819012345678', 'anonymous'],
    ['060-1234-5678', '+816012345678', '0312345678'],
  ])('dials %s as %s, and shows %s', (number, toNumber, fromNumber) => {
    const call = dialled(flowOf({ transfer: { ...transfer, to: { number } }, ...ends }));
    expect(call.newest('dial')).toMatchObject({ toNumber, fromNumber });
  });

  it('is a fault where the variable was never set', () => {
    const flowWithGap = flowOf({
      menu: {
        ...menu({ '2': 'transfer' }),
        choices: { '1': { goto: 'transfer', set: { n: '2001' } }, '2': { goto: 'transfer' } },
        noInput: retry('done'),
        invalid: retry('done'),
      },
      transfer: { ...transfer, prompt: undefined, to: { variable: 'n' } },
      ...ends,
    });
    const call = new FlowCall(flowWithGap).start();
    call.press('2');
    expect(call.newest('fault')).toMatchObject({ nodeId: 'transfer' });
  });
});
