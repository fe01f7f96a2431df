import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Codec, LegMedia, MediaEngineOptions } from '../../../src/switch/media/api.ts';
import { createMediaEngine, type WorkerMediaEngine } from '../../../src/switch/media/engine.ts';
import { decode, encode, silenceByte } from '../../../src/switch/media/g711.ts';
import { buildRtcp } from '../../../src/switch/media/rtcp.ts';
import { emptyRtpFields, parseRtp, type RtpFields, writeRtpHeader } from '../../../src/switch/media/rtp.ts';
import { writeEvent } from '../../../src/switch/media/telephone-event.ts';
import { parseWavHeader } from '../../../src/switch/media/wav.ts';

/** Test support: a caller's RTP endpoint on loopback, an engine with what it reported, tones and WAV files. */

export interface HeardPacket extends RtpFields {
  payload: Buffer;
  atMs: number;
}

export { tone, writeWav } from '../../support/audio.ts';

export const eventType = 101;

export class Phone {
  readonly rtp: Socket;
  readonly rtcp: Socket;
  readonly heard: HeardPacket[] = [];
  readonly rtcpHeard: Buffer[] = [];
  codec: Codec = 'PCMU';
  target = { address: '127.0.0.1', port: 0 };
  ssrc = 0x1000_0000 + Math.floor(Math.random() * 0xfff_ffff);
  sequence = Math.floor(Math.random() * 0x10000);
  timestamp = Math.floor(Math.random() * 0x1_0000_0000);

  constructor(rtp: Socket, rtcp: Socket) {
    this.rtp = rtp;
    this.rtcp = rtcp;
    rtp.on('message', (message) => {
      const fields = emptyRtpFields();
      if (!parseRtp(message, fields)) return;
      const payload = message.subarray(fields.payloadStart, fields.payloadEnd);
      this.heard.push({ ...fields, payload, atMs: performance.now() });
    });
    rtcp.on('message', (message) => this.rtcpHeard.push(message));
  }

  static async open(): Promise<Phone> {
    const sockets = [createSocket('udp4'), createSocket('udp4')] as const;
    for (const socket of sockets) {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
    }
    return new Phone(...sockets);
  }

  close(): void {
    this.rtp.close();
    this.rtcp.close();
  }

  media(overrides: Partial<LegMedia> = {}): LegMedia {
    return {
      codec: this.codec,
      payloadType: this.codec === 'PCMU' ? 0 : 8,
      telephoneEventPayloadType: eventType,
      remote: { address: '127.0.0.1', port: this.rtp.address().port },
      remoteRtcp: { address: '127.0.0.1', port: this.rtcp.address().port },
      direction: 'sendrecv',
      ...overrides,
    };
  }

  /** Sends one RTP packet; sequence and timestamp move on by themselves unless given. */
  send(
    payload: Buffer,
    options: { type?: number; marker?: boolean; sequence?: number; timestamp?: number; advance?: number } = {},
  ): void {
    const packet = Buffer.alloc(12 + payload.length);
    const { sequence = this.sequence, timestamp = this.timestamp } = options;
    writeRtpHeader(
      packet,
      options.type ?? (this.codec === 'PCMU' ? 0 : 8),
      options.marker ?? false,
      sequence & 0xffff,
      timestamp >>> 0,
      this.ssrc,
    );
    payload.copy(packet, 12);
    this.rtp.send(packet, this.target.port, this.target.address);
    this.sequence = (this.sequence + 1) & 0xffff;
    this.timestamp = (this.timestamp + (options.advance ?? payload.length)) >>> 0;
  }

  /** One event packet of the key that began at `timestamp`. */
  sendEvent(code: number, units: number, ended: boolean, timestamp: number, marker = false): void {
    const payload = Buffer.alloc(4);
    writeEvent(payload, 0, code, ended, units);
    this.send(payload, { type: eventType, timestamp, marker, advance: 0 });
  }

  /** A whole key as a well-behaved phone sends it, packets one after the other at once. */
  pressKey(code: number, durationMs = 100): void {
    const timestamp = this.timestamp;
    for (let units = 160; units < durationMs * 8; units += 160) {
      this.sendEvent(code, units, false, timestamp, units === 160);
    }
    for (let copy = 0; copy < 3; copy++) this.sendEvent(code, durationMs * 8, true, timestamp);
    this.timestamp = (timestamp + durationMs * 8 + 160) >>> 0;
  }

