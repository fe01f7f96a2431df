import fc from 'fast-check';
import { expect } from 'vitest';
import type { MissCause, OfferEvent, WantedState } from '../../src/desk/desk-store.ts';
import { agentOf, requestOf } from '../support/desk-harness.ts';
import { agentIds, type DeskUnderTest, leaseMs, queueIds } from './desk-model.ts';

type Run = (desk: DeskUnderTest) => Promise<void>;

class Step implements fc.AsyncCommand<object, DeskUnderTest> {
  readonly #name: string;
  readonly #run: Run;
  constructor(name: string, run: Run) {
    this.#name = name;
    this.#run = run;
  }
  check(): boolean {
    return true;
  }
  run(_model: object, desk: DeskUnderTest): Promise<void> {
    return this.#run(desk);
  }
  toString(): string {
    return this.#name;
  }
}

function pick<T>(list: readonly T[], index: number): T | undefined {
  return list[index % Math.max(1, list.length)];
}

const index = fc.nat(50);

function step<T>(name: string, value: fc.Arbitrary<T>, run: (desk: DeskUnderTest, value: T) => Promise<void>) {
  return value.map((drawn) => new Step(`${name}(${JSON.stringify(drawn)})`, (desk) => run(desk, drawn)));
}

const enqueue = step(
  'enqueue',
  fc.record({
    controller: index,
    queueId: fc.constantFrom('front', 'back'),
    priority: fc.constantFrom(5, 5, 5, 9, 0),
    accountId: fc.constantFrom('acme', 'globex'),
    language: fc.constantFrom('ja', 'en', undefined),
    billing: fc.constantFrom(0, 0, 4, 8),
    waitedMs: fc.constantFrom(0, 0, 0, 15_000),
  }),
  async (desk, { controller, queueId, priority, accountId, language, billing, waitedMs }) => {
    const name = pick(desk.living(), controller);
    if (name === undefined) return;
    const callId = desk.newCallId();
    desk.nowMs += 1;
    await desk.store.tick();
    const sinceMs = desk.nowMs - waitedMs;
    const request = requestOf(callId, {
      queueId,
      priority,
      account: { accountId, name: '', reading: '' },
      ...(language ? { language } : {}),
      skills: billing > 0 ? [{ name: 'billing', minLevel: billing }] : [],
      enqueuedAtMs: sinceMs,
    });
    const { outcome } = await desk.storeOf(name).enqueue(name, request);
    const place = { priority, sinceMs, isCallBack: false, isServed: false, score: '' };
    if (outcome === 'queued') desk.calls.set(callId, { controller: name, ...place });
    await desk.check();
  },
);

const wish = step(
  'wish',
  fc.record({
    agent: index,
    wanted: fc.constantFrom<WantedState>('available', 'available', 'available', 'break', 'offline'),
  }),
  async (desk, { agent, wanted }) => {
    await desk.store.setAgentState(pick(agentIds, agent) ?? '', wanted, wanted === 'break' ? 'lunch' : '');
    await desk.check();
  },
);

const report = step(
  'report',
  fc.record({
    offer: index,
    event: fc.constantFrom<OfferEvent>(
      { type: 'ringing' },
      { type: 'answered' },
      { type: 'answered' },
      { type: 'connected' },
      { type: 'connected' },
      { type: 'finished' },
      { type: 'finished', wrapUpMs: 0 },
      { type: 'agent-lost' },
      { type: 'not-reached', againMs: 20_000 },
      { type: 'not-reached', againMs: 5_000, attemptsMax: 2 },
      ...(['no-answer', 'refused', 'unreachable', 'failed'] satisfies MissCause[]).map((why) => ({
        type: 'missed' as const,
        why,
      })),
    ),
  }),
  async (desk, { offer, event }) => {
    const offerId = pick(desk.offers(), offer);
    if (offerId !== undefined) await desk.report(offerId, event);
  },
);

/** A whole call with an agent, as most calls go. */
const talk = step('talk', index, async (desk, offer) => {
  const offerId = pick(desk.offers(), offer);
  if (offerId === undefined) return;
  for (const type of ['ringing', 'answered', 'connected'] as const) await desk.report(offerId, { type });
});

/** All who ring for a caller answer at once, each told by another controller's connection. */
const race = step('race', index, async (desk, call) => {
  const callId = pick([...desk.calls.keys()], call) ?? '';
  const stores = [...desk.controllers.values()];
  const answers = desk.offersOf(callId).map((offerId, at) => {
    const store = pick(stores, at)?.store ?? desk.store;
    return store.report(offerId, { type: 'answered' });
  });
  const granted = (await Promise.all(answers)).filter((answer) => answer === 'ok');
  if (answers.length > 0) expect(granted.length).toBe(1);
  await desk.check();
});

