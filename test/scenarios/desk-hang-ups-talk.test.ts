import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeskAgent } from '../support/desk-agent.ts';
import { type Caller, DeskScene, hears, tones } from '../support/desk-scene.ts';

/**
 * Somebody hangs up while the caller is handed over, or while a supervisor listens: who can talk does, every other phone
 * falls silent, and nothing is left at the desk. The agent who goes while a number rings: desk-control.test.ts.
 */
const people = '0322220001';
const [agentHz, otherHz, bossHz] = [880, 1_200, 1_600];
const music = 600;
let scene: DeskScene;
let hanako: DeskAgent;
let taro: DeskAgent;
let boss: DeskAgent;
let caller: Caller;
/** How often each phone had been rung before the test. */
let rung: { hanako: number; taro: number; boss: number };
let order: (what: string, body?: object, who?: DeskAgent) => Promise<unknown>;

beforeAll(async () => {
  scene = await DeskScene.open('test/scenarios/desk', {
    'desk.json': ({ agents, queues, ...old }) => ({
      ...old,
      agents: [...agents, { loginName: 'boss', queues: [], phones: ['boss-1'] }],
      queues: queues.map((queue) => ({ ...queue, ...(queue.queueId === 'billing' && { skipMs: 2_000 }) })),
    }),
  });
  hanako = await scene.agent('hanako', agentHz);
  taro = await scene.agent('taro', otherHz);
  boss = await scene.agent('boss', bossHz);
});
afterAll(() => scene.close());

/** A caller talks with hanako. */
beforeEach(async () => {
  rung = { hanako: hanako.phone.rung, taro: taro.phone.rung, boss: boss.phone.rung };
  await hanako.want('available');
  caller = await scene.caller(people);
  await hanako.phone.heardOf('CALL_INCOMING', { count: rung.hanako + 1 });
  hanako.phone.accept();
  await talk(hanako, agentHz);
  const { callId } = await scene.seen(caller, 'the talk', ({ state }) => state === 'talking');
  order = (what, body, who = hanako) => who.send('POST', `/desk/calls/${callId}/${what}`, body);
});
afterEach(() => scene.clear());

/** Caller and agent hear each other. */
const talk = (agent: DeskAgent, toneHz: number) =>
  Promise.all([hears(caller.phone, [toneHz]), hears(agent.phone, [tones.caller])]);

const silent = (agent: DeskAgent, name: keyof typeof rung) =>
  agent.phone.heardOf('CALL_CLOSED', { count: rung[name] + 1, timeoutMs: 3_000 });

/** The caller is being handed to taro, whose phone rings. */
async function taroRings(): Promise<void> {
  await taro.want('available');
  await order('transfer', { to: { type: 'agent', agentId: taro.agentId } });
  await taro.phone.heardOf('CALL_INCOMING', { count: rung.taro + 1 });
}

async function numberRings() {
  const number = await scene.outside('2001');
  await order('transfer', { to: { type: 'number', number: '2001' } });
  await number.heardOf('CALL_INCOMING');
  return number;
}

describe('while a transfer to an agent rings', () => {
  it('the caller hangs up: both phones fall silent, the other agent is free', async () => {
    await taroRings();
    caller.phone.hangUp();
    await Promise.all([silent(hanako, 'hanako'), silent(taro, 'taro')]);
    await taro.reaches('available', 3_000);
    expect(await scene.story(caller)).toEqual({
      outcome: 'served',
      legs: ['caller caller-hangup', 'agent caller-hangup', 'agent cancelled'],
    });
    await scene.atRest();
  });

  it('the agent hangs up: the caller hears music, and the other one has them', async () => {
    await taroRings();
    hanako.phone.hangUp();
    await hanako.reaches('wrap-up', 3_000);
    taro.phone.accept();
    await talk(taro, otherHz);
    caller.phone.hangUp();
    await silent(taro, 'taro');
    expect(await scene.story(caller)).toEqual({
      outcome: 'served',
      legs: ['caller caller-hangup', 'agent peer-hangup', 'agent caller-hangup'],
    });
    await scene.atRest();
  });

  it('the other one declines: caller and agent talk on', async () => {
    await taroRings();
    taro.phone.hangUp();
    await talk(hanako, agentHz);
    await scene.seen(caller, 'why', ({ transferFailed }) => transferFailed);
    hanako.phone.hangUp();
    await caller.phone.heardOf('CALL_CLOSED');
    expect(await scene.story(caller)).toEqual({
      outcome: 'helped',
      legs: ['caller system-hangup', 'agent peer-hangup', 'agent busy'],
    });
    await scene.atRest();
    expect([hanako.phone.rung, taro.phone.rung]).toEqual([rung.hanako + 1, rung.taro + 1]);
  });
});

