import { expect, it } from 'vitest';
import type { NewOutboxEntry } from '../../src/outbox/entry.ts';
import type { OutboxClaim, OutboxStore, Settlement } from '../../src/outbox/outbox-store.ts';

const t0 = 1_770_000_000_000;
const leaseMs = 60_000;

const entry = (outboxId: string, change: Partial<NewOutboxEntry> = {}): NewOutboxEntry => ({
  outboxId,
  accountId: 'sakura',
  kind: 'report',
  channel: 'webhook',
  target: 'https://hooks.example.com/a',
  payload: {
    subject: '伝言 "至急"',
    text: '折り返しをお願いします。\n',
    fields: { caller: '山田', urgent: true, tags: [1] },
  },
  createdAtMs: t0,
  ...change,
});

const delivered = (atMs: number): Settlement => ({
  outcome: 'delivered',
  statusCode: 204,
  error: undefined,
  durationMs: 12.6,
  next: { state: 'delivered', endedAtMs: atMs },
});

const failed = (nextAttemptAtMs: number): Settlement => ({
  outcome: 'failed',
  statusCode: 503,
  error: 'http-status: 503',
  durationMs: 40,
  next: { state: 'pending', nextAttemptAtMs },
});

const givenUp = (atMs: number): Settlement => ({
  outcome: 'refused',
  statusCode: 404,
  error: 'http-status: 404',
  durationMs: 5,
  next: { state: 'given-up', endedAtMs: atMs },
});

async function claimed(store: OutboxStore, nowMs: number, exceptLanes: string[] = []): Promise<OutboxClaim> {
  const claim = await store.claim({ nowMs, leaseMs, exceptLanes });
  if (!claim) throw new Error('nothing was due');
  return claim;
}

