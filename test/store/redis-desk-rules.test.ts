import { describe, expect, it } from 'vitest';
import { openingHoursSchema } from '../../src/accounts/opening-hours.ts';
import type { QueueSettings } from '../../src/accounts/queues.ts';
import { agentOf, type DeskBench, desksOnRedis, queueOf } from '../support/desk-harness.ts';

const { open, faults } = desksOnRedis();

describe('who is rung', () => {
  /** Each of three agents has one call behind them, ended in the order bob, cho, ann. */
  const afterOneCallEach = async (strategy: 'longest-idle' | 'fewest-calls' | 'round-robin') => {
    const desk = await open({ strategy }, ['ann', 'bob', 'cho']);
    for (const call of ['a', 'b', 'c']) await desk.enqueue(call);
    expect(await desk.offers()).toEqual(['a→ann', 'b→bob', 'c→cho']);
    for (const agent of ['ann', 'bob', 'cho']) await desk.talk(agent);
    for (const call of ['b', 'c', 'a']) {
      await desk.store.leave(call);
      desk.nowMs += 1;
    }
    return desk;
  };
  const nextFour = async (desk: DeskBench) => {
    const order: string[] = [];
    for (const call of ['w', 'x', 'y', 'z']) {
      await desk.enqueue(call);
      const [offer] = (await desk.pending()).offers;
      order.push(offer?.agentId ?? '');
      await desk.talk(offer?.agentId ?? '');
      await desk.store.leave(call);
    }
    return order;
  };

  it('is the agent who has been idle longest', async () => {
    expect(await nextFour(await afterOneCallEach('longest-idle'))).toEqual(['bob', 'cho', 'ann', 'bob']);
  });

  it('is the agent with the fewest calls', async () => {
    const desk = await afterOneCallEach('fewest-calls');
    await desk.signIn('new');
    expect(await nextFour(desk)).toEqual(['new', 'bob', 'cho', 'ann']);
  });

  it('goes round', async () => {
    expect(await nextFour(await afterOneCallEach('round-robin'))).toEqual(['ann', 'bob', 'cho', 'ann']);
  });

  it('is the best in the skills asked for', async () => {
    const desk = await open({ strategy: 'best-skill' });
    await desk.signIn('low', { skills: { billing: 3, law: 9 } });
    await desk.signIn('high', { skills: { billing: 8 } });
    await desk.signIn('none');
    const skills = [{ name: 'billing', minLevel: 1 }];
    await desk.enqueue('a', { skills });
    await desk.enqueue('b', { skills });
    await desk.enqueue('c', { skills });
    expect(await desk.offers()).toEqual(['a→high', 'b→low']);
  });

  it('is several at once, and the first to answer has the caller: the others are free', async () => {
    const desk = await open({ strategy: 'ring-several', ringCount: 3 }, ['ann', 'bob', 'cho', 'dan']);
    await desk.enqueue('a');
    expect(await desk.offers()).toEqual(['a→ann', 'a→bob', 'a→cho']);
    await desk.enqueue('b');
    const bob = await desk.offerOf('bob');
    const ann = await desk.offerOf('ann');
    await desk.miss('cho');
    expect(await desk.store.report(bob, { type: 'answered' })).toBe('ok');
    expect(await desk.store.report(ann, { type: 'answered' })).toBe('gone');
    await desk.store.report(bob, { type: 'connected' });
    // As many as were free when b came: one who becomes free later is there for the next caller.
    expect(await desk.offers()).toEqual(['b→dan']);
    const states = await Promise.all(['ann', 'bob', 'cho'].map((agent) => desk.stateOf(agent)));
    expect(states).toEqual(['available', 'talking', 'available']);
    expect((await desk.store.findAgent('ann'))?.missesInRow).toBe(0);
  });

  it('when all of several have missed, is nobody until the time set; then the caller has the old place', async () => {
    const desk = await open({ strategy: 'ring-several', ringCount: 2, skipMs: 30_000 }, ['ann', 'bob']);
    await desk.enqueue('a');
    await desk.enqueue('b');
    await desk.miss('ann');
    expect(await desk.offers()).toEqual(['a→bob', 'b→ann']);
    await desk.miss('bob');
    // ann is at work and has missed a: all have been tried but bob may not ring again at once.
    expect(await desk.offers()).toEqual(['b→ann']);
    await desk.store.leave('b');
    expect(await desk.offers()).toEqual(['a→ann']);
  });
});

