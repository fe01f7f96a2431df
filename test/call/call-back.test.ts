import { describe, expect, test } from 'vitest';
import type { SavedCall } from '../../src/call/saved-call.ts';
import type { CallServiceOptions } from '../../src/call/service.ts';
import type { DeskTicket } from '../../src/desk/desk.ts';
import type { IntakeOpening } from '../../src/desk/intake.ts';
import { type DeskRequest, deskRequestSchema } from '../../src/desk/request.ts';
import { settle } from '../support/fake-clock.ts';
import { FakeDesk, phone, ring } from './fake-desk.ts';
import { dropWrittenBefore, fakeAccounts, type HarnessOptions, harness, sakura } from './harness.ts';

const request: DeskRequest = deskRequestSchema.parse({
  ...{ callId: 'call-first', account: { accountId: 'sakura', name: 'さくら歯科', reading: '' }, queueId: 'front' },
  ...{ language: 'ja', learned: { order: '1234' } },
  callBack: { toNumber: '+819012345678', fromNumber: '0312345678' },
});

/** A turn of a call-back has begun: one agent's phone is to be rung. */
async function turn(options: HarnessOptions & { request?: Partial<DeskRequest> } = {}) {
  const desk = new FakeDesk();
  const opened: IntakeOpening[] = [];
  const intake = { open: (opening: IntakeOpening) => void opened.push(opening) };
  const people = { desk, intake, phonesOf: async () => [phone] };
  const h = await harness({ ...options, overrides: { people, ...options.overrides } });
  const ticket: DeskTicket = desk.ticket({} as never);
  desk.told.length = 0;
  const listener = await h.service.callBack({ ...request, ...options.request }, ticket);
  listener.ring(ring);
  await settle();
  return { h, desk, opened, listener };
}

/** One waits to be called back, and nobody is free. */
async function waitingFor() {
  const desk = new FakeDesk();
  return { desk, h: await harness({ overrides: { people: { desk, phonesOf: async () => [phone] } } }) };
}

async function dialling(options: Parameters<typeof turn>[0] = {}) {
  const all = await turn(options);
  const [agentDial] = all.h.telephony.dials;
  agentDial?.ring();
  await settle();
  const agent = agentDial?.answer();
  await settle();
  agent?.finishPlay();
  await settle();
  const callee = all.h.telephony.dials[1];
  if (!agentDial || !agent || !callee) throw new Error('the number was not dialled');
  callee.ring();
  await settle();
  return { ...all, agentDial, agent, callee };
}

async function talking() {
  const all = await dialling();
  const leg = all.callee.answer();
  await settle();
  if (!leg) throw new Error('nobody answered');
  return { ...all, leg };
}

/** Nothing is left: no leg, no dial, no saved call, no open record. */
async function nothingIsLeft({ h }: Awaited<ReturnType<typeof turn>>) {
  await h.clock.advance(100);
  expect(h.telephony.openLegs).toEqual([]);
  expect(h.telephony.openDials).toEqual([]);
  expect(h.states.saved.size).toBe(0);
  expect(h.service.activeCalls).toBe(0);
  const open = new Set(h.facts.filter(({ type }) => type === 'offered').map(({ legId }) => legId));
  for (const fact of h.facts) if (fact.type === 'ended') open.delete(fact.legId);
  expect([...open]).toEqual([]);
}

