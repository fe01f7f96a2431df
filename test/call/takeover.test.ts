import { expect, test } from 'vitest';
import type { SavedCall } from '../../src/call/saved-call.ts';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import { settle } from '../support/fake-clock.ts';
import { answeredCall, dial, dropWrittenBefore, type Harness, hangup, harness, say } from './harness.ts';

/** Lets controller A drive a call up to `prepare`, then hands what it saved to controller B, which has just started. */
async function orphaned(prepare: (h: Harness) => Promise<void>, kept: 'caller' | 'both' | 'none') {
  const a = await harness({ script: (event) => (event.type === 'started' ? [dial('0398765432')] : []) });
  await prepare(a);
  const snapshot = [...a.states.saved.values()][0]?.snapshot;
  if (!snapshot) throw new Error('nothing was saved');
  const saved = snapshot.state as SavedCall;
  const b = await harness({ script: (event) => (event.type === 'resumed' ? [say('again')] : []) });
  if (kept !== 'none' && saved.caller) b.telephony.adoptable.set(saved.caller.legId, 'caller');
  if (kept === 'both' && saved.peer) b.telephony.adoptable.set(saved.peer.legId, 'transfer');
  b.states.orphans.push(snapshot);
  await b.clock.advance(3_000);
  dropWrittenBefore(a, b);
  return { a, b, saved };
}

const talking = async (h: Harness) => {
  await answeredCall(h);
  h.telephony.dials[0]?.answer();
  await settle();
};

test('a call of a dead controller goes on: taken-over fact, the flow is resumed', async () => {
  const { b, saved } = await orphaned(async (h) => {
    await answeredCall(h);
    h.telephony.dials[0]?.fail('busy', 486);
    await settle();
  }, 'caller');
  expect(b.events.map((event) => event.type)).toEqual(['resumed']);
  expect(b.telephony.legs[0]?.orders).toEqual(['play again']);
  expect(b.facts[0]).toMatchObject({ type: 'taken-over', callId: saved.identity.callId, accountId: 'sakura' });
  expect(b.facts[0]?.seq).toBeGreaterThan(saved.facts.nextSeq);
  b.telephony.legs[0]?.hangUp();
  await settle();
  expect(b.story()).toEqual(['taken-over', 'ended caller-hangup']);
  expect(b.service.activeCalls).toBe(0);
});

test('a talk goes on undisturbed, and either side may end it', async () => {
  const { b } = await orphaned(talking, 'both');
  expect(b.events).toEqual([]);
  const [caller, peer] = b.telephony.legs;
  if (!caller || !peer) throw new Error('legs were not adopted');
  peer.hangUp();
  b.telephony.unbridge(caller, peer.legId);
  await settle();
  expect(b.events.map((event) => event.type)).toEqual(['peer-ended']);
  expect(b.story(peer.legId)).toEqual(['unbridged', 'ended peer-hangup']);
});

test('the peer has gone meanwhile: its record is closed and the flow is told', async () => {
  const { b, saved } = await orphaned(talking, 'caller');
  expect(b.events.map((event) => event.type)).toEqual(['peer-ended']);
  expect(b.story(saved.peer?.legId)).toEqual(['ended controller-lost']);
});

test('a phone that was still ringing is given up and the node is entered again', async () => {
  const { b, saved } = await orphaned(async (h) => {
    await answeredCall(h);
  }, 'both');
  expect(saved.peer?.leg).toBeUndefined();
  const ringing = b.telephony.legs.find((leg) => leg.legId === saved.peer?.legId);
  expect(ringing?.ended).toBe('controller-lost');
  expect(b.events.map((event) => event.type)).toEqual(['resumed']);
  expect(b.story(saved.peer?.legId)).toEqual(['ended controller-lost']);
});

/** Another controller takes over the call that `a` has saved, of which the caller's leg still exists. */
async function takenOverFrom(a: Harness, callerLegId: string): Promise<Harness> {
  const snapshot = [...a.states.saved.values()][0]?.snapshot;
  if (!snapshot) throw new Error('nothing was saved');
  const b = await harness();
  b.telephony.adoptable.set(callerLegId, 'caller');
  b.states.orphans.push(snapshot);
  await b.clock.advance(3_000);
  return b;
}

test('a call that its controller was ending when it died is ended', async () => {
  const a = await harness({ script: (event) => (event.type === 'digit' ? [hangup()] : []) });
  const { leg } = await answeredCall(a);
  leg.slowToEnd = true;
  leg.press('1');
  await a.clock.advance(200);
  const b = await takenOverFrom(a, leg.legId);
  expect(b.story()).toEqual(['taken-over', 'ended system-hangup']);
  expect(b.service.activeCalls).toBe(0);
});

