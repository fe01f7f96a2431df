import { expect, test } from 'vitest';
import type { CallOrder } from '../../src/desk/call-orders.ts';
import { settle } from '../support/fake-clock.ts';
import { talking } from './fake-desk.ts';

/** Recording and listening while the caller is held, or handed over. */

const listeners = [{ agentId: 'boss', mode: 'listen' }];
const recorded = { recordingPolicy: async () => ({ record: true, announce: true }) };

/** A recorded talk with a supervisor who listens. */
async function witnessed() {
  const talk = await talking(recorded);
  const { h, leg } = talk;
  leg.finishPlay();
  await settle();
  const order = async (what: CallOrder) => {
    const answer = await h.service.order(h.facts[0]?.callId ?? '', what);
    await settle();
    return answer;
  };
  expect(await order({ type: 'listen', agentId: 'boss', mode: 'listen' })).toEqual({ ok: true });
  const supervisor = h.telephony.dials.at(-1)?.answer();
  await settle();
  expect(talk.desk.shown.at(-1)).toEqual({ recording: 'on', listeners });
  const agentsOf = () =>
    h.facts.flatMap((fact) => (fact.type === 'recorded' && 'agentId' in fact ? [fact.agentId] : []));
  /** Who is rung last answers, and hears what is to be heard first. */
  const answered = async () => {
    const other = h.telephony.dials.at(-1)?.answer();
    await settle();
    other?.finishPlay();
    await settle();
    return other;
  };
  return { ...talk, supervisor, order, agentsOf, answered };
}

test('hold changes nothing for either', async () => {
  const { leg, desk, supervisor, agent, order, agentsOf } = await witnessed();
  expect(await order({ type: 'hold', held: true })).toEqual({ ok: true });
  expect(supervisor?.listening?.target).toBe(agent);
  expect(desk.shown.at(-1)).toEqual({ held: true, recording: 'on', listeners });
  expect(await order({ type: 'recording', paused: true })).toEqual({ ok: true });
  await order({ type: 'hold', held: false });
  expect(leg.callRecordings.size).toBe(1);
  expect(agentsOf()).toEqual([]);
  expect(desk.shown.at(-1)).toEqual({ recording: 'paused', listeners });
});

test('handed to another agent: a recording of each talk, announced once, and the listener’s leg ends', async () => {
  const { h, leg, desk, supervisor, order, agentsOf, answered } = await witnessed();
  await order({ type: 'transfer', to: { type: 'agent', agentId: 'taro' } });
  expect(supervisor?.ended).toBeUndefined();
  await answered();
  expect(supervisor?.ended).toBe('system-hangup');
  expect(agentsOf()).toEqual(['hanako']);
  expect(desk.shown.at(-1)).toEqual({ recording: 'on' });
  expect(leg.orders.filter((words) => words === 'play recorded.wav')).toHaveLength(1);
  leg.hangUp();
  await settle();
  expect(agentsOf()).toEqual(['hanako', 'taro']);
  expect(h.service.activeCalls).toBe(0);
});

test('the other agent does not take the caller: the talk with the first goes on, recorded and heard as before', async () => {
  const { h, leg, supervisor, agent, order, agentsOf } = await witnessed();
  await order({ type: 'transfer', to: { type: 'agent', agentId: 'taro' } });
  h.telephony.dials.at(-1)?.fail('busy', 486);
  await settle();
  expect([leg.bridgedWith, supervisor?.listening?.target]).toEqual([agent, agent]);
  expect(agentsOf()).toEqual([]);
  agent.hangUp();
  await settle();
  expect(agentsOf()).toEqual(['hanako']);
  expect(supervisor?.ended).toBe('system-hangup');
});

test.each([
  ['a number', { type: 'number', number: '0355556666' }],
  ['a queue', { type: 'queue', queueId: 'back' }],
] as const)('handed to %s: recording and listening end with the agent’s talk', async (_to, to) => {
  const { leg, desk, supervisor, order, agentsOf, answered } = await witnessed();
  await order({ type: 'transfer', to });
  if (to.type === 'number') await answered();
  expect(agentsOf()).toEqual(['hanako']);
  expect(supervisor?.ended).toBe('system-hangup');
  expect(leg.ended).toBeUndefined();
  expect(desk.shown.at(-1)).toEqual({});
});
