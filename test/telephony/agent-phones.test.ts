import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PhoneAddress } from '../../src/call/phones.ts';
import type { DialAttempt, Leg, LegEvent } from '../../src/call/telephony.ts';
import { eventually } from '../support/poll.ts';
import { EdgeProxy } from './edge-proxy.ts';
import { Bench, openPair, type Pair, watch } from './harness.ts';
import type { TestPhone } from './phone.ts';
import { RegisterClient } from './register-client.ts';

/** Calls to an agent's phones: all ring at once, the first who answers has the call. */

let pair: Pair;
let bench: Bench;
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());
beforeEach(async () => {
  // No trunk: an agent's phones need none.
  bench = await Bench.open(pair);
});
afterEach(() => bench.close());

type Behaviour = TestPhone['onCalled'];

/** Phones as the registry knows them. */
async function phones(...behaviours: Behaviour[]): Promise<[TestPhone, ...TestPhone[]]> {
  const opened: TestPhone[] = [];
  for (const onCalled of behaviours) {
    const phone = await bench.phone();
    phone.onCalled = onCalled;
    opened.push(phone);
  }
  const [first, ...rest] = opened;
  if (!first) throw new Error('no phone');
  return [first, ...rest];
}

const addressOf = (phone: TestPhone, host = '127.0.0.1'): PhoneAddress => ({
  uri: `sip:agent-${phone.port}@${host}:${phone.port}`,
  source: { transport: 'udp', address: '127.0.0.1', port: phone.port },
});

let dialled = 0;
function dial(
  addresses: PhoneAddress[],
  { peer, ringTimeoutMs = 10_000 }: { peer?: Leg; ringTimeoutMs?: number } = {},
) {
  const events: LegEvent[] = [];
  const rings: number[] = [];
  dialled += 1;
  const attempt: DialAttempt = bench.telephony.dial({
    ...{ legId: `leg_phones-${process.pid}-${dialled}`, kind: 'agent', phones: addresses },
    ...{ fromNumber: '0312345678', displayName: '桜 "歯科"\r\n医院', ringTimeoutMs },
    ...(peer ? { peer } : {}),
    onRinging: () => rings.push(performance.now()),
    onEvent: (event) => events.push(event),
  });
  return { attempt, events, rings };
}

const noLegs = () => eventually('no leg left', () => bench.telephony.status().mediaServers[0]?.legs === 0);
const count = (phone: TestPhone, method: string) => phone.requests.filter((one) => one === method).length;

