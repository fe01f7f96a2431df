import { describe, expect, it } from 'vitest';
import { endingPauses } from '../../src/desk/phone-back.ts';
import type { PhoneRegistry } from '../../src/desk/phone-registry.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { desksOnRedis } from '../support/desk-harness.ts';

const { open } = desksOnRedis();

describe('a call through the desk', () => {
  it('waits, is offered, answered and connected, and leaves nothing behind', async () => {
    const desk = await open({ wrapUpMs: 30_000 });
    expect(await desk.enqueue('a')).toEqual({ outcome: 'queued', position: 1 });
    expect(await desk.enqueue('b')).toEqual({ outcome: 'queued', position: 2 });
    expect(await desk.offers()).toEqual([]);
    await desk.signIn('ann');
    expect(await desk.offers()).toEqual(['a→ann']);
    expect(await desk.stateOf('ann')).toBe('reserved');
    const offerId = await desk.offerOf('ann');
    await desk.store.report(offerId, { type: 'ringing' });
    expect(await desk.stateOf('ann')).toBe('ringing');
    expect(await desk.store.report(offerId, { type: 'answered' })).toBe('ok');
    // Nothing is removed before it is connected.
    expect(await desk.store.places(['a', 'b'])).toMatchObject([{ position: 1 }, { position: 2 }]);
    await desk.store.report(offerId, { type: 'connected' });
    expect(await desk.stateOf('ann')).toBe('talking');
    expect(await desk.store.places(['a', 'b'])).toMatchObject([{ callId: 'b', position: 1 }]);
    await desk.store.report(offerId, { type: 'finished' });
    await desk.store.leave('a');
    expect(await desk.stateOf('ann')).toBe('wrap-up');
    await desk.advance(29_000);
    expect(await desk.offers()).toEqual([]);
    await desk.advance(1_000);
    expect(await desk.offers()).toEqual(['b→ann']);
    await desk.store.leave('b');
    expect(await desk.stateOf('ann')).toBe('available');
    expect(await desk.leftovers()).toEqual([]);
  });

  it('may be told everything twice', async () => {
    const desk = await open({}, ['ann']);
    await desk.enqueue('a');
    expect(await desk.enqueue('a')).toEqual({ outcome: 'queued', position: 1 });
    const offerId = await desk.offerOf('ann');
    for (const type of ['ringing', 'ringing', 'answered', 'answered', 'connected', 'connected'] as const) {
      expect(await desk.store.report(offerId, { type })).toBe('ok');
    }
    expect(await desk.store.report(offerId, { type: 'finished' })).toBe('ok');
    expect(await desk.store.report(offerId, { type: 'finished' })).toBe('gone');
    for (const type of ['ringing', 'answered', 'connected'] as const) {
      expect(await desk.store.report(offerId, { type })).toBe('gone');
    }
    await desk.store.leave('a');
    await desk.store.leave('a');
    expect(await desk.stateOf('ann')).toBe('available');
    expect(await desk.leftovers()).toEqual([]);
  });

  it.each(['waiting', 'offered', 'ringing', 'answered', 'talking'])('may end while %s', async (stage) => {
    const desk = await open({});
    await desk.enqueue('a');
    if (stage !== 'waiting') {
      await desk.signIn('ann');
      const offerId = await desk.offerOf('ann');
      for (const [type, reached] of [
        ['ringing', ['ringing', 'answered', 'talking']],
        ['answered', ['answered', 'talking']],
        ['connected', ['talking']],
      ] as const) {
        if ((reached as readonly string[]).includes(stage)) await desk.store.report(offerId, { type });
      }
    }
    await desk.store.leave('a');
    expect(await desk.leftovers()).toEqual([]);
    expect(await desk.offers()).toEqual([]);
    if (stage !== 'waiting') expect(await desk.stateOf('ann')).toBe('available');
  });
});

