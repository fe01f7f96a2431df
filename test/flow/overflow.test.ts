import { describe, expect, it } from 'vitest';
import type { OverflowStep } from '../../src/flow/protocol.ts';
import { callScriptSchema, simulate } from '../../src/flow/simulator.ts';
import { bye, FlowCall, flowOf, text } from './harness.ts';

const music = { tone: '%(400,200,400)' };
const desk = {
  ...{ type: 'escalate', queue: 'front', music: { '*': music }, maxWaitSeconds: 60 },
  ...{ done: 'bye', timeOut: 'late', failed: 'sorry' },
};
const say = (words: string) => ({ type: 'say', prompt: text(words), next: 'bye' });
const ends = { late: say('too late'), sorry: say('nobody'), bye };
/** As the queue's steps find it: without ways of its own. */
const plain = flowOf({ desk, ...ends });
const flow = flowOf({
  ask: {
    type: 'menu',
    prompt: text('?'),
    choices: { '1': { goto: 'desk', set: { number: '0312340000' } } },
    ...retries(),
  },
  desk: {
    ...desk,
    message: { key: '1', goto: 'voicemail' },
    callBack: { key: '2', goto: 'later', variable: 'number', refusedPrompt: text('not that number') },
  },
  voicemail: say('leave a message'),
  later: say('later'),
  ...ends,
});

function retries() {
  return { noInput: { tries: 1, goto: 'desk' }, invalid: { tries: 1, goto: 'desk' } };
}

function waiting(of = flow) {
  const call = new FlowCall(of).start();
  if (of === flow) call.press('9');
  const { escalationId } = call.newest('escalate');
  return { call, escalationId };
}

function overflowing(step: OverflowStep, of = plain) {
  const { call, escalationId } = waiting(of);
  const effects = call.feed({ type: 'desk-overflow', escalationId, step });
  return { call, escalationId, effects };
}

describe('a caller who wants to be called back', () => {
  it('presses the key, keeps the place, hears so, and nothing leaves the desk', () => {
    const { call, escalationId } = waiting();
    expect(call.press('2')).toContainEqual({ type: 'call-back-later', escalationId });
    expect(call.press('2')).toEqual([]);
    const effects = call.feed({ type: 'desk-call-back', escalationId, outcome: 'kept' });
    expect(effects.map(({ type }) => type)).not.toContain('leave-desk');
    expect(call.words).toEqual(['later']);
  });

  it('names another number where the flow has asked for one; what is no number is told as none', () => {
    const asked = new FlowCall(flow).start();
    asked.press('1');
    expect(asked.newest('escalate').callBackTo).toBe('0312340000');
    expect(waiting().call.newest('escalate').callBackTo).toBeUndefined();
    const odd = flowOf({
      ask: {
        type: 'menu',
        prompt: text('?'),
        choices: { '1': { goto: 'desk', set: { number: '*31' } } },
        ...retries(),
      },
      desk: { ...desk, callBack: { key: '2', goto: 'bye', variable: 'number' } },
      ...ends,
    });
    const call = new FlowCall(odd).start();
    call.press('1');
    expect(call.newest('escalate').callBackTo).toBe('');
  });

  it('cannot be called: hears so and waits on at the same place, or goes where the flow says', () => {
    const { call, escalationId } = waiting();
    call.press('2');
    const effects = call.feed({ type: 'desk-call-back', escalationId, outcome: 'refused' });
    expect(effects.map(({ type }) => type)).not.toContain('leave-desk');
    expect(call.words).toEqual(['not that number']);
    call.playEnds();
    expect(call.newest('play')).toMatchObject({ prompts: [music], loop: true });
    call.timer('wait');
    expect(call.nodes).toEqual(['ask', 'desk', 'late']);
    const callBack = { key: '2', goto: 'bye', refused: 'sorry' };
    const away = waiting(flowOf({ desk: { ...desk, callBack }, ...ends }));
    away.call.press('2');
    away.call.feed({ type: 'desk-call-back', escalationId: away.escalationId, outcome: 'refused' });
    expect(away.call.words).toEqual(['nobody']);
  });

  it('is too late, since an agent answers: they talk', () => {
    const { call, escalationId } = waiting();
    call.press('2');
    call.feed({ type: 'desk-answered', escalationId });
    expect(call.feed({ type: 'desk-call-back', escalationId, outcome: 'too-late' })).toEqual([]);
    expect(call.feed({ type: 'hung-up' })).toContainEqual({ type: 'hangup', outcome: 'served' });
  });

  it('hears music again where the desk does not answer, and is called back all the same', () => {
    const { call, escalationId } = waiting();
    call.press('2');
    call.timer('again');
    expect(call.newest('play')).toMatchObject({ prompts: [music], loop: true });
    call.feed({ type: 'desk-call-back', escalationId, outcome: 'kept' });
    expect(call.words).toEqual(['later']);
  });

  it('hangs up right after the key: that is no abandoned call', () => {
    const { call } = waiting();
    call.press('2');
    expect(call.feed({ type: 'hung-up' })).toContainEqual({ type: 'hangup', outcome: 'call-back' });
  });
});