/** What every OutboxStore owes its users. `make` gives an empty store. */
export function outboxStoreContract(make: () => Promise<OutboxStore>): void {
  it('keeps an entry as it was handed in, once', async () => {
    const store = await make();
    await store.add(entry('r1'));
    await store.add(entry('r1', { target: 'https://other.example.com/' }));
    await store.add(entry('n1', { accountId: null, kind: 'notice', channel: 'mail', target: 'a@example.com' }));
    expect(await store.find('r1')).toEqual({
      ...entry('r1'),
      state: 'pending',
      nextAttemptAtMs: t0,
      attempts: 0,
      failures: 0,
      sinceMs: t0,
      endedAtMs: undefined,
      lastError: undefined,
    });
    expect(await store.find('n1')).toMatchObject({ accountId: null, kind: 'notice', channel: 'mail' });
    expect(await store.find('r2')).toBeUndefined();
    expect(await store.attempts('r1')).toEqual([]);
  });

  it('refuses what could not be sent, naming the fields and not what is in them', async () => {
    const store = await make();
    for (const [change, field] of [
      [{ outboxId: 'has spaces' }, 'outboxId'],
      [{ target: '' }, 'target'],
      [{ payload: { subject: '', text: 'secret' } }, 'payload.subject'],
      [{ payload: { subject: 's', text: 'secret'.repeat(50_000) } }, 'payload.text'],
      [{ payload: { subject: 's', text: '', fields: { big: 'secret'.repeat(100_000) } } }, 'payload'],
    ] as const) {
      const attempt = store.add(entry('r1', change));
      await expect(attempt).rejects.toMatchObject({
        code: 'OUTBOX_ENTRY_INVALID',
        message: expect.stringContaining(field),
      });
      await expect(attempt).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
    }
    expect(await store.nextDueMs([])).toBeUndefined();
  });

  it('gives out what is due, the longest due first, and nothing before its time', async () => {
    const store = await make();
    await store.add(entry('later', { createdAtMs: t0 + 10 }));
    await store.add(entry('first'));
    await store.add(entry('tomorrow', { nextAttemptAtMs: t0 + 86_400_000 }));
    expect(await store.nextDueMs([])).toBe(t0);
    expect(await store.claim({ nowMs: t0 - 1, leaseMs, exceptLanes: [] })).toBeUndefined();
    expect((await claimed(store, t0 + 10)).entry.outboxId).toBe('first');
    expect((await claimed(store, t0 + 10)).entry.outboxId).toBe('later');
    expect(await store.claim({ nowMs: t0 + 10, leaseMs, exceptLanes: [] })).toBeUndefined();
    expect(await store.nextDueMs([])).toBe(t0 + 10 + leaseMs);
  });

  it('leaves out lanes that are full', async () => {
    const store = await make();
    await store.add(entry('slow', { target: 'https://SLOW.example.com:8443/x?y' }));
    await store.add(entry('mail', { channel: 'mail', target: 'a@example.com', createdAtMs: t0 + 1 }));
    await store.add(entry('good', { createdAtMs: t0 + 2 }));
    const first = await claimed(store, t0 + 5);
    expect(first).toMatchObject({ lane: 'slow.example.com:8443', entry: { outboxId: 'slow' } });
    await store.settle(first, failed(t0));
    expect(await store.nextDueMs(['slow.example.com:8443'])).toBe(t0 + 1);
    expect(await store.nextDueMs(['slow.example.com:8443', 'mail'])).toBe(t0 + 2);
    const claim = await claimed(store, t0 + 5, ['slow.example.com:8443', 'mail']);
    expect(claim).toMatchObject({ lane: 'hooks.example.com', entry: { outboxId: 'good' } });
    const exceptAccounts = [claim.entry.accountId ?? ''];
    expect(await store.nextDueMs([], exceptAccounts)).toBeUndefined();
    expect(await store.claim({ nowMs: t0 + 5, leaseMs, exceptLanes: [], exceptAccounts })).toBeUndefined();
    expect(await store.nextDueMs([], ['somebody-else'])).toBeDefined();
  });

  it('puts attempts and their ends on record', async () => {
    const store = await make();
    await store.add(entry('r1'));
    const first = await claimed(store, t0);
    expect(first.entry).toMatchObject({ attempts: 1, failures: 0, payload: entry('r1').payload });
    expect(await store.attempts('r1')).toMatchObject([{ attempt: 1, atMs: t0, outcome: 'started' }]);
    expect(await store.settle(first, failed(t0 + 500))).toBe(true);
    expect(await store.find('r1')).toMatchObject({
      state: 'pending',
      nextAttemptAtMs: t0 + 500,
      failures: 1,
      lastError: 'http-status: 503',
    });
    expect(await store.settle(await claimed(store, t0 + 500), delivered(t0 + 600))).toBe(true);
    expect(await store.find('r1')).toMatchObject({
      state: 'delivered',
      attempts: 2,
      endedAtMs: t0 + 600,
      lastError: undefined,
    });
    expect(await store.attempts('r1')).toEqual([
      { attempt: 1, atMs: t0, outcome: 'failed', statusCode: 503, error: 'http-status: 503', durationMs: 40 },
      { attempt: 2, atMs: t0 + 500, outcome: 'delivered', statusCode: 204, error: undefined, durationMs: 13 },
    ]);
    expect(await store.nextDueMs([])).toBeUndefined();
  });

  it('gives a dead worker’s entry out again when the claim has run out, the attempt counted as lost', async () => {
    const store = await make();
    await store.add(entry('r1'));
    const dead = await claimed(store, t0);
    expect(await store.claim({ nowMs: t0 + leaseMs - 1, leaseMs, exceptLanes: [] })).toBeUndefined();
    const again = await claimed(store, t0 + leaseMs);
    expect(again.entry).toMatchObject({ outboxId: 'r1', attempts: 2, failures: 0 });
    expect(again.claimId).not.toBe(dead.claimId);
    expect(await store.attempts('r1')).toMatchObject([{ outcome: 'lost' }, { outcome: 'started' }]);
  });

  it('lets a worker renew the claims it holds, and no others', async () => {
    const store = await make();
    await store.add(entry('r1'));
    await store.add(entry('r2', { createdAtMs: t0 + 1 }));
    const [one, other] = [await claimed(store, t0 + 1), await claimed(store, t0 + 1)];
    await store.renew([one], t0 + 2 * leaseMs);
    const dueMs = async (id: string) => (await store.find(id))?.nextAttemptAtMs;
    expect([await dueMs('r1'), await dueMs('r2')]).toEqual([t0 + 2 * leaseMs, t0 + 1 + leaseMs]);
    // r2 goes to somebody else, and then ends.
    const again = await claimed(store, t0 + 1 + leaseMs);
    await store.renew([one, other], t0 + 3 * leaseMs);
    expect([await dueMs('r1'), await dueMs('r2')]).toEqual([t0 + 3 * leaseMs, t0 + 1 + 2 * leaseMs]);
    await store.settle(again, failed(t0 + 9 * leaseMs));
    await store.settle(one, delivered(t0 + leaseMs));
    await store.renew([one, other, again], t0 + 4 * leaseMs);
    await store.renew([], t0 + 4 * leaseMs);
    expect(await dueMs('r2')).toBe(t0 + 9 * leaseMs);
    expect(await store.find('r1')).toMatchObject({ state: 'delivered', endedAtMs: t0 + leaseMs });
  });

  it('lets a worker that lost its claim change nothing but the record', async () => {
    const store = await make();
    await store.add(entry('r1'));
    const slow = await claimed(store, t0);
    const other = await claimed(store, t0 + leaseMs);
    expect(await store.settle(slow, givenUp(t0 + leaseMs + 1))).toBe(false);
    expect(await store.find('r1')).toMatchObject({ state: 'pending', nextAttemptAtMs: t0 + 2 * leaseMs });
    expect(await store.attempts('r1')).toMatchObject([{ outcome: 'refused' }, { outcome: 'started' }]);
    expect(await store.settle(other, delivered(t0 + leaseMs + 2))).toBe(true);
  });

  it('believes a late worker that it was delivered', async () => {
    const store = await make();
    await store.add(entry('r1'));
    const slow = await claimed(store, t0);
    const other = await claimed(store, t0 + leaseMs);
    expect(await store.settle(slow, delivered(t0 + leaseMs + 1))).toBe(false);
    expect(await store.find('r1')).toMatchObject({ state: 'delivered', endedAtMs: t0 + leaseMs + 1 });
    expect(await store.settle(other, failed(t0 + leaseMs + 2))).toBe(false);
    expect(await store.find('r1')).toMatchObject({ state: 'delivered', endedAtMs: t0 + leaseMs + 1 });
    expect(await store.attempts('r1')).toMatchObject([{ outcome: 'delivered' }, { outcome: 'failed' }]);
  });

  it('gives each entry to one of many who ask at the same moment', async () => {
    const store = await make();
    const ids = Array.from({ length: 40 }, (_, index) => `r${index}`);
    await Promise.all(ids.map((id) => store.add(entry(id))));
    const worker = async () => {
      const got: string[] = [];
      for (;;) {
        const claim = await store.claim({ nowMs: t0, leaseMs, exceptLanes: [] });
        if (!claim) return got;
        got.push(claim.entry.outboxId);
      }
    };
    const got = (await Promise.all([worker(), worker(), worker(), worker()])).flat();
    // One who found all remaining rows taken at that moment stops early; the rest is there for the next round.
    got.push(...(await worker()));
    expect(got.sort()).toEqual([...ids].sort());
  });

  it('takes up again by hand what was given up, its age and pauses new', async () => {
    const store = await make();
    await store.add(entry('r1'));
    await store.settle(await claimed(store, t0), givenUp(t0 + 1));
    expect(await store.find('r1')).toMatchObject({ state: 'given-up', failures: 1, lastError: 'http-status: 404' });
    expect(await store.nextDueMs([])).toBeUndefined();
    expect(await store.retry('r1', t0 + 1_000)).toBe('queued');
    expect(await store.find('r1')).toMatchObject({ state: 'pending', failures: 0, sinceMs: t0 + 1_000, attempts: 1 });
    expect((await store.find('r1'))?.endedAtMs).toBeUndefined();
    const claim = await claimed(store, t0 + 1_000);
    expect(await store.retry('r1', t0 + 1_001)).toBe('under-way');
    expect(await store.retry('r1', t0 + 1_000 + leaseMs)).toBe('queued');
    await store.settle(claim, delivered(t0 + 1_002));
    expect(await store.retry('r1', t0 + 1_003)).toBe('delivered');
    expect(await store.retry('r2', t0)).toBe('unknown');
  });

  it('lists the newest first, by account and state', async () => {
    const store = await make();
    for (const [index, id] of ['a', 'b', 'c', 'd'].entries()) {
      await store.add(entry(id, { createdAtMs: t0 + Math.min(index, 2), accountId: id === 'b' ? 'momo' : 'sakura' }));
    }
    await store.settle(await claimed(store, t0), givenUp(t0 + 9));
    const ids = async (options: Parameters<OutboxStore['list']>[0]) =>
      (await store.list(options)).map(({ outboxId }) => outboxId);
    expect(await ids({ limit: 10 })).toEqual(['d', 'c', 'b', 'a']);
    expect(await ids({ limit: 2 })).toEqual(['d', 'c']);
    expect(await ids({ limit: 10, beforeMs: t0 + 2 })).toEqual(['b', 'a']);
    expect(await ids({ limit: 10, accountId: 'sakura' })).toEqual(['d', 'c', 'a']);
    expect(await ids({ limit: 10, accountId: 'sakura', state: 'given-up' })).toEqual(['a']);
    expect(await ids({ limit: 10, state: 'delivered' })).toEqual([]);
  });

  it('forgets what ended long ago, attempts and all, and nothing else', async () => {
    const store = await make();
    for (const [index, id] of ['old', 'older', 'new', 'waiting'].entries()) {
      await store.add(entry(id, { createdAtMs: t0 + index }));
    }
    await store.settle(await claimed(store, t0 + 9), givenUp(t0 + 20));
    await store.settle(await claimed(store, t0 + 9), delivered(t0 + 10));
    await store.settle(await claimed(store, t0 + 9), delivered(t0 + 30));
    expect(await store.purge({ endedBeforeMs: t0 + 30, limit: 1 })).toBe(1);
    expect(await store.find('older')).toBeUndefined();
    expect(await store.attempts('older')).toEqual([]);
    expect(await store.purge({ endedBeforeMs: t0 + 30, limit: 10 })).toBe(1);
    expect((await store.list({ limit: 10 })).map(({ outboxId }) => outboxId)).toEqual(['waiting', 'new']);
  });
}