describe('the turn of a call-back', () => {
  test('an agent is rung first, hears what it is; then the number, by the account’s own; they talk; the record is a call’s', async () => {
    const all = await dialling();
    const { h, desk, opened, agent, agentDial, callee } = all;
    expect(agentDial.request).toMatchObject({ kind: 'agent', displayName: 'さくら歯科', fromNumber: '+819012345678' });
    expect(callee.request).toMatchObject({
      ...{ kind: 'caller', toNumber: '+819012345678', fromNumber: '0312345678', peer: agent },
    });
    // The whisper, then ringing.
    expect(agent.orders).toEqual(['play tone:%(200,100,880)', 'stop', 'play tone:%(1000,2000,400,416)']);
    expect(opened).toEqual([]);
    const leg = callee.answer();
    await settle();
    expect(leg?.bridgedWith).toBe(agent);
    expect(opened).toMatchObject([
      { callId: 'call-first', callerNumber: '+819012345678', agentId: 'hanako', learned: { order: '1234' } },
    ]);
    agent.hangUp();
    await settle();
    expect(desk.told).toEqual([
      'ringing o1',
      'answered o1',
      'connected o1',
      'connected o1',
      'parted o1 done',
      'leave done',
    ]);
    await settle();
    expect(leg?.ended).toBe('system-hangup');
    expect(h.facts[0]).toMatchObject({
      ...{ type: 'offered', kind: 'caller', direction: 'outbound', from: '0312345678', to: '+819012345678' },
      ...{ callBackOf: 'call-first', accountId: 'sakura' },
    });
    expect(h.story(callee.legId)).toEqual([
      ...['offered', 'ringing', 'answered', 'bridged', 'unbridged', 'finished served', 'ended system-hangup'],
    ]);
    await nothingIsLeft(all);
  });

  test('who is called back hangs up: the agent is in wrap-up', async () => {
    const all = await talking();
    all.leg.hangUp();
    await settle();
    expect(all.desk.told.slice(-2)).toEqual(['parted o1 caller-gone', 'leave done']);
    expect(all.agent.ended).toBe('caller-hangup');
    expect(all.h.story(all.leg.legId).slice(-2)).toEqual(['finished served', 'ended caller-hangup']);
    await nothingIsLeft(all);
  });

  test.each([
    ['busy', 486],
    ['no-answer', 480],
  ] as const)('%s: the agent hears a tone, is free, and it is tried again later', async (cause, status) => {
    const all = await dialling();
    const { h, desk, agent, callee, listener, opened } = all;
    callee.fail(cause, status);
    await settle();
    expect(agent.orders.slice(-2)).toEqual(['stop', 'play tone:%(500,500,400)']);
    expect(desk.told.slice(2)).toEqual([]);
    await h.clock.advance(3_000);
    expect(desk.told.slice(2)).toEqual(['not reached o1']);
    listener.lost();
    await settle();
    expect(agent.ended).toBe('system-hangup');
    expect(h.story(callee.legId)).toEqual(['offered', 'ringing', 'finished not-reached', `ended ${cause} ${status}`]);
    expect(opened).toEqual([]);
    await nothingIsLeft(all);
  });

  test('for the last time: the case is on the agent’s form, and so is reported', async () => {
    const all = await dialling();
    all.desk.isLastAttempt = true;
    all.callee.fail('no-answer', 480);
    await settle();
    // Whoever does not wait for the end of the tone is no different.
    all.agent.hangUp();
    await settle();
    expect(all.desk.told.slice(2)).toEqual(['not reached o1']);
    expect(all.opened).toMatchObject([{ callId: 'call-first', agentId: 'hanako', callerNumber: '+819012345678' }]);
    all.listener.lost();
    await nothingIsLeft(all);
  });

  test('the agent hangs up while it rings: it stops at once, and the next agent has it', async () => {
    const all = await dialling();
    all.agent.hangUp();
    await settle();
    expect(all.callee.cancelled).toBe(true);
    expect(all.desk.told.slice(2)).toEqual(['missed o1 refused']);
    all.listener.lost();
    await nothingIsLeft(all);
    expect(all.h.story(all.callee.legId).slice(-2)).toEqual(['finished agent-gone', 'ended cancelled']);
  });

  test('… and just then it is answered: that phone does not stay off the hook', async () => {
    const all = await dialling();
    all.h.telephony.cancelsAreLate = true;
    all.agent.hangUp();
    await settle();
    all.listener.lost();
    const leg = all.callee.answer();
    await settle();
    expect(leg?.ended).toBe('cancelled');
    await nothingIsLeft(all);
  });

  test('no agent answers: nobody is dialled, and the turn is on record', async () => {
    const all = await turn();
    const [agentDial] = all.h.telephony.dials;
    agentDial?.ring();
    agentDial?.fail('no-answer', 480);
    await settle();
    expect(all.desk.told).toEqual(['ringing o1', 'missed o1 no-answer']);
    all.listener.lost();
    await nothingIsLeft(all);
    const [offered] = all.h.facts;
    expect(all.h.story(offered?.legId)).toEqual(['offered', 'finished not-dialled', 'ended cancelled']);
  });

  test('they cannot be connected: who has answered waits at the head of the queue, with music, for the next agent', async () => {
    const all = await dialling();
    const { h, desk, listener } = all;
    h.telephony.bridgesFail = true;
    const leg = all.callee.answer();
    await settle();
    expect(desk.told.slice(2)).toEqual(['connected o1', 'parted o1 agent-lost']);
    expect(leg?.orders.at(-1)).toBe('play wait-back.wav');
    leg?.finishPlay();
    await settle();
    expect(leg?.orders.at(-1)).toBe('play hold.wav');
    h.telephony.bridgesFail = false;
    listener.ring({ ...ring, offerId: 'o2', agentId: 'taro' });
    await settle();
    const second = h.telephony.dials.at(-1);
    second?.ring();
    const taro = second?.answer();
    await settle();
    taro?.finishPlay();
    await settle();
    expect(leg?.bridgedWith).toBe(taro);
    leg?.hangUp();
    await nothingIsLeft(all);
  });

  test('the agent’s phone is lost while they talk; nobody else comes: an apology, and the end', async () => {
    const all = await talking();
    all.agent.hangUp('media-lost');
    await settle();
    expect(all.leg.orders.at(-1)).toBe('play wait-back.wav');
    expect(all.desk.told.at(-1)).toBe('parted o1 agent-lost');
    all.listener.overflow({ type: 'voicemail' }, 'time-out');
    await settle();
    expect(all.desk.told.at(-1)).toBe('overflow failed');
    all.listener.overflow({ type: 'hang-up' }, 'time-out');
    await settle();
    expect(all.leg.orders.at(-1)).toBe('play apology.wav');
    all.leg.finishPlay();
    await settle();
    expect(all.h.story(all.leg.legId).slice(-2)).toEqual(['finished nobody', 'ended system-hangup']);
    await nothingIsLeft(all);
  });

  test('the controller stops while it rings: the call-back is handed on and counts as no attempt', async () => {
    const all = await dialling();
    const stopped = all.h.service.stop({ deadlineMs: 1_000 });
    await settle();
    await stopped;
    expect(all.desk.told.slice(2)).toEqual(['not reached o1 uncounted']);
    expect(all.callee.cancelled).toBe(true);
    await nothingIsLeft(all);
  });
});

