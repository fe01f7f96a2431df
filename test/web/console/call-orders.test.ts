import { describe, expect, it } from 'vitest';
import { requestFor } from '../../../src/web/console/call-orders.ts';

describe('an order to a call in progress', () => {
  it('goes to the call, whatever its id has in it', () => {
    const path = '/desk/calls/a%2Fb%40host/hold';
    expect(requestFor('a/b@host', { type: 'hold', held: true })).toEqual({
      method: 'POST',
      path,
      body: { held: true },
    });
  });

  it('is taken back where it was given', () => {
    const to = { type: 'person', personId: 'sato' } as const;
    const path = '/desk/calls/c/transfer';
    expect(requestFor('c', { type: 'transfer', to })).toEqual({ method: 'POST', path, body: { to } });
    expect(requestFor('c', { type: 'cancel-transfer' })).toEqual({ method: 'DELETE', path });
    expect(requestFor('c', { type: 'listen', mode: 'whisper' }).path).toBe('/desk/calls/c/listen');
    expect(requestFor('c', { type: 'stop-listening' })).toEqual({ method: 'DELETE', path: '/desk/calls/c/listen' });
  });

  it('has no body where there is nothing to say', () => {
    expect(requestFor('c', { type: 'end' })).toEqual({ method: 'POST', path: '/desk/calls/c/end' });
    const move = requestFor('c', { type: 'move', queueId: 'front', first: true });
    expect(move).toEqual({ method: 'POST', path: '/desk/calls/c/move', body: { queueId: 'front', first: true } });
  });
});