describe('skill and language', () => {
  it('decide who may be rung; a caller nobody here can serve keeps nobody waiting', async () => {
    const desk = await open();
    await desk.enqueue('english', { language: 'en', priority: 9 });
    await desk.enqueue('law', { skills: [{ name: 'law', minLevel: 5 }] });
    await desk.enqueue('plain');
    await desk.signIn('ann', { skills: { law: 4 } });
    expect(await desk.offers()).toEqual(['plain→ann']);
    await desk.signIn('bob', { languages: ['ja', 'en'] });
    await desk.signIn('cho', { skills: { law: 5 } });
    expect(await desk.offers()).toEqual(['english→bob', 'law→cho', 'plain→ann']);
  });

  it('are asked for less after the times set, counted from when the wait began', async () => {
    const widening = [
      { afterMs: 30_000, lowerLevelsBy: 3 },
      { afterMs: 60_000, anyLanguage: true, dropSkills: ['law'] },
    ];
    const desk = await open({ widening });
    await desk.signIn('ann', { skills: { law: 4 } });
    await desk.enqueue('a', { skills: [{ name: 'law', minLevel: 7 }] });
    const waited = desk.nowMs - 20_000;
    await desk.enqueue('b', { skills: [{ name: 'law', minLevel: 9 }], language: 'en', enqueuedAtMs: waited });
    await desk.advance(29_999);
    expect(await desk.offers()).toEqual(['a→ann']);
    await desk.talk('ann');
    await desk.signIn('bob');
    await desk.advance(9_900);
    expect(await desk.offers()).toEqual([]);
    await desk.advance(100);
    expect(await desk.offers()).toEqual(['b→bob']);
  });

  it('keep refused accounts away from an agent, and change with the profile at once', async () => {
    const desk = await open();
    await desk.signIn('ann', { refusedAccounts: ['acme'] });
    for (let call = 0; call < 20; call++) await desk.enqueue(`acme-${call}`);
    await desk.enqueue('globex', { account: { accountId: 'globex', name: '', reading: '' } });
    expect(await desk.offers()).toEqual(['globex→ann']);
    await desk.store.leave('globex');
    await desk.store.putAgent(agentOf('ann'));
    expect(await desk.offers()).toEqual(['acme-0→ann']);
  });

  it('let an agent of several queues take whoever is first over all of them', async () => {
    const desk = await open();
    await desk.store.putQueue(queueOf({ queueId: 'second' }));
    await desk.enqueue('a', { queueId: 'second' });
    await desk.enqueue('b');
    await desk.signIn('ann', { queues: ['main', 'second'] });
    expect(await desk.offers()).toEqual(['a→ann']);
    expect(await desk.store.removeAgent('ann')).toBeUndefined();
    expect(await desk.stateOf('ann')).toBe('reserved');
    await desk.miss('ann');
    expect(await desk.stateOf('ann')).toBe('unknown');
    expect(await desk.offers()).toEqual([]);
  });
});

