import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { findSound } from '../support/audio.ts';
import type { DeskAgent } from '../support/desk-agent.ts';
import { type Caller, DeskScene, hears } from '../support/desk-scene.ts';
import { eventually } from '../support/poll.ts';
import { words } from '../support/words.ts';

/** What the queue's settings and the flow's say of who is served, when, and what is told: on real phones. */
const number = (last: number) => `032222003${last}`;
const [several, small, sunday, touchy, urgent, told] = [1, 2, 3, 4, 5, 6].map(number) as [
  ...[string, string, string],
  ...[string, string, string],
];
let scene: DeskScene;
const agents = new Map<string, DeskAgent>();
const agent = (name: string) => agents.get(name) as DeskAgent;

beforeAll(async () => {
  scene = await DeskScene.open('test/scenarios/rules', {
    'desk.json': ({ queues, ...rest }) => ({
      ...rest,
      queues: queues.map((queue) => (queue.queueId === 'sunday' ? { ...queue, hours: closedNow() } : queue)),
    }),
  });
  for (const [index, name] of ['ann', 'bob', 'cho', 'dan', 'eve'].entries()) {
    agents.set(name, await scene.agent(name, 900 + 200 * index));
  }
});
afterAll(() => scene.close());
afterEach(() => scene.clear());

/** Closed today, in case the test runs at midnight also yesterday and tomorrow. */
function closedNow() {
  const days = [-1, 0, 1].map((days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10));
  return { timezone: 'UTC', open: [], closedDays: days };
}

const hearsWords = async ({ phone }: Caller, text: string) => {
  const said = await words(text);
  await eventually(`to hear “${text}”`, () => findSound(phone.heard(), said) !== undefined, {
    timeoutMs: 20_000,
    everyMs: 500,
  });
};

it('ring-several: three phones ring, the first to answer has the caller, the others fall silent and have missed nothing', async () => {
  const three = ['ann', 'bob', 'cho'].map(agent);
  for (const one of three) await one.want('available');
  const caller = await scene.caller(several);
  for (const { phone } of three) await phone.heardOf('CALL_INCOMING');
  agent('bob').phone.accept();
  for (const name of ['ann', 'cho']) await agent(name).phone.heardOf('CALL_CLOSED', { timeoutMs: 2_000 });
  await hears(caller.phone, [1_100]);
  for (const name of ['ann', 'cho']) await agent(name).reaches('available');
  caller.phone.hangUp();
  const { outcome, legs } = await scene.story(caller);
  expect([outcome, legs.toSorted()]).toEqual([
    'served',
    ['agent caller-hangup', 'agent cancelled', 'agent cancelled', 'caller caller-hangup'],
  ]);
  expect(three.map(({ phone }) => phone.rung)).toEqual([1, 1, 1]);
});

it('a queue that is full turns the next caller away, by the way the flow has for that', async () => {
  const first = await scene.caller(small);
  await scene.seen(first, 'the wait');
  const second = await scene.caller(small);
  await hears(second.phone, [1_000], [600]);
  await second.phone.heardOf('CALL_CLOSED');
  expect((await scene.story(second)).outcome).toBe('nobody');
  first.phone.hangUp();
  expect((await scene.story(first)).outcome).toBe('abandoned');
});

it('on a closed day nobody waits', async () => {
  const caller = await scene.caller(sunday);
  await hears(caller.phone, [1_300], [600]);
  await caller.phone.heardOf('CALL_CLOSED');
  expect((await scene.story(caller)).outcome).toBe('out-of-hours');
});

it('who does not answer is paused, and comes back by themselves; the more urgent caller goes first', async () => {
  const dan = agent('dan');
  await dan.want('available');
  const usual = await scene.caller(touchy);
  await dan.phone.heardOf('CALL_INCOMING');
  await dan.reaches('break');
  await dan.phone.heardOf('CALL_CLOSED');
  const pressing = await scene.caller(urgent);
  await scene.seen(pressing, 'the second wait');
  await dan.phone.heardOf('CALL_INCOMING', { count: 2, timeoutMs: 15_000 });
  dan.phone.accept();
  await hears(pressing.phone, [1_500]);
  pressing.phone.hangUp();
  await dan.phone.heardOf('CALL_INCOMING', { count: 3, timeoutMs: 15_000 });
  dan.phone.accept();
  await hears(usual.phone, [1_500]);
  usual.phone.hangUp();
  expect((await scene.story(usual)).legs).toEqual(['caller caller-hangup', 'agent no-answer', 'agent caller-hangup']);
  await dan.want('offline');
});

it('the wait is told once it can be told: nobody is thrown out before, and then place and minutes are right', async () => {
  const eve = agent('eve');
  const first = await scene.caller(told);
  await hearsWords(first, 'Nobody can tell how long it will be.');
  await eve.want('available');
  await eve.phone.heardOf('CALL_INCOMING');
  eve.phone.accept();
  await hears(first.phone, [1_700]);
  first.phone.hangUp();
  await eve.reaches('available');
  const second = await scene.caller(told);
  await eve.phone.heardOf('CALL_INCOMING', { count: 2 });
  eve.phone.accept();
  await hears(second.phone, [1_700]);
  const third = await scene.caller(told);
  await hearsWords(third, 'You are number 1. Please allow about 1 minutes.');
  third.phone.hangUp();
  second.phone.hangUp();
  expect((await scene.story(third)).outcome).toBe('abandoned');
});
