import { describe, expect, it } from 'vitest';
import { HealthBoard } from '../../src/kernel/health.ts';

describe('the health of the parts', () => {
  it('is ready while every part that calls need is there', () => {
    const board = new HealthBoard();
    let redis: 'ok' | 'away' = 'away';
    let media: 'ok' | 'degraded' | 'away' = 'ok';
    board.add('redis', () => ({ state: redis, why: 'no answer' }));
    board.add('media', () => ({ state: media }), { isNeeded: true });
    expect(board.read()).toEqual({
      ready: true,
      parts: { redis: { state: 'away', why: 'no answer' }, media: { state: 'ok' } },
    });
    media = 'degraded';
    expect(board.read().ready).toBe(true);
    media = 'away';
    redis = 'ok';
    expect(board.read()).toMatchObject({ ready: false, parts: { redis: { state: 'ok' }, media: { state: 'away' } } });
  });

  it('tells a part that cannot be asked as away, and the others all the same', () => {
    const board = new HealthBoard();
    board.add('disk', () => {
      throw new Error('no such folder');
    });
    board.add('database', () => ({ state: 'ok' }));
    expect(board.read().parts).toEqual({
      disk: { state: 'away', why: 'cannot be told: no such folder' },
      database: { state: 'ok' },
    });
  });
});