describe('limits and overflow', () => {
  it('refuse a caller when the queue is full; those being rung count', async () => {
    const desk = await open({ maxLength: 2 }, ['ann']);
    await desk.enqueue('a');
    await desk.enqueue('b');
    expect(await desk.enqueue('c')).toEqual({ outcome: 'refused', reason: 'full' });
    await desk.talk('ann');
    expect(await desk.enqueue('c')).toMatchObject({ outcome: 'queued' });
    expect(await desk.enqueue('d', { queueId: 'nowhere' })).toEqual({ outcome: 'refused', reason: 'unknown-queue' });
    expect(await faults(desk)).toEqual([]);
  });

  it('takes the steps in order after the longest wait; meanwhile nobody is rung', async () => {
    const overflow = [{ type: 'transfer', number: '0312345678' }, { type: 'voicemail' }, { type: 'hang-up' }] as const;
    const desk = await open({ maxWaitMs: 60_000, overflow: [...overflow] });
    await desk.enqueue('a');
    await desk.advance(60_000);
    expect((await desk.pending()).overflows).toEqual([{ callId: 'a', step: overflow[0], why: 'time-out' }]);
    await desk.signIn('ann');
    expect(await desk.offers()).toEqual([]);
    await desk.store.overflowFailed('a');
    await desk.store.overflowFailed('a');
    expect((await desk.pending()).overflows).toEqual([{ callId: 'a', step: { type: 'hang-up' }, why: 'time-out' }]);
    await desk.store.leave('a');
    expect(await desk.leftovers()).toEqual([]);
  });

  it('lets a phone that rings at the end of the wait be answered', async () => {
    const desk = await open({ maxWaitMs: 60_000, overflow: [{ type: 'voicemail' }] });
    await desk.enqueue('a');
    await desk.enqueue('b', { maxWaitMs: 61_000 });
    await desk.advance(55_000);
    await desk.signIn('ann');
    const offerId = await desk.offerOf('ann');
    await desk.store.report(offerId, { type: 'ringing' });
    await desk.advance(10_000);
    expect((await desk.pending()).overflows.map(({ callId }) => callId)).toEqual(['b']);
    await desk.store.report(offerId, { type: 'missed', why: 'no-answer' });
    expect((await desk.pending()).overflows.map(({ callId }) => callId).sort()).toEqual(['a', 'b']);
  });

  it('goes on in another queue with the age kept; queues that lead to each other come to an end', async () => {
    const desk = await open({ maxWaitMs: 10_000, overflow: [{ type: 'queue', queueId: 'second' }] });
    const back = { type: 'queue', queueId: 'main' } as const;
    await desk.store.putQueue(
      queueOf({ queueId: 'second', maxWaitMs: 10_000, overflow: [back, { type: 'callback' }] }),
    );
    await desk.enqueue('a');
    await desk.advance(5_000);
    await desk.enqueue('young', { queueId: 'second', maxWaitMs: 0 });
    await desk.advance(5_000);
    const places = await desk.store.places(['a', 'young']);
    expect(places).toMatchObject([{ position: 1 }, { position: 2 }]);
    await desk.advance(60_000);
    expect((await desk.pending()).overflows.map(({ callId }) => callId)).toEqual(['a']);
    expect(await faults(desk)).toEqual([]);
  });

  it('leads into no queue that is closed, and into the next that is not', async () => {
    const steps = [{ type: 'queue', queueId: 'day' }, { type: 'queue', queueId: 'always' }, { type: 'voicemail' }];
    const overflow = steps as QueueSettings['overflow'];
    const desk = await open({ maxWaitMs: 10_000, overflow });
    // It is 10:00 in Tokyo, on a Monday.
    const hours = openingHoursSchema.parse({ open: [{ from: '09:00', to: '10:05' }] });
    await desk.store.putQueue(queueOf({ queueId: 'day', hours }));
    await desk.store.putQueue(queueOf({ queueId: 'always' }));
    const queueOfCall = async (call: string) => {
      for (const queue of ['main', 'day', 'always']) {
        if ((await desk.store.listLine(queue, 10)).some(({ callId }) => callId === call)) return queue;
      }
      return undefined;
    };
    await desk.enqueue('early');
    await desk.advance(10_000);
    expect(await queueOfCall('early')).toBe('day');
    await desk.advance(281_000);
    await desk.enqueue('late');
    await desk.advance(20_000);
    expect(await queueOfCall('late')).toBe('always');
    // Closed today; it is the settings as they are now that count.
    const closed = openingHoursSchema.parse({ closedDays: ['2026-01-05'] });
    await desk.store.putQueue(queueOf({ queueId: 'always', hours: closed }));
    await desk.enqueue('shut');
    await desk.advance(10_000);
    expect((await desk.pending()).overflows).toEqual([
      { callId: 'shut', step: { type: 'voicemail' }, why: 'time-out' },
    ]);
    expect(await faults(desk)).toEqual([]);
  });

  it('leads into no queue that nobody has been signed in to for its limit', async () => {
    const desk = await open({ maxWaitMs: 10_000, overflow: [{ type: 'queue', queueId: 'staffed' }] });
    await desk.store.putQueue(queueOf({ queueId: 'staffed', noAgentsMs: 30_000, overflow: [{ type: 'voicemail' }] }));
    const inLine = async () => (await desk.store.listLine('staffed', 10)).map(({ callId }) => callId);
    await desk.enqueue('a');
    await desk.advance(10_000);
    expect((await desk.pending()).overflows.map(({ callId }) => callId)).toEqual(['a']);
    await desk.signIn('ann', { queues: ['staffed'] });
    await desk.store.setAgentState('ann', 'break');
    await desk.enqueue('b');
    await desk.advance(10_000);
    expect(await inLine()).toEqual(['b']);
    await desk.store.setAgentState('ann', 'offline');
    await desk.enqueue('c');
    // Somebody may still come.
    await desk.advance(10_000);
    expect(await inLine()).toEqual(['b', 'c']);
    await desk.enqueue('d');
    await desk.advance(30_000);
    expect((await desk.pending()).overflows.map(({ callId }) => callId).sort()).toEqual(['a', 'b', 'c', 'd']);
    await desk.enqueue('e');
    await desk.advance(10_000);
    expect((await desk.pending()).overflows.find(({ callId }) => callId === 'e')?.step).toEqual({ type: 'hang-up' });
  });

  it('begins early where nobody has signed in, and not when somebody comes in time', async () => {
    const desk = await open({ noAgentsMs: 15_000, overflow: [{ type: 'voicemail' }] }, ['ann']);
    await desk.store.setAgentState('ann', 'break');
    await desk.enqueue('a');
    await desk.advance(20_000);
    expect((await desk.pending()).overflows).toEqual([]);
    await desk.store.setAgentState('ann', 'offline');
    await desk.advance(14_000);
    await desk.store.setAgentState('ann', 'break');
    await desk.advance(14_000);
    expect((await desk.pending()).overflows).toEqual([]);
    await desk.store.setAgentState('ann', 'offline');
    await desk.advance(15_000);
    expect((await desk.pending()).overflows).toEqual([{ callId: 'a', step: { type: 'voicemail' }, why: 'no-agent' }]);
  });
});

