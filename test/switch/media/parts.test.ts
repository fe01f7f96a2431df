import { describe, expect, it } from 'vitest';
import { decodeTable, encode, encodeTable, silenceByte, transcode } from '../../../src/switch/media/g711.ts';
import { PortPool } from '../../../src/switch/media/port-pool.ts';
import { Reception } from '../../../src/switch/media/reception.ts';
import { Resampler } from '../../../src/switch/media/resample.ts';
import { buildRtcp, parseRtcp } from '../../../src/switch/media/rtcp.ts';
import { emptyRtpFields, parseRtp } from '../../../src/switch/media/rtp.ts';
import { parseTones } from '../../../src/switch/media/tones.ts';
import { parseWavHeader, writeWavHeader } from '../../../src/switch/media/wav.ts';
import { amplitudeOf, loudness, tone } from './phone.ts';

describe('G.711', () => {
  it('has the values of the standard', () => {
    const ulaw = decodeTable('PCMU');
    const alaw = decodeTable('PCMA');
    expect([ulaw[0x00], ulaw[0x80], ulaw[0xff], ulaw[0x7f], ulaw[0xfe], ulaw[0x0f]]).toEqual([
      -32_124, 32_124, 0, 0, 8, -16_764,
    ]);
    expect([alaw[0xd5], alaw[0x55], alaw[0xaa], alaw[0x2a], alaw[0x80], alaw[0xc5]]).toEqual([
      8, -8, 32_256, -32_256, 5_504, 264,
    ]);
  });

  it.each(['PCMU', 'PCMA'] as const)('%s: every code survives decoding and encoding', (codec) => {
    const decoded = decodeTable(codec);
    const encoded = encodeTable(codec);
    for (let code = 0; code < 256; code++) {
      const sample = decoded[code] ?? 0;
      expect(decoded[encoded[sample & 0xffff] ?? 0]).toBe(sample);
    }
  });

  it.each(['PCMU', 'PCMA'] as const)('%s: is as near as its steps allow', (codec) => {
    const decoded = decodeTable(codec);
    const encoded = encodeTable(codec);
    for (let sample = -32_768; sample < 32_768; sample++) {
      const error = Math.abs((decoded[encoded[sample & 0xffff] ?? 0] ?? 0) - sample);
      expect(error).toBeLessThanOrEqual(Math.max(16, Math.abs(sample) / 16));
    }
  });

  it('goes from one law to the other and back', () => {
    const samples = tone(1_000, 100);
    const bytes = Buffer.alloc(samples.length);
    encode('PCMU', samples, bytes);
    transcode('PCMU', 'PCMA', bytes, 0, bytes.length);
    const decoded = Int16Array.from(bytes, (byte) => decodeTable('PCMA')[byte] ?? 0);
    expect(amplitudeOf(decoded, 1_000)).toBeCloseTo(8_000, -3);
    const silence = Buffer.alloc(10, silenceByte.PCMU);
    transcode('PCMU', 'PCMA', silence, 0, 10);
    expect(silence.every((byte) => byte === silenceByte.PCMA)).toBe(true);
  });
});

describe('RTP packets', () => {
  it('finds the payload behind sources, extension and padding', () => {
    const packet = Buffer.from([
      0xb1, 0xe5, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 7, 1, 1, 1, 1, 0xbe, 0xde, 0, 1, 2, 2, 2, 2, 42, 43, 0, 2,
    ]);
    const fields = emptyRtpFields();
    expect(parseRtp(packet, fields)).toBe(true);
    expect(fields).toEqual({
      payloadType: 101,
      marker: true,
      sequence: 0x1234,
      timestamp: 9,
      ssrc: 7,
      payloadStart: 24,
      payloadEnd: 26,
    });
  });

  it.each([
    ['short', '8000'],
    ['another version', '000000000000000000000000'],
    ['padding beyond the packet', 'a000000000000000000000ff'],
    ['an extension cut short', '900000000000000000000000'],
    ['an extension beyond the packet', '90000000000000000000000000000009'],
    ['sources cut short', '8f0000000000000000000000'],
  ])('refuses one that is %s', (_, hex) => {
    expect(parseRtp(Buffer.from(hex, 'hex'), emptyRtpFields())).toBe(false);
  });
});

