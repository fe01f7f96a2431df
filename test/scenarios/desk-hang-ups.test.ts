import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { rms, toneDurationMs, tonePurity } from '../support/audio.ts';
import type { DeskAgent } from '../support/desk-agent.ts';
import { type Caller, DeskScene, hears, tones } from '../support/desk-scene.ts';
import { eventually } from '../support/poll.ts';

/**
 * Caller or agent hangs up, from the wait to the wrap-up: the other goes on or ends as it should, no phone rings on, and
 * nothing is left at the desk. Ringing has its own: desk.test.ts, desk-hang-up.alone.test.ts.
 */
const people = '0322220001';
const announced = '0322220003';
const accepted = '0322220004';
const music = 600;
let scene: DeskScene;
let hanako: DeskAgent;
let taro: DeskAgent;

beforeAll(async () => {
  // Spoken for some seconds to an agent who answers.
  const name = 'The Sakura Dental Clinic';
  scene = await DeskScene.open('test/scenarios/desk', {
    'account.json': ({ account, ...old }) => ({
      ...old,
      account: { ...account, name, nameReading: '', language: 'en' },
    }),
  });
  hanako = await scene.agent('hanako', 880);
  taro = await scene.agent('taro', 1_200);
});
afterAll(() => scene.close());
afterEach(() => scene.clear());

/** The agent’s phone, rung once more, is picked up. Resolves while they hear for whom they answer. */
async function pickUp(agent: DeskAgent, rung: number): Promise<void> {
  await agent.phone.heardOf('CALL_INCOMING', { count: rung });
  const heard = agent.phone.listen();
  agent.phone.accept();
  const isSpeech = (now: Int16Array) => now.length === 800 && rms(now) > 300 && tonePurity(now, 880) < 0.3;
  await eventually(`${agent.phone.user} to hear words`, () => isSpeech(heard().slice(-800)), { timeoutMs: 10_000 });
}

/** The agent picks up, and talks with the caller: 1 skips the rest of the words, and accepts. */
async function talk(agent: DeskAgent, rung: number, caller: Caller): Promise<void> {
  await pickUp(agent, rung);
  agent.phone.press('1');
  await Promise.all([
    hears(caller.phone, [agent === hanako ? 880 : 1_200], [music]),
    hears(agent.phone, [tones.caller]),
  ]);
}

