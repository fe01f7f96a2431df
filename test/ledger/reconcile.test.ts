import { describe, expect, it } from 'vitest';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import type { ChannelRecord } from '../../src/kernel/channel-record.ts';
import { reconcile } from '../../src/ledger/reconcile.ts';
import { baseMs, fact, offered } from '../support/facts.ts';
import { MemoryChannelRecordStore, MemoryFactStore } from '../support/memory-stores.ts';

const nowMs = baseMs + 3_600_000;

interface Told {
  answered?: number;
  ended?: number;
  server?: string;
  created?: number;
}

/** A caller's leg; times in ms from its beginning. */
function leg(callId: string, { answered, ended }: Told): CallFact[] {
  const legId = `${callId}-caller`;
  const facts: CallFact[] = [offered(callId, { atMs: baseMs })];
  if (answered !== undefined) facts.push(fact(callId, 2, { type: 'answered', legId }, { atMs: baseMs + answered }));
  if (ended !== undefined) {
    facts.push(fact(callId, 3, { type: 'ended', legId, cause: 'caller-hangup' }, { atMs: baseMs + ended }));
  }
  return facts;
}

function channel(callId: string, { answered, ended = 0, server = 'fs1', created = 0 }: Told): ChannelRecord {
  return {
    legId: `${callId}-caller`,
    server,
    createdAtMs: baseMs + created,
    answeredAtMs: answered === undefined ? null : baseMs + answered,
    endedAtMs: baseMs + ended,
    hangupCause: 'NORMAL_CLEARING',
  };
}

async function run(facts: CallFact[], records: ChannelRecord[], more: { toleranceMs?: number; nowMs?: number } = {}) {
  const store = new MemoryFactStore();
  const channels = new MemoryChannelRecordStore();
  await store.append(facts);
  await channels.add(records);
  return reconcile({ facts: store, channels, fromMs: baseMs - 60_000, toMs: nowMs, nowMs, ...more });
}

describe('reconcile', () => {
  it('lists nothing where the times agree within a second', async () => {
    const result = await run(leg('c', { answered: 200, ended: 9_000 }), [channel('c', { answered: 0, ended: 10_000 })]);
    expect(result).toMatchObject({ legs: 1, channels: 1, compared: 1, found: 0, differences: [] });
  });

  it('lists an answer and an end that lie further apart, and by how much', async () => {
    const facts = leg('c', { answered: 1_300, ended: 9_000 });
    const result = await run(facts, [channel('c', { answered: 100, ended: 315_000 })]);
    const of = { callId: 'c', legId: 'c-caller', server: 'fs1' };
    expect(result.differences).toEqual([
      { kind: 'answered-differs', ...of, ledgerMs: baseMs + 1_300, switchMs: baseMs + 100, differenceMs: 1_200 },
      { kind: 'ended-differs', ...of, ledgerMs: baseMs + 9_000, switchMs: baseMs + 315_000, differenceMs: 306_000 },
    ]);
    expect((await run(facts, [channel('c', { answered: 100, ended: 9_000 })], { toleranceMs: 1_200 })).found).toBe(0);
  });

  it('lists an answer that only one side knows of, if it lasted', async () => {
    const silent = await run(leg('c', { ended: 300 }), [channel('c', { answered: 0, ended: 350 })]);
    expect(silent.found).toBe(0);
    const unrecorded = await run(leg('c', { ended: 4_900 }), [channel('c', { answered: 0, ended: 5_000 })]);
    expect(unrecorded.differences).toEqual([
      expect.objectContaining({ kind: 'answered-differs', ledgerMs: null, switchMs: baseMs, differenceMs: 5_000 }),
    ]);
    const invented = await run(leg('c', { answered: 0, ended: 5_000 }), [channel('c', { ended: 5_000 })]);
    expect(invented.differences).toEqual([
      expect.objectContaining({ kind: 'answered-differs', ledgerMs: baseMs, switchMs: null, differenceMs: 5_000 }),
    ]);
  });

  it('lists an answered leg that no switch tells of; a refused call never had a channel', async () => {
    const facts = [...leg('answered', { answered: 100, ended: 5_000 }), ...leg('refused', { ended: 10 })];
    const result = await run(facts, []);
    expect(result.legs).toBe(2);
    expect(result.differences).toEqual([
      {
        kind: 'no-switch-record',
        callId: 'answered',
        legId: 'answered-caller',
        server: null,
        ledgerMs: baseMs + 100,
        switchMs: null,
        differenceMs: null,
      },
    ]);
  });

  it('lists a channel that is not on record, but not one whose call began before the span of time', async () => {
    const earlier = leg('earlier', { answered: 0, ended: 500 }).map((one) => ({ ...one, atMs: one.atMs - 120_000 }));
    const result = await run(earlier, [
      channel('earlier', { answered: -60_000, ended: 500, created: -59_000 }),
      channel('ghost', { answered: 20, ended: 900 }),
    ]);
    expect(result.differences).toEqual([
      expect.objectContaining({ kind: 'no-leg', callId: null, legId: 'ghost-caller', server: 'fs1' }),
    ]);
  });

  it('lists an open leg whose channel has ended', async () => {
    const result = await run(leg('c', { answered: 0 }), [channel('c', { answered: 0, ended: 7_000 })]);
    expect(result.differences).toEqual([
      expect.objectContaining({ kind: 'open-leg', ledgerMs: null, switchMs: baseMs + 7_000 }),
    ]);
  });

  it('takes all the channels of a leg that was tried on two switches as one', async () => {
    const result = await run(leg('c', { answered: 3_000, ended: 9_000 }), [
      channel('c', { ended: 2_000, server: 'sick' }),
      channel('c', { answered: 2_900, ended: 9_100, server: 'well', created: 2_100 }),
    ]);
    expect(result.found).toBe(0);
  });

  it('does not judge what ended a moment ago: one side of it may still be on its way', async () => {
    const at = (ms: number) => ({ nowMs: baseMs + ms });
    const facts = leg('c', { answered: 0, ended: 5_000 });
    expect((await run(facts, [], at(7_000))).found).toBe(0);
    expect((await run(facts, [], at(11_000))).found).toBe(1);
    expect((await run([], [channel('c', { ended: 5_000 })], at(7_000))).found).toBe(0);
    const open = leg('c', { answered: 0 });
    expect((await run(open, [channel('c', { answered: 0, ended: 5_000 })], at(7_000))).found).toBe(0);
  });

  it('looks at every leg and channel however many there are', async () => {
    const ids = Array.from({ length: 1_300 }, (_, index) => `c${index}`);
    const facts = ids.flatMap((id) => leg(id, { answered: 0, ended: 5_000 }));
    const records = ids.map((id) => channel(id, { answered: 0, ended: 5_000 }));
    const result = await run(facts, records);
    expect(result).toMatchObject({ legs: 1_300, channels: 1_300, compared: 1_300, found: 0 });
    expect((await run(facts, records.slice(1))).found).toBe(1);
  });
});