describe('a supervisor', () => {
  test('moves or drops one whose turn has not come: it is the desk’s', async () => {
    const { h, desk } = await waitingFor();
    expect(await h.service.order('call-first', { type: 'move', queueId: 'other' })).toEqual({ ok: true });
    expect(await h.service.order('call-first', { type: 'end' })).toEqual({ ok: true });
    expect(await h.service.order('call-none', { type: 'end' })).toEqual({ ok: false, reason: 'no-such-call' });
    expect(await h.service.order('call-first', { type: 'hold', held: true })).toEqual({
      ok: false,
      reason: 'no-such-call',
    });
    expect(desk.told).toEqual(['move call-first', 'end call-first', 'end call-none']);
  });

  test('drops one for whom an agent is rung: the phone stops, and there is no other turn', async () => {
    const all = await turn();
    expect(await all.h.service.order('call-first', { type: 'end' })).toEqual({ ok: true });
    await settle();
    expect(all.desk.told[0]).toBe('end call-first');
    await nothingIsLeft(all);
  });
});

describe('a call-back is not dialled', () => {
  test('where there is no room, or this controller takes no more calls: another turn, uncounted', async () => {
    const full = await turn({ limits: { maxCalls: 0 } });
    expect(full.desk.told).toEqual(['not reached o1 uncounted']);
    const draining = await harness();
    draining.service.drain();
    const desk = new FakeDesk();
    (await draining.service.callBack(request, desk.ticket({} as never))).ring(ring);
    expect(desk.told).toEqual(['not reached o1 uncounted']);
    expect([...full.h.telephony.dials, ...draining.telephony.dials]).toEqual([]);
  });

  test('where the account may not dial the number any more, is suspended, or there is no number: it is given up', async () => {
    const rules = { allow: ['+813'], deny: [] };
    for (const options of [
      { account: { outbound: rules } },
      { account: { status: 'suspended' as const } },
      { account: { answeringService: 'suspended' as const } },
      {
        request: { callBack: { toNumber: '110', fromNumber: '0312345678' } },
        account: { outbound: { allow: ['*'], deny: [] } },
      },
      { request: { callBack: undefined } },
    ]) {
      const { h, desk, opened } = await turn(options);
      expect(desk.told).toEqual(['leave done']);
      // Not lost: the agent finds it, and the account has a report.
      expect(opened).toMatchObject([
        { callId: 'call-first', offerId: 'o1', agentId: 'hanako', learned: { order: '1234' } },
      ]);
      expect(h.telephony.dials).toEqual([]);
    }
  });

  test('where the account cannot be looked up: another turn', async () => {
    const accounts: CallServiceOptions['accounts'] = {
      ...fakeAccounts(sakura),
      findAccount: async () => {
        throw new Error('the database is away');
      },
    };
    const { desk } = await turn({ overrides: { accounts } });
    expect(desk.told).toEqual(['not reached o1 uncounted']);
  });
});

