import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findSound, readWav, rms, toneDurationMs } from '../support/audio.ts';
import type { DeskAgent } from '../support/desk-agent.ts';
import { DeskScene, hears, tones } from '../support/desk-scene.ts';
import { eventually } from '../support/poll.ts';
import { denwaban } from '../support/system.ts';
import { words } from '../support/words.ts';

/** Whom nobody serves, step by step. Transfer, and voicemail after it: desk-callback.test.ts. */
const [busy, spoken, later, shut, slow] = ['0322220021', '0322220022', '0322220023', '0322220024', '0322220025'];
const [gone, evening] = ['0322220026', '0322220027'];
const music = 600;
let scene: DeskScene;
let hanako: DeskAgent;
let taro: DeskAgent;

beforeAll(async () => {
  scene = await DeskScene.open('test/scenarios/overflow');
  hanako = await scene.agent('hanako', 880);
  taro = await scene.agent('taro', 1_200);
});
afterAll(() => scene.close());
afterEach(() => scene.clear());

/** The first and the last 20 ms that are not silence, in ms. */
function spanOf(samples: Int16Array): { fromMs: number; toMs: number } {
  const loud: number[] = [];
  for (let at = 0; at + 160 <= samples.length; at += 160) if (rms(samples.subarray(at, at + 160)) > 150) loud.push(at);
  return { fromMs: (loud[0] ?? 0) / 8, toMs: (loud.at(-1) ?? 0) / 8 + 20 };
}

describe('overflow of a queue that nobody has signed in to', () => {
  it('another queue: the caller waits on with music there, and is served', async () => {
    const caller = await scene.caller(busy);
    await scene.seen(caller, 'the other queue', ({ queueId }) => queueId === 'second');
    await hears(caller.phone, [music]);
    await hanako.want('available');
    await hanako.phone.heardOf('CALL_INCOMING');
    hanako.phone.accept();
    await hears(caller.phone, [880], [music]);
    const { agentId } = hanako;
    const form = await eventually('the form', () => hanako.send('GET', `/agents/${agentId}/intake`));
    expect(form).toMatchObject({ queueId: 'second' });
    caller.phone.hangUp();
    expect(await scene.story(caller)).toEqual({
      outcome: 'served',
      legs: ['caller caller-hangup', 'agent caller-hangup'],
    });
    const { callId } = await scene.record(caller);
    const stays = (await scene.system.facts(callId)).flatMap((fact) =>
      fact.type === 'queued' || fact.type === 'left-queue' ? [{ ...fact }] : [],
    );
    expect(stays).toMatchObject([
      { type: 'queued', queueId: 'busy' },
      { type: 'left-queue', queueId: 'busy', reason: 'overflow' },
      { type: 'queued', queueId: 'second' },
      { type: 'left-queue', queueId: 'second', reason: 'answered' },
    ]);
    await scene.atRest();
  });

  it('a transfer to a forbidden number, then a message: it is spoken to its end, and the caller gets BYE', async () => {
    const text = "All our colleagues are at lunch. Please call again after one o'clock. Thank you.";
    const expected = await words(text);
    const caller = await scene.caller(spoken);
    await caller.phone.heardOf('CALL_CLOSED', { timeoutMs: 30_000 });
    const heard = caller.phone.heard();
    const { likeness, atMs } = findSound(heard, expected);
    expect(likeness).toBeGreaterThan(0.8);
    const [said, meant] = [spanOf(heard.subarray(Math.max(0, atMs) * 8)), spanOf(expected)];
    expect(meant.toMs - meant.fromMs).toBeGreaterThan(3_000);
    expect(Math.abs(said.toMs - meant.toMs)).toBeLessThan(300);
    expect(rms(heard.subarray(atMs * 8, (atMs + meant.toMs) * 8))).toBeGreaterThan(500);
    expect(await scene.story(caller)).toEqual({
      outcome: 'turned-away',
      legs: ['caller system-hangup', 'transfer forbidden-number'],
    });
    await scene.atRest();
  });

  it('a call-back: the caller is told so and gets BYE; the first agent who comes to work talks with them', async () => {
    const caller = await scene.caller(later);
    await caller.phone.heardOf('CALL_CLOSED', { timeoutMs: 30_000 });
    const promise = readWav(resolve('flows/prompts/ja/call-back.wav')).samples;
    expect(findSound(caller.phone.heard(), promise).likeness).toBeGreaterThan(0.8);
    expect(await scene.story(caller)).toEqual({ outcome: 'call-back', legs: ['caller system-hangup'] });
    const home = await scene.outside(caller.from);
    const rung = hanako.phone.rung;
    await hanako.want('available');
    await hanako.phone.heardOf('CALL_INCOMING', { count: rung + 1 });
    hanako.phone.accept();
    await home.heardOf('CALL_INCOMING', { timeoutMs: 30_000 });
    home.accept();
    await Promise.all([hears(home, [880]), hears(hanako.phone, [tones.outside])]);
    home.hangUp();
    expect(await scene.story({ number: caller.from, from: later })).toEqual({
      outcome: 'served',
      legs: ['caller caller-hangup', 'agent caller-hangup'],
    });
    await scene.atRest();
  });

  it('another queue, which is closed: the next step at once, and not a wait for nobody', async () => {
    const caller = await scene.caller(evening);
    await caller.phone.heardOf('CALL_CLOSED', { timeoutMs: 20_000 });
    expect(toneDurationMs(caller.phone.heard(), 1_000)).toBeGreaterThan(300);
    expect(await scene.story(caller)).toEqual({ outcome: 'nobody', legs: ['caller system-hangup'] });
    await scene.atRest();
  });

  it('hang-up: the flow says so', async () => {
    const caller = await scene.caller(shut);
    await caller.phone.heardOf('CALL_CLOSED');
    expect(toneDurationMs(caller.phone.heard(), 1_000)).toBeGreaterThan(300);
    expect(await scene.story(caller)).toEqual({ outcome: 'nobody', legs: ['caller system-hangup'] });
    await scene.atRest();
  });
});