describe('overflow', () => {
  it('transfer: rings the number with the dialled number as caller id, leaves the desk on answer, and is done', () => {
    const { call, escalationId } = overflowing({ type: 'transfer', number: '2001' });
    expect(call.newest('dial')).toMatchObject({ toNumber: '2001', fromNumber: '0312345678' });
    expect(call.last.map(({ type }) => type)).toContain('stop-play');
    const { dialId } = call.newest('dial');
    expect(call.feed({ type: 'dial-done', dialId, outcome: 'answered' })).toContainEqual({
      ...{ type: 'leave-desk', escalationId, why: 'overflow' },
    });
    call.feed({ type: 'resumed' });
    call.feed({ type: 'peer-ended', dialId });
    expect(call.nodes).toEqual(['desk', 'bye']);
  });

  it.each(['busy', 'no-answer', 'failed', 'forbidden'] as const)('a transfer that is %s: the next step', (outcome) => {
    const { call, escalationId } = overflowing({ type: 'transfer', number: '2001' });
    const { dialId } = call.newest('dial');
    expect(call.feed({ type: 'dial-done', dialId, outcome })).toContainEqual({ type: 'overflow-failed', escalationId });
    call.feed({ type: 'desk-done', escalationId, outcome: 'time-out' });
    expect(call.nodes).toEqual(['desk', 'late']);
  });

  it('never dials 110; where the next step is another line, the music goes on', () => {
    const { call, escalationId, effects } = overflowing({ type: 'transfer', number: '１１０' });
    expect(effects).toContainEqual({ type: 'overflow-failed', escalationId });
    call.timer('again');
    expect(call.newest('play')).toMatchObject({ prompts: [music], loop: true });
    call.feed({ type: 'desk-answered', escalationId });
    expect(call.feed({ type: 'hung-up' })).toContainEqual({ type: 'hangup', outcome: 'served' });
  });

  it('voicemail: by the flow’s own way; else a prompt, a beep, a recording, and thanks', () => {
    const own = overflowing({ type: 'voicemail' }, flow);
    expect(own.effects).toContainEqual({ type: 'leave-desk', escalationId: own.escalationId, why: 'overflow' });
    expect(own.call.words).toEqual(['leave a message']);
    const { call } = overflowing({ type: 'voicemail' });
    expect(call.newest('play').prompts[0]).toEqual({ file: 'prompts/ja/message.wav' });
    call.playEnds();
    const { recordingId } = call.newest('record');
    expect(call.press('#')).toContainEqual({ type: 'stop-record' });
    call.feed({ type: 'record-done', recordingId, outcome: 'key', durationMs: 4_000 });
    expect(call.newest('play').prompts).toEqual([{ file: 'prompts/ja/message-thanks.wav' }]);
    call.playEnds();
    expect(call.outcome).toBe('message-taken');
  });

  it('voicemail: silence is no message; another controller asks again', () => {
    const { call } = overflowing({ type: 'voicemail' });
    call.playEnds();
    call.feed({ type: 'resumed' });
    expect(call.newest('play').prompts[0]).toEqual({ file: 'prompts/ja/message.wav' });
    call.playEnds();
    const { recordingId } = call.newest('record');
    call.feed({ type: 'record-done', recordingId, outcome: 'silence', durationMs: 5_400 });
    call.playEnds();
    expect(call.outcome).toBe('no-message');
  });

  it('callback: keeps the place, says so, and ends; refused, the next step', () => {
    const { call, escalationId, effects } = overflowing({ type: 'callback' });
    expect(effects).toContainEqual({ type: 'call-back-later', escalationId });
    call.feed({ type: 'desk-call-back', escalationId, outcome: 'kept' });
    expect(call.newest('play').prompts).toEqual([{ file: 'prompts/ja/call-back.wav' }]);
    call.playEnds();
    expect(call.outcome).toBe('call-back');
    expect(call.all.map(({ type }) => type)).not.toContain('leave-desk');
    const other = overflowing({ type: 'callback' });
    const refused = { type: 'desk-call-back', escalationId: other.escalationId, outcome: 'refused' } as const;
    expect(other.call.feed(refused)).toContainEqual({ type: 'overflow-failed', escalationId: other.escalationId });
  });

  it('message: in the call’s language, else in the one there is; nothing in it is a variable', () => {
    const { call, escalationId, effects } = overflowing({ type: 'message', text: { ja: 'また{{今度}}', en: 'later' } });
    expect(effects).toContainEqual({ type: 'leave-desk', escalationId, why: 'overflow' });
    expect(call.newest('play').prompts).toEqual([{ text: 'また  今度  ', language: 'ja' }]);
    call.playEnds();
    expect(call.outcome).toBe('turned-away');
    const english = overflowing({ type: 'message', text: { en: 'later' } });
    expect(english.call.newest('play').prompts).toEqual([{ text: 'later', language: 'en' }]);
  });

  it('while a step is done keys mean nothing, and the wait’s own time does not run out', () => {
    const { call } = overflowing({ type: 'transfer', number: '2001' }, flow);
    expect(call.press('12')).toEqual([]);
    expect(call.state.timers).toEqual({});
  });
});

