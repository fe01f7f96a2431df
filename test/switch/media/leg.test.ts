import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { WorkerMediaEngine } from '../../../src/switch/media/engine.ts';
import { buildRtcp, parseRtcp } from '../../../src/switch/media/rtcp.ts';
import { eventually } from '../../support/poll.ts';
import { amplitudeOf, connect, eventType, Phone, type Reported, startEngine, tone } from './phone.ts';

let engine: WorkerMediaEngine;
let reported: Reported;
let phone: Phone;

beforeAll(async () => {
  ({ engine, reported } = await startEngine());
});
afterAll(() => engine.stop());
beforeEach(async () => {
  for (const list of Object.values(reported)) list.length = 0;
  phone = await Phone.open();
});
afterEach(async () => {
  await engine.closeLeg('leg');
  phone.close();
});

const stats = () => engine.stats('leg');
const silence = Buffer.alloc(160, 0xff);

describe('where audio goes', () => {
  /** A leg whose phone believes to have another address than it is reached at. */
  const behindNat = () => phone.media({ remote: { address: '10.255.255.1', port: 4_000 } });

  it('follows where packets come from, where the SDP tells of NAT', async () => {
    const { address, rtpPort } = await engine.openLeg('leg');
    phone.target = { address, port: rtpPort };
    engine.setMedia('leg', behindNat());
    phone.send(silence);
    await eventually('audio at the real address', () => phone.heard.length > 40);
    phone.pressKey(1);
    await eventually('the key', () => reported.digits.length > 0);
  });

  it('follows a phone behind NAT to where its audio comes from', async () => {
    await connect(engine, 'leg', phone, { remote: { address: '10.255.255.1', port: 4_000 } });
    await phone.say(tone(500, 400));
    await eventually('audio at the real address', () => phone.heard.length > 10);
  });

  it('ignores strays, and the keys they press, while the peer is heard and in its pauses', async () => {
    const stray = await Phone.open();
    await connect(engine, 'leg', phone);
    stray.target = phone.target;
    const talking = phone.say(tone(500, 1_000));
    await eventually('the peer is heard', async () => (await stats()).packetsReceived > 5);
    for (let index = 0; index < 20; index++) stray.send(silence);
    stray.pressKey(9);
    await talking;
    // Longer than any time in which a silent peer could be thought gone.
    await stray.say(tone(500, 1_200));
    stray.pressKey(9);
    phone.pressKey(1);
    await eventually('the key of the peer', () => reported.digits.length > 0);
    expect(reported.digits.map(({ digit }) => digit)).toEqual(['1']);
    expect(stray.heard).toEqual([]);
    expect((await stats()).packetsReceived).toBeLessThanOrEqual(50 + 7);
    stray.close();
  });

  it('goes to the address of the SDP, whoever sends first', async () => {
    const stranger = await Phone.open();
    await connect(engine, 'leg', phone);
    await eventually('audio at the SDP address', () => phone.heard.length > 0);
    stranger.target = phone.target;
    await stranger.say(tone(500, 400));
    const count = phone.heard.length;
    await eventually('more audio', () => phone.heard.length > count);
    expect([stranger.heard.length, (await stats()).packetsReceived]).toEqual([0, 0]);
    stranger.close();
  });

  it('is a trickle to an address that sends nothing; a prompt goes on all the same', async () => {
    await connect(engine, 'leg', phone, {}, { asks: false });
    engine.play('leg', { playId: 'p', sources: ['tone_stream://%(2500,0,500)'], loop: false, terminators: '' });
    const done = await eventually('play-done', () => reported.plays[0]);
    expect(done).toMatchObject({ outcome: 'finished', playedMs: 2_500 });
    expect(phone.heard.length).toBeGreaterThanOrEqual(25);
    expect(phone.heard.length).toBeLessThanOrEqual(25 + 12);
    phone.send(silence);
    const before = phone.heard.length;
    await eventually('all of it', () => phone.heard.length > before + 40, { timeoutMs: 2_000 });
  });

  it('goes nowhere while nothing may be sent, and resumes', async () => {
    await connect(engine, 'leg', phone);
    await eventually('audio', () => phone.heard.length > 5);
    engine.setMedia('leg', phone.media({ direction: 'inactive' }));
    engine.play('leg', { playId: 'p', sources: ['silence_stream://300'], loop: false, terminators: '' });
    const done = await eventually('play-done', () => reported.plays[0]);
    expect(done.outcome).toBe('finished');
    expect(done.playedMs).toBeLessThanOrEqual(20);
    const heard = phone.heard.length;
    engine.setMedia('leg', phone.media({ direction: 'recvonly' }));
    expect((await stats()).packetsSent).toBeLessThanOrEqual(heard + 1);
    engine.setMedia('leg', phone.media({ direction: 'sendonly' }));
    await eventually('audio again', () => phone.heard.length > heard + 5);
    const resumed = phone.heard[heard];
    expect(resumed?.marker).toBe(true);
    const before = phone.heard[heard - 1];
    expect(((resumed?.sequence ?? 0) - (before?.sequence ?? 0)) & 0xffff).toBe(1);
    expect(((resumed?.timestamp ?? 0) - (before?.timestamp ?? 0)) >>> 0).toBeGreaterThanOrEqual(2_000);
  });

  it('changes codec in the middle of a prompt', async () => {
    await connect(engine, 'leg', phone);
    engine.play('leg', { playId: 'p', sources: ['tone_stream://%(2000,0,700)'], loop: false, terminators: '' });
    await eventually('audio', () => phone.heard.length > 15);
    phone.codec = 'PCMA';
    engine.setMedia('leg', phone.media());
    await eventually('audio in the other law', () => phone.audio().length > 4_000);
    expect(amplitudeOf(phone.audio().subarray(0, 4_000), 700)).toBeGreaterThan(9_000);
  });
});

