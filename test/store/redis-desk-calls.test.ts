import { describe, expect, it } from 'vitest';
import { openingHoursSchema } from '../../src/accounts/opening-hours.ts';
import { desksOnRedis, queueOf, requestOf } from '../support/desk-harness.ts';

const { open, faults } = desksOnRedis();

describe('a transfer to another queue', () => {
  it('keeps the age, and lets go of whoever rings or talks', async () => {
    const desk = await open({ wrapUpMs: 5_000 }, ['ann']);
    await desk.store.putQueue(queueOf({ queueId: 'second', maxLength: 2 }));
    await desk.enqueue('a');
    await desk.enqueue('young', { queueId: 'second' });
    await desk.talk('ann');
    expect(await desk.store.transferTo('a', 'second')).toEqual({ outcome: 'queued', position: 1 });
    expect(await desk.stateOf('ann')).toBe('wrap-up');
    await desk.enqueue('c');
    expect(await desk.store.transferTo('c', 'second')).toEqual({ outcome: 'refused', reason: 'full' });
    expect(await desk.store.transferTo('gone', 'second')).toEqual({ outcome: 'gone' });
    expect(await faults(desk)).toEqual([]);
  });
});

describe('a controller that dies', () => {
  it.each(['offered', 'ringing', 'answered'])(
    'frees the agent and keeps the caller for 60 s, at the old place: %s',
    async (stage) => {
      const desk = await open({}, ['ann']);
      await desk.store.extend('c2', 10_000);
      await desk.enqueue('a');
      await desk.enqueue('b', {}, 'c2');
      const offerId = await desk.offerOf('ann');
      if (stage !== 'offered') await desk.store.report(offerId, { type: 'ringing' });
      if (stage === 'answered') await desk.store.report(offerId, { type: 'answered' });
      await desk.advance(10_000, ['c2']);
      expect(await desk.offers('c2')).toEqual(['b→ann']);
      expect(await desk.store.report(offerId, { type: 'answered' })).toBe('gone');
      expect(await desk.store.places(['a', 'b'])).toMatchObject([{ position: 1 }, { position: 2 }]);
      await desk.store.leave('b');
      expect(await desk.stateOf('ann')).toBe('available');
      expect(await desk.store.resume('c2', 'a')).toMatchObject({ state: 'waiting', request: { callId: 'a' } });
      expect(await desk.offers('c2')).toEqual(['a→ann']);
      expect(await faults(desk)).toEqual([]);
    },
  );

  it('leaves nothing of callers whom nobody takes over', async () => {
    const desk = await open({}, ['ann']);
    for (const call of ['a', 'b', 'c']) await desk.enqueue(call);
    await desk.talk('ann');
    await desk.advance(9_999, []);
    expect(await desk.stateOf('ann')).toBe('talking');
    await desk.advance(60_001, []);
    expect(await desk.leftovers()).toEqual([]);
    expect(await desk.stateOf('ann')).toBe('available');
    expect(await desk.store.resume('c2', 'a').catch(({ code }) => code)).toBe('CONTROLLER_LEASE_LOST');
  });

  it('gives its calls to one other only, unless that one dies too', async () => {
    const desk = await open();
    await desk.store.extend('c2', 10_000);
    await desk.enqueue('a');
    await desk.advance(10_000, ['c2']);
    expect(await desk.store.resume('c2', 'a')).toMatchObject({ state: 'waiting' });
    await desk.store.extend('c1', 10_000);
    expect(await desk.store.resume('c1', 'a', true)).toBe('taken');
    expect(await desk.store.resume('c1', 'none', true)).toBe('unknown');
  });

  it('takes with it a thousand callers in parts', async () => {
    const desk = await open({ maxLength: 2_000 });
    await desk.store.extend('c2', 10_000);
    for (let call = 0; call < 1_000; call++) await desk.store.enqueue('c1', requestOf(`call-${call}`));
    await desk.advance(10_000, ['c2']);
    await desk.advance(80_000, ['c2']);
    expect(await desk.leftovers()).toEqual([]);
  });
});