describe('reception', () => {
  const packet = (sequence: number, ssrc = 1, timestamp = sequence * 160) => ({
    ...emptyRtpFields(),
    sequence: sequence & 0xffff,
    ssrc,
    timestamp: timestamp >>> 0,
  });

  it('counts losses over the wrap of the sequence, and reports the share lost', () => {
    const reception = new Reception();
    for (let sequence = 65_500; sequence < 65_600; sequence++) {
      if (sequence % 4 !== 0) reception.count(packet(sequence), sequence * 20, 1, true);
    }
    const lost = reception.lost;
    expect(lost).toBe(24);
    const report = reception.report();
    expect(report).toMatchObject({ ssrc: 1, cumulativeLost: 24, highestSequence: 65_599 });
    expect(report?.fractionLost).toBe(Math.floor((24 * 256) / 99));
    expect(reception.jitterMs).toBe(0);
  });

  it('starts anew with another SSRC, or a jump of the sequence that lasts', () => {
    const reception = new Reception();
    expect(reception.count(packet(10), 0, 1, true)).toBe(true);
    expect(reception.count(packet(11), 20, 1, true)).toBe(false);
    expect(reception.count(packet(40_000), 40, 1, true)).toBe(false);
    expect(reception.count(packet(40_001), 60, 1, true)).toBe(true);
    expect(reception.count(packet(7, 2), 80, 1, true)).toBe(true);
    expect(reception.lost).toBe(0);
    expect(reception.packets).toBe(5);
  });

  it('measures jitter as RFC 3550 does', () => {
    const reception = new Reception();
    for (let sequence = 0; sequence < 500; sequence++) {
      reception.count(packet(sequence), sequence * 20 + (sequence % 2) * 8, 1, true);
    }
    expect(reception.jitterMs).toBeGreaterThan(7);
    expect(reception.jitterMs).toBeLessThan(9);
  });
});

describe('RTCP', () => {
  it('reads what it writes', () => {
    const packet = buildRtcp({
      ssrc: 77,
      cname: 'who@where',
      bye: true,
      sender: { epochMs: 1_700_000_000_500, rtpTimestamp: 5, packets: 6, octets: 960 },
      reception: {
        ssrc: 88,
        fractionLost: 64,
        cumulativeLost: -2,
        highestSequence: 70_000,
        jitter: 80,
        lastSenderReport: 123,
        delaySinceLastSenderReport: 456,
      },
    });
    expect(packet.length % 4).toBe(0);
    expect(packet.includes('who@where')).toBe(true);
    expect(parseRtcp(packet, 88)).toEqual({
      senderReportNtp: (((1_700_000_000 + 2_208_988_800) % 65_536) * 65_536 + 32_768) >>> 0,
      aboutUs: {
        fractionLost: 64,
        cumulativeLost: -2,
        jitter: 80,
        lastSenderReport: 123,
        delaySinceLastSenderReport: 456,
      },
      bye: true,
    });
    expect(parseRtcp(packet, 1)?.aboutUs).toBeUndefined();
    for (let length = 1; length < packet.length; length++) {
      expect(() => parseRtcp(packet.subarray(0, length), 88)).not.toThrow();
    }
  });
});