describe('keys', () => {
  it('count on the negotiated payload type only', async () => {
    await connect(engine, 'leg', phone, { telephoneEventPayloadType: 96 });
    phone.pressKey(1);
    const payload = Buffer.from([2, 0x8a, 0x03, 0x20]);
    phone.send(payload, { type: 96, advance: 0 });
    await eventually('the key', () => reported.digits.length > 0);
    expect(reported.digits).toMatchObject([{ digit: '2', durationMs: 100 }]);
  });

  it('are none where no events were negotiated', async () => {
    const media = phone.media();
    delete media.telephoneEventPayloadType;
    const { address, rtpPort } = await engine.openLeg('leg');
    phone.target = { address, port: rtpPort };
    engine.setMedia('leg', media);
    phone.pressKey(1);
    phone.send(silence);
    await eventually('the audio', async () => (await stats()).packetsReceived === 1);
    expect(reported.digits).toEqual([]);
  });

  it('arrive though all but their last packet are lost', async () => {
    await connect(engine, 'leg', phone);
    phone.sendEvent(4, 640, true, phone.timestamp);
    const key = await eventually('the key', () => reported.digits[0]);
    expect(key).toMatchObject({ digit: '4', durationMs: 80 });
  });

  it('are sent as events, one after the other', async () => {
    await connect(engine, 'leg', phone);
    engine.sendDigits('leg', '1#x', 100);
    const events = () => phone.heard.filter((packet) => packet.payloadType === eventType);
    await eventually('two keys', () => events().filter((packet) => (packet.payload[1] ?? 0) & 0x80).length >= 6);
    const keys = new Map<number, { code: number; units: number; marks: number; packets: number }>();
    for (const { timestamp, payload, marker } of events()) {
      const key = keys.get(timestamp) ?? { code: payload[0] ?? -1, units: 0, marks: 0, packets: 0 };
      key.units = payload.readUInt16BE(2);
      key.marks += marker ? 1 : 0;
      key.packets++;
      keys.set(timestamp, key);
    }
    expect([...keys.values()]).toEqual([
      { code: 1, units: 800, marks: 1, packets: 7 },
      { code: 11, units: 800, marks: 1, packets: 7 },
    ]);
    const sequences = phone.heard.map(({ sequence }) => sequence);
    sequences.slice(1).forEach((sequence, index) => {
      expect((sequence - (sequences[index] ?? 0)) & 0xffff).toBe(1);
    });
  });

  it('are sent as tones where no events were negotiated', async () => {
    const media = phone.media();
    delete media.telephoneEventPayloadType;
    const { address, rtpPort } = await engine.openLeg('leg');
    phone.target = { address, port: rtpPort };
    engine.setMedia('leg', media);
    engine.sendDigits('leg', '5', 200);
    const heard = await eventually('the tone', () => {
      const audio = phone.audio();
      const start = audio.findIndex((sample) => sample !== 0);
      return start >= 0 && audio.length > start + 2_400 && audio.subarray(start, start + 1_600);
    });
    expect(amplitudeOf(heard as Int16Array, 770)).toBeGreaterThan(4_000);
    expect(amplitudeOf(heard as Int16Array, 1_336)).toBeGreaterThan(4_000);
  });
});