const leave = step('leave', index, async (desk, call) => {
  const callId = pick([...desk.calls.keys()], call);
  if (callId === undefined) return;
  desk.calls.delete(callId);
  await desk.store.leave(callId);
  await desk.check();
});

const transfer = step(
  'transfer',
  fc.record({ call: index, queueId: fc.constantFrom('front', 'back') }),
  async (desk, { call, queueId }) => {
    const callId = pick([...desk.calls.keys()], call);
    const known = desk.calls.get(callId ?? '');
    if (callId === undefined || !known) return;
    const { outcome } = await desk.store.transferTo(callId, queueId);
    if (outcome === 'queued') known.isServed = false;
    await desk.check();
  },
);

/** As `transfer`, of one who talks; and nobody knows whether it was done. */
const stay = step(
  'stay',
  fc.record({ call: index, queueId: fc.constantFrom('front', 'back'), isDone: fc.boolean() }),
  async (desk, { call, queueId, isDone }) => {
    const talking = [...desk.calls.keys()].filter((callId) => desk.stateOf(callId) === 'talking');
    const callId = pick(talking, call);
    const known = desk.calls.get(callId ?? '');
    if (callId === undefined || !known) return;
    const offerId = desk.talkOf(callId);
    if (isDone && (await desk.store.transferTo(callId, queueId)).outcome === 'queued') known.isServed = false;
    await desk.check();
    if (await desk.store.stay(callId, offerId)) known.isServed = true;
    await desk.check();
  },
);

/** A supervisor moves a caller who waits. */
const move = step(
  'move',
  fc.record({ call: index, queueId: fc.constantFrom('front', 'back'), first: fc.boolean() }),
  async (desk, { call, queueId, first }) => {
    const callId = pick([...desk.calls.keys()], call);
    const known = desk.calls.get(callId ?? '');
    if (callId === undefined || !known) return;
    const { outcome } = await desk.store.moveTo(callId, queueId, first);
    if (outcome === 'queued' && first) desk.atHead(known, true);
    await desk.check();
  },
);

/** The agent who talks hands the caller to another, whoever is free … */
const handTo = step('handTo', fc.record({ call: index, agent: index }), async (desk, { call, agent }) => {
  const talking = [...desk.calls].filter(([, { isServed }]) => isServed).map(([callId]) => callId);
  const callId = pick(talking, call);
  if (callId === undefined) return;
  for (const turn of agentIds.keys()) {
    const answer = await desk.store.handTo(callId, pick(agentIds, agent + turn) ?? '');
    await desk.check();
    if (typeof answer === 'object') break;
  }
});

/** … or does not, after all … */
const keep = step('keep', index, async (desk, call) => {
  const callId = pick([...desk.calls.keys()], call);
  if (callId !== undefined) await desk.store.keep(callId);
  await desk.check();
});

/** … or has gone meanwhile. */
const backToHead = step('backToHead', index, async (desk, call) => {
  const callId = pick([...desk.calls.keys()], call);
  const known = desk.calls.get(callId ?? '');
  if (callId === undefined || !known) return;
  const wasServed = desk.stateOf(callId) === 'served';
  if ((await desk.store.backToHead(callId)) && wasServed) {
    known.isServed = false;
    desk.atHead(known);
  }
  await desk.check();
});

/** A supervisor listens to any call, or no more. */
const listenIn = step('listenIn', fc.record({ call: index, agent: index }), async (desk, { call, agent }) => {
  const callId = pick([...desk.calls.keys()], call);
  if (callId !== undefined) await desk.store.listenIn(callId, pick(agentIds, agent) ?? '');
  await desk.check();
});
const stopListening = step('stopListening', fc.record({ call: index, agent: index }), async (desk, { call, agent }) => {
  const callId = pick([...desk.calls.keys()], call);
  if (callId !== undefined) await desk.store.stopListening(callId, pick(agentIds, agent) ?? '');
  await desk.check();
});

const callBack = step('callBack', index, async (desk, call) => {
  const callId = pick([...desk.calls.keys()], call);
  const known = desk.calls.get(callId ?? '');
  if (callId === undefined || !known) return;
  if (await desk.store.callBackLater(callId)) known.isCallBack = true;
  await desk.check();
});

const dropCallBack = step('dropCallBack', index, async (desk, call) => {
  const waiting = [...desk.calls].filter(([, { isCallBack, isServed }]) => isCallBack && !isServed);
  const [callId] = pick(waiting, call) ?? [];
  if (callId !== undefined && (await desk.store.dropCallBack(callId))) desk.calls.delete(callId);
  await desk.check();
});