describe('one phone', () => {
  test('rings with the account’s name, answers, and both hear each other', async () => {
    const caller = await bench.talk();
    const [phone] = await phones(200);
    const { attempt, events, rings } = dial([addressOf(phone)], { peer: caller.leg });
    const outcome = await attempt.outcome;
    if (!outcome.ok) throw new Error(outcome.cause);
    expect(phone.calledAs.uri).toBe(`sip:agent-${phone.port}@127.0.0.1:${phone.port}`);
    expect(phone.calledAs.from).toMatch(/^"桜 歯科医院" ?<sip:0312345678@127\.0\.0\.1/);
    // Ringing and 3 s: it ends by itself where nobody is left to cancel it.
    expect(phone.calledAs.expires).toBe('13');
    expect(rings).toHaveLength(1);
    const agent = watch(events, outcome.leg);
    expect(await caller.leg.bridge(agent.leg)).toBe(true);
    caller.phone.voice = 0.9;
    await eventually('the phone to hear the caller', () => phone.heard.peak > 1_000);
    phone.voice = 0.9;
    await eventually('the caller to hear the phone', () => caller.phone.heard.peak > 1_000);
    await phone.hangUp();
    expect((await agent.event('ended')).cause).toBe('peer-hangup');
  });

  test('behind NAT is rung, acknowledged and hung up where its REGISTER came from', async () => {
    const [phone] = await phones(200);
    phone.contactHost = '10.255.255.1';
    const { attempt } = dial([addressOf(phone, '10.255.255.1')]);
    const outcome = await attempt.outcome;
    if (!outcome.ok) throw new Error(outcome.cause);
    await eventually('ACK', () => phone.requests.includes('ACK'));
    expect(phone.calledAs.uri).toBe(`sip:agent-${phone.port}@10.255.255.1:${phone.port}`);
    await outcome.leg.end('system-hangup');
    expect(phone.ended).toBe(true);
    await noLegs();
  });

  test('a name that is too long is cut between characters', async () => {
    const [phone] = await phones('ring');
    const attempt = bench.telephony.dial({
      ...{ legId: `leg_name-${process.pid}`, kind: 'agent', phones: [addressOf(phone)], fromNumber: '1' },
      ...{ displayName: '𠮷'.repeat(200), ringTimeoutMs: 5_000, onRinging: () => undefined, onEvent: () => undefined },
    });
    await eventually('ringing', () => phone.calledAs.from !== '');
    expect(/"(.*)"/.exec(phone.calledAs.from)?.[1]).toBe('𠮷'.repeat(37));
    attempt.cancel();
    await attempt.outcome;
  });

  test('that is not there any more is given up long before the ring time-out, as unreachable', async () => {
    const [phone] = await phones('ring');
    const address = addressOf(phone);
    const startedAt = performance.now();
    const { attempt } = dial([{ ...address, source: { ...address.source, port: 9 } }], { ringTimeoutMs: 30_000 });
    expect(await attempt.outcome).toEqual({ ok: false, cause: 'unreachable', sipStatus: 503 });
    expect(performance.now() - startedAt).toBeLessThan(8_000);
    await noLegs();
  });

  test('on TCP is rung by the connection it keeps open; without it, it is unreachable at once', async () => {
    const connection = await RegisterClient.open(bench.sip.port, 'tcp');
    const address: PhoneAddress = {
      uri: 'sip:agent@10.255.255.1:5060;transport=tcp',
      source: { transport: 'tcp', address: '127.0.0.1', port: connection.port },
    };
    // Whatever is said on it: drachtio knows the connection from then on.
    await connection.send();
    const first = dial([address]);
    await eventually('INVITE on the connection', () => connection.received.some((line) => line.startsWith('INVITE ')));
    first.attempt.cancel();
    await first.attempt.outcome;
    connection.close();
    const startedAt = performance.now();
    expect(await dial([address]).attempt.outcome).toMatchObject({ ok: false, cause: 'unreachable' });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    await noLegs();
  });

  test('behind edge proxies on TCP is rung, acknowledged and hung up through them, in the order of Path', async () => {
    const edge = await EdgeProxy.open();
    const uri = 'sip:agent@10.255.255.1:41234;transport=tcp';
    const source = { transport: 'tcp', address: '127.0.0.1', port: 9 } as const;
    const { attempt } = dial([{ uri, source, path: edge.path }]);
    const outcome = await attempt.outcome;
    if (!outcome.ok) throw new Error(outcome.cause);
    await edge.request('ACK');
    await outcome.leg.end('system-hangup');
    await edge.request('BYE');
    const route = edge.path.join(', ');
    expect(edge.requests.map(({ method, all }) => [method, all('Route').join(', ')])).toEqual([
      ['INVITE', route],
      ['ACK', route],
      ['BYE', route],
    ]);
    expect(edge.requests.map((request) => request.uri)).toEqual([
      uri,
      ...Array(2).fill('sip:agent@10.255.255.1:41234'),
    ]);
    edge.close();
    await noLegs();
  });

  test('behind an edge proxy stops ringing when the dial is cancelled', async () => {
    const edge = await EdgeProxy.open();
    edge.answersInvite = '180 Ringing';
    const source = { transport: 'tcp', address: '127.0.0.1', port: 9 } as const;
    const { attempt, rings } = dial([{ uri: 'sip:agent@10.255.255.1;transport=tcp', source, path: edge.path }]);
    await eventually('ringing', () => rings.length > 0);
    attempt.cancel();
    const { uri, all } = await edge.request('CANCEL');
    expect([uri, all('Route').join(', ')]).toEqual(['sip:agent@10.255.255.1;transport=tcp', edge.path.join(', ')]);
    edge.close();
    await attempt.outcome;
  });

  test('nobody picks up: no-answer at the ring time-out', async () => {
    const [phone] = await phones('ring');
    const { attempt } = dial([addressOf(phone)], { ringTimeoutMs: 500 });
    expect(await attempt.outcome).toMatchObject({ ok: false, cause: 'no-answer' });
    await eventually('CANCEL', () => phone.requests.includes('CANCEL'));
    await noLegs();
  });
});