describe('statistics and RTCP', () => {
  it('counts losses', async () => {
    await connect(engine, 'leg', phone);
    await phone.say(tone(500, 600), { lose: (index) => index % 5 === 4 && index < 29 });
    const { packetsReceived, packetsLost, lastPacketAtMs } = await eventually('all packets', async () => {
      const reading = await stats();
      return reading.packetsReceived === 25 ? reading : undefined;
    });
    expect([packetsReceived, packetsLost]).toEqual([25, 5]);
    expect(Math.abs(Date.now() - lastPacketAtMs)).toBeLessThan(1_000);
  });

  it('reports within 7.5 s, takes the reports of the peer, and says BYE', async () => {
    await connect(engine, 'leg', phone);
    phone.send(silence);
    const first = await eventually('a report', () => phone.rtcpHeard[0], { timeoutMs: 9_000 });
    expect(first.readUInt8(1)).toBe(200);
    const report = parseRtcp(first, phone.ssrc);
    expect(report?.aboutUs).toMatchObject({ cumulativeLost: 0, fractionLost: 0 });
    const ourSsrc = first.readUInt32BE(4);
    expect(phone.heard[0]?.ssrc).toBe(ourSsrc);
    const answer = buildRtcp({
      ssrc: phone.ssrc,
      cname: 'phone',
      bye: false,
      reception: {
        ssrc: ourSsrc,
        fractionLost: 10,
        cumulativeLost: 3,
        highestSequence: 1,
        jitter: 40,
        lastSenderReport: report?.senderReportNtp ?? 0,
        delaySinceLastSenderReport: 0,
      },
    });
    phone.rtcp.send(answer, phone.target.port + 1, phone.target.address);
    const { remote } = await eventually('the report of the peer', async () => {
      const reading = await stats();
      return reading.remote ? reading : undefined;
    });
    expect(remote).toMatchObject({ packetsLost: 3, jitterMs: 5 });
    expect(remote?.roundTripMs).toBeLessThan(1_000);
    const count = phone.rtcpHeard.length;
    await engine.closeLeg('leg');
    const last = await eventually('BYE', () => phone.rtcpHeard[count]);
    expect(parseRtcp(last, 0)?.bye).toBe(true);
  });

  it('survives anything sent to its ports', async () => {
    await connect(engine, 'leg', phone);
    for (let length = 0; length < 60; length++) {
      const noise = Buffer.from(Array.from({ length }, () => Math.floor(Math.random() * 256)));
      phone.rtp.send(noise, phone.target.port, phone.target.address);
      phone.rtp.send(noise, phone.target.port + 1, phone.target.address);
      const rtp = Buffer.concat([Buffer.from([0x80, 101]), noise]);
      phone.rtp.send(rtp, phone.target.port, phone.target.address);
      phone.rtp.send(Buffer.concat([Buffer.from([0x81, 200]), noise]), phone.target.port + 1, phone.target.address);
    }
    phone.pressKey(3);
    await eventually('the key', () => reported.digits.some(({ digit }) => digit === '3'));
  });
});

