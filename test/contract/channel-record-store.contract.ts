import { expect, it } from 'vitest';
import type { ChannelRecord } from '../../src/kernel/channel-record.ts';
import type { ChannelRecordStore } from '../../src/ledger/ledger.ts';
import { baseMs } from '../support/facts.ts';

const record = (legId: string, createdAtMs: number, rest: Partial<ChannelRecord> = {}): ChannelRecord => ({
  legId,
  server: 'fs1:8021',
  createdAtMs,
  answeredAtMs: createdAtMs + 20,
  endedAtMs: createdAtMs + 5_000,
  hangupCause: 'NORMAL_CLEARING',
  ...rest,
});

/** What every ChannelRecordStore owes its users. `make` gives an empty store. */
export function channelRecordStoreContract(make: () => Promise<ChannelRecordStore>): void {
  it('gives records back as they were added, a leg at a time, oldest first', async () => {
    const store = await make();
    const first = record('l1', baseMs, { answeredAtMs: null, hangupCause: 'CALL_REJECTED' });
    const second = record('l1', baseMs + 30, { server: 'fs2:8021' });
    const other = record('l2', baseMs + 10);
    expect(await store.add([second, other, first])).toBe(3);
    expect((await store.ofLegs(['l1'])).sort((a, b) => a.createdAtMs - b.createdAtMs)).toEqual([first, second]);
    expect(await store.ofLegs(['l1', 'l2', 'none'])).toHaveLength(3);
    expect(await store.ofLegs([])).toEqual([]);
    const many = Array.from({ length: 1_100 }, (_, index) => `n${index}`);
    expect(await store.ofLegs([...many, 'l2'])).toEqual([other]);
  });

  it('keeps each record once, also when many add it at once', async () => {
    const store = await make();
    const records = Array.from({ length: 1_200 }, (_, index) => record(`l${index}`, baseMs + index));
    const orders = [records, [...records].reverse(), records, [...records].reverse()];
    const added = await Promise.all(orders.map((order) => store.add(order)));
    expect(added.reduce((sum, count) => sum + count, 0)).toBe(1_200);
    expect(await store.add(records.slice(0, 10))).toBe(0);
    expect(await store.add([])).toBe(0);
  });

  it('pages through a span of time, each record once', async () => {
    const store = await make();
    const inside = [
      record('a', baseMs),
      record('a', baseMs, { server: 'fs2:8021' }),
      record('b', baseMs),
      record('a', baseMs + 5),
      record('c', baseMs + 9),
    ];
    await store.add([record('early', baseMs - 1), ...inside, record('late', baseMs + 10)]);
    const seen: ChannelRecord[] = [];
    for (let page = 0; page < 10; page++) {
      const after = seen.at(-1);
      const span = { fromMs: baseMs, toMs: baseMs + 10, limit: 2 };
      const records = await store.created(after ? { ...span, after } : span);
      if (records.length === 0) break;
      seen.push(...records);
    }
    expect(seen).toEqual(inside);
  });
}