describe('a call-back', () => {
  it('keeps the place, has no longest wait, and is offered through a controller that lives', async () => {
    const desk = await open({ maxWaitMs: 30_000, noAgentsMs: 10_000 });
    await desk.store.extend('c2', 10_000);
    await desk.enqueue('a', {}, 'c2');
    await desk.enqueue('b', { maxWaitMs: 0 });
    expect(await desk.store.callBackLater('a')).toBe(true);
    expect(await desk.store.callBackLater('none')).toBe(false);
    await desk.advance(300_000, ['c1']);
    await desk.signIn('ann');
    expect((await desk.pending()).offers).toMatchObject([{ callId: 'a', agentId: 'ann', isCallBack: true }]);
    expect(await desk.store.resume('c1', 'a')).toMatchObject({ state: 'offered', request: { callId: 'a' } });
    await desk.talk('ann');
    expect(await desk.store.callBackLater('a')).toBe(false);
    await desk.store.leave('a');
    await desk.store.leave('b');
    expect(await desk.leftovers()).toEqual([]);
  });

  it('waits where no controller lives, for the next one', async () => {
    const desk = await open({}, ['ann']);
    await desk.store.setAgentState('ann', 'break');
    await desk.enqueue('a');
    await desk.store.callBackLater('a');
    await desk.advance(100_000, []);
    await desk.store.setAgentState('ann', 'available');
    expect(await desk.stateOf('ann')).toBe('available');
    await desk.store.extend('c9', 10_000);
    expect(await desk.offers('c9')).toEqual(['a→ann']);
    expect(await faults(desk)).toEqual([]);
    await desk.advance(8 * 24 * 3_600_000, []);
    expect(await desk.leftovers()).toEqual([]);
  });

  it('that was not reached waits for its pause at its place, whoever is free; the agent has missed nothing', async () => {
    const desk = await open({ missesBeforePause: 1, ringTimeoutMs: 12_000 }, ['ann']);
    await desk.enqueue('a');
    await desk.store.callBackLater('a');
    const offerId = await desk.offerOf('ann');
    for (const type of ['ringing', 'answered'] as const) await desk.store.report(offerId, { type });
    expect(await desk.store.report(offerId, { type: 'not-reached', againMs: 60_000, attemptsMax: 2 })).toBe('ok');
    expect(await desk.store.report(offerId, { type: 'not-reached', againMs: 60_000, attemptsMax: 2 })).toBe('gone');
    expect(await desk.stateOf('ann')).toBe('available');
    expect(await faults(desk)).toEqual([]);
    await desk.enqueue('b');
    expect(await desk.store.places(['a', 'b'])).toMatchObject([{ position: 1 }, { position: 2 }]);
    expect(await desk.offers()).toEqual(['b→ann']);
    await desk.store.leave('b');
    await desk.signIn('bob');
    expect(await desk.offers()).toEqual([]);
    await desk.advance(60_000);
    expect(await desk.offers()).toEqual(['a→ann']);
    // The second attempt is the last.
    const again = await desk.offerOf('ann');
    expect(await desk.store.report(again, { type: 'not-reached', againMs: 60_000, attemptsMax: 2 })).toBe('gone');
    expect(await desk.leftovers()).toEqual([]);
    expect(await faults(desk)).toEqual([]);
  });

  it('waits at its place until its queue is open again, whoever of another queue is free', async () => {
    const desk = await open();
    const hours = openingHoursSchema.parse({ open: [{ from: '09:00', to: '10:01' }] });
    await desk.store.putQueue(queueOf({ hours, ringTimeoutMs: 60_000 }));
    await desk.store.putQueue(queueOf({ queueId: 'always' }));
    for (const call of ['a', 'b']) await desk.enqueue(call);
    await desk.enqueue('waits');
    for (const call of ['a', 'b']) await desk.store.callBackLater(call);
    await desk.advance(30_000);
    await desk.signIn('ann', { queues: ['main', 'always'] });
    expect(await desk.offers()).toEqual(['a→ann']);
    // The phone rings on; whoever does not answer is not rung for it again today.
    await desk.store.report(await desk.offerOf('ann'), { type: 'ringing' });
    await desk.advance(31_000);
    expect(await faults(desk)).toEqual([]);
    // Whoever is on the line is not turned away.
    await desk.store.report(await desk.offerOf('ann'), { type: 'missed', why: 'no-answer' });
    expect(await desk.offers()).toEqual(['waits→ann']);
    await desk.store.leave('waits');
    expect(await desk.stateOf('ann')).toBe('available');
    // Nothing that falls due meanwhile changes that: the time passed over, another controller.
    await desk.store.extend('c2', 10_000);
    await desk.advance(120_000, ['c2']);
    expect(await desk.stateOf('ann')).toBe('available');
    expect(await desk.store.places(['a', 'b'])).toMatchObject([{ position: 1 }, { position: 2 }]);
    expect(await faults(desk)).toEqual([]);
    // 09:00 the next day, by itself.
    await desk.store.extend('c2', 24 * 3_600_000);
    desk.nowMs = Date.UTC(2026, 0, 6, 0, 0, 0) - 1;
    await desk.store.tick();
    expect(await desk.offers('c2')).toEqual([]);
    desk.nowMs += 1;
    await desk.store.tick();
    expect(await desk.offers('c2')).toEqual(['a→ann']);
    expect(await faults(desk)).toEqual([]);
  });

  it('goes on at once where its queue is opened', async () => {
    const desk = await open();
    const hours = openingHoursSchema.parse({ closedDays: ['2026-01-05'] });
    await desk.enqueue('a');
    await desk.store.callBackLater('a');
    await desk.store.putQueue(queueOf({ hours }));
    await desk.signIn('ann');
    expect(await desk.offers()).toEqual([]);
    expect(await faults(desk)).toEqual([]);
    await desk.store.putQueue(queueOf());
    expect(await desk.offers()).toEqual(['a→ann']);
    await desk.store.leave('a');
    expect(await desk.leftovers()).toEqual([]);
  });

  it('is dropped: nobody is called back, whoever rang for it is free; not one who talks', async () => {
    const desk = await open({}, ['ann']);
    await desk.enqueue('a');
    expect(await desk.store.dropCallBack('a')).toBe(false);
    await desk.store.callBackLater('a');
    await desk.store.report(await desk.offerOf('ann'), { type: 'ringing' });
    expect(await desk.store.dropCallBack('a')).toBe(true);
    expect(await desk.store.dropCallBack('a')).toBe(false);
    expect(await desk.stateOf('ann')).toBe('available');
    expect(await desk.leftovers()).toEqual([]);
    await desk.enqueue('b');
    await desk.store.callBackLater('b');
    await desk.talk('ann');
    expect(await desk.store.dropCallBack('b')).toBe(false);
    expect(await faults(desk)).toEqual([]);
  });

  it('that could not be dialled now is handed on to another controller, and does not count', async () => {
    const desk = await open({ strategy: 'ring-several', ringCount: 2 }, ['ann', 'bob']);
    await desk.enqueue('a');
    await desk.store.callBackLater('a');
    await desk.store.extend('c2', 10_000);
    for (let turn = 0; turn < 4; turn++) {
      const by = (await desk.offers('c1')).length > 0 ? 'c1' : 'c2';
      expect(await desk.offers(by)).toEqual(['a→ann', 'a→bob']);
      const offerId = await desk.offerOf('bob', by);
      expect(await desk.store.report(offerId, { type: 'not-reached', againMs: 1_000 })).toBe('ok');
      expect(await desk.stateOf('ann')).toBe('available');
      expect(await faults(desk)).toEqual([]);
      await desk.advance(1_000, ['c1', 'c2']);
    }
    // Whoever is on the line is no call-back.
    await desk.store.leave('a');
    await desk.enqueue('b');
    const offerId = await desk.offerOf('ann');
    expect(await desk.store.report(offerId, { type: 'not-reached', againMs: 1_000 })).toBe('gone');
    await desk.store.leave('b');
    expect(await desk.leftovers()).toEqual([]);
  });
});
