import { expect, test } from 'vitest';
import { settle } from '../support/fake-clock.ts';
import { answeredCall, fakeAccounts, harness, sakura, say } from './harness.ts';

test('a call to an assigned number is answered by its flow, pinned to one version', async () => {
  const h = await harness({ script: (event) => (event.type === 'started' ? [say('hello')] : []) });
  const { leg } = await answeredCall(h);
  expect(leg.orders).toEqual(['play hello']);
  expect(h.facts[0]).toMatchObject({
    type: 'offered',
    kind: 'caller',
    direction: 'inbound',
    accountId: 'sakura',
    flowId: 'main',
    flowVersion: 3,
    from: '09012345678',
  });
  expect(h.story()).toEqual(['offered', 'answered']);
  expect(h.service.activeCalls).toBe(1);
});

test('an unknown number gets 404 and leaves a closed record', async () => {
  const h = await harness();
  const call = h.telephony.invite({ to: '0399999999' });
  await settle();
  expect(call.rejected).toEqual({ status: 404 });
  expect(h.story()).toEqual(['offered', 'ended not-found 404']);
  expect(h.service.activeCalls).toBe(0);
});

test('something that is not a number at all gets 404', async () => {
  const h = await harness();
  const call = h.telephony.invite({ to: 'a b;c' });
  await settle();
  expect(call.rejected).toEqual({ status: 404 });
});

test.each(['suspended', 'ended'] as const)('an account that is %s gets 603', async (status) => {
  const h = await harness({ account: { status } });
  const call = h.telephony.invite();
  await settle();
  expect(call.rejected).toEqual({ status: 603 });
  expect(h.story()).toEqual(['offered', 'ended suspended 603']);
  expect(h.facts[0]?.accountId).toBe('sakura');
});

test('a number without a flow gets 480 and the fault is on record', async () => {
  const h = await harness({ flow: undefined });
  const call = h.telephony.invite();
  await settle();
  expect(call.rejected).toEqual({ status: 480 });
  expect(h.story()).toEqual(['offered', 'fault', 'ended flow-fault 480']);
});

test('a stored flow that cannot be loaded gets 500 and the fault is on record', async () => {
  const h = await harness({
    overrides: {
      loadFlow: () => {
        throw new Error('no such node type');
      },
    },
  });
  const call = h.telephony.invite();
  await settle();
  expect(call.rejected).toEqual({ status: 500 });
  expect(h.story()).toEqual(['offered', 'fault', 'ended flow-fault 500']);
});

test('a look-up that hangs is given up: 503, and the call is not counted any more', async () => {
  const h = await harness({
    overrides: { flows: { ...neverFlows } },
  });
  const call = h.telephony.invite();
  await settle();
  expect(h.service.activeCalls).toBe(1);
  await h.clock.advance(3_000);
  expect(call.rejected).toEqual({ status: 503, retryAfterSeconds: 5 });
  expect(h.story()).toEqual(['offered', 'fault', 'ended failed 503']);
  expect(h.service.activeCalls).toBe(0);
});

const neverFlows = {
  publish: async () => {
    throw new Error('not used');
  },
  findFlow: () => new Promise<undefined>(() => undefined),
  listFlows: async () => [],
};

test('a caller who gives up during the look-up is on record as cancelled', async () => {
  const h = await harness();
  const call = h.telephony.invite();
  call.cancel();
  await settle();
  expect(h.story()).toEqual(['offered', 'ended cancelled 487']);
  expect(h.service.activeCalls).toBe(0);
});

test('a caller who gives up while being answered is on record as cancelled', async () => {
  const h = await harness();
  const call = h.telephony.invite({ slowToAnswer: true });
  await settle();
  expect(call.answering).toBe(true);
  call.cancel();
  await settle();
  expect(h.story()).toEqual(['offered', 'ended cancelled 487']);
  expect(h.events).toEqual([]);
  expect(h.service.activeCalls).toBe(0);
});

