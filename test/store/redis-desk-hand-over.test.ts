import { describe, expect, it } from 'vitest';
import { RedisDeskView } from '../../src/store/redis/redis-desk-view.ts';
import { desksOnRedis, leaseMs, queueOf } from '../support/desk-harness.ts';

const { redis, open, faults } = desksOnRedis();

/** Caller `a` talks with ann; bob is free, and `a` is on the way to him. */
async function handedToBob() {
  const desk = await open({ wrapUpMs: 5_000, ringTimeoutMs: 10_000 }, ['ann', 'bob']);
  await desk.enqueue('a');
  const ann = await desk.talk('ann');
  const offer = await desk.store.handTo('a', 'bob');
  if (typeof offer === 'string') throw new Error(offer);
  const report = (type: 'ringing' | 'answered' | 'connected') => desk.store.report(offer.offerId, { type });
  const states = async () => [await desk.stateOf('ann'), await desk.stateOf('bob')];
  return { desk, ann, offer, bob: offer.offerId, report, states };
}

describe('a caller who is handed to another agent', () => {
  it('stays with the first until the second is connected; then the first is in wrap-up', async () => {
    const { desk, offer, report, states } = await handedToBob();
    expect(offer).toMatchObject({ callId: 'a', agentId: 'bob', isTransfer: true });
    expect(await states()).toEqual(['talking', 'reserved']);
    await report('ringing');
    await report('answered');
    expect(await states()).toEqual(['talking', 'ringing']);
    expect(await report('connected')).toBe('ok');
    expect(await report('connected')).toBe('ok');
    expect(await states()).toEqual(['wrap-up', 'talking']);
    expect(await faults(desk)).toEqual([]);
    await desk.store.leave('a');
    expect(await states()).toEqual(['wrap-up', 'wrap-up']);
    await desk.advance(5_000);
    expect(await states()).toEqual(['available', 'available']);
    expect(await desk.leftovers()).toEqual([]);
  });

  it('is given to nobody else: a repeat is the same offer, another agent is refused; and nobody else is given the agent', async () => {
    const { desk, bob } = await handedToBob();
    expect(await desk.store.handTo('a', 'bob')).toMatchObject({ offerId: bob });
    await desk.signIn('cho');
    expect(await desk.store.handTo('a', 'cho')).toBe('busy');
    await desk.store.setAgentState('cho', 'offline');
    await desk.enqueue('b');
    expect(await desk.offers()).toEqual(['a→bob']);
    expect(await faults(desk)).toEqual([]);
  });

  it.each([
    ['who is not free', 'bob', 'busy'],
    ['who is nobody', 'nobody', 'busy'],
    ['who may not serve the account', 'dan', 'not-allowed'],
  ])('is not, to one %s', async (_, agentId, why) => {
    const desk = await open({}, ['ann']);
    await desk.signIn('dan', { refusedAccounts: ['acme'] });
    await desk.enqueue('a');
    expect(await desk.store.handTo('a', 'dan')).toBe('not-talking');
    expect(await desk.store.handTo('gone', 'dan')).toBe('not-talking');
    await desk.talk('ann');
    expect(await desk.store.handTo('a', agentId)).toBe(why);
    expect(await faults(desk)).toEqual([]);
  });

  it('missed: the second counts it, the caller is with the first as before', async () => {
    const { desk, bob, report, states } = await handedToBob();
    await report('ringing');
    await desk.store.report(bob, { type: 'missed', why: 'no-answer' });
    expect(await states()).toEqual(['talking', 'available']);
    expect((await desk.store.findAgent('bob'))?.missesInRow).toBe(1);
    expect(await faults(desk)).toEqual([]);
  });

  it('taken back, or rung by nobody: the second is free and has missed nothing', async () => {
    const { desk, report, states } = await handedToBob();
    await report('ringing');
    await report('answered');
    await desk.store.keep('a');
    expect(await states()).toEqual(['talking', 'available']);
    expect(await report('connected')).toBe('gone');
    expect((await desk.store.findAgent('bob'))?.missesInRow).toBe(0);
    await desk.store.handTo('a', 'bob');
    await desk.advance(5_000);
    expect(await states()).toEqual(['talking', 'available']);
    expect((await desk.store.findAgent('bob'))?.missesInRow).toBe(0);
    expect(await faults(desk)).toEqual([]);
  });

  it('the first has hung up: the second has the caller, or the caller goes to the head of the line', async () => {
    const { desk, ann, report, states } = await handedToBob();
    await desk.store.report(ann, { type: 'finished' });
    expect(await states()).toEqual(['wrap-up', 'reserved']);
    await report('ringing');
    await report('answered');
    await report('connected');
    expect(await states()).toEqual(['wrap-up', 'talking']);
    const other = await handedToBob();
    await other.desk.store.report(other.ann, { type: 'finished' });
    await other.desk.enqueue('b', { priority: 9 });
    expect(await other.desk.store.backToHead('a')).toBe(true);
    expect(await other.desk.store.backToHead('a')).toBe(true);
    // Bob was free again, and took who was first.
    expect(await other.desk.offers()).toEqual(['a→bob']);
    for (const one of [desk, other.desk]) expect(await faults(one)).toEqual([]);
  });

  it.each(['leave', 'queue', 'lost controller', 'taken over', 'lost agent'])(
    '%s: nobody is held for it any more',
    async (end) => {
      const { desk, ann, report, states } = await handedToBob();
      await desk.store.putQueue(queueOf({ queueId: 'second' }));
      await report('ringing');
      if (end === 'leave') await desk.store.leave('a');
      if (end === 'queue') await desk.store.transferTo('a', 'second');
      if (end === 'lost agent') await desk.store.report(ann, { type: 'agent-lost' });
      if (end === 'lost controller') await desk.advance(leaseMs + 1_000, []);
      if (end === 'taken over') {
        await desk.store.extend('c2', leaseMs);
        await desk.store.resume('c2', 'a');
      }
      const [, bob] = await states();
      expect(bob).toBe(end === 'lost agent' ? 'reserved' : 'available');
      expect(await report('answered')).toBe('gone');
      expect(await faults(desk)).toEqual([]);
    },
  );
});

