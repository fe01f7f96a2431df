import { describe, expect, it } from 'vitest';
import { LostLegSweep } from '../../src/call/lost-legs.ts';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { foldCall } from '../../src/ledger/call-record.ts';
import { baseMs, fact, offered } from '../support/facts.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryChannelRecordStore, MemoryFactStore } from '../support/memory-stores.ts';
import { FakeStates } from './harness.ts';

async function open(facts: CallFact[], options: { live?: string[]; ageMs?: number } = {}) {
  const clock = new FakeClock(baseMs + (options.ageMs ?? 120_000));
  const store = new MemoryFactStore();
  const channels = new MemoryChannelRecordStore();
  const states = new FakeStates();
  for (const callId of options.live ?? []) {
    await states.save('other', { callId, savedAtMs: baseMs, state: {} });
  }
  await store.append(facts);
  const ledger = {
    append: async (one: CallFact) => {
      await store.append([one]);
    },
  };
  let flushes = true;
  const make = () =>
    new LostLegSweep({
      ...{ facts: store, channels, states, ledger, clock, logger: silentLogger },
      flush: async () => flushes,
    });
  const allowFlush = (allowed: boolean) => {
    flushes = allowed;
  };
  const sweep = make();
  const caller = async (callId: string) => foldCall(await store.factsOfCall(callId)).legs[0];
  return { clock, store, channels, states, sweep, make, caller, allowFlush };
}

const channel = (callId: string, endedAtMs: number) => ({
  ...{ legId: `${callId}-caller`, server: 'fs1', createdAtMs: baseMs, answeredAtMs: baseMs },
  ...{ endedAtMs, hangupCause: 'NORMAL_CLEARING' },
});
const answered = (callId: string) => fact(callId, 2, { type: 'answered', legId: `${callId}-caller` });

describe('the sweep for legs without a call', () => {
  it('closes one at the time of its channel record', async () => {
    const { clock, channels, sweep, caller } = await open([offered('c'), answered('c')]);
    await channels.add([channel('c', baseMs + 31_000)]);
    sweep.start();
    await clock.advance(11_000);
    expect(await caller('c')).toMatchObject({
      cause: 'controller-lost',
      endedAt: new Date(baseMs + 31_000).toISOString(),
    });
    sweep.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('closes one that never had a channel at the last thing known of it', async () => {
    const { clock, sweep, caller } = await open([offered('c', { atMs: baseMs })]);
    sweep.start();
    await clock.advance(11_000);
    expect(await caller('c')).toMatchObject({ cause: 'controller-lost', endedAt: new Date(baseMs).toISOString() });
  });

  it('leaves calls alone that some controller has, and young ones until they are old', async () => {
    const facts = [offered('live', { atMs: baseMs }), offered('young', { atMs: baseMs + 100_000 })];
    const { clock, sweep, caller } = await open(facts, { live: ['live'] });
    sweep.start();
    await clock.advance(30_000);
    expect(await caller('young')).toMatchObject({ endedAt: null });
    await clock.advance(400_000);
    expect(await caller('live')).toMatchObject({ endedAt: null });
    expect(await caller('young')).toMatchObject({ cause: 'controller-lost' });
  });

  it('leaves an answered leg without a saved call alone until its channel has ended, or no call can be that long', async () => {
    const { clock, channels, sweep, caller } = await open([offered('a'), answered('a'), offered('b'), answered('b')]);
    sweep.start();
    await clock.advance(600_000);
    expect([await caller('a'), await caller('b')]).toMatchObject([{ endedAt: null }, { endedAt: null }]);
    await channels.add([channel('a', baseMs + 500_000)]);
    await clock.advance(200_000);
    expect([await caller('a'), await caller('b')]).toMatchObject([{ cause: 'controller-lost' }, { endedAt: null }]);
    await clock.advance(5 * 3_600_000);
    expect(await caller('b')).toMatchObject({ cause: 'controller-lost' });
  });

  it('looks twice: a leg that ends in an orderly way meanwhile is not touched', async () => {
    const { clock, store, sweep, caller } = await open([offered('c')]);
    sweep.start();
    await clock.advance(1_000);
    await store.append([fact('c', 3, { type: 'ended', legId: 'c-caller', cause: 'caller-hangup' })]);
    await clock.advance(600_000);
    expect(await caller('c')).toMatchObject({ cause: 'caller-hangup' });
    expect(await store.factsOfCall('c')).toHaveLength(2);
  });

  it('closes nothing while Redis is away or facts wait in the journal', async () => {
    const { clock, states, sweep, caller, allowFlush } = await open([offered('c')]);
    states.failing = true;
    sweep.start();
    await clock.advance(600_000);
    states.failing = false;
    allowFlush(false);
    await clock.advance(600_000);
    expect(await caller('c')).toMatchObject({ endedAt: null });
    allowFlush(true);
    await clock.advance(200_000);
    expect(await caller('c')).toMatchObject({ cause: 'controller-lost' });
  });

  it('writes one fact a leg however many controllers sweep, after all that is known of the call', async () => {
    const dialled: CallFact = fact('c', 7, {
      ...{ type: 'offered', legId: 'out', kind: 'transfer', direction: 'outbound', from: 'a', to: 'b' },
    });
    const { clock, store, make } = await open([offered('c', { atMs: baseMs }), dialled]);
    for (const sweep of [make(), make(), make()]) sweep.start();
    await clock.advance(600_000);
    const ended = (await store.factsOfCall('c')).filter(({ type }) => type === 'ended');
    expect(ended.map(({ legId, seq }) => [legId, seq])).toEqual([
      ['c-caller', 1_000],
      ['out', 1_001],
    ]);
  });
});