describe('estimates', () => {
  it('come from measured handling times, talk and wrap-up, and the agents at work', async () => {
    const desk = await open({ wrapUpMs: 30_000 }, ['ann', 'bob']);
    await desk.enqueue('a');
    const [none] = await desk.store.places(['a']);
    expect(none).toEqual({ callId: 'a', position: 1, estimateMs: undefined });
    await desk.talk('ann');
    await desk.advance(90_000);
    await desk.store.leave('a');
    await desk.advance(30_000);
    expect((await desk.store.queueFigures('main'))?.handlingMs).toBe(120_000);
    for (const call of ['b', 'c', 'd', 'e']) await desk.enqueue(call);
    await desk.talk('ann');
    await desk.talk('bob');
    const places = await desk.store.places(['b', 'c', 'd', 'e', 'nobody']);
    expect(places).toEqual([
      { callId: 'd', position: 1, estimateMs: 60_000 },
      { callId: 'e', position: 2, estimateMs: 120_000 },
    ]);
    await desk.advance(10_000);
    expect(await desk.store.queueFigures('main')).toMatchObject({
      waiting: 2,
      longestWaitMs: 10_002,
      agents: { talking: 2, available: 0 },
    });
  });
});

describe('what a supervisor sees', () => {
  it('is who waits, in order, and who rings for them; and every agent', async () => {
    const desk = await open({ strategy: 'ring-several', ringCount: 2 }, ['ann', 'bob']);
    expect(await desk.store.listLine('main', 10)).toEqual([]);
    const startMs = desk.nowMs;
    await desk.enqueue('a');
    await desk.enqueue('b', { priority: 9 });
    await desk.enqueue('c');
    await desk.store.callBackLater('c');
    const line = await desk.store.listLine('main', 10);
    expect(line.map((entry) => ({ ...entry, agentIds: entry.agentIds.sort() }))).toEqual([
      { callId: 'b', accountId: 'acme', state: 'waiting', enqueuedAtMs: startMs + 1, isCallBack: false, agentIds: [] },
      {
        callId: 'a',
        accountId: 'acme',
        state: 'offered',
        enqueuedAtMs: startMs,
        isCallBack: false,
        agentIds: ['ann', 'bob'],
      },
      { callId: 'c', accountId: 'acme', state: 'waiting', enqueuedAtMs: startMs + 2, isCallBack: true, agentIds: [] },
    ]);
    expect((await desk.store.listLine('main', 1)).map(({ callId }) => callId)).toEqual(['b']);
    const agents = await desk.store.listAgents();
    expect(agents.map(({ agentId, state, callId }) => [agentId, state, callId]).sort()).toEqual([
      ['ann', 'reserved', 'a'],
      ['bob', 'reserved', 'a'],
    ]);
  });
});

describe('the head of the line', () => {
  it('is for a caller whose agent was lost while talking; the agent is paused', async () => {
    const desk = await open({ pauseMs: 60_000 }, ['ann']);
    await desk.enqueue('a');
    await desk.enqueue('b', { priority: 9 });
    const offerId = await desk.talk('ann');
    await desk.store.report(offerId, { type: 'agent-lost' });
    expect(await desk.stateOf('ann')).toBe('break (unreachable)');
    expect((await desk.store.places(['a', 'b'])).map(({ position }) => position)).toEqual([1, 2]);
    await desk.signIn('bob');
    expect(await desk.offers()).toEqual(['a→bob']);
    expect(await faults(desk)).toEqual([]);
  });
});
