import { describe, expect, it } from 'vitest';
import { RedisDeskView } from '../../src/store/redis/redis-desk-view.ts';
import { type DeskBench, desksOnRedis } from '../support/desk-harness.ts';

const { redis, open } = desksOnRedis();

/** Of all half hours together. */
async function figures(desk: DeskBench) {
  const { queues } = await new RedisDeskView(redis(), { prefix: desk.prefix, nowMs: () => desk.nowMs }).look();
  const sum = { answered: 0, inTime: 0, left: 0, waitMs: 0 };
  for (const slot of queues[0]?.slots ?? []) {
    for (const name of ['answered', 'inTime', 'left', 'waitMs'] as const) sum[name] += slot[name];
  }
  return sum;
}

describe("today's figures", () => {
  it('a caller whom nobody has talked to is not answered, whoever rang or picked up for them', async () => {
    const desk = await open({}, ['ann']);
    await desk.enqueue('rung');
    await desk.store.report(await desk.offerOf('ann'), { type: 'ringing' });
    await desk.advance(4_000);
    await desk.store.leave('rung');
    await desk.enqueue('picked-up');
    const offerId = await desk.offerOf('ann');
    await desk.store.report(offerId, { type: 'ringing' });
    await desk.store.report(offerId, { type: 'answered' });
    await desk.store.report(offerId, { type: 'missed', why: 'refused' });
    await desk.store.leave('picked-up');
    expect(await figures(desk)).toEqual({ answered: 0, inTime: 0, left: 2, waitMs: 0 });
    expect((await desk.store.queueFigures('main'))?.handlingMs).toBeUndefined();
  });

  it('the ringing is part of the wait and none of the talk; who was missed first has waited all the time', async () => {
    const desk = await open({ skipMs: 1_000 }, ['ann']);
    await desk.enqueue('a');
    const startMs = desk.nowMs;
    await desk.store.report(await desk.offerOf('ann'), { type: 'ringing' });
    await desk.advance(14_000);
    await desk.store.report(await desk.offerOf('ann'), { type: 'missed', why: 'no-answer' });
    await desk.advance(1_100);
    await desk.store.report(await desk.offerOf('ann'), { type: 'ringing' });
    await desk.advance(6_000);
    await desk.talk('ann');
    const waitedMs = desk.nowMs - startMs;
    await desk.advance(60_000);
    await desk.store.leave('a');
    const { answered, inTime, left, waitMs } = await figures(desk);
    expect({ answered, inTime, left }).toEqual({ answered: 1, inTime: 0, left: 0 });
    expect(Math.abs(waitMs - waitedMs)).toBeLessThanOrEqual(1);
    expect((await desk.store.queueFigures('main'))?.handlingMs).toBe(60_000);
    await desk.enqueue('b');
    await desk.talk('ann');
    await desk.store.leave('b');
    expect(await figures(desk)).toMatchObject({ answered: 2, inTime: 1, left: 0 });
  });
});
