import { expect, test } from 'vitest';
import type { Effect } from '../../src/flow/protocol.ts';
import { settle } from '../support/fake-clock.ts';
import { answeredCall, dial, type HarnessOptions, hangup, harness, say } from './harness.ts';

const ringBack = 'play tone:%(1000,2000,400,416)';

async function dialling(to = '0398765432', options: HarnessOptions & { more?: Effect[] } = {}) {
  const h = await harness({
    script: (event) => {
      if (event.type === 'started') return [dial(to)];
      if (event.type === 'peer-ended' || event.type === 'dial-done') return options.more ?? [];
      if (event.type === 'digit') return [{ type: 'cancel-dial', dialId: 'd1' }];
      return [];
    },
    ...options,
  });
  const { leg } = await answeredCall(h);
  const attempt = h.telephony.dials[0];
  if (!attempt) throw new Error('nothing was dialled');
  return { h, leg, attempt };
}

async function talking(options: Parameters<typeof dialling>[1] = {}) {
  const all = await dialling('0398765432', options);
  all.attempt.ring();
  const peer = all.attempt.answer();
  await settle();
  if (!peer) throw new Error('the phone did not answer');
  return { ...all, peer };
}

test('a transfer: ring-back, answer, talk, and the facts of both legs', async () => {
  const { h, leg, attempt, peer } = await talking();
  expect(attempt.request).toMatchObject({ toNumber: '+81398765432', fromNumber: '0312345678', peer: leg });
  expect(leg.orders).toEqual([ringBack, 'stop', 'bridge transfer']);
  expect(h.events.at(-1)).toMatchObject({ type: 'dial-done', outcome: 'answered' });
  peer.hangUp();
  await settle();
  expect(h.events.at(-1)).toMatchObject({ type: 'peer-ended', dialId: 'd1' });
  expect(h.story(peer.legId)).toEqual(['offered', 'ringing', 'answered', 'bridged', 'unbridged', 'ended peer-hangup']);
  expect(h.story(leg.legId)).toEqual(['offered', 'answered', 'bridged', 'unbridged']);
  expect(leg.ended).toBeUndefined();
});

test('after the peer has left, the caller can hear prompts again', async () => {
  const { leg, peer } = await talking({ more: [say('thanks')] });
  peer.hangUp();
  await settle();
  expect(leg.orders.at(-1)).toBe('play thanks');
});

test.each([
  ['busy', 486, 'busy'],
  ['no-answer', 480, 'no-answer'],
  ['rejected', 603, 'failed'],
  ['unreachable', 404, 'failed'],
] as const)('a phone that is %s: its own exit, cause and status on record', async (cause, sipStatus, outcome) => {
  const { h, leg, attempt } = await dialling();
  attempt.fail(cause, sipStatus);
  await settle();
  expect(h.events.at(-1)).toMatchObject({ type: 'dial-done', outcome, sipStatus });
  expect(h.story(attempt.legId)).toEqual(['offered', `ended ${cause} ${sipStatus}`]);
  expect(leg.orders).toEqual([ringBack, 'stop']);
});

test.each(['110', '１１９', '118', '184110', '0990123456', '+15551234567'])('%s is never dialled', async (number) => {
  const h = await harness({ script: (event) => (event.type === 'started' ? [dial(number)] : []) });
  await answeredCall(h);
  expect(h.telephony.dials).toEqual([]);
  expect(h.events.at(-1)).toMatchObject({ type: 'dial-done', outcome: 'forbidden' });
  expect(h.story().slice(2)).toEqual(['offered', 'ended forbidden-number']);
});

test('emergency numbers are not dialled even where everything is allowed', async () => {
  const h = await harness({
    account: { outbound: { allow: ['*'], deny: [] } },
    script: (event) => (event.type === 'started' ? [dial('119')] : []),
  });
  await answeredCall(h);
  expect(h.telephony.dials).toEqual([]);
});

test('an account that may dial nothing dials nothing', async () => {
  const h = await harness({
    account: { outbound: { allow: [], deny: [] } },
    script: (event) => (event.type === 'started' ? [dial('0398765432')] : []),
  });
  await answeredCall(h);
  expect(h.telephony.dials).toEqual([]);
});

test('the caller hangs up while the phone rings: the ringing stops at once', async () => {
  const { h, leg, attempt } = await dialling();
  leg.hangUp();
  expect(attempt.cancelled).toBe(true);
  await settle();
  expect(h.story(attempt.legId)).toEqual(['offered', 'ended cancelled 487']);
  expect(h.story(leg.legId).at(-1)).toBe('ended caller-hangup');
  expect(h.service.activeCalls).toBe(0);
});