test('a media server that refuses the caller leaves its cause and status on record', async () => {
  const h = await harness();
  const call = h.telephony.invite({ slowToAnswer: true });
  await settle();
  call.completeAnswer({ ok: false, cause: 'media-refused', sipStatus: 488, fault: 'no codec but PCMU' });
  await settle();
  expect(h.story()).toEqual(['offered', expect.stringMatching(/^fault/), 'ended media-refused 488']);
  expect(h.states.saved.size).toBe(0);
});

test('over the limit of calls at once: 503 with Retry-After, on record', async () => {
  const h = await harness({ limits: { maxCalls: 1 } });
  await answeredCall(h);
  const second = h.telephony.invite();
  await settle();
  expect(second.rejected).toEqual({ status: 503, retryAfterSeconds: 2 });
  expect(h.story(second.legId)).toEqual(['offered', 'ended overload 503']);
  expect(h.service.activeCalls).toBe(1);
});

test('over the limit of calls a second: 503, and a second later calls are taken again', async () => {
  const h = await harness({ limits: { maxCallsPerSecond: 2 } });
  const calls = [h.telephony.invite(), h.telephony.invite(), h.telephony.invite()];
  await settle();
  expect(calls.map((call) => call.rejected?.status)).toEqual([undefined, undefined, 503]);
  await h.clock.advance(1_000);
  const later = h.telephony.invite();
  await settle();
  expect(later.leg).toBeDefined();
});

test('draining wants no new calls, lets those in progress go on, and is over with the last', async () => {
  const h = await harness();
  const { leg } = await answeredCall(h);
  let isOver = false;
  h.service.drain().then(() => {
    isOver = true;
  });
  expect(h.telephony.draining).toBe(true);
  // One that is offered all the same was for nobody else to take.
  const late = h.telephony.invite();
  await settle();
  expect([late.rejected, leg.ended, isOver]).toEqual([undefined, undefined, false]);
  for (const each of [leg, late.leg]) each?.hangUp();
  await settle();
  expect(isOver).toBe(true);
});

test('stop ends every call and closes every record, also of calls not yet answered', async () => {
  const h = await harness();
  const { leg } = await answeredCall(h);
  const answering = h.telephony.invite({ slowToAnswer: true });
  await settle();
  const lookingUp = h.telephony.invite();
  await h.service.stop({ deadlineMs: 1_000 });
  expect(leg.ended).toBe('system-hangup');
  expect(answering.rejected?.status).toBe(503);
  expect(lookingUp.rejected?.status).toBe(503);
  expect(h.facts.filter((fact) => fact.type === 'offered')).toHaveLength(3);
  expect(h.facts.filter((fact) => fact.type === 'ended')).toHaveLength(3);
  expect(h.service.activeCalls).toBe(0);
  expect(h.clock.pendingTimers).toBe(0);
});

test('a call answered in the very moment of the stop is hung up', async () => {
  const h = await harness();
  const call = h.telephony.invite({ slowToAnswer: true });
  await settle();
  call.completeAnswer();
  const stopped = h.service.stop({ deadlineMs: 1_000 });
  await stopped;
  expect(h.telephony.openLegs).toEqual([]);
  expect(h.facts.filter((fact) => fact.type === 'ended')).toHaveLength(1);
});

test('a number that rings again within a second is not looked up again; a second later a change counts', async () => {
  let lookUps = 0;
  const active = { ...sakura };
  const h = await harness({
    overrides: {
      accounts: {
        ...fakeAccounts(active),
        findAccount: async () => {
          lookUps += 1;
          return active;
        },
      },
    },
  });
  for (let calls = 0; calls < 3; calls++) {
    h.telephony.invite();
    await settle();
  }
  expect(lookUps).toBe(1);
  active.status = 'suspended';
  await h.clock.advance(1_000);
  const late = h.telephony.invite();
  await settle();
  expect(late.rejected).toEqual({ status: 603 });
});