test('facts that were not on disk yet when the controller died are written by the next one, as they were', async () => {
  const given: CallFact[] = [];
  const append = (fact: CallFact) => {
    given.push(fact);
    return new Promise<void>(() => undefined);
  };
  const a = await harness({ overrides: { ledger: { append } } });
  const { leg } = await answeredCall(a);
  const b = await takenOverFrom(a, leg.legId);
  expect(given.map(({ type }) => type)).toEqual(['offered', 'answered']);
  expect(b.facts.slice(0, 2)).toEqual(given);
  expect(b.story()).toEqual(['offered', 'answered', 'taken-over']);
});

test('nothing is left of the call: every open record is closed as controller-lost', async () => {
  const { b, saved } = await orphaned(talking, 'none');
  expect(b.story(saved.identity.callerLegId)).toEqual(['taken-over', 'ended controller-lost']);
  expect(b.story(saved.peer?.legId)).toEqual(['ended controller-lost']);
  expect(b.service.activeCalls).toBe(0);
});

test('a call that died while it was being answered is closed on record', async () => {
  const { b } = await orphaned(async (h) => {
    h.telephony.invite({ slowToAnswer: true });
    await settle();
  }, 'caller');
  expect(b.story()).toEqual(['taken-over', 'ended controller-lost']);
});

test('the caller is gone but the peer is not: the peer is hung up', async () => {
  const a = await harness({ script: (event) => (event.type === 'started' ? [dial('0398765432')] : []) });
  await talking(a);
  const snapshot = [...a.states.saved.values()][0]?.snapshot;
  if (!snapshot) throw new Error('nothing was saved');
  const peerLegId = (snapshot.state as SavedCall).peer?.legId ?? '';
  const b = await harness();
  b.telephony.adoptable.set(peerLegId, 'transfer');
  b.states.orphans.push(snapshot);
  await b.clock.advance(3_000);
  expect(b.telephony.openLegs).toEqual([]);
  expect(b.facts.filter((fact) => fact.type === 'ended')).toHaveLength(2);
});

test('the lease is renewed three times per lease', async () => {
  const h = await harness();
  await h.clock.advance(9_000);
  expect(h.states.heartbeats).toBe(4);
});

test('a store that fails does not stop calls; the state is saved when it is back', async () => {
  const h = await harness();
  h.states.failing = true;
  const { leg } = await answeredCall(h);
  leg.press('1');
  await settle();
  expect(h.states.saved.size).toBe(0);
  h.states.failing = false;
  await h.clock.advance(5_000);
  const saved = [...h.states.saved.values()][0]?.snapshot.state as SavedCall;
  expect(saved.flow).toEqual({ events: 2 });
});

test('a call that ends while the store is down is forgotten when it is back', async () => {
  const h = await harness();
  const { leg } = await answeredCall(h);
  h.states.failing = true;
  leg.hangUp();
  await settle();
  expect(h.facts.at(-1)?.type).toBe('ended');
  expect(h.states.saved.size).toBe(1);
  h.states.failing = false;
  await h.clock.advance(5_000);
  expect(h.states.saved.size).toBe(0);
  expect(h.service.activeCalls).toBe(0);
});

test('keys pressed in quick succession are saved once, a change of legs at once', async () => {
  const h = await harness();
  const { leg } = await answeredCall(h);
  const begun = h.states.saves;
  expect(begun).toBe(2);
  for (const key of '12345') leg.press(key);
  await settle();
  expect(h.states.saves).toBe(begun);
  await h.clock.advance(200);
  expect(h.states.saves).toBe(begun + 1);
});

test('a controller that lost a call lets go of it: no order to the leg, no fact, no timer', async () => {
  const h = await harness({ limits: { maxCallMs: 60_000 } });
  const { leg } = await answeredCall(h);
  const before = h.facts.length;
  h.states.stolen = true;
  leg.press('1');
  await h.clock.advance(200);
  leg.press('2');
  leg.hangUp();
  await h.clock.advance(60_000);
  expect(leg.orders).toEqual([]);
  expect(h.facts).toHaveLength(before);
  expect(h.service.activeCalls).toBe(0);
  await h.service.stop({ deadlineMs: 10 });
  expect(h.clock.pendingTimers).toBe(0);
});
