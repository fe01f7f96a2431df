import { expect, test } from 'vitest';
import { StateRemovals } from '../../src/call/state-removals.ts';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import { DenwabanError } from '../../src/kernel/errors.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { answeredCall, harness } from './harness.ts';

test('a call that ends while the store is down or hangs gives its place back at once', async () => {
  const h = await harness({ limits: { maxCalls: 1 } });
  for (const fault of ['fails', 'hangs'] as const) {
    const { leg } = await answeredCall(h);
    h.states.failing = fault === 'fails';
    if (fault === 'hangs') h.states.remove = () => new Promise(() => undefined);
    leg.hangUp();
    await settle();
    expect(h.service.activeCalls).toBe(0);
    await h.clock.advance(10_000);
    expect(h.states.saved.size).toBe(fault === 'fails' ? 1 : 2);
    h.states.failing = false;
  }
  const { leg } = await answeredCall(h);
  expect(h.service.activeCalls).toBe(1);
  leg.hangUp();
});

test('what is remembered of ended calls while the store is down is bounded', async () => {
  const clock = new FakeClock();
  let isAway = true;
  const removed: string[] = [];
  const remove = async (_owner: string, callId: string) => {
    if (isAway) throw new Error('store is down');
    removed.push(callId);
  };
  const options = { clock, logger: silentLogger, controllerId: 'a', waitingMax: 3 };
  const removals = new StateRemovals({ ...options, states: { remove } });
  for (const callId of ['c1', 'c2', 'c3', 'c4', 'c5']) removals.add(callId, Promise.resolve());
  await clock.advance(20_000);
  isAway = false;
  await clock.advance(20_000);
  expect(removed).toEqual(['c3', 'c4', 'c5']);
  expect(clock.pendingTimers).toBe(0);
});

test('the state of an ended call goes only when its end is on disk', async () => {
  const written = Promise.withResolvers<void>();
  const append = (fact: CallFact) => (fact.type === 'ended' ? written.promise : Promise.resolve());
  const h = await harness({ overrides: { ledger: { append } } });
  const { leg } = await answeredCall(h);
  leg.hangUp();
  await h.clock.advance(5_000);
  expect(h.service.activeCalls).toBe(0);
  expect(h.states.saved.size).toBe(1);
  written.resolve();
  await h.clock.advance(100);
  expect(h.states.saved.size).toBe(0);
});

test('a fact that the disk refuses is written when it takes facts again', async () => {
  const facts: CallFact[] = [];
  let isFull = true;
  const append = async (fact: CallFact) => {
    if (isFull) throw new DenwabanError('JOURNAL_DISK_FULL', 'no room');
    facts.push(fact);
  };
  const h = await harness({ overrides: { ledger: { append } } });
  const { leg } = await answeredCall(h);
  leg.hangUp();
  await h.clock.advance(30_000);
  expect(h.states.saved.size).toBe(1);
  isFull = false;
  await h.clock.advance(30_000);
  expect(facts.map(({ type }) => type).sort()).toEqual(['answered', 'ended', 'offered']);
  expect(h.states.saved.size).toBe(0);
});

test('a store that has lost its data gets every call again', async () => {
  const h = await harness();
  await answeredCall(h);
  await h.clock.advance(1_000);
  h.states.saved.clear();
  h.states.forgotten = true;
  await h.clock.advance(3_000);
  expect(h.states.saved.size).toBe(1);
});

test('a take-over that takes its time does not cost the lease', async () => {
  const h = await harness();
  h.states.claimOrphans = () => new Promise(() => undefined);
  const before = h.states.heartbeats;
  await h.clock.advance(30_000);
  expect(h.states.heartbeats).toBe(before + 10);
});