const overflowFailed = step('overflowFailed', index, async (desk, call) => {
  const callId = pick([...desk.calls.keys()], call);
  if (callId !== undefined) await desk.store.overflowFailed(callId);
  await desk.check();
});

const advance = step('advance', fc.constantFrom(500, 2_000, 6_000, 6_000, 16_000, 31_000, 70_000), (desk, ms) =>
  desk.advance(ms),
);

/** A phone registers anew: only who was paused as unreachable, and wished nothing else since, takes calls again. */
const phoneBack = step('phoneBack', index, async (desk, agent) => {
  const agentId = pick(agentIds, agent) ?? '';
  await desk.store.tick();
  const before = await desk.store.findAgent(agentId);
  const isPaused = before?.reason === 'unreachable' && before.wanted === 'available';
  expect(await desk.store.phoneIsBack(agentId)).toBe(isPaused);
  const after = await desk.store.findAgent(agentId);
  if (isPaused) expect(after?.reason).not.toBe('unreachable');
  else expect(after).toEqual(before);
  await desk.check();
});

const endWrapUp = step('endWrapUp', index, async (desk, agent) => {
  await desk.store.endWrapUp(pick(agentIds, agent) ?? '');
  await desk.check();
});

/** Controllers hang (and are dead, if nobody revives them) … */
const hang = step('hang', index, async (desk, controller) => {
  const name = pick(desk.living(), controller);
  const known = desk.controllers.get(name ?? '');
  if (known && desk.living().length > 1) known.hungAtMs = desk.nowMs;
});

/** … and come back. */
const revive = step('revive', index, async (desk, controller) => {
  const name = pick([...desk.controllers.keys()], controller) ?? '';
  const known = desk.controllers.get(name);
  if (!known) return;
  await known.store.extend(name, leaseMs);
  await desk.check();
  known.hungAtMs = undefined;
  await desk.takeBack(name);
});

const takeOver = step('takeOver', fc.record({ call: index, controller: index }), async (desk, { call, controller }) => {
  const name = pick(desk.living(), controller);
  const callId = pick([...desk.calls.keys()], call);
  if (name === undefined || callId === undefined) return;
  await desk.storeOf(name).extend(name, leaseMs);
  await desk.check();
  const known = desk.calls.get(callId);
  if (!known) return;
  const found = await desk.storeOf(name).resume(name, callId);
  if (known.isCallBack && found === 'taken') return;
  expect(found).toMatchObject({ request: { callId } });
  known.controller = name;
  await desk.check();
});

const rewrite = step(
  'rewrite',
  fc.record({ agent: index, queues: fc.subarray(['front', 'back']), active: fc.constantFrom(true, true, true, false) }),
  async (desk, { agent, queues, active }) => {
    const id = pick(agentIds, agent) ?? '';
    await desk.store.putAgent(agentOf(id, { queues, active }));
    await desk.check();
  },
);

/** The queue's hours are changed: it closes, now or soon, or opens. */
const reopen = step(
  'reopen',
  fc.record({
    queueId: fc.constantFrom(...queueIds),
    minutes: fc.constantFrom([0, 60], [-5, 1], [1, 3], [-1, 2], [60, 120], undefined),
  }),
  async (desk, { queueId, minutes }) => {
    const settings = desk.queue(queueId);
    const hours = minutes ? desk.hours(minutes[0] ?? 0, minutes[1] ?? 0) : settings.hours;
    await desk.store.putQueue({ ...settings, hours });
    await desk.check();
  },
);

const removeQueue = step('removeQueue', fc.constantFrom(...queueIds), async (desk, queueId) => {
  await desk.store.removeQueue(queueId);
  await desk.check();
});

/** Anything that can happen, in any order. */
const weighted: [number, fc.Arbitrary<Step>][] = [
  [4, enqueue],
  [2, wish],
  [4, report],
  [3, talk],
  [1, race],
  [2, leave],
  [1, transfer],
  [1, stay],
  [1, move],
  [2, handTo],
  [1, keep],
  [1, listenIn],
  [1, stopListening],
  [1, backToHead],
  [1, overflowFailed],
  [1, callBack],
  [1, dropCallBack],
  [4, advance],
  [1, endWrapUp],
  [2, phoneBack],
  [1, hang],
  [1, revive],
  [1, takeOver],
  [1, rewrite],
  [2, reopen],
  [1, removeQueue],
];
export const commands = fc.commands(
  weighted.flatMap(([weight, each]) => Array.from({ length: weight }, () => each)),
  { maxCommands: 120, size: 'max' },
);