describe('a queue that is removed', () => {
  it('keeps nobody waiting: the flow says that it has failed, at once, and to who calls later as well', async () => {
    const caller = await scene.caller(gone);
    await scene.seen(caller, 'the wait', ({ queueId, state }) => queueId === 'gone' && state === 'waiting');
    await hears(caller.phone, [music]);
    const removed = await denwaban(['queue', 'remove', 'gone'], scene.system.environment);
    expect(removed).toMatchObject({ code: 0 });
    await caller.phone.heardOf('CALL_CLOSED', { timeoutMs: 20_000 });
    expect(toneDurationMs(caller.phone.heard(), 900)).toBeGreaterThan(300);
    expect(await scene.story(caller)).toEqual({ outcome: 'failed', legs: ['caller system-hangup'] });
    const { queues } = await scene.boss.sees();
    expect(queues.map(({ queueId }) => queueId)).not.toContain('gone');
    const later = await scene.caller(gone);
    await later.phone.heardOf('CALL_CLOSED', { timeoutMs: 20_000 });
    expect((await scene.story(later)).outcome).toBe('failed');
    await scene.atRest();
  });
});

describe('overflow of a queue whose agents do not answer', () => {
  it('no phone rings on, and the flow says that it has been too long', async () => {
    await taro.want('available');
    const caller = await scene.caller(slow);
    await taro.phone.heardOf('CALL_INCOMING');
    await caller.phone.heardOf('CALL_CLOSED', { timeoutMs: 20_000 });
    expect(toneDurationMs(caller.phone.heard(), 1_100)).toBeGreaterThan(300);
    const { outcome, legs } = await scene.story(caller);
    expect(outcome).toBe('late');
    expect(legs[0]).toBe('caller system-hangup');
    expect(new Set(legs.slice(1))).toEqual(new Set(['agent no-answer']));
    await scene.atRest();
  });
});