describe('order', () => {
  it('is priority, then age, and both are kept through missed rings', async () => {
    const desk = await open({ skipMs: 60_000, missesBeforePause: 10 });
    await desk.enqueue('old');
    await desk.enqueue('young');
    await desk.enqueue('urgent', { priority: 9 });
    await desk.enqueue('idle-chat', { priority: 0 });
    await desk.enqueue('returned', { enqueuedAtMs: desk.nowMs - 60_000 });
    const served: string[] = [];
    await desk.signIn('ann');
    await desk.signIn('bob');
    expect(await desk.offers()).toEqual(['returned→bob', 'urgent→ann']);
    await desk.miss('ann');
    // Passed over for that caller, ann gets the next; the caller keeps the place.
    expect(await desk.offers()).toEqual(['old→ann', 'returned→bob']);
    const places = await desk.store.places(['urgent', 'returned', 'old', 'young', 'idle-chat']);
    expect(places.map(({ callId, position }) => [callId, position])).toEqual([
      ['urgent', 1],
      ['returned', 2],
      ['old', 3],
      ['young', 4],
      ['idle-chat', 5],
    ]);
    await desk.store.leave('returned');
    expect(await desk.offers()).toEqual(['old→ann', 'urgent→bob']);
    for (const agent of ['bob', 'ann', 'bob', 'ann']) {
      const { offers } = await desk.pending();
      const callId = offers.find(({ agentId }) => agentId === agent)?.callId ?? '';
      served.push(callId);
      await desk.talk(agent);
      await desk.store.leave(callId);
    }
    expect(served).toEqual(['urgent', 'old', 'young', 'idle-chat']);
    expect(await desk.leftovers()).toEqual([]);
  });

  it('is that of arrival even within one millisecond', async () => {
    const desk = await open({});
    const names = Array.from({ length: 30 }, (_, index) => `call-${(index * 17) % 30}`);
    for (const name of names) {
      await desk.enqueue(name);
      desk.nowMs -= 1;
    }
    const places = await desk.store.places(names);
    expect(places.map(({ position }) => position)).toEqual(names.map((_, index) => index + 1));
  });
});

