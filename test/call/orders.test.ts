import { expect, test } from 'vitest';
import { settle } from '../support/fake-clock.ts';
import { talking, waiting } from './fake-desk.ts';

test('a supervisor moves the waiting caller: to the head of the line, to another queue; who talks is not moved', async () => {
  const { h, leg, desk } = await waiting();
  const callId = h.facts[0]?.callId ?? '';
  const move = (queueId: string, first = false) => h.service.order(callId, { type: 'move', queueId, first });
  expect(await move('front', true)).toEqual({ ok: true });
  expect(await move('back')).toEqual({ ok: true });
  expect(await move('full')).toEqual({ ok: false, reason: 'full' });
  expect(desk.told).toEqual(['move front first', 'move back', 'move full']);
  await settle();
  const queued = h.facts.filter(({ legId, type }) => legId === leg.legId && type === 'queued');
  expect(queued.map((fact) => 'queueId' in fact && fact.queueId)).toEqual(['front', 'back']);
  const other = await talking();
  const talk = other.h.facts[0]?.callId ?? '';
  expect(await other.h.service.order(talk, { type: 'move', queueId: 'back' })).toMatchObject({ reason: 'not-waiting' });
});

test('an order ends the call, both legs and the record; a call that is not here is said not to be', async () => {
  const { h, leg, agent, desk } = await talking();
  const callId = h.facts[0]?.callId ?? '';
  expect(await h.service.order(callId, { type: 'end' })).toEqual({ ok: true });
  await settle();
  expect([leg.ended, agent.ended]).toEqual(['system-hangup', 'system-hangup']);
  expect(desk.told.slice(-2)).toEqual(['parted o1 caller-gone', 'leave done']);
  expect(h.service.activeCalls).toBe(0);
  expect(await h.service.order(callId, { type: 'end' })).toEqual({ ok: false, reason: 'no-such-call' });
});