describe('while a transfer to a number rings', () => {
  it('the caller hangs up: the number and the agent’s phone fall silent', async () => {
    const number = await numberRings();
    caller.phone.hangUp();
    await Promise.all([number.heardOf('CALL_CLOSED', { timeoutMs: 3_000 }), silent(hanako, 'hanako')]);
    expect(await scene.story(caller)).toEqual({
      outcome: 'served',
      legs: ['caller caller-hangup', 'agent caller-hangup', 'transfer cancelled'],
    });
    await scene.atRest();
  });

  it('the agent has hung up, and the number declines: the caller waits at the head of the line for the next', async () => {
    const number = await numberRings();
    hanako.phone.hangUp();
    await hanako.reaches('wrap-up', 3_000);
    await hanako.want('offline');
    number.hangUp();
    // The flow's words for one whose agent has gone.
    await hears(caller.phone, [900]);
    await taro.want('available');
    await taro.phone.heardOf('CALL_INCOMING', { count: rung.taro + 1 });
    taro.phone.accept();
    await talk(taro, otherHz);
    caller.phone.hangUp();
    expect(await scene.story(caller)).toEqual({
      outcome: 'served',
      legs: [
        'caller caller-hangup',
        'agent peer-hangup',
        expect.stringMatching(/^transfer (busy|rejected)$/),
        'agent caller-hangup',
      ],
    });
    await scene.atRest();
  });
});

describe('after a transfer to a queue', () => {
  beforeEach(async () => {
    await order('transfer', { to: { type: 'queue', queueId: 'billing' } });
    await silent(hanako, 'hanako');
    await taro.want('available');
    await taro.phone.heardOf('CALL_INCOMING', { count: rung.taro + 1 });
  });

  it('the caller hangs up while the next agent’s phone rings: it falls silent', async () => {
    await hears(caller.phone, [music]);
    caller.phone.hangUp();
    await silent(taro, 'taro');
    await taro.reaches('available', 3_000);
    expect(await scene.story(caller)).toEqual({
      outcome: 'abandoned',
      legs: ['caller caller-hangup', 'agent system-hangup', 'agent cancelled'],
    });
    await scene.atRest();
  });

  it('the next agent declines: the caller waits on with music, and can be served all the same', async () => {
    taro.phone.hangUp();
    await hears(caller.phone, [music]);
    await scene.seen(caller, 'the wait', ({ queueId }) => queueId === 'billing');
    // Passed over for the time that is set, and then tried again.
    await taro.phone.heardOf('CALL_INCOMING', { count: rung.taro + 2 });
    taro.phone.accept();
    await talk(taro, otherHz);
    caller.phone.hangUp();
    expect((await scene.story(caller)).legs).toEqual([
      'caller caller-hangup',
      'agent system-hangup',
      'agent busy',
      'agent caller-hangup',
    ]);
    await scene.atRest();
  });
});

describe('while a supervisor listens', () => {
  async function listens(mode = 'listen'): Promise<void> {
    await order('listen', { mode }, boss);
    await boss.phone.heardOf('CALL_INCOMING', { count: rung.boss + 1 });
    boss.phone.accept();
    await hears(boss.phone, [tones.caller, agentHz]);
    await scene.seen(caller, 'who listens', ({ listeners }) => listeners?.some((one) => one.mode === mode));
  }

  it('the supervisor hangs up: the others talk on, unheard', async () => {
    await listens('join');
    await hears(caller.phone, [agentHz, bossHz]);
    boss.phone.hangUp();
    await hears(caller.phone, [agentHz], [bossHz]);
    await scene.seen(caller, 'that nobody listens', ({ listeners }) => listeners === undefined);
    caller.phone.hangUp();
    expect(await scene.story(caller)).toEqual({
      outcome: 'served',
      legs: ['caller caller-hangup', 'agent caller-hangup', 'listener peer-hangup'],
    });
    await scene.atRest();
  });

  it('the agent hangs up: the supervisor’s phone falls silent, and the flow goes on with the caller', async () => {
    await listens();
    hanako.phone.hangUp();
    await silent(boss, 'boss');
    await caller.phone.heardOf('CALL_CLOSED');
    expect(await scene.story(caller)).toEqual({
      outcome: 'helped',
      legs: ['caller system-hangup', 'agent peer-hangup', 'listener system-hangup'],
    });
    await scene.atRest();
  });

  it('the caller hangs up: both other phones fall silent', async () => {
    await listens('whisper');
    caller.phone.hangUp();
    await Promise.all([silent(boss, 'boss'), silent(hanako, 'hanako')]);
    expect(await scene.story(caller)).toEqual({
      outcome: 'served',
      legs: ['caller caller-hangup', 'agent caller-hangup', 'listener caller-hangup'],
    });
    await scene.atRest();
  });

  it('the caller hangs up while the supervisor’s phone rings: it falls silent', async () => {
    await order('listen', { mode: 'listen' }, boss);
    await boss.phone.heardOf('CALL_INCOMING', { count: rung.boss + 1 });
    caller.phone.hangUp();
    await silent(boss, 'boss');
    expect((await scene.story(caller)).legs).toEqual([
      'caller caller-hangup',
      'agent caller-hangup',
      'listener cancelled',
    ]);
    await scene.atRest();
  });
});