describe('an agent who does not answer', () => {
  it('is not rung again at once for the same caller, and is paused after so many misses, and comes back', async () => {
    const desk = await open({ skipMs: 30_000, missesBeforePause: 2, pauseMs: 120_000 }, ['ann']);
    await desk.enqueue('a');
    await desk.miss('ann');
    expect(await desk.offers()).toEqual([]);
    expect(await desk.stateOf('ann')).toBe('available');
    // Nobody else is there for the caller: not the whole time set.
    await desk.advance(4_900);
    expect(await desk.offers()).toEqual([]);
    await desk.advance(100);
    expect(await desk.offers()).toEqual(['a→ann']);
    await desk.miss('ann', 'refused');
    expect(await desk.stateOf('ann')).toBe('break (missed-calls)');
    await desk.advance(119_000);
    expect(await desk.stateOf('ann')).toBe('break (missed-calls)');
    await desk.advance(1_000);
    expect(await desk.offers()).toEqual(['a→ann']);
  });

  it('is rung again within seconds while all others talk, and not before somebody who becomes free', async () => {
    const desk = await open({ missesBeforePause: 10 }, ['bob', 'ann']);
    await desk.enqueue('first');
    await desk.talk('bob');
    await desk.enqueue('a');
    await desk.miss('ann');
    await desk.advance(4_000);
    expect(await desk.offers()).toEqual([]);
    await desk.advance(1_000);
    expect(await desk.offers()).toEqual(['a→ann']);
    await desk.miss('ann', 'refused');
    await desk.advance(4_000);
    await desk.store.leave('first');
    expect(await desk.offers()).toEqual(['a→bob']);
    // Rings longer than that: ann is left alone meanwhile.
    await desk.store.report(await desk.offerOf('bob'), { type: 'ringing' });
    await desk.advance(12_000);
    expect(await desk.offers()).toEqual(['a→bob']);
  });

  it('is rung again within seconds once those who were to be tried first have gone', async () => {
    const desk = await open({ missesBeforePause: 10 }, ['ann', 'bob', 'cho']);
    await desk.enqueue('other', { priority: 9 });
    await desk.talk('ann');
    await desk.enqueue('a');
    await desk.miss('bob');
    await desk.miss('cho');
    // ann has not been tried, and talks.
    expect(await desk.offers()).toEqual([]);
    await desk.advance(5_000);
    expect((await desk.offers()).length).toBe(1);
    await desk.store.leave('a');
    await desk.store.leave('other');
    expect(await desk.leftovers()).toEqual([]);
  });

  it('is rung for others meanwhile', async () => {
    const desk = await open({}, ['ann']);
    await desk.enqueue('a');
    await desk.enqueue('b');
    await desk.miss('ann');
    expect(await desk.offers()).toEqual(['b→ann']);
  });

  it('delays nobody when unreachable: paused at once, and the next agent is rung', async () => {
    const desk = await open({ missesBeforePause: 5 }, ['dead', 'ann']);
    await desk.enqueue('a');
    expect(await desk.offers()).toEqual(['a→dead']);
    await desk.store.report(await desk.offerOf('dead'), { type: 'missed', why: 'unreachable' });
    expect(await desk.offers()).toEqual(['a→ann']);
    expect(await desk.stateOf('dead')).toBe('break (unreachable)');
    await desk.enqueue('b');
    expect(await desk.offers()).toEqual(['a→ann']);
  });

  describe('paused as unreachable, when the phone registers anew', () => {
    const paused = async () => {
      const desk = await open({ missesBeforePause: 5 }, ['dead']);
      await desk.enqueue('a');
      await desk.store.report(await desk.offerOf('dead'), { type: 'missed', why: 'unreachable' });
      expect(await desk.stateOf('dead')).toBe('break (unreachable)');
      return desk;
    };
    const registry: PhoneRegistry = {
      register: async ({ callId }) => ({ ok: true, contacts: [], isAnew: callId === 'anew' }),
      contactsOf: async () => [],
      forget: async () => undefined,
    };
    const registers = async ({ store }: Awaited<ReturnType<typeof paused>>, callId: string) => {
      const source = { transport: 'udp', address: '192.0.2.1', port: 5_060 } as const;
      const request = { agentId: 'dead', phone: 'dead-1', callId, cseq: 1, source, userAgent: '', changes: [] };
      await endingPauses(registry, { desk: store, logger: silentLogger }).register(request);
    };

    it('takes calls again, and the history says why; not by a mere refresh', async () => {
      const desk = await paused();
      await desk.store.leave('a');
      await registers(desk, 'refresh');
      expect(await desk.stateOf('dead')).toBe('break (unreachable)');
      await registers(desk, 'anew');
      expect(await desk.stateOf('dead')).toBe('available (phone-back)');
      expect((await desk.store.findAgent('dead'))?.missesInRow).toBe(0);
      const changes = await desk.store.readChanges('', 100);
      expect(changes.at(-1)).toMatchObject({ from: 'break', state: 'available', reason: 'phone-back' });
      await desk.enqueue('b');
      expect(await desk.offers()).toEqual(['b→dead']);
    });

    it('stays what somebody has set since', async () => {
      const desk = await paused();
      await desk.store.setAgentState('dead', 'break', 'unreachable', 'boss');
      await registers(desk, 'anew');
      expect(await desk.stateOf('dead')).toBe('break (unreachable)');
      await desk.store.setAgentState('dead', 'offline', '', 'boss');
      await registers(desk, 'anew');
      expect(await desk.stateOf('dead')).toBe('offline');
    });

    it('is not for who was paused after misses', async () => {
      const desk = await open({ missesBeforePause: 1 }, ['ann']);
      await desk.enqueue('a');
      await desk.miss('ann');
      expect(await desk.store.phoneIsBack('ann')).toBe(false);
      expect(await desk.stateOf('ann')).toBe('break (missed-calls)');
      expect(await desk.store.phoneIsBack('nobody')).toBe(false);
    });
  });

  it('whom we could not ring or connect has missed nothing: the next is rung 2 s later, the same one after 10 s', async () => {
    const desk = await open({ missesBeforePause: 1 }, ['ann', 'bob']);
    await desk.enqueue('a');
    const failed = (agent: string) => desk.miss(agent, 'failed');
    await failed('ann');
    expect(await desk.offers()).toEqual([]);
    expect([await desk.stateOf('ann'), await desk.stateOf('bob')]).toEqual(['available', 'available']);
    await desk.advance(1_900);
    expect(await desk.offers()).toEqual([]);
    await desk.enqueue('b');
    expect(await desk.offers()).toEqual(['b→ann']);
    await desk.advance(100);
    expect(await desk.offers()).toEqual(['a→bob', 'b→ann']);
    await failed('bob');
    await desk.store.leave('b');
    // Everybody has been tried.
    await desk.advance(2_000);
    expect(await desk.offers()).toEqual(['a→ann']);
    await failed('ann');
    await desk.store.setAgentState('bob', 'offline');
    await desk.advance(9_900);
    expect(await desk.offers()).toEqual([]);
    await desk.advance(100);
    expect(await desk.offers()).toEqual(['a→ann']);
  });

  it('a fault of ours costs the caller no place, and nothing of it is left when they hang up', async () => {
    const desk = await open({}, ['ann']);
    await desk.enqueue('a');
    await desk.miss('ann', 'failed');
    await desk.enqueue('b');
    await desk.miss('ann');
    await desk.advance(10_000);
    expect(await desk.offers()).toEqual(['a→ann']);
    await desk.miss('ann', 'failed');
    await desk.store.leave('a');
    await desk.store.leave('b');
    expect(await desk.leftovers()).toEqual([]);
  });

  it('holds the caller no longer than one ring when its controller says nothing', async () => {
    const desk = await open({ ringTimeoutMs: 20_000 }, ['mute', 'ann']);
    await desk.enqueue('a');
    await desk.store.report(await desk.offerOf('mute'), { type: 'ringing' });
    await desk.advance(25_000);
    expect(await desk.offers()).toEqual(['a→ann']);
    expect((await desk.store.findAgent('mute'))?.missesInRow).toBe(1);
  });

  it('has the misses forgotten by answering', async () => {
    const desk = await open({ missesBeforePause: 2, skipMs: 1_000 }, ['ann']);
    for (const callId of ['a', 'b', 'c']) {
      await desk.enqueue(callId);
      await desk.miss('ann');
      await desk.advance(1_000);
      await desk.talk('ann');
      await desk.store.leave(callId);
    }
    expect(await desk.stateOf('ann')).toBe('available');
  });
});