describe('simulated', () => {
  const run = (of: typeof flow, script: object) =>
    simulate(of, callScriptSchema.parse({ dial: '0312345678', ...script }), () => 1_000);

  it('the queue’s steps are tried in order, then the flow is told', () => {
    const overflow = [{ type: 'transfer', number: '2001' }, { type: 'callback' }, { type: 'voicemail' }];
    const script = { from: 'anonymous', desk: [{ queue: 'front', outcome: 'time-out', waitMs: 9_000, overflow }] };
    const steps = [{ atMs: 45_000, speakMs: 5_000 }];
    expect(run(plain, { ...script, steps })).toMatchObject({ outcome: 'message-taken', nodes: ['desk'] });
    const short = { ...script, desk: [{ queue: 'front', outcome: 'time-out', overflow: overflow.slice(0, 2) }] };
    expect(run(plain, short)).toMatchObject({ nodes: ['desk', 'late', 'bye'] });
    const answered = { ...script, answers: [{ number: '2001', outcome: 'answered', talkMs: 3_000 }] };
    expect(run(plain, answered)).toMatchObject({ nodes: ['desk', 'bye'] });
  });

  it('a call-back by key: kept, or forbidden', () => {
    const steps = [
      { afterPrompt: 1, keys: '9' },
      { atMs: 15_000, keys: '2' },
    ];
    const kept = run(flow, { steps });
    expect(kept.nodes).toEqual(['ask', 'desk', 'later', 'bye']);
    expect(kept.transcript).toContainEqual(
      expect.objectContaining({ type: 'call-back', number: '09012345678', outcome: 'kept' }),
    );
    const answers = [{ number: '090-1234-5678', outcome: 'forbidden' }];
    const refused = run(flow, { steps, answers });
    expect(refused.nodes).toEqual(['ask', 'desk', 'late', 'bye']);
    expect(refused.heard).toContain('"not that number"');
  });
});