describe('several phones', () => {
  test('all ring; the first who answers has the call, the others stop ringing', async () => {
    const [one, two, three] = await phones('ring', 'ring', 'ring');
    if (!two || !three) throw new Error('three phones');
    const { attempt, rings } = dial([one, two, three].map((phone) => addressOf(phone)));
    await eventually('all to ring', () => [one, two, three].every((phone) => count(phone, 'INVITE') > 0));
    two.pickUp();
    const outcome = await attempt.outcome;
    expect(outcome.ok).toBe(true);
    await eventually('the others to stop', () => count(one, 'CANCEL') > 0 && count(three, 'CANCEL') > 0);
    expect(rings).toHaveLength(1);
    expect([count(two, 'CANCEL'), two.ended]).toEqual([0, false]);
    if (outcome.ok) await outcome.leg.end('system-hangup');
    expect([one.ended, two.ended, three.ended]).toEqual([false, true, false]);
    await noLegs();
  });

  test('one that answers all the same, too late, is acknowledged and hung up', async () => {
    const [winner, late] = await phones('ring', 'ring');
    if (!late) throw new Error('two phones');
    late.answersLate = true;
    const { attempt } = dial([addressOf(winner), addressOf(late)]);
    await eventually('both to ring', () => count(winner, 'INVITE') > 0 && count(late, 'INVITE') > 0);
    winner.pickUp();
    const outcome = await attempt.outcome;
    await eventually('the late one to be hung up', () => late.requests.includes('ACK') && late.ended);
    expect([outcome.ok, winner.ended]).toEqual([true, false]);
    if (outcome.ok) await outcome.leg.end('system-hangup');
    await noLegs();
  });

  test('both pick up at the same moment: one has the call, the other is hung up', async () => {
    for (let round = 0; round < 5; round++) {
      const [one, two] = await phones(200, 200);
      if (!two) throw new Error('two phones');
      const { attempt } = dial([addressOf(one), addressOf(two)]);
      const outcome = await attempt.outcome;
      expect(outcome.ok).toBe(true);
      const over = (phone: TestPhone) => phone.ended || phone.requests.includes('CANCEL');
      await eventually('one to be free', () => over(one) !== over(two));
      if (outcome.ok) await outcome.leg.end('system-hangup');
      await eventually('both to be free', () => over(one) && over(two));
      await noLegs();
    }
  });

  test.each([486, 404, 480, 500])('%i from one ends only its own ringing', async (status) => {
    const [refusing, other] = await phones(status, 'ring');
    if (!other) throw new Error('two phones');
    const { attempt, rings } = dial([addressOf(refusing), addressOf(other)]);
    await eventually('the refusal to be acknowledged', () => refusing.requests.includes('ACK'));
    await eventually('the other to ring', () => rings.length > 0);
    other.pickUp();
    const outcome = await attempt.outcome;
    expect([outcome.ok, count(other, 'CANCEL')]).toEqual([true, 0]);
    if (outcome.ok) await outcome.leg.end('system-hangup');
    await noLegs();
  });

  test('603 from one ends all', async () => {
    const [declining, other] = await phones(603, 'ring');
    if (!other) throw new Error('two phones');
    const { attempt } = dial([addressOf(declining), addressOf(other)]);
    expect(await attempt.outcome).toEqual({ ok: false, cause: 'rejected', sipStatus: 603 });
    await eventually('the other to stop', () => count(other, 'CANCEL') > 0 || count(other, 'INVITE') === 0);
    await noLegs();
  });

  test.each([
    [[486, 404], 'busy', 486],
    [[480, 404], 'unreachable', 404],
    [[503, 480], 'no-answer', 480],
  ] as const)('%j from all is %s', async (statuses, cause, sipStatus) => {
    const all = await phones(...statuses);
    const { attempt } = dial(all.map((phone) => addressOf(phone)));
    expect(await attempt.outcome).toEqual({ ok: false, cause, sipStatus });
    await noLegs();
  });

  test('cancelled: all stop ringing within 200 ms', async () => {
    const [one, two] = await phones('ring', 'ring');
    if (!two) throw new Error('two phones');
    const { attempt } = dial([addressOf(one), addressOf(two)]);
    await eventually('both to ring', () => count(one, 'INVITE') > 0 && count(two, 'INVITE') > 0);
    const cancelledAt = performance.now();
    attempt.cancel();
    await eventually('CANCEL', () => count(one, 'CANCEL') > 0 && count(two, 'CANCEL') > 0, { everyMs: 5 });
    expect(performance.now() - cancelledAt).toBeLessThan(200);
    expect(await attempt.outcome).toMatchObject({ ok: false, cause: 'cancelled' });
    await noLegs();
  });

  test('one that is not there any more keeps nobody from answering', async () => {
    const [gone, there] = await phones('ring', 'ring');
    if (!there) throw new Error('two phones');
    const nowhere = addressOf(gone);
    const { attempt, rings } = dial([{ ...nowhere, source: { ...nowhere.source, port: 9 } }, addressOf(there)]);
    await eventually('ringing', () => rings.length > 0);
    there.pickUp();
    const outcome = await attempt.outcome;
    expect(outcome.ok).toBe(true);
    if (outcome.ok) await outcome.leg.end('system-hangup');
    await noLegs();
  });

  test('without any phone there is nothing to ring', async () => {
    expect(await dial([]).attempt.outcome).toEqual({ ok: false, cause: 'unreachable' });
  });
});
