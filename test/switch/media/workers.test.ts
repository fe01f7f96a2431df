import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LegMedia } from '../../../src/switch/media/api.ts';
import type { WorkerMediaEngine } from '../../../src/switch/media/engine.ts';
import { buildRtcp } from '../../../src/switch/media/rtcp.ts';
import { writeRtpHeader } from '../../../src/switch/media/rtp.ts';
import { eventually } from '../../support/poll.ts';
import { sendFromPortZero } from '../../support/raw-udp.ts';
import { connect, Phone, type Reported, startEngine, temporaryFolder } from './phone.ts';

const workerScript = new URL('./worker-that-ends.ts', import.meta.url);
const silence = Buffer.alloc(160, 0xff);

let engine: WorkerMediaEngine;
let reported: Reported;
let phones: [Phone, Phone];

beforeEach(async () => {
  ({ engine, reported } = await startEngine({ workers: 2, workerScript }));
  phones = [await Phone.open(), await Phone.open()];
});
afterEach(async () => {
  await engine.stop();
  for (const phone of phones) phone.close();
});

const hears = (phone: Phone) => {
  const before = phone.heard.length;
  return eventually('more audio', () => phone.heard.length > before + 5, { timeoutMs: 10_000 });
};

async function talkOnBoth(): Promise<void> {
  await connect(engine, 'one', phones[0]);
  await connect(engine, 'two', phones[1]);
  for (const phone of phones) await hears(phone);
}

/** Whoever waits for something of the first leg is told; the second, on the other worker, goes on; so do new ones. */
async function expectOnlyTheFirstIsLost(): Promise<void> {
  await eventually('the loss to be told', () => reported.lost.length > 0);
  expect(reported.lost).toEqual(['one']);
  expect(reported.timeouts).toEqual([]);
  expect(reported.plays).toMatchObject([{ playId: 'p', outcome: 'stopped' }]);
  expect(reported.recordings).toMatchObject([{ recordingId: 'r', outcome: 'failed' }]);
  expect(await engine.closeLeg('one')).toMatchObject({ packetsSent: 0 });
  await hears(phones[1]);
  expect(engine.legCount).toBe(1);
  await eventually('both workers again', () => engine.workers.up === 2);
  await connect(engine, 'again', phones[0]);
  await hears(phones[0]);
}

function beginWork(): void {
  engine.record('one', {
    ...{ recordingId: 'r', file: `${temporaryFolder()}/r.wav`, channels: 'leg', terminators: '' },
    ...{ maxDurationMs: 0, silenceMs: 0, silenceThreshold: 0 },
  });
  engine.play('one', { playId: 'p', sources: ['silence_stream://-1'], loop: false, terminators: '' });
}

it('a worker that dies takes its own legs with it, and is replaced', async () => {
  await talkOnBoth();
  beginWork();
  engine.stopRecord('one', 'die');
  await expectOnlyTheFirstIsLost();
});

it('legs of one call are in one worker: with the other worker nothing of it is lost, with its own all', async () => {
  await talkOnBoth();
  for (const legId of ['agent of one', 'listener of one']) await engine.openLeg(legId, { beside: 'one' });
  await engine.openLeg('agent of two', { beside: 'two' });
  beginWork();
  engine.stopRecord('one', 'die');
  await eventually('the loss to be told', () => reported.lost.length === 3);
  expect(reported.lost.toSorted()).toEqual(['agent of one', 'listener of one', 'one']);
  await hears(phones[1]);
  expect(engine.legCount).toBe(2);
});

it('a worker that hangs is noticed within 5 s, takes its own legs with it, and is replaced', async () => {
  await talkOnBoth();
  beginWork();
  const changes: object[] = [];
  engine.on('workers', (change) => changes.push(change));
  const beganAtMs = performance.now();
  engine.stopRecord('one', 'hang');
  await eventually('one worker less', () => engine.workers.up === 1);
  // New legs go to the one that answers, before it is certain that the other hangs.
  await engine.openLeg('new');
  await engine.closeLeg('new');
  await eventually('the loss to be told', () => reported.lost.length > 0);
  expect(performance.now() - beganAtMs).toBeLessThan(5_000);
  await expectOnlyTheFirstIsLost();
  expect(changes).toEqual([{ lost: 'the media worker hangs', legs: 1 }, { legs: 0 }]);
});

it('workers that cannot start fail the start', async () => {
  const broken = startEngine({ workerScript: new URL('./no-such-worker.ts', import.meta.url) });
  await expect(broken).rejects.toThrow('no-such-worker');
});

it('an error in the work of a leg is caught, told once for many, and costs the leg and all others nothing else', async () => {
  await talkOnBoth();
  const faults: { legId: string; during: string; count: number }[] = [];
  engine.on('fault', (fault) => faults.push(fault));
  const broken: unknown = { remote: null };
  for (let times = 0; times < 50; times++) engine.setMedia('one', broken as LegMedia);
  await eventually('the faults', async () => (await engine.usage()).some((usage) => usage.faults >= 50));
  expect(faults).toMatchObject([{ legId: 'one', during: 'order setMedia', count: 1 }]);
  engine.setMedia('one', phones[0].media());
  for (const phone of phones) await hears(phone);
  expect(reported.lost).toEqual([]);
});

it('packets from port 0, and addresses out of range, end nothing', async () => {
  await talkOnBoth();
  const [phone] = phones;
  const rtp = Buffer.concat([Buffer.alloc(12), silence]);
  writeRtpHeader(rtp, 0, false, 1, 160, 99);
  const rtcp = buildRtcp({ ssrc: 99, cname: 'x', bye: true });
  for (const port of [phone.target.port, phone.target.port + 1]) {
    for (const payload of [rtp, rtcp, Buffer.alloc(0)]) sendFromPortZero({ port }, payload);
  }
  await hears(phone);
  const address = '127.0.0.1';
  for (const port of [0, -1, 65_536, 1e9, Number.NaN, 0.5]) {
    engine.setMedia('one', { ...phone.media(), remote: { address, port } });
    engine.setMedia('one', { ...phone.media(), remoteRtcp: { address, port } });
  }
  engine.setMedia('one', {
    ...phone.media(),
    remote: { address, port: 65_535 },
    remoteRtcp: { address, port: 65_536 },
  });
  for (const name of ['', 'phone.example', '0.0.0.0', '255.255.255.255', '999.1.1.1', '::1']) {
    engine.setMedia('one', { ...phone.media(), remote: { address: name, port: 4_000 } });
  }
  await engine.closeLeg('one'); // With RTCP's BYE, to whatever was announced last.
  await hears(phones[1]);
  await connect(engine, 'again', phone);
  await hears(phone);
  expect(reported.lost).toEqual([]);
  expect((await engine.usage()).map(({ faults }) => faults)).toEqual([0, 0]);
});
