import { describe, expect, test } from 'vitest';
import type { Effect } from '../../src/flow/protocol.ts';
import { settle } from '../support/fake-clock.ts';
import { escalate, ring, waiting } from './fake-desk.ts';
import { hangup, type Script } from './harness.ts';

describe('a caller asks to be called back', () => {
  const wish: Effect = { type: 'call-back-later', escalationId: 'q1' };
  const script: Script = (event) => {
    if (event.type === 'started') return [escalate];
    if (event.type === 'digit') return [wish];
    return event.type === 'desk-call-back' && event.outcome === 'kept' ? [hangup('call-back')] : [];
  };
  const asking = (options: Parameters<typeof waiting>[0] = {}) => waiting({ script, ...options });

  test('the number to call and the one to show go to the desk; the place is kept; the record says so', async () => {
    const { h, leg, desk } = await asking();
    expect(desk.requests[0]?.callBack).toEqual({ toNumber: '+819012345678', fromNumber: '0312345678' });
    leg.press('2');
    await settle();
    expect(desk.told).toEqual(['call back later']);
    await settle();
    expect(h.story(leg.legId)).toEqual([
      ...['offered', 'answered', 'queued', 'left-queue', 'finished call-back', 'ended system-hangup'],
    ]);
    expect(h.facts.find(({ type }) => type === 'left-queue')).toMatchObject({ reason: 'call-back' });
    expect(h.service.activeCalls).toBe(0);
  });

  test('a number that the account may not dial, or none: refused, and the caller waits on', async () => {
    for (const options of [{ account: { outbound: { allow: ['+813'], deny: [] } } }, { script: collected('110') }]) {
      const { h, leg, desk } = await asking(options);
      expect(desk.requests[0]?.callBack).toBeUndefined();
      leg.press('2');
      await settle();
      expect(h.events.at(-1)).toMatchObject({ type: 'desk-call-back', outcome: 'refused' });
      expect(desk.told).toEqual([]);
    }
  });

  function collected(callBackTo: string): Script {
    return (event, seen) => (event.type === 'started' ? [{ ...escalate, callBackTo } as Effect] : script(event, seen));
  }

  test('hangs up before the desk has said yes: the place is kept all the same', async () => {
    const answer = Promise.withResolvers<boolean>();
    const { h, leg, desk } = await asking();
    desk.keepsPlace = answer.promise;
    leg.press('2');
    leg.hangUp();
    await settle();
    expect(desk.told).toEqual(['call back later']);
    answer.resolve(true);
    await settle();
    expect(desk.told).toEqual(['call back later']);
    expect(h.facts.find(({ type }) => type === 'left-queue')).toMatchObject({ reason: 'call-back' });
    expect(h.service.activeCalls).toBe(0);
  });

  test('… or no: nothing is left at the desk', async () => {
    const answer = Promise.withResolvers<boolean>();
    const { h, leg, desk } = await asking();
    desk.keepsPlace = answer.promise;
    leg.press('2');
    leg.hangUp();
    answer.resolve(false);
    await settle();
    expect(desk.told).toEqual(['call back later', 'leave abandoned']);
    expect(h.service.activeCalls).toBe(0);
  });

  test('too late, since an agent has answered: they are connected', async () => {
    const { h, leg, desk } = await asking();
    desk.keepsPlace = Promise.resolve(false);
    desk.listener?.ring(ring);
    await settle();
    leg.press('2');
    await settle();
    expect(h.events.at(-1)).toMatchObject({ type: 'desk-call-back', outcome: 'too-late' });
    const agent = h.telephony.dials[0]?.answer();
    await settle();
    agent?.finishPlay();
    await settle();
    expect(leg.bridgedWith).toBe(agent);
  });
});

describe('overflow', () => {
  test('the flow is told each step, tries the next one, and is done where the queue hangs up', async () => {
    const steps: Effect[] = [{ type: 'overflow-failed', escalationId: 'q1' }];
    const { h, leg, desk } = await waiting({
      script: (event) => {
        if (event.type === 'started') return [escalate];
        if (event.type === 'desk-overflow') return steps;
        return event.type === 'desk-done' ? [hangup('over')] : [];
      },
    });
    desk.listener?.overflow({ type: 'transfer', number: '0312340000' }, 'time-out');
    await settle();
    expect(h.events.at(-1)).toMatchObject({ type: 'desk-overflow', step: { type: 'transfer', number: '0312340000' } });
    expect(desk.told).toEqual(['overflow failed']);
    desk.listener?.overflow({ type: 'hang-up' }, 'time-out');
    await settle();
    expect(h.events.find(({ type }) => type === 'desk-done')).toMatchObject({ outcome: 'time-out' });
    expect(leg.ended).toBe('system-hangup');
  });
});