describe('what is shown of a call', () => {
  it('is seen by those who watch, until it is taken away or the call is over', async () => {
    const desk = await open({}, ['ann']);
    const view = new RedisDeskView(redis(), { prefix: desk.prefix, nowMs: () => desk.nowMs });
    const seen = async () => (await view.look()).calls;
    await desk.enqueue('a');
    await desk.talk('ann');
    const transfer = { to: '花子', state: 'ringing' } as const;
    const listeners = [{ agentId: 'boss', mode: 'whisper' as const }];
    await desk.store.show('a', { held: true, transfer, recording: 'on', listeners });
    expect(await seen()).toMatchObject([{ callId: 'a', held: true, transfer, recording: 'on', listeners }]);
    await desk.store.show('a', {});
    expect(Object.keys((await seen())[0] ?? {})).not.toContain('held');
    await desk.store.show('gone', { held: true });
    await desk.store.leave('a');
    expect(await desk.leftovers()).toEqual([]);
  });
});

describe('a waiting caller who is moved', () => {
  it('to the head of the line, or into another queue with the age kept; not one who talks', async () => {
    const desk = await open({ maxLength: 3 });
    await desk.store.putQueue(queueOf({ queueId: 'second', maxLength: 2 }));
    for (const call of ['a', 'b', 'c']) await desk.enqueue(call);
    expect(await desk.store.moveTo('c', 'main', true)).toEqual({ outcome: 'queued', position: 1 });
    await desk.enqueue('young', { queueId: 'second' });
    expect(await desk.store.moveTo('b', 'second', false)).toEqual({ outcome: 'queued', position: 1 });
    expect(await desk.store.moveTo('a', 'second', false)).toEqual({ outcome: 'refused', reason: 'full' });
    expect(await desk.store.moveTo('a', 'third', false)).toEqual({ outcome: 'refused', reason: 'unknown-queue' });
    expect(await desk.store.moveTo('gone', 'main', false)).toEqual({ outcome: 'not-waiting' });
    await desk.signIn('ann');
    expect(await desk.offers()).toEqual(['c→ann']);
    expect(await desk.store.moveTo('c', 'main', true)).toEqual({ outcome: 'queued', position: 1 });
    expect(await desk.offers()).toEqual(['c→ann']);
    await desk.talk('ann');
    expect(await desk.store.moveTo('c', 'second', false)).toEqual({ outcome: 'not-waiting' });
    expect(await faults(desk)).toEqual([]);
  });

  it('to the head of the line, before those who were given it earlier, whatever their age; a repeat changes nothing', async () => {
    const desk = await open();
    for (const call of ['a', 'b', 'c']) await desk.enqueue(call);
    for (const call of ['a', 'c', 'b', 'b']) {
      expect(await desk.store.moveTo(call, 'main', true)).toEqual({ outcome: 'queued', position: 1 });
    }
    const view = new RedisDeskView(redis(), { prefix: desk.prefix, nowMs: () => desk.nowMs });
    expect((await view.look()).queues.map(({ line }) => line)).toEqual([['b', 'c', 'a']]);
    await desk.signIn('ann');
    expect(await desk.offers()).toEqual(['b→ann']);
    expect(await faults(desk)).toEqual([]);
  });
});