describe('resampling', () => {
  const resample = (input: Int16Array, sampleRate: number, piece: number) => {
    const resampler = new Resampler(sampleRate);
    const output: number[] = [];
    for (let start = 0; start < input.length; start += piece) {
      output.push(...resampler.push(input.subarray(start, start + piece)));
    }
    output.push(...resampler.flush());
    return Int16Array.from(output);
  };

  it.each([16_000, 48_000, 44_100, 22_050, 11_025])('%i Hz: keeps speech, stops what would fold back', (sampleRate) => {
    const kept = resample(tone(1_000, 500, 8_000, sampleRate), sampleRate, 1_000);
    expect(Math.abs(kept.length - 4_000)).toBeLessThan(3);
    expect(amplitudeOf(kept.subarray(200, 3_800), 1_000)).toBeCloseTo(8_000, -2);
    if (sampleRate < 16_000) return;
    const stopped = resample(tone(5_000, 500, 8_000, sampleRate), sampleRate, 1_000);
    expect(loudness(stopped.subarray(200, 3_800))).toBeLessThan(30);
  });

  it('does not depend on how the input is cut', () => {
    const input = tone(700, 300, 8_000, 16_000);
    const whole = resample(input, 16_000, input.length);
    for (const piece of [1, 7, 160, 999]) expect(resample(input, 16_000, piece)).toEqual(whole);
  });
});

describe('tones in FreeSWITCH notation', () => {
  it('reads tones, levels, loops and keys', () => {
    expect(parseTones('L=2;v=-10;%(1000,4000,440,480);loops=3')).toEqual({
      steps: [{ onSamples: 8_000, offSamples: 32_000, frequencies: [440, 480], levelDb: -10 }],
      loops: 6,
    });
    expect(parseTones('%(500,500,425);loops=-1')?.loops).toBe(Number.POSITIVE_INFINITY);
    expect(parseTones('d=100;w=50;1#')?.steps).toEqual([
      { onSamples: 800, offSamples: 400, frequencies: [697, 1209], levelDb: -7 },
      { onSamples: 800, offSamples: 400, frequencies: [941, 1477], levelDb: -7 },
    ]);
    expect(parseTones('v=-7;>=2;+=.1;%(1000, 0, 640)')?.steps[0]?.fade).toEqual({
      direction: -1,
      everySamples: 16,
      stepDb: 0.1,
    });
    expect(parseTones('%(200,100,400)%(200,100,500)')?.steps).toHaveLength(2);
  });

  it.each(['', 'nothing', '%(100)', '%(100,100)', '%(9999999,0,440)', '%(0,0,440)'])('refuses %j', (text) => {
    expect(parseTones(text)).toBeUndefined();
  });
});

describe('WAV headers', () => {
  it('finds format and data behind other chunks, whatever length the header claims', () => {
    const header = writeWavHeader(2, 400);
    expect(parseWavHeader(header, 444)).toEqual({
      encoding: 'pcm16',
      channels: 2,
      sampleRate: 8_000,
      dataStart: 44,
      dataBytes: 400,
    });
    expect(parseWavHeader(header, 144)?.dataBytes).toBe(100);
    expect(parseWavHeader(writeWavHeader(1, 0), 644)?.dataBytes).toBe(600);
    const list = Buffer.from('LIST\x03\x00\x00\x00abc\x00', 'latin1');
    const mixed = Buffer.concat([header.subarray(0, 12), list, header.subarray(12)]);
    expect(parseWavHeader(mixed, 456)).toMatchObject({ dataStart: 56, dataBytes: 400 });
  });

  it('refuses what is not played', () => {
    const bits8 = writeWavHeader(1, 10);
    bits8.writeUInt16LE(8, 34);
    const rate = writeWavHeader(1, 10);
    rate.writeUInt32LE(96_000, 24);
    for (const head of [bits8, rate, Buffer.from('ID3'), Buffer.alloc(0), writeWavHeader(1, 10).subarray(0, 30)]) {
      expect(parseWavHeader(head, 1_000)).toBeUndefined();
    }
  });
});

describe('the pool of ports', () => {
  it('gives even ports, each to one leg, and lets a returned one rest', () => {
    const pool = new PortPool(10_001, 10_008);
    expect([pool.take(), pool.take(), pool.take()]).toEqual([10_002, 10_004, 10_006]);
    expect(pool.take()).toBeUndefined();
    pool.giveBack(10_002);
    pool.giveBack(10_004);
    expect([pool.take(), pool.take(), pool.take()]).toEqual([10_002, 10_004, undefined]);
    expect(() => new PortPool(10_001, 10_002)).toThrow(RangeError);
  });
});