test('the phone answers in the moment the caller hangs up: its leg is ended, nobody talks', async () => {
  const { h, leg, attempt } = await dialling();
  h.telephony.cancelsAreLate = true;
  leg.hangUp();
  expect(h.service.activeCalls).toBe(1);
  attempt.answer();
  await settle();
  expect(h.telephony.openLegs).toEqual([]);
  expect(h.story(attempt.legId)).toEqual(['offered', 'answered', 'ended caller-hangup']);
  expect(h.service.activeCalls).toBe(0);
});

test('the caller hangs up while the two are being bridged', async () => {
  const { h, leg, attempt } = await dialling();
  attempt.answer();
  leg.hangUp();
  await settle();
  expect(h.telephony.openLegs).toEqual([]);
  expect(h.facts.filter((fact) => fact.type === 'ended')).toHaveLength(2);
  expect(h.service.activeCalls).toBe(0);
});

test('the caller hangs up while talking: the phone is hung up', async () => {
  const { h, leg, peer } = await talking();
  leg.hangUp();
  await settle();
  expect(peer.ended).toBe('caller-hangup');
  expect(h.story(peer.legId)).toEqual([
    'offered',
    'ringing',
    'answered',
    'bridged',
    'unbridged',
    'ended caller-hangup',
  ]);
  expect(h.story(leg.legId)).toEqual(['offered', 'answered', 'bridged', 'unbridged', 'ended caller-hangup']);
});

test('a bridge that fails hangs the phone up and tells the flow', async () => {
  const { h, attempt } = await dialling();
  h.telephony.bridgesFail = true;
  attempt.answer();
  await settle();
  expect(h.events.at(-1)).toMatchObject({ type: 'dial-done', outcome: 'failed' });
  expect(h.story(attempt.legId)).toEqual(['offered', 'answered', 'ended failed']);
  expect(h.telephony.openLegs).toHaveLength(1);
});

test('the flow cancels the ringing', async () => {
  const { h, leg, attempt } = await dialling();
  leg.press('9');
  await settle();
  expect(attempt.cancelled).toBe(true);
  expect(h.events.filter((event) => event.type === 'dial-done')).toMatchObject([{ outcome: 'failed' }]);
  expect(h.story(attempt.legId)).toEqual(['offered', 'ended cancelled 487']);
});

test('talk ends at its limit and the flow goes on with the caller', async () => {
  const h = await harness({
    script: (event) => (event.type === 'started' ? [dial('0398765432', { maxTalkMs: 60_000 })] : []),
  });
  const { leg } = await answeredCall(h);
  const peer = h.telephony.dials[0]?.answer();
  await h.clock.advance(60_000);
  expect(peer?.ended).toBe('limit-reached');
  expect(h.events.at(-1)).toMatchObject({ type: 'peer-ended' });
  expect(leg.ended).toBeUndefined();
});

test('a peer that was left alone by the switch is hung up within a second', async () => {
  const { h, leg, peer } = await talking();
  leg.bridgedWith = undefined;
  peer.bridgedWith = undefined;
  h.telephony.unbridge(leg, peer.legId);
  await h.clock.advance(1_000);
  expect(peer.ended).toBe('system-hangup');
  expect(h.events.at(-1)).toMatchObject({ type: 'peer-ended' });
});

test('stop while talking ends both legs', async () => {
  const { h, leg, peer } = await talking();
  await h.service.stop({ deadlineMs: 1_000 });
  expect([leg.ended, peer.ended]).toEqual(['system-hangup', 'system-hangup']);
  expect(h.facts.filter((fact) => fact.type === 'ended')).toHaveLength(2);
  expect(h.clock.pendingTimers).toBe(0);
});

test('the flow hangs up after the peer has gone', async () => {
  const { h, leg, peer } = await talking({ more: [] });
  peer.hangUp();
  await settle();
  leg.hangUp();
  await settle();
  expect(h.service.activeCalls).toBe(0);
});

test('hang-up as answer to a failed dial ends all', async () => {
  const { h, attempt } = await dialling('0398765432', { more: [hangup('nobody')] });
  attempt.fail('busy', 486);
  await settle();
  expect(h.story()).toEqual([
    'offered',
    'answered',
    'offered',
    'ended busy 486',
    'finished nobody',
    'ended system-hangup',
  ]);
});