describe('the caller hangs up', () => {
  it('while music plays: who comes to work then is not rung', async () => {
    const caller = await scene.caller(people);
    await hears(caller.phone, [music]);
    caller.phone.hangUp();
    expect(await scene.story(caller)).toEqual({ outcome: 'abandoned', legs: ['caller caller-hangup'] });
    await scene.atRest();
    const rung = hanako.phone.rung;
    await hanako.want('available');
    const next = await scene.caller(people);
    // The one who came later is; once.
    await talk(hanako, rung + 1, next);
    next.phone.hangUp();
    await scene.atRest();
    expect(hanako.phone.rung).toBe(rung + 1);
  });

  it('while their place is told', async () => {
    const caller = await scene.caller(announced);
    await hears(caller.phone, [750], [music]);
    caller.phone.hangUp();
    expect(await scene.story(caller)).toEqual({ outcome: 'abandoned', legs: ['caller caller-hangup'] });
    await scene.atRest();
  });

  it.each(['whisper', 'question'] as const)(
    'during the %s: the agent’s phone is hung up, the agent is free',
    async (stage) => {
      await hanako.want('available');
      const rung = hanako.phone.rung;
      const caller = await scene.caller(stage === 'whisper' ? announced : accepted);
      await pickUp(hanako, rung + 1);
      if (stage === 'question') await silence(hanako);
      caller.phone.hangUp();
      await hanako.phone.heardOf('CALL_CLOSED', { count: rung + 1, timeoutMs: 3_000 });
      await hanako.reaches('available', 3_000);
      expect(await scene.story(caller)).toEqual({
        outcome: 'abandoned',
        legs: ['caller caller-hangup', 'agent caller-hangup'],
      });
      expect(toneDurationMs(caller.phone.heard(), 880)).toBe(0);
      await scene.atRest();
    },
  );

  it('on hold: the agent’s leg ends, wrap-up follows', async () => {
    await hanako.want('available');
    const rung = hanako.phone.rung;
    const caller = await scene.caller(people);
    await talk(hanako, rung + 1, caller);
    await hold(caller, hanako);
    caller.phone.hangUp();
    await hanako.phone.heardOf('CALL_CLOSED', { count: rung + 1, timeoutMs: 3_000 });
    await hanako.reaches('wrap-up', 3_000);
    expect(await scene.story(caller)).toEqual({
      outcome: 'served',
      legs: ['caller caller-hangup', 'agent caller-hangup'],
    });
    await scene.atRest();
  });

  it('during wrap-up, in the flow that goes on and in the line: nobody is rung, wrap-up lasts as long as set', async () => {
    await hanako.want('available');
    const rung = hanako.phone.rung;
    const caller = await scene.caller(accepted);
    await talk(hanako, rung + 1, caller);
    hanako.phone.hangUp();
    const hungUpAt = performance.now();
    // What the flow says when an agent has helped.
    await hears(caller.phone, [500]);
    await hanako.reaches('wrap-up', 3_000);
    caller.phone.hangUp();
    expect(await scene.story(caller)).toEqual({
      outcome: 'connected',
      legs: ['caller caller-hangup', 'agent peer-hangup'],
    });
    const next = await scene.caller(accepted);
    await hears(next.phone, [music]);
    expect(await hanako.state()).toBe('wrap-up');
    next.phone.hangUp();
    expect(await scene.story(next)).toEqual({ outcome: 'abandoned', legs: ['caller caller-hangup'] });
    await hanako.reaches('available');
    expect(performance.now() - hungUpAt).toBeGreaterThan(4_900);
    await scene.atRest();
    expect(hanako.phone.rung).toBe(rung + 1);
  });
});

describe('the agent hangs up', () => {
  it.each(['whisper', 'question'] as const)(
    'during the %s: the caller waits on with music, and the next agent has them',
    async (stage) => {
      await hanako.want('available');
      const [first, second] = [hanako.phone.rung, taro.phone.rung];
      const caller = await scene.caller(stage === 'whisper' ? announced : accepted);
      await pickUp(hanako, first + 1);
      if (stage === 'question') await silence(hanako);
      hanako.phone.hangUp();
      await hears(caller.phone, [music]);
      await taro.want('available');
      await talk(taro, second + 1, caller);
      expect(hanako.phone.rung).toBe(first + 1);
      caller.phone.hangUp();
      expect((await scene.story(caller)).legs).toEqual([
        'caller caller-hangup',
        'agent peer-hangup',
        'agent caller-hangup',
      ]);
      await scene.atRest();
    },
  );

  it('with the caller on hold: the flow goes on, as after a talk', async () => {
    await hanako.want('available');
    const rung = hanako.phone.rung;
    const caller = await scene.caller(people);
    await talk(hanako, rung + 1, caller);
    await hold(caller, hanako);
    hanako.phone.hangUp();
    await caller.phone.heardOf('CALL_CLOSED');
    expect(toneDurationMs(caller.phone.heard(), 500)).toBeGreaterThan(300);
    expect(await scene.story(caller)).toEqual({
      outcome: 'helped',
      legs: ['caller system-hangup', 'agent peer-hangup'],
    });
    await scene.atRest();
  });
});

async function hold(caller: Caller, agent: DeskAgent): Promise<void> {
  const { callId } = await scene.seen(caller, 'the talk', ({ state }) => state === 'talking');
  await agent.send('POST', `/desk/calls/${callId}/hold`, { held: true });
  await scene.seen(caller, 'the hold', ({ held }) => held);
}

/** The words have been said, and 1 is waited for. */
async function silence(agent: DeskAgent): Promise<void> {
  const heard = agent.phone.listen();
  await eventually(
    `${agent.phone.user} to hear nothing`,
    () => {
      const now = heard().slice(-12_000);
      return now.length === 12_000 && now.every((sample) => Math.abs(sample) < 100);
    },
    { timeoutMs: 15_000 },
  );
}
