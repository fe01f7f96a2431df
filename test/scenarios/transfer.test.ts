import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { storeEarlierFlow } from '../support/earlier-flows.ts';
import { eventually } from '../support/poll.ts';
import { trunkPortOfOurs } from '../support/ports.ts';
import { type SippRun, sippReply, startSipp } from '../support/sipp.ts';
import { type System, startSystem } from '../support/system.ts';

const transfer = '0311110004';
let system: System;
let trunkPort: number;
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  trunkPort = trunkPortOfOurs();
  system = await startSystem({
    flows: 'test/scenarios/flows',
    environment: { TRUNK_URL: `sip:127.0.0.1:${trunkPort}` },
  });
});
afterAll(async () => {
  await system.stop();
});
afterEach(async () => {
  for (const party of running.splice(0).reverse()) await party.stop();
});

async function caller(): Promise<Baresip> {
  const phone = await Baresip.start({ user: '0901111222', toneHz: 440 });
  running.push(phone);
  phone.dial(system.uri(transfer));
  await phone.heardOf('CALL_ESTABLISHED');
  return phone;
}

async function called(answer: boolean): Promise<Baresip> {
  const phone = await Baresip.start({ user: '2001', toneHz: 880, answer, sipPort: trunkPort });
  running.push(phone);
  return phone;
}

async function calledSipp(scenario: string): Promise<SippRun> {
  const sipp = await startSipp({ scenario, port: trunkPort });
  running.push(sipp);
  return sipp;
}

const answerWith = (status: string) =>
  `<recv request="INVITE"/>${sippReply(status, { tag: '[call_number]', retrans: true })}<recv request="ACK"/>`;

describe('transfer', () => {
  it('connects both ways; the called party hangs up and the flow goes on', async () => {
    const callee = await called(true);
    const phone = await caller();
    await callee.heardOf('CALL_ESTABLISHED');
    await eventually('the caller hears the called', () => toneDurationMs(phone.heard(), 880) > 1_000, {
      timeoutMs: 10_000,
    });
    await eventually('the called hears the caller', () => toneDurationMs(callee.heard(), 440) > 1_000, {
      timeoutMs: 10_000,
    });
    callee.hangUp();
    await phone.heardOf('CALL_CLOSED');
    expect(toneDurationMs(phone.heard(), 500)).toBeGreaterThan(400);
    const record = await system.closedCall(transfer);
    expect(record).toMatchObject({ outcome: 'talked', path: ['connect', 'done'] });
    expect(record.legs).toEqual([
      expect.objectContaining({ kind: 'caller', cause: 'system-hangup' }),
      expect.objectContaining({ kind: 'transfer', direction: 'outbound', cause: 'peer-hangup', sipStatus: 200 }),
    ]);
  });

  it('ends the other leg when the caller hangs up', async () => {
    const callee = await called(true);
    const phone = await caller();
    await callee.heardOf('CALL_ESTABLISHED');
    await eventually('two-way audio', () => toneDurationMs(callee.heard(), 440) > 300);
    phone.hangUp();
    await callee.heardOf('CALL_CLOSED', { timeoutMs: 2_000 });
    const record = await system.closedCall(transfer);
    expect(record.legs.map((leg) => leg.cause)).toEqual(['caller-hangup', 'caller-hangup']);
  });

  it('stops the ringing at once when the caller gives up', async () => {
    const callee = await called(false);
    const phone = await caller();
    await callee.heardOf('CALL_INCOMING');
    const before = performance.now();
    phone.hangUp();
    await callee.heardOf('CALL_CLOSED', { timeoutMs: 2_000 });
    expect(performance.now() - before).toBeLessThan(1_000);
    const record = await system.closedCall(transfer);
    expect(record.legs.map((leg) => leg.cause)).toEqual(['caller-hangup', 'cancelled']);
  });

  it('plays ring-back while it rings, and leaves by "no answer" in time', async () => {
    const callee = await called(false);
    const phone = await caller();
    await callee.heardOf('CALL_INCOMING');
    await phone.heardOf('CALL_CLOSED', { timeoutMs: 12_000 });
    await callee.heardOf('CALL_CLOSED', { timeoutMs: 2_000 });
    expect(toneDurationMs(phone.heard(), 900)).toBeGreaterThan(400);
    const record = await system.closedCall(transfer);
    expect(record).toMatchObject({ outcome: 'no-answer', path: ['connect', 'noAnswer'] });
    expect(record.legs[1]).toMatchObject({ kind: 'transfer', answeredAt: null, cause: 'no-answer' });
  });

  it.each([
    ['486 Busy Here', 'busy', 'busy', 486],
    ['603 Decline', 'failed', 'rejected', 603],
    ['404 Not Found', 'failed', 'unreachable', 404],
    ['503 Service Unavailable', 'failed', 'unreachable', 503],
  ])('leaves by its own exit on %s', async (status, outcome, cause, sipStatus) => {
    await calledSipp(answerWith(status));
    const phone = await caller();
    await phone.heardOf('CALL_CLOSED');
    const record = await system.closedCall(transfer);
    expect(record).toMatchObject({ outcome });
    expect(record.legs[1]).toMatchObject({ kind: 'transfer', answeredAt: null, cause, sipStatus });
  });

  it('never dials a forbidden number', async () => {
    const phone = await Baresip.start({ user: '0901111222' });
    running.push(phone);
    await storeEarlierFlow(system, 'scenario', 'forbidden', '0311110005');
    phone.dial(system.uri('0311110005'));
    await phone.heardOf('CALL_CLOSED');
    const record = await system.closedCall('0311110005');
    expect(record).toMatchObject({ outcome: 'forbidden' });
  });
});
