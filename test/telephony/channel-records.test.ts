import { createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ChannelRecord } from '../../src/kernel/channel-record.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { ChannelRecordLink, readChannelRecord } from '../../src/telephony/channel-record-link.ts';
import { recordingLogger } from '../support/ledger-harness.ts';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair, Relay } from './harness.ts';

let pair: Pair;
const cleanUps: (() => Promise<void> | void)[] = [];
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** What is told of the legs of this test: on a pair of its own others may be calling too. */
function collect() {
  const records: ChannelRecord[] = [];
  const onChannelRecord = (record: ChannelRecord) => records.push(record);
  const of = (legId: string) => eventually('the record', () => records.find((record) => record.legId === legId));
  return { records, onChannelRecord, of };
}

test('the switch tells when a leg was answered and ended, and why', async () => {
  const { onChannelRecord, of } = collect();
  const bench = await Bench.open(pair, { onChannelRecord });
  cleanUps.push(() => bench.close());
  const startMs = Date.now();
  const { leg, phone } = await bench.talk();
  const answeredMs = Date.now();
  leg.play({ playId: 'p', sounds: [bench.tone('p', 1_500)], stopOnDigit: true });
  await eventually('sound', () => phone.heard.peak > 8_000);
  await phone.hangUp();
  const endedMs = Date.now();
  const record = await of(leg.legId);
  expect(record).toMatchObject({ server: pair.freeswitch.name, hangupCause: 'NORMAL_CLEARING' });
  const within = (atMs: number | null, expectedMs: number) => Math.abs((atMs ?? 0) - expectedMs) < 300;
  expect([within(record.createdAtMs, startMs), within(record.answeredAtMs, answeredMs)]).toEqual([true, true]);
  expect(within(record.endedAtMs, endedMs)).toBe(true);
});

test('a record that comes while the controller stops is not lost', async () => {
  const { onChannelRecord, records } = collect();
  const bench = await Bench.open(pair, { onChannelRecord });
  const { leg } = await bench.talk();
  await leg.end('system-hangup');
  await bench.close();
  expect(records.map(({ legId }) => legId)).toContain(leg.legId);
});

test('the connection is made again after a loss', async () => {
  const relay = await Relay.to(pair.freeswitch);
  cleanUps.push(() => relay.close());
  const { onChannelRecord, of } = collect();
  const address = { ...pair.freeswitch, host: '127.0.0.1', port: relay.port };
  const bench = await Bench.open(pair, {
    onChannelRecord,
    freeswitches: [address],
    deadlines: { linkGraceMs: 10_000 },
  });
  cleanUps.push(() => bench.close());
  relay.cut(true);
  await eventually('the loss to be noticed', () => !bench.telephony.status().ready);
  await eventually('the link to be back', () => bench.telephony.status().ready);
  const { leg, phone } = await bench.talk();
  await phone.hangUp();
  expect(await of(leg.legId)).toMatchObject({ legId: leg.legId });
});

const eventText = (legId: string) =>
  [
    'Event-Name: CHANNEL_HANGUP_COMPLETE',
    'Hangup-Cause: NORMAL_CLEARING',
    `Unique-ID: ${legId}`,
    'Other-Leg-Channel-Created-Time: 1',
    'Caller-Channel-Created-Time: 1795472215223992',
    'Caller-Channel-Answered-Time: 0',
    'Caller-Channel-Hangup-Time: 1795472216423987',
    'variable_note: a%0AUnique-ID:%20x',
    '\n',
  ].join('\n');

test('an event gives times in ms; never answered is null; another event gives nothing', () => {
  expect(readChannelRecord(Buffer.from(eventText('leg%3A1')), 'fs')).toEqual({
    legId: 'leg:1',
    server: 'fs',
    createdAtMs: 1_795_472_215_224,
    answeredAtMs: null,
    endedAtMs: 1_795_472_216_424,
    hangupCause: 'NORMAL_CLEARING',
  });
  expect(readChannelRecord(Buffer.from('Event-Name: HEARTBEAT\nEvent-Info: ok\n\n'), 'fs')).toBeUndefined();
});

/** A server that sends what a test tells it to. */
async function speaker(onConnection: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.resume();
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const logger = recordingLogger();
  const records: ChannelRecord[] = [];
  const link = new ChannelRecordLink({
    address: {
      name: 'fs',
      host: '127.0.0.1',
      port: address && typeof address === 'object' ? address.port : 0,
      password: 'x',
    },
    clock: systemClock,
    logger,
    onRecord: (record) => records.push(record),
  });
  cleanUps.push(async () => {
    await link.stop();
    await new Promise((resolve) => server.close(resolve));
  });
  link.start();
  return { records, logger };
}

test('frames arrive in any pieces, several in one, and each is read once', async () => {
  const frame = (legId: string) => {
    const body = eventText(legId);
    return `Content-Length: ${body.length}\nContent-Type: text/event-plain\n\n${body}`;
  };
  const { records } = await speaker(async (socket) => {
    socket.on('error', () => undefined);
    const bytes = `Content-Type: auth/request\n\n${frame('l1')}${frame('l2')}${frame('l3')}`;
    const cuts = [1, 30, 31, 60, 400, 401, bytes.length];
    for (const [index, end] of cuts.entries()) {
      await new Promise<void>((resolve) => socket.write(bytes.slice(cuts[index - 1] ?? 0, end), () => resolve()));
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  await eventually('three records', () => records.length === 3);
  expect(records.map(({ legId }) => legId)).toEqual(['l1', 'l2', 'l3']);
});

test('a server that refuses us, or talks without end, is left and tried again', async () => {
  let connections = 0;
  const { logger } = await speaker((socket) => {
    connections += 1;
    socket.on('error', () => undefined);
    if (connections % 2) socket.write('Content-Type: command/reply\nReply-Text: -ERR invalid\n\n');
    else socket.write('x'.repeat(1_100_000));
  });
  await eventually('several tries', () => connections >= 3);
  expect(logger.lines.map(({ fields }) => fields)).toContainEqual(
    expect.objectContaining({ why: 'it sends what is no event' }),
  );
  expect(logger.lines[0]?.fields).toMatchObject({ why: 'it refuses the password or this address' });
});
