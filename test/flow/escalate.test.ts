import { describe, expect, it } from 'vitest';
import { checkFlow } from '../../src/flow/checker.ts';
import { callScriptSchema, simulate } from '../../src/flow/simulator.ts';
import { bye, FlowCall, flowOf, text } from './harness.ts';

const music = { tone: '%(400,200,400)' };
const desk = {
  type: 'escalate',
  queue: 'front',
  priority: 3,
  skills: [{ name: 'medical', minLevel: 2 }],
  music: { '*': music },
  announce: { everySeconds: 20, prompt: text('you are {{queuePosition}}, {{queueWaitMinutes}} minutes') },
  back: text('sorry'),
  maxWaitSeconds: 60,
  message: { key: '1', goto: 'voicemail' },
  done: 'bye',
  timeOut: 'late',
  failed: 'sorry',
};
const say = (words: string) => ({ type: 'say', prompt: text(words), next: 'bye' });
const parts = { voicemail: say('leave a message'), late: say('too late'), sorry: say('nobody'), bye };
const flow = flowOf({ desk, ...parts });

const asked = () => {
  const call = new FlowCall(flow).start();
  return { call, escalationId: call.newest('escalate').escalationId };
};

describe('escalate', () => {
  it('asks for people with what it knows, and plays music until something ends it', () => {
    const { call } = asked();
    expect(call.newest('escalate')).toMatchObject({ queueId: 'front', priority: 3, language: 'ja', learned: {} });
    expect(call.newest('play')).toMatchObject({ prompts: [music], loop: true, stopOnDigit: true });
  });

  it('tells place and minutes at set times, then goes on with the music', () => {
    const { call, escalationId } = asked();
    call.feed({ type: 'desk-progress', escalationId, position: 4, waitMs: 130_000 });
    expect(call.newest('play').prompts).toEqual([music]);
    call.timer('announce');
    expect(call.newest('play').prompts).toEqual([{ text: 'you are 4, 3 minutes', language: 'ja' }]);
    call.playEnds();
    expect(call.newest('play')).toMatchObject({ prompts: [music], loop: true });
  });

  it('goes on with the music where nobody can tell the minutes, or says what it has for that', () => {
    const { call, escalationId } = asked();
    call.feed({ type: 'desk-progress', escalationId, position: 4, waitMs: 130_000 });
    call.feed({ type: 'desk-progress', escalationId, position: 3 });
    call.timer('announce');
    expect(call.newest('play').prompts).toEqual([music]);
    expect(call.outcome).toBeUndefined();
    const promptWithoutEstimate = text('you are {{queuePosition}}');
    const announce = { ...desk.announce, promptWithoutEstimate };
    const other = new FlowCall(flowOf({ desk: { ...desk, announce }, ...parts }));
    other.start();
    other.feed({ type: 'desk-progress', escalationId: other.newest('escalate').escalationId, position: 2 });
    other.timer('announce');
    expect(other.newest('play').prompts).toEqual([{ text: 'you are 2', language: 'ja' }]);
  });

  it('words for where the minutes are not known cannot name them', () => {
    const announce = { ...desk.announce, promptWithoutEstimate: text('{{queueWaitMinutes}} minutes') };
    const nodes = JSON.parse(JSON.stringify({ ...parts, desk: { ...desk, announce } }));
    const checked = checkFlow({ flowId: 'f', language: 'ja', start: 'desk', nodes }, { fileExists: () => true });
    expect(checked).toMatchObject({ ok: false, faults: [{ path: '$.nodes.desk.announce.promptWithoutEstimate' }] });
  });

  it('says nothing of a place that it does not know', () => {
    const { call } = asked();
    call.timer('announce');
    expect(call.newest('play').prompts).toEqual([music]);
  });

  it('stops the music when an agent answers, drops keys while they talk, and goes on when they part', () => {
    const { call, escalationId } = asked();
    expect(call.feed({ type: 'desk-answered', escalationId })).toContainEqual({ type: 'stop-play' });
    expect(call.press('1')).toEqual([]);
    call.feed({ type: 'desk-done', escalationId, outcome: 'done' });
    expect(call.nodes).toEqual(['desk', 'bye']);
  });

  it('an agent who is lost: the caller hears why and waits again', () => {
    const { call, escalationId } = asked();
    call.feed({ type: 'desk-answered', escalationId });
    call.feed({ type: 'desk-parted', escalationId });
    expect(call.newest('play').prompts).toEqual([{ text: 'sorry', language: 'ja' }]);
    call.playEnds();
    expect(call.newest('play')).toMatchObject({ loop: true });
    call.feed({ type: 'desk-answered', escalationId });
    call.feed({ type: 'desk-done', escalationId, outcome: 'done' });
    expect(call.nodes).toEqual(['desk', 'bye']);
  });

  it('a key leaves the queue for a message; any other only interrupts the music', () => {
    const { call, escalationId } = asked();
    call.press('5');
    expect(call.newest('play')).toMatchObject({ prompts: [music], loop: true });
    expect(call.press('1')).toContainEqual({ type: 'leave-desk', escalationId, why: 'message' });
    expect(call.nodes).toEqual(['desk', 'voicemail']);
  });

  it('waits no longer than it should', () => {
    const { call, escalationId } = asked();
    expect(call.timer('wait')).toContainEqual({ type: 'leave-desk', escalationId, why: 'time-out' });
    expect(call.nodes).toEqual(['desk', 'late']);
  });

  it.each(['no-agent', 'closed', 'full', 'failed'] as const)('%s without a way of its own: failed', (outcome) => {
    const { call, escalationId } = asked();
    call.feed({ type: 'desk-done', escalationId, outcome });
    expect(call.nodes).toEqual(['desk', 'sorry']);
  });

  it('who hangs up while waiting has abandoned the call, while talking was served', () => {
    const waiting = asked();
    expect(waiting.call.feed({ type: 'hung-up' })).toContainEqual({ type: 'hangup', outcome: 'abandoned' });
    const talking = asked();
    talking.call.feed({ type: 'desk-answered', escalationId: talking.escalationId });
    expect(talking.call.feed({ type: 'hung-up' })).toContainEqual({ type: 'hangup', outcome: 'served' });
  });

  it('another controller takes over: the longest wait goes on, and does not begin again', () => {
    const { call, escalationId } = asked();
    const waitsFor = () =>
      call.all.findLast((effect) => effect.type === 'start-timer' && effect.timerId === call.state.timers['wait']);
    expect(waitsFor()).toMatchObject({ delayMs: 60_000 });
    call.feed({ type: 'resumed' }, 55_000);
    expect(waitsFor()).toMatchObject({ delayMs: 5_000 });
    call.feed({ type: 'resumed' }, 20_000);
    expect(waitsFor()).toMatchObject({ delayMs: 0 });
    // Who has talked waits anew.
    call.feed({ type: 'desk-answered', escalationId });
    call.feed({ type: 'desk-parted', escalationId }, 1_000);
    expect(waitsFor()).toMatchObject({ delayMs: 60_000 });
  });

  it('another controller takes over: the caller keeps waiting by the same id', () => {
    const { call, escalationId } = asked();
    call.feed({ type: 'resumed' });
    expect(call.newest('play').prompts).toEqual([{ text: 'sorry', language: 'ja' }]);
    call.feed({ type: 'desk-answered', escalationId });
    call.feed({ type: 'desk-done', escalationId, outcome: 'done' });
    expect(call.nodes).toEqual(['desk', 'bye']);
  });

  it('a loop through it that no key can leave is refused', () => {
    const nodes = { desk: { ...desk, message: undefined, failed: 'desk', timeOut: 'desk', done: 'bye' }, bye };
    const checked = checkFlow(
      { flowId: 'f', language: 'ja', start: 'desk', nodes: JSON.parse(JSON.stringify(nodes)) },
      { fileExists: () => true },
    );
    expect(checked).toMatchObject({ ok: false, faults: [{ path: '$.nodes.desk' }] });
  });
});

describe('simulated', () => {
  const run = (script: object) =>
    simulate(flow, callScriptSchema.parse({ dial: '0312345678', ...script }), () => 1_000);

  it('an agent answers and talks; nobody answers; the caller leaves a message', () => {
    const served = run({ desk: [{ queue: 'front', waitMs: 25_000, talkMs: 30_000 }] });
    expect(served).toMatchObject({ nodes: ['desk', 'bye'], durationMs: 56_000 });
    expect(served.heard).toContain('"you are 1, 1 minutes"');
    expect(run({})).toMatchObject({ nodes: ['desk', 'late', 'bye'] });
    expect(run({ steps: [{ atMs: 5_000, keys: '1' }] })).toMatchObject({ nodes: ['desk', 'voicemail', 'bye'] });
    expect(run({ steps: [{ atMs: 5_000, hangUp: true }] })).toMatchObject({ nodes: ['desk'] });
  });
});