  /**
   * Says samples in real time, a packet every `packetMs`; `mangle` decides what becomes of each.
   * @returns when the last was sent.
   */
  async say(
    samples: Int16Array,
    { packetMs = 20, lose = () => false }: { packetMs?: number; lose?: (index: number) => boolean } = {},
  ): Promise<void> {
    const size = packetMs * 8;
    const beginMs = performance.now();
    for (let index = 0; index * size < samples.length; index++) {
      const waitMs = beginMs + index * packetMs - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      const part = samples.subarray(index * size, (index + 1) * size);
      const payload = Buffer.alloc(part.length);
      encode(this.codec, part, payload);
      if (lose(index)) {
        this.sequence = (this.sequence + 1) & 0xffff;
        this.timestamp = (this.timestamp + payload.length) >>> 0;
      } else this.send(payload);
    }
  }

  /** Audio packets heard since the `from`th packet, put together by timestamp. */
  audio(from = 0): Int16Array {
    const packets = this.heard.slice(from).filter((packet) => packet.payloadType === (this.codec === 'PCMU' ? 0 : 8));
    const first = packets[0];
    const last = packets.at(-1);
    if (!first || !last) return new Int16Array(0);
    const bytes = Buffer.alloc(((last.timestamp - first.timestamp) | 0) + last.payload.length, silenceByte[this.codec]);
    for (const packet of packets) packet.payload.copy(bytes, (packet.timestamp - first.timestamp) | 0);
    const samples = new Int16Array(bytes.length);
    decode(this.codec, bytes, samples);
    return samples;
  }
}

/** Everything an engine reported, by event. */
export interface Reported {
  digits: { legId: string; digit: string; durationMs: number; source: string; seenAtMs: number }[];
  plays: { legId: string; playId: string; outcome: string; playedMs: number; terminator?: string; seenAtMs: number }[];
  recordings: { legId: string; recordingId: string; outcome: string; durationMs: number; terminator?: string }[];
  timeouts: string[];
  lost: string[];
  firstPackets: string[];
}

export async function startEngine(
  options: Partial<MediaEngineOptions> & { workerScript?: URL } = {},
): Promise<{ engine: WorkerMediaEngine; reported: Reported }> {
  const engine = createMediaEngine({ bindAddress: '127.0.0.1', portMin: 20_000, portMax: 29_999, ...options });
  const reported: Reported = { digits: [], plays: [], recordings: [], timeouts: [], lost: [], firstPackets: [] };
  engine.on('digit', (legId, digit) => reported.digits.push({ legId, ...digit, seenAtMs: performance.now() }));
  engine.on('play-done', (legId, done) => reported.plays.push({ legId, ...done, seenAtMs: performance.now() }));
  engine.on('record-done', (legId, done) => reported.recordings.push({ legId, ...done }));
  engine.on('media-timeout', (legId) => reported.timeouts.push(legId));
  engine.on('media-lost', (legId) => reported.lost.push(legId));
  engine.on('first-packet', (legId) => reported.firstPackets.push(legId));
  await engine.start();
  return { engine, reported };
}

/** Opens a leg for the phone and starts its media. `asks`: the phone shows by RTCP that it is there. */
export async function connect(
  engine: WorkerMediaEngine,
  legId: string,
  phone: Phone,
  overrides: Partial<LegMedia> = {},
  options: { asks: boolean } = { asks: true },
): Promise<void> {
  const { address, rtpPort } = await engine.openLeg(legId);
  phone.target = { address, port: rtpPort };
  engine.setMedia(legId, phone.media(overrides));
  if (!options.asks) return;
  // The order before this question has been obeyed when it is answered.
  await engine.stats(legId);
  const report = buildRtcp({ ssrc: phone.ssrc, cname: 'phone', bye: false });
  phone.rtcp.send(report, rtpPort + 1, address);
}

/** Amplitude of a frequency in the samples (Goertzel). */
export function amplitudeOf(samples: Int16Array, frequency: number, sampleRate = 8_000): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / sampleRate);
  let before = 0;
  let beforeThat = 0;
  for (const sample of samples) {
    const value = sample + coefficient * before - beforeThat;
    beforeThat = before;
    before = value;
  }
  const power = before * before + beforeThat * beforeThat - coefficient * before * beforeThat;
  return (2 * Math.sqrt(Math.max(0, power))) / Math.max(1, samples.length);
}

/** Root mean square. */
export const loudness = (samples: Int16Array): number =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length));

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'denwaban-media-'));

/** The channels of a PCM16 WAV. */
export function readWavFile(file: string): Int16Array[] {
  const bytes = readFileSync(file);
  const format = parseWavHeader(bytes, bytes.length);
  if (!format) throw new Error(`${file} is no WAV`);
  const count = format.dataBytes / 2 / format.channels;
  return Array.from({ length: format.channels }, (_, channel) =>
    Int16Array.from({ length: count }, (_unused, index) =>
      bytes.readInt16LE(format.dataStart + (index * format.channels + channel) * 2),
    ),
  );
}