describe('what an agent wants to be', () => {
  it.each(['offered', 'ringing', 'talking'] as const)('waits for the end of the call while %s', async (stage) => {
    const desk = await open({}, ['ann']);
    await desk.enqueue('a');
    const offerId = await desk.offerOf('ann');
    if (stage !== 'offered') await desk.store.report(offerId, { type: 'ringing' });
    if (stage === 'talking') await desk.talk('ann');
    await desk.store.setAgentState('ann', 'break', 'lunch');
    expect(await desk.stateOf('ann')).toBe(stage === 'offered' ? 'reserved' : stage);
    expect((await desk.store.findAgent('ann'))?.wanted).toBe('break');
    await desk.store.leave('a');
    expect(await desk.stateOf('ann')).toBe('break (lunch)');
    await desk.enqueue('b');
    expect(await desk.offers()).toEqual([]);
    await desk.store.setAgentState('ann', 'available');
    expect(await desk.offers()).toEqual(['b→ann']);
  });

  it('does not cut wrap-up short; ending it does', async () => {
    const desk = await open({ wrapUpMs: 30_000 }, ['ann']);
    await desk.enqueue('a');
    await desk.talk('ann');
    await desk.store.leave('a');
    await desk.enqueue('b');
    await desk.store.setAgentState('ann', 'available');
    await desk.store.setAgentState('ann', 'available');
    await desk.advance(29_998);
    expect(await desk.stateOf('ann')).toBe('wrap-up');
    await desk.store.endWrapUp('ann');
    expect(await desk.offers()).toEqual(['b→ann']);
    await desk.store.endWrapUp('ann');
    expect(await desk.stateOf('ann')).toBe('reserved');
  });

  it('is on record, each change with its time', async () => {
    const desk = await open({ wrapUpMs: 5_000 }, ['ann']);
    await desk.enqueue('a');
    const startMs = desk.nowMs;
    await desk.talk('ann');
    desk.nowMs += 60_000;
    await desk.store.extend('c1', 10_000);
    await desk.store.leave('a');
    await desk.advance(5_000);
    await desk.store.setAgentState('ann', 'break', 'lunch');
    const changes = await desk.store.readChanges('', 100);
    expect(changes.map(({ from, state, reason, callId }) => [from, state, reason, callId])).toEqual([
      ['offline', 'available', '', undefined],
      ['available', 'reserved', '', 'a'],
      ['reserved', 'ringing', '', 'a'],
      ['ringing', 'talking', '', 'a'],
      ['talking', 'wrap-up', '', 'a'],
      ['wrap-up', 'available', '', undefined],
      ['available', 'break', 'lunch', undefined],
    ]);
    expect(changes[3]?.atMs).toBe(startMs);
    expect(changes[4]?.atMs).toBe(startMs + 60_000);
    expect(changes[5]?.atMs).toBe(startMs + 65_000);
    const third = changes[2]?.changeId ?? '';
    expect((await desk.store.readChanges(third, 2)).map(({ state }) => state)).toEqual(['talking', 'wrap-up']);
    await desk.store.forgetChanges(third);
    expect((await desk.store.readChanges('', 100)).length).toBe(4);
  });
});