describe('the media timeout', () => {
  it('is told once, counted from the last packet', async () => {
    await connect(engine, 'leg', phone);
    engine.setMediaTimeout('leg', 300);
    await phone.say(tone(500, 500));
    const quietSinceMs = performance.now();
    expect(reported.timeouts).toEqual([]);
    await eventually('the timeout', () => reported.timeouts.length > 0);
    expect(performance.now() - quietSinceMs).toBeGreaterThan(200);
    await eventually('more time', () => performance.now() - quietSinceMs > 1_000);
    expect(reported.timeouts).toEqual(['leg']);
  });

  it('rests on hold', async () => {
    await connect(engine, 'leg', phone, { direction: 'sendonly' });
    engine.setMediaTimeout('leg', 200);
    await eventually('half a second', () => phone.heard.length > 25);
    expect(reported.timeouts).toEqual([]);
    engine.setMedia('leg', phone.media());
    await eventually('the timeout', () => reported.timeouts.length === 1);
  });

  it.each(['recvonly', 'inactive'] as const)('is another while the peer holds (%s)', async (direction) => {
    await connect(engine, 'leg', phone, { direction });
    engine.setMediaTimeout('leg', 100, 700);
    const sinceMs = performance.now();
    await eventually('the timeout', () => reported.timeouts.length === 1);
    expect(performance.now() - sinceMs).toBeGreaterThan(600);
  });
});

describe('ports', () => {
  it('skips what others hold, says when none is left, and hands returned ones out again', async () => {
    const other = createSocket('udp4');
    other.bind(0, '127.0.0.1');
    await once(other, 'listening');
    const taken = other.address().port;
    const first = taken - (taken % 2);
    const { engine: small } = await startEngine({ portMin: first, portMax: first + 3 });
    try {
      const opened = await small.openLeg('a');
      expect(opened.rtpPort).toBe(first + 2);
      await expect(small.openLeg('b')).rejects.toThrow(/no RTP port is free/);
      await expect(small.openLeg('a')).rejects.toThrow(/open already/);
      expect(await small.usage()).toMatchObject([{ legs: 1, sockets: 2 }]);
      await small.closeLeg('a');
      expect((await small.openLeg('b')).rtpPort).toBe(first + 2);
    } finally {
      await small.stop();
      other.close();
    }
  });

  it('leaks none over 2,000 legs, closed in every state', async () => {
    const openAndClose = async (index: number) => {
      const legId = `leg-${index}`;
      const { rtpPort } = await engine.openLeg(legId);
      if (index % 4 > 0) engine.setMedia(legId, phone.media());
      if (index % 4 > 1) {
        engine.play(legId, { playId: legId, sources: ['silence_stream://-1'], loop: true, terminators: '' });
      }
      if (index % 4 > 2) engine.bridge(legId, `leg-${index - 1}`);
      expect(rtpPort % 2).toBe(0);
      const [stats, again] = await Promise.all([engine.closeLeg(legId), engine.closeLeg(legId)]);
      expect(again).toEqual(stats);
    };
    for (let start = 0; start < 2_000; start += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, index) => openAndClose(start + index)));
    }
    expect(engine.legCount).toBe(0);
    expect(await engine.usage()).toMatchObject([{ legs: 0, sockets: 0 }]);
    expect(reported.plays).toHaveLength(1_000);
    expect(await engine.lateness()).toEqual(expect.objectContaining({ sent: expect.any(Number) }));
  });
});
