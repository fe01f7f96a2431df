import { describe, expect, it } from 'vitest';
import type { ChannelRecord } from '../../src/kernel/channel-record.ts';
import { createChannelRecordWriter } from '../../src/ledger/channel-record-writer.ts';
import { baseMs } from '../support/facts.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordingLogger } from '../support/ledger-harness.ts';
import { MemoryChannelRecordStore } from '../support/memory-stores.ts';

const record = (number: number): ChannelRecord => ({
  legId: `leg-${number}`,
  server: 'fs1',
  createdAtMs: baseMs + number,
  answeredAtMs: null,
  endedAtMs: baseMs + number + 10,
  hangupCause: 'NORMAL_CLEARING',
});

class CountingStore extends MemoryChannelRecordStore {
  readonly batches: number[] = [];
  override async add(records: readonly ChannelRecord[]): Promise<number> {
    const added = await super.add(records);
    this.batches.push(records.length);
    return added;
  }
}

function open(limits: { maxPending?: number; batchRecords?: number } = {}) {
  const clock = new FakeClock();
  const logger = recordingLogger();
  const store = new CountingStore();
  const writer = createChannelRecordWriter({ store, clock, logger, limits });
  return { clock, logger, store, writer };
}

describe('the writer of channel records', () => {
  it('writes what comes within half a second in one insert', async () => {
    const { clock, store, writer } = open();
    for (let number = 0; number < 30; number++) {
      writer.add(record(number));
      await clock.advance(10);
    }
    expect(store.batches).toEqual([]);
    await clock.advance(500);
    expect(store.batches).toEqual([30]);
    writer.add(record(30));
    await clock.advance(500);
    expect(store.batches).toEqual([30, 1]);
    await writer.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('tries again while the database is away, and then writes all', async () => {
    const { clock, store, writer, logger } = open({ batchRecords: 10 });
    store.away = true;
    for (let number = 0; number < 25; number++) writer.add(record(number));
    await clock.advance(60_000);
    expect(store.records).toHaveLength(0);
    expect(logger.lines.filter(({ level }) => level === 'warn').length).toBeLessThan(12);
    store.away = false;
    await clock.advance(30_000);
    expect(store.records).toHaveLength(25);
    expect(writer.dropped).toBe(0);
    expect(logger.lines.at(-1)).toMatchObject({ level: 'info' });
  });

  it('keeps the newest up to its bound; counts and logs what it gave up', async () => {
    const { clock, store, writer, logger } = open({ maxPending: 10 });
    store.away = true;
    for (let number = 0; number < 25; number++) writer.add(record(number));
    await clock.advance(2_000);
    expect(writer.dropped).toBe(15);
    expect(logger.lines).toContainEqual(
      expect.objectContaining({ level: 'error', fields: { dropped: 15, inAll: 15 } }),
    );
    store.away = false;
    await clock.advance(60_000);
    expect(store.records.map(({ legId }) => legId)).toEqual(Array.from({ length: 10 }, (_, i) => `leg-${i + 15}`));
  });

  it('writes at its stop what is left; says so where that is in vain', async () => {
    const { store, writer } = open();
    writer.add(record(1));
    await writer.stop();
    expect(store.records).toHaveLength(1);
    const vain = open();
    vain.store.away = true;
    vain.writer.add(record(1));
    const stopped = vain.writer.stop();
    await vain.clock.advance(5_000);
    await stopped;
    expect(vain.logger.lines.at(-1)).toMatchObject({ level: 'warn', fields: { lost: 1 } });
  });
});
