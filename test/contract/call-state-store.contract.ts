import { expect, it } from 'vitest';
import type { CallStateStore } from '../../src/call/call-state-store.ts';
import { newId } from '../../src/kernel/ids.ts';
import { eventually } from '../support/poll.ts';

const longMs = 60_000;
const shortMs = 100;
const snapshot = (callId: string, state: unknown = { node: 'start' }) => ({ callId, savedAtMs: 1_234, state });

/** Claims until something comes: leases run out in the store's own time. */
const claimSoon = (store: CallStateStore, controllerId: string, limit = 100) =>
  eventually('orphans to claim', async () => {
    const claimed = await store.claimOrphans(controllerId, limit);
    return claimed.length > 0 && claimed;
  });

/** What every CallStateStore owes its users. `make` gives an empty store. */
export function callStateStoreContract(make: () => Promise<CallStateStore>): void {
  it('saves, lists, counts and forgets calls', async () => {
    const store = await make();
    await store.heartbeat('a', longMs);
    expect(await store.save('a', snapshot('c1'))).toBe(true);
    expect(await store.save('a', snapshot('c2'))).toBe(true);
    expect(await store.save('a', snapshot('c1', { node: 'next' }))).toBe(true);
    expect((await store.listOwn('a')).sort()).toEqual(['c1', 'c2']);
    expect(await store.listOwn('b')).toEqual([]);
    expect(await store.countAll()).toBe(2);
    await store.remove('a', 'c1');
    await store.remove('a', 'c1');
    expect(await store.listOwn('a')).toEqual(['c2']);
    expect(await store.countAll()).toBe(1);
  });

  it('keeps apart controllers whose ids begin alike', async () => {
    const store = await make();
    for (const id of ['a', 'ab', 'a b']) {
      await store.heartbeat(id, longMs);
      await store.save(id, snapshot(`call of ${id}`));
    }
    for (const id of ['a', 'ab', 'a b']) expect(await store.listOwn(id)).toEqual([`call of ${id}`]);
  });

  it("leaves a living controller's calls alone", async () => {
    const store = await make();
    await store.heartbeat('a', longMs);
    await store.heartbeat('b', longMs);
    await store.save('a', snapshot('c1'));
    expect(await store.claimOrphans('b', 10)).toEqual([]);
    expect(await store.claimOrphans('a', 10)).toEqual([]);
    expect(await store.save('b', snapshot('c1', { node: 'stolen' }))).toBe(false);
    await store.remove('b', 'c1');
    expect(await store.listOwn('a')).toEqual(['c1']);
  });

  it("gives a dead controller's calls, as last saved, to one who asks", async () => {
    const store = await make();
    await store.heartbeat('dead', shortMs);
    await store.heartbeat('b', longMs);
    await store.heartbeat('c', longMs);
    const state = { node: 'menu', digits: '1#', nested: [1, null, { 名: '電話番' }] };
    await store.save('dead', snapshot('c1', { node: 'start' }));
    await store.save('dead', snapshot('c1', state));
    const claimed = await claimSoon(store, 'b');
    expect(claimed).toEqual([{ callId: 'c1', savedAtMs: 1_234, state, heardAgoMs: expect.any(Number) }]);
    const [orphan] = claimed || [];
    // Its one heartbeat was a lease ago, and the time since the lease ran out.
    expect(orphan?.heardAgoMs).toBeGreaterThanOrEqual(shortMs);
    expect(orphan?.heardAgoMs).toBeLessThan(shortMs + 5_000);
    expect(await store.claimOrphans('c', 10)).toEqual([]);
    expect(await store.claimOrphans('b', 10)).toEqual([]);
    expect(await store.listOwn('b')).toEqual(['c1']);
    expect(await store.countAll()).toBe(1);
  });

  it('tells a controller that comes back from the dead to let go', async () => {
    const store = await make();
    await store.heartbeat('a', shortMs);
    await store.heartbeat('b', longMs);
    await store.save('a', snapshot('c1'));
    await claimSoon(store, 'b');
    await store.heartbeat('a', longMs);
    expect(await store.save('a', snapshot('c1', { node: 'late' }))).toBe(false);
    await store.remove('a', 'c1');
    expect(await store.listOwn('b')).toEqual(['c1']);
    expect(await store.save('b', snapshot('c1'))).toBe(true);
    await store.remove('b', 'c1');
    expect(await store.save('a', snapshot('c1', { node: 'later still' }))).toBe(false);
    expect(await store.countAll()).toBe(0);
  });

  it('gives at most as many as asked for, each once, until none is left', async () => {
    const store = await make();
    await store.heartbeat('b', longMs);
    const calls = Array.from({ length: 25 }, (_, index) => `c${index}`);
    for (const [index, callId] of calls.entries()) await store.save(`dead-${index % 3}`, snapshot(callId));
    const sizes: number[] = [];
    const seen: string[] = [];
    for (let round = 0; round < 5; round++) {
      const claimed = await store.claimOrphans('b', 7);
      sizes.push(claimed.length);
      seen.push(...claimed.map(({ callId }) => callId));
    }
    expect(sizes).toEqual([7, 7, 7, 4, 0]);
    expect(seen.sort()).toEqual([...calls].sort());
  });

  it('tells a controller whether it was known', async () => {
    const store = await make();
    expect(await store.heartbeat('a', longMs)).toBe(false);
    expect(await store.heartbeat('a', longMs)).toBe(true);
    // Known by its calls alone is not known: the others may have been lost.
    await store.save('b', snapshot('c1'));
    expect(await store.heartbeat('b', longMs)).toBe(false);
  });

  it('gives nobody to others when a controller that lives finds that its own lease has run out', async () => {
    const store = await make();
    for (const id of ['a', 'b']) await store.heartbeat(id, shortMs);
    await store.save('b', snapshot('c1'));
    await eventually('the leases to run out', () =>
      store.claimOrphans('a', 0).then(
        () => false,
        () => true,
      ),
    );
    // The store hung, or its clock was put forward: nobody could renew.
    await store.heartbeat('a', longMs);
    expect(await store.claimOrphans('a', 10)).toEqual([]);
    expect(await store.save('b', snapshot('c1'))).toBe(true);
  });

  it('lets only a controller with a lease take over', async () => {
    const store = await make();
    await store.save('dead', snapshot('c1'));
    await expect(store.claimOrphans('nobody', 10)).rejects.toMatchObject({ code: 'CONTROLLER_LEASE_LOST' });
    await store.heartbeat('late', 1);
    await eventually('the lease to run out', () =>
      store.claimOrphans('late', 0).then(
        () => false,
        () => true,
      ),
    );
    await expect(store.claimOrphans('late', 10)).rejects.toMatchObject({ code: 'CONTROLLER_LEASE_LOST' });
    await store.heartbeat('late', longMs);
    expect(await store.claimOrphans('late', 10)).toHaveLength(1);
  });

  it('tells which of some calls are live: driven or left behind, not ended', async () => {
    const store = await make();
    await store.heartbeat('me', longMs);
    for (const id of ['c1', 'c2']) await store.save('me', snapshot(id));
    await store.save('dead', snapshot('c3'));
    await store.remove('me', 'c2');
    expect(await store.liveAmong(['c1', 'c2', 'c3', 'never'])).toEqual(new Set(['c1', 'c3']));
    expect(await store.liveAmong([])).toEqual(new Set());
  });

  it('grants each orphan to exactly one of many who ask at once', async () => {
    const store = await make();
    for (let round = 0; round < 10; round++) {
      const controllers = Array.from({ length: 8 }, () => newId('controller'));
      await Promise.all(controllers.map((id) => store.heartbeat(id, longMs)));
      const calls = Array.from({ length: 40 }, () => newId('call'));
      await Promise.all(calls.map((callId, index) => store.save(`dead-${round}-${index % 4}`, snapshot(callId))));
      const claims = await Promise.all(
        controllers.flatMap((id) => [1, 2, 3].map(async () => [id, await store.claimOrphans(id, 3)] as const)),
      );
      const granted = claims.flatMap(([id, claimed]) => claimed.map(({ callId }) => [callId, id] as const));
      expect(granted.map(([callId]) => callId).sort()).toEqual([...calls].sort());
      for (const [callId, id] of granted) expect(await store.save(id, snapshot(callId))).toBe(true);
    }
  });
}
