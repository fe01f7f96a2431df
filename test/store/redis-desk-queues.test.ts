import { describe, expect, it } from 'vitest';
import { RedisDeskView } from '../../src/store/redis/redis-desk-view.ts';
import { agentOf, desksOnRedis, queueOf } from '../support/desk-harness.ts';

const { redis, open, faults } = desksOnRedis();

describe('a queue that is removed', () => {
  const nothingLeft = (callId: string) => ({ callId, step: { type: 'hang-up' }, why: 'queue-gone' });

  it('takes nobody any more and is not shown; who waits or is rung for is told at once', async () => {
    const desk = await open({}, ['ann']);
    for (const call of ['rung', 'waits']) await desk.enqueue(call);
    await desk.store.report(await desk.offerOf('ann'), { type: 'ringing' });
    await desk.store.removeQueue('main');
    expect((await desk.pending()).overflows.sort((a, b) => (a.callId < b.callId ? -1 : 1))).toEqual([
      nothingLeft('rung'),
      nothingLeft('waits'),
    ]);
    expect(await desk.stateOf('ann')).toBe('available');
    expect(await desk.enqueue('late')).toEqual({ outcome: 'refused', reason: 'unknown-queue' });
    expect(await desk.store.findQueue('main')).toBeUndefined();
    const view = new RedisDeskView(redis(), { prefix: desk.prefix, nowMs: () => desk.nowMs });
    expect((await view.look()).queues).toEqual([]);
    expect(await faults(desk)).toEqual([]);
    for (const call of ['rung', 'waits']) await desk.store.leave(call);
    expect(await desk.leftovers()).toEqual([]);
    await desk.store.removeQueue('main');
    // Its name is given to a new one.
    await desk.store.putQueue(queueOf());
    await desk.enqueue('again');
    expect(await desk.offers()).toEqual(['again→ann']);
  });

  it('parts nobody: whoever has been answered talks, and follows only where they are not connected', async () => {
    const desk = await open({ wrapUpMs: 0, pauseMs: 60_000 }, ['ann', 'bob', 'cho']);
    for (const call of ['talks', 'whisper', 'declined']) await desk.enqueue(call);
    const talking = await desk.talk('ann');
    const answered = async (agent: string) => {
      const offerId = await desk.offerOf(agent);
      await desk.store.report(offerId, { type: 'answered' });
      return offerId;
    };
    const [whisper, declined] = [await answered('bob'), await answered('cho')];
    await desk.store.removeQueue('main');
    expect((await desk.pending()).overflows).toEqual([]);
    expect(await desk.store.report(whisper, { type: 'connected' })).toBe('ok');
    expect(await desk.store.report(declined, { type: 'missed', why: 'refused' })).toBe('ok');
    expect((await desk.pending()).overflows).toEqual([nothingLeft('declined')]);
    expect(await desk.store.report(talking, { type: 'finished' })).toBe('ok');
    expect(await desk.stateOf('ann')).toBe('wrap-up');
    await desk.advance(30_000);
    expect(await desk.stateOf('ann')).toBe('available');
    expect(await desk.store.report(whisper, { type: 'agent-lost' })).toBe('ok');
    expect((await desk.pending()).overflows.map(({ callId }) => callId).sort()).toEqual(['declined', 'whisper']);
    expect(await faults(desk)).toEqual([]);
    for (const call of ['talks', 'whisper', 'declined']) await desk.store.leave(call);
    expect(await desk.leftovers()).toEqual([]);
  });

  it('leaves a case of each call-back, also where somebody is being dialled and is not reached', async () => {
    const desk = await open({}, ['ann', 'bob']);
    for (const call of ['dialled', 'rung', 'waits', 'later']) await desk.enqueue(call);
    for (const call of ['dialled', 'rung', 'waits', 'later']) await desk.store.callBackLater(call);
    const dialled = await desk.offerOf('ann');
    await desk.store.report(dialled, { type: 'answered' });
    await desk.store.removeQueue('main');
    const givenUp = async () => (await desk.store.givenUp(10)).map(({ request }) => request.callId).sort();
    expect(await givenUp()).toEqual(['later', 'rung', 'waits']);
    expect(await desk.stateOf('bob')).toBe('available');
    await desk.store.report(dialled, { type: 'not-reached', againMs: 60_000, attemptsMax: 3 });
    expect(await givenUp()).toEqual(['dialled', 'later', 'rung', 'waits']);
    expect(await desk.stateOf('ann')).toBe('available');
    expect(await desk.leftovers()).toEqual([]);
  });

  it('lets a step that is being done come to its end, and is told to whoever takes a lost call over', async () => {
    const desk = await open({ maxWaitMs: 10_000, overflow: [{ type: 'voicemail' }, { type: 'callback' }] });
    await desk.enqueue('held');
    await desk.advance(10_000);
    await desk.enqueue('lost', { maxWaitMs: 0 }, 'c1');
    await desk.store.extend('c2', 100_000);
    await desk.store.removeQueue('main');
    expect((await desk.pending()).overflows).toContainEqual({
      ...{ callId: 'held', step: { type: 'voicemail' }, why: 'time-out' },
    });
    await desk.store.overflowFailed('held');
    expect((await desk.pending()).overflows).toContainEqual({
      ...{ callId: 'held', step: { type: 'hang-up' }, why: 'time-out' },
    });
    await desk.store.putQueue(queueOf());
    await desk.enqueue('other', {}, 'c1');
    await desk.advance(20_000, ['c2']);
    await desk.store.removeQueue('main');
    expect(await faults(desk)).toEqual([]);
    await desk.store.resume('c2', 'other');
    expect((await desk.pending('c2')).overflows).toEqual([nothingLeft('other')]);
    for (const call of ['held', 'lost', 'other']) await desk.store.leave(call);
    expect(await desk.leftovers()).toEqual([]);
  });
});

describe('the time a queue waits for agents', () => {
  const noAgent = { callId: 'a', step: { type: 'voicemail' }, why: 'no-agent' };
  const settings = { noAgentsMs: 15_000, overflow: [{ type: 'voicemail' as const }] };

  it.each(['available', 'break'] as const)('begins when the last agent is removed, %s', async (state) => {
    const desk = await open(settings, ['ann', 'bob']);
    for (const agent of ['ann', 'bob']) await desk.store.setAgentState(agent, 'break');
    await desk.enqueue('a');
    await desk.store.removeAgent('ann');
    await desk.advance(20_000);
    expect((await desk.pending()).overflows).toEqual([]);
    await desk.store.setAgentState('bob', state);
    if (state === 'available') await desk.store.report(await desk.offerOf('bob'), { type: 'missed', why: 'refused' });
    await desk.store.removeAgent('bob');
    await desk.advance(14_000);
    expect((await desk.pending()).overflows).toEqual([]);
    await desk.advance(1_000);
    expect((await desk.pending()).overflows).toEqual([noAgent]);
  });

  it('begins when the last agent is taken off the queue, or disabled while talking', async () => {
    const desk = await open(settings, ['ann', 'bob']);
    await desk.enqueue('t');
    await desk.talk('ann');
    await desk.enqueue('a');
    await desk.store.report(await desk.offerOf('bob'), { type: 'missed', why: 'no-answer' });

    await desk.store.putAgent(agentOf('bob', { queues: [] }));
    await desk.advance(20_000);
    expect((await desk.pending()).overflows).toEqual([]);
    await desk.store.removeAgent('ann');
    await desk.advance(15_000);
    expect((await desk.pending()).overflows).toEqual([noAgent]);
    expect(await desk.stateOf('ann')).toBe('talking');
  });
});
