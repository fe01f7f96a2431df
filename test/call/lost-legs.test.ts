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
  const driven = new Set<string>();
  const channel: { isThere: boolean | undefined } = { isThere: true };
  const make = () =>
    new LostLegSweep({
      ...{ facts: store, states, ledger, clock, logger: silentLogger },
      witnesses: {
        factsOfCalls: (callIds) => store.factsOfCalls(callIds),
        channelsOf: (legIds) => channels.ofLegs(legIds),
      },
      isDriven: (callId) => driven.has(callId),
      hasChannel: async () => channel.isThere,
      flush: async () => flushes,
    });
  const allowFlush = (allowed: boolean) => {
    flushes = allowed;
  };
  const sweep = make();
  const caller = async (callId: string) => foldCall(await store.factsOfCall(callId)).legs[0];
  return { clock, store, channels, states, sweep, make, caller, allowFlush, driven, channel };
}

const channel = (callId: string, endedAtMs: number) => ({
  ...{ legId: `${callId}-caller`, server: 'fs1', createdAtMs: baseMs, answeredAtMs: baseMs + 2_000 },
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
    const facts = [offered('live', { atMs: baseMs }), offered('young', { atMs: baseMs + 115_000 })];
    const { clock, sweep, caller } = await open(facts, { live: ['live'] });
    sweep.start();
    await clock.advance(10_000);
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

  it('closes an answered leg within a minute of which no switch has a channel, at the last thing known of its call', async () => {
    const facts = [
      offered('a'),
      answered('a'),
      fact('a', 3, { type: 'node-entered', legId: 'a-caller', nodeId: 'x' }, { atMs: baseMs + 50_000 }),
    ];
    const { clock, store, sweep, caller, channel, driven } = await open(facts, { ageMs: 55_000 });
    channel.isThere = undefined;
    sweep.start();
    await clock.advance(60_000);
    expect(await caller('a')).toMatchObject({ endedAt: null });
    channel.isThere = false;
    driven.add('a');
    await clock.advance(60_000);
    expect(await caller('a')).toMatchObject({ endedAt: null });
    driven.clear();
    await clock.advance(60_000);
    expect(await caller('a')).toMatchObject({
      cause: 'controller-lost',
      endedAt: new Date(baseMs + 50_000).toISOString(),
    });
    expect((await store.factsOfCall('a')).at(-1)).toMatchObject({ type: 'ended', witness: 'last-fact' });
  });

  it('looks at all open legs when calls have lost their controller, else at those of late', async () => {
    const { clock, store, sweep, caller, channel } = await open([], { ageMs: 3_600_000 });
    channel.isThere = false;
    sweep.start();
    await clock.advance(1_000);
    await store.append([offered('old', { atMs: baseMs }), fact('old', 2, { type: 'answered', legId: 'old-caller' })]);
    await clock.advance(60_000);
    expect(await caller('old')).toMatchObject({ endedAt: null });
    sweep.expectLost();
    await clock.advance(30_000);
    expect(await caller('old')).toMatchObject({ cause: 'controller-lost' });
  });

  it('takes from a switch whose clock is wrong how long the channel lasted', async () => {
    const { clock, store, channels, sweep, caller } = await open([offered('c'), answered('c')]);
    const record = channel('c', baseMs + 31_000);
    const wrong = 3_600_000;
    await channels.add([
      {
        ...record,
        createdAtMs: record.createdAtMs + wrong,
        answeredAtMs: baseMs + 2_000 + wrong,
        endedAtMs: record.endedAtMs + wrong,
      },
    ]);
    sweep.start();
    await clock.advance(11_000);
    const [, answer] = await store.factsOfCall('c');
    const endedAt = new Date((answer?.atMs ?? 0) + 29_000).toISOString();
    expect(await caller('c')).toMatchObject({ cause: 'controller-lost', endedAt });
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