describe('the controller is killed', () => {
  async function another(
    all: Awaited<ReturnType<typeof turn>>,
    keep: (saved: SavedCall) => [string, 'agent' | 'caller'][],
  ) {
    await all.h.clock.advance(200);
    const snapshot = [...all.h.states.saved.values()][0]?.snapshot;
    if (!snapshot) throw new Error('nothing was saved');
    const desk = new FakeDesk();
    desk.found = { state: 'talking', offerId: 'o1', agentId: 'hanako' };
    const h = await harness({ overrides: { people: { desk, phonesOf: async () => [phone] } } });
    for (const [legId, kind] of keep(snapshot.state as SavedCall)) h.telephony.adoptable.set(legId, kind);
    h.states.orphans.push(snapshot);
    await h.clock.advance(3_000);
    dropWrittenBefore(all.h, h);
    return { h, desk };
  }

  test('while the number rings: both phones stop, and the record is closed', async () => {
    const all = await dialling();
    const { h } = await another(all, () => [
      [all.agentDial.legId, 'agent'],
      [all.callee.legId, 'caller'],
    ]);
    expect(h.telephony.legs.map(({ kind, ended }) => `${kind} ${ended}`).sort()).toEqual([
      ...['agent controller-lost', 'caller controller-lost'],
    ]);
    expect(h.states.saved.size).toBe(0);
    expect(h.story(all.callee.legId)).toEqual(['taken-over', 'ended controller-lost']);
    expect(h.story(all.agentDial.legId)).toEqual(['ended controller-lost']);
  });

  test('while they talk: they talk on, and the end is found out', async () => {
    const all = await talking();
    const { h, desk } = await another(all, () => [
      [all.agentDial.legId, 'agent'],
      [all.leg.legId, 'caller'],
    ]);
    const [caller, agent] = ['caller', 'agent'].map((kind) => h.telephony.legs.find((leg) => leg.kind === kind));
    expect([caller?.ended, agent?.ended]).toEqual([undefined, undefined]);
    agent?.hangUp();
    if (caller) h.telephony.unbridge(caller, agent?.legId ?? '');
    await settle();
    expect(desk.told).toEqual(['parted o1 done', 'leave done']);
    expect(h.story(caller?.legId).slice(-2)).toEqual(['finished served', 'ended system-hangup']);
  });
});