it('by a controller that has lost its lease: nobody is reserved, and whoever takes the call over finds one agent', async () => {
  const desk = await open({}, ['ann']);
  await desk.enqueue('a');
  await desk.talk('ann');
  await desk.advance(leaseMs + 1_000, []);
  await desk.signIn('bob');
  expect(await desk.store.handTo('a', 'bob')).toBe('not-talking');
  await desk.store.extend('c2', leaseMs);
  expect(await desk.store.resume('c2', 'a')).toMatchObject({ state: 'talking', agentId: 'ann' });
  expect(await desk.store.handTo('a', 'bob')).toMatchObject({ agentId: 'bob' });
  expect(await faults(desk)).toEqual([]);
});

describe('a supervisor who listens', () => {
  /** Ann talks with caller `a`; the boss is one of the agents, and free. */
  async function heardByBoss() {
    const desk = await open({ wrapUpMs: 5_000 }, ['ann', 'boss']);
    await desk.enqueue('a');
    const ann = await desk.talk('ann');
    expect(await desk.store.listenIn('a', 'boss')).toBe('ok');
    return { desk, ann };
  }

  it('is offered nobody meanwhile, and is free again afterwards', async () => {
    const { desk } = await heardByBoss();
    expect(await desk.store.listenIn('a', 'boss')).toBe('ok');
    expect(await desk.store.findAgent('boss')).toMatchObject({ state: 'break', reason: 'listening' });
    await desk.enqueue('b');
    expect(await desk.offers()).toEqual([]);
    expect(await desk.store.handTo('a', 'boss')).toBe('busy');
    // Asking for work changes nothing while they listen.
    await desk.store.setAgentState('boss', 'available');
    expect(await desk.offers()).toEqual([]);
    expect(await faults(desk)).toEqual([]);
    await desk.store.stopListening('a', 'boss');
    await desk.store.stopListening('a', 'boss');
    expect(await desk.offers()).toEqual(['b→boss']);
    expect(await faults(desk)).toEqual([]);
  });

  it('afterwards takes the break that was asked for meanwhile', async () => {
    const { desk } = await heardByBoss();
    await desk.store.setAgentState('boss', 'break', 'lunch');
    await desk.store.stopListening('a', 'boss');
    expect(await desk.store.findAgent('boss')).toMatchObject({ state: 'break', reason: 'lunch' });
    expect(await faults(desk)).toEqual([]);
  });

  it.each(['the caller leaves', 'another controller takes the call', 'the controller is lost'])(
    'and %s: free again',
    async (end) => {
      const { desk } = await heardByBoss();
      if (end === 'the caller leaves') await desk.store.leave('a');
      if (end === 'the controller is lost') {
        await desk.advance(leaseMs + 1_000, []);
        await desk.advance(61_000, []);
      }
      if (end === 'another controller takes the call') {
        await desk.store.extend('c2', leaseMs);
        await desk.store.resume('c2', 'a');
      }
      expect(await desk.stateOf('boss')).toBe('available');
      expect(await faults(desk)).toEqual([]);
      await desk.store.leave('a');
      await desk.advance(5_000, ['c1', 'c2']);
      expect(await desk.leftovers()).toEqual([]);
    },
  );

  it('has a caller, or listens elsewhere: does not; is no agent: does', async () => {
    const { desk } = await heardByBoss();
    await desk.enqueue('b');
    await desk.signIn('cho');
    await desk.talk('cho');
    expect(await desk.store.listenIn('a', 'cho')).toBe('busy');
    expect(await desk.store.listenIn('b', 'boss')).toBe('busy');
    expect(await desk.store.listenIn('a', 'nobody')).toBe('ok');
    expect(await faults(desk)).toEqual([]);
  });

  it('in wrap-up: it ends in its time, and nobody is offered until they have heard enough', async () => {
    const desk = await open({ wrapUpMs: 5_000 }, ['boss']);
    await desk.enqueue('z');
    const offer = await desk.talk('boss');
    await desk.store.report(offer, { type: 'finished' });
    await desk.signIn('ann');
    await desk.enqueue('a');
    await desk.talk('ann');
    expect(await desk.store.listenIn('a', 'boss')).toBe('ok');
    expect(await desk.stateOf('boss')).toBe('wrap-up');
    await desk.advance(5_000);
    expect(await desk.store.findAgent('boss')).toMatchObject({ state: 'break', reason: 'listening' });
    await desk.store.leave('a');
    expect(await desk.stateOf('boss')).toBe('available');
    expect(await faults(desk)).toEqual([]);
  });
});

