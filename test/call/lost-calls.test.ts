import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LegWitnesses } from '../../src/call/leg-ends.ts';
import type { Effect } from '../../src/flow/protocol.ts';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import { eventually } from '../support/poll.ts';
import { answeredCall, dropWrittenBefore, harness } from './harness.ts';

describe('a call of which nothing is left ended', () => {
  /** At 40 s the controller gives its last sign of life; 20 s later another finds what it left. */
  async function lost(witnesses: Partial<LegWitnesses>) {
    const a = await harness();
    const { leg } = await answeredCall(a);
    await a.clock.advance(40_000);
    const [kept] = a.states.saved.values();
    if (!kept) throw new Error('nothing was saved');
    const none: LegWitnesses = { factsOfCalls: async () => a.facts, channelsOf: async () => [] };
    const b = await harness({ overrides: { witnesses: { ...none, ...witnesses } } });
    await b.clock.advance(60_000);
    b.states.orphans.push({ ...kept.snapshot, heardAgoMs: 20_000 });
    await b.clock.advance(6_000);
    dropWrittenBefore(a, b);
    const ended = b.facts.find((fact) => fact.type === 'ended');
    return { ended, startMs: a.facts[0]?.atMs ?? 0, legId: leg.legId, b, a };
  }

  test('when the switch says, where it has a record of the channel', async () => {
    const { ended, startMs, b } = await lost({
      channelsOf: async ([legId = '']) => [
        // By a clock that is an hour off.
        {
          ...{ legId, server: 'fs', createdAtMs: 3_600_000, answeredAtMs: 3_600_000, endedAtMs: 3_641_500 },
          hangupCause: 'NORMAL_CLEARING',
        },
      ],
    });
    expect(ended).toMatchObject({ atMs: startMs + 41_500, witness: 'switch', cause: 'controller-lost' });
    // No fact is later than the one after it.
    const times = b.facts.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((x, y) => x - y));
  });

  test('else when its controller last gave a sign of life', async () => {
    const { ended, startMs } = await lost({});
    expect((ended?.atMs ?? 0) - startMs).toBeGreaterThanOrEqual(40_000);
    expect((ended?.atMs ?? 0) - startMs).toBeLessThanOrEqual(43_000);
    expect(ended).toMatchObject({ witness: 'controller' });
  });

  test('as it is on record already, where its controller died just after it had written that down', async () => {
    const facts: CallFact[] = [];
    const { ended } = await lost({
      factsOfCalls: async ([callId = '']) => {
        const legId = 'leg-1';
        const base = { callId, legId, accountId: 'sakura', cause: 'caller-hangup' as const };
        facts.push({ ...base, type: 'ended', factId: `fact_ended_${legId}`, seq: 9, atMs: 1 });
        return facts;
      },
    });
    expect(facts).toHaveLength(1);
    expect(ended).toBeUndefined();
  });

  test('also where nobody can be asked', async () => {
    const { ended } = await lost({ factsOfCalls: () => new Promise(() => undefined) });
    expect(ended).toMatchObject({ witness: 'controller' });
  });
});

test('a call on a media server that cannot be asked is kept for a minute, then closed', async () => {
  const a = await harness();
  await answeredCall(a);
  const [kept] = a.states.saved.values();
  if (!kept) throw new Error('nothing was saved');
  const b = await harness();
  b.telephony.hasChannel = async () => undefined;
  b.states.orphans.push(kept.snapshot);
  await b.clock.advance(50_000);
  expect(b.facts).toEqual([]);
  await b.clock.advance(30_000);
  expect(b.story()).toContain('ended controller-lost');
});

describe('a message that was being recorded when the controller died', () => {
  const message: Effect = { type: 'record', recordingId: 'message', maxDurationMs: 60_000, silenceMs: 0, stopKeys: '' };

  async function lostMessage(isCallerThere: boolean) {
    const folder = mkdtempSync(join(tmpdir(), 'denwaban-voicemail-'));
    const overrides = { recordingsFolder: folder };
    const a = await harness({ overrides, script: (event) => (event.type === 'started' ? [message] : []) });
    const { leg } = await answeredCall(a);
    await a.clock.advance(3_000);
    const { file = '' } = leg.recording ?? {};
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, wavOf(2_500));
    const [kept] = a.states.saved.values();
    if (!kept) throw new Error('nothing was saved');
    const b = await harness({ overrides });
    if (isCallerThere) b.telephony.adoptable.set(leg.legId, 'caller');
    b.states.orphans.push({ ...kept.snapshot, heardAgoMs: 1_000 });
    await eventually('it is on record', async () => {
      await b.clock.advance(1_000);
      return b.facts.some(({ type }) => type === 'recorded');
    });
    rmSync(folder, { recursive: true });
    dropWrittenBefore(a, b);
    return { b, file };
  }

  test('is on record, with its length, before the flow goes on', async () => {
    const { b, file } = await lostMessage(true);
    expect(b.facts[0]).toMatchObject({ type: 'recorded', recordingId: 'message', file, durationMs: 2_500 });
    await b.clock.advance(1_000);
    expect(b.story()).toEqual(['recorded', 'taken-over']);
    expect(b.events.map(({ type }) => type)).toEqual(['resumed']);
  });

  test('is on record where the caller has gone, before the end of the call', async () => {
    const { b, file } = await lostMessage(false);
    expect(b.facts.find(({ type }) => type === 'recorded')).toMatchObject({ file, durationMs: 2_500 });
    expect(b.story()).toEqual(['taken-over', 'recorded', 'ended controller-lost']);
  });
});

/** 8 kHz, 16 bit, silent. */
function wavOf(durationMs: number): Buffer {
  const header = Buffer.alloc(44);
  header.writeUInt32LE(16_000, 28);
  return Buffer.concat([header, Buffer.alloc(durationMs * 16)]);
}