describe('handed to a queue, and taken back since nobody knows whether that was done', () => {
  const handed = async (settings: Parameters<typeof queueOf>[0] = {}) => {
    const desk = await open({ wrapUpMs: 30_000, ...settings }, ['ann']);
    await desk.store.putQueue(queueOf({ queueId: 'second' }));
    await desk.enqueue('a', { skills: [] });
    const offerId = await desk.talk('ann');
    return { desk, offerId };
  };

  it('the two talk, as if it had not been, also where it had not', async () => {
    const { desk, offerId } = await handed();
    await desk.signIn('bob', { queues: ['second'] });
    expect(await desk.store.stay('a', offerId)).toBe(true);
    // The answer is lost: sent again.
    for (let sent = 0; sent < 2; sent++) await desk.store.transferTo('a', 'second');
    expect(await desk.offers()).toEqual(['a→bob']);
    expect(await desk.stateOf('ann')).toBe('wrap-up');
    for (let sent = 0; sent < 2; sent++) expect(await desk.store.stay('a', offerId)).toBe(true);
    expect([await desk.stateOf('ann'), await desk.stateOf('bob')]).toEqual(['talking', 'available']);
    expect(await desk.store.places(['a'])).toEqual([]);
    expect(await faults(desk)).toEqual([]);
    await desk.advance(60_000);
    expect(await desk.stateOf('ann')).toBe('talking');
    await desk.store.report(offerId, { type: 'finished' });
    expect(await desk.stateOf('ann')).toBe('wrap-up');
    await desk.advance(30_000);
    expect((await desk.store.queueFigures('main'))?.handlingMs).toBe(90_001);
    expect(await faults(desk)).toEqual([]);
    await desk.store.leave('a');
    expect(await desk.leftovers()).toEqual([]);
  });

  it('stays done where the agent has another caller already, or another agent has the caller', async () => {
    const { desk, offerId } = await handed({ wrapUpMs: 0 });
    await desk.enqueue('b');
    await desk.store.transferTo('a', 'second');
    expect(await desk.offers()).toEqual(['b→ann']);
    expect(await desk.store.stay('a', offerId)).toBe(false);
    await desk.store.leave('b');
    await desk.signIn('bob', { queues: ['second'] });
    await desk.store.report(await desk.offerOf('bob'), { type: 'answered' });
    expect(await desk.store.stay('a', offerId)).toBe(false);
    await desk.talk('bob');
    expect(await desk.store.stay('a', offerId)).toBe(false);
    await desk.store.leave('a');
    // Nothing is known of the call: whoever has it has it.
    expect(await desk.store.stay('a', offerId)).toBe(true);
    expect(await faults(desk)).toEqual([]);
    expect(await desk.leftovers()).toEqual([]);
  });
});

describe('the skills that the flow asked for', () => {
  const asking = { skills: [{ name: 'law', minLevel: 5 }], language: 'en' };
  const toSecond = async (settings: Parameters<typeof queueOf>[0] = {}) => {
    const desk = await open({ maxWaitMs: 20_000, overflow: [{ type: 'queue', queueId: 'second' }] });
    await desk.store.putQueue(queueOf({ queueId: 'second', ...settings }));
    await desk.signIn('bob', { queues: ['second'] });
    await desk.signIn('eve', { queues: ['second'], languages: ['ja', 'en'] });
    await desk.enqueue('a', asking);
    return desk;
  };

  it('count no more where an agent hands the caller to another queue, or a supervisor moves them; the language does', async () => {
    const handed = await toSecond();
    await handed.signIn('ann', { skills: { law: 5 }, languages: ['en'] });
    await handed.talk('ann');
    await handed.store.transferTo('a', 'second');
    expect(await handed.offers()).toEqual(['a→eve']);
    const moved = await toSecond();
    await moved.store.moveTo('a', 'second', false);
    expect(await moved.offers()).toEqual(['a→eve']);
    for (const desk of [handed, moved]) expect(await faults(desk)).toEqual([]);
  });

  it('count on where the queue overflows, as far as the widening of the next one says', async () => {
    const strict = await toSecond();
    await strict.advance(30_000);
    expect((await strict.store.listLine('second', 5)).map(({ callId }) => callId)).toEqual(['a']);
    expect(await strict.offers()).toEqual([]);
    const lenient = await toSecond({ widening: [{ afterMs: 25_000, dropSkills: ['law'] }] });
    await lenient.advance(24_900);
    expect(await lenient.offers()).toEqual([]);
    await lenient.advance(100);
    expect(await lenient.offers()).toEqual(['a→eve']);
  });

  it('are wanted again where the hand-over is taken back, and the agent is lost then', async () => {
    const desk = await toSecond();
    await desk.signIn('ann', { skills: { law: 5 }, languages: ['en'] });
    const offerId = await desk.talk('ann');
    await desk.store.transferTo('a', 'second');
    expect(await desk.store.stay('a', offerId)).toBe(true);
    await desk.store.report(offerId, { type: 'agent-lost' });
    await desk.signIn('lay', { languages: ['en'] });
    expect(await desk.offers()).toEqual([]);
    await desk.signIn('kim', { skills: { law: 9 }, languages: ['en'] });
    expect(await desk.offers()).toEqual(['a→kim']);
    expect(await faults(desk)).toEqual([]);
  });
});
