import { randomBytes } from 'node:crypto';
import type { Codec, LegMedia } from './api.ts';
import { EventSender } from './event-sender.ts';
import { frameSamples, silenceByte, transcode } from './g711.ts';
import type { Endpoint } from './latch.ts';
import type { Playback } from './playback.ts';
import { rtpHeaderBytes, writeRtpHeader } from './rtp.ts';
import type { MediaSockets } from './sockets.ts';
import { Trickle } from './trickle.ts';

const packetBytes = rtpHeaderBytes + frameSamples;

/** Whoever a leg is bridged with, as the source of what it hears. */
export interface AudioSource {
  readonly codec: Codec;
  /** G.711 of the frame, 160 bytes; valid until the next call. */
  frame(frame: number): Buffer;
}

/** What we send to a peer: one packet every frame, from the first `setMedia` on. */
export class LegOutput {
  readonly ssrc = randomBytes(4).readUInt32BE(0);
  readonly #sockets: MediaSockets;
  readonly #onFrame: (frame: number, packet: Buffer) => void;
  /** Taken in turns: the system may still hold the last one when its buffer is full. */
  readonly #packets = [Buffer.alloc(packetBytes), Buffer.alloc(packetBytes)] as const;
  readonly #timestampBase = randomBytes(4).readUInt32BE(0);
  #sequence = randomBytes(2).readUInt16BE(0);
  readonly events = new EventSender();
  readonly #trickle = new Trickle();
  #target = '';
  #mayFlow = true;
  #media: LegMedia | undefined;
  #talking = false;
  playback: Playback | undefined;
  source: AudioSource | undefined;
  packetsSent = 0;
  octetsSent = 0;
  /** RTP timestamp of the current frame. */
  timestamp = 0;

  /** `onFrame` is shown each frame, and may change it, before it is sent. */
  constructor(sockets: MediaSockets, onFrame: (frame: number, packet: Buffer) => void = () => undefined) {
    this.#sockets = sockets;
    this.#onFrame = onFrame;
  }

  setMedia(media: LegMedia): void {
    this.#media = media;
  }

  get codec(): Codec {
    return this.#media?.codec ?? 'PCMU';
  }

  /**
   * Sends this frame; where nobody has asked for it at the target, no more than a trickle (which changes nothing else:
   * a prompt goes on as if it were heard). @returns the G.711 the peer hears in it, from byte 12 on (silence while nothing may be sent),
   * valid until the next call.
   */
  tick(frame: number, target: Endpoint | undefined, isAsked = true): { packet: Buffer; sent: boolean } {
    this.#mayFlow = isAsked || this.#trickles(frame, target);
    const packet = this.#packets[frame % 2 === 0 ? 0 : 1];
    this.timestamp = (this.#timestampBase + frame * frameSamples) >>> 0;
    const media = this.#media;
    const allowed = media?.direction === 'sendrecv' || media?.direction === 'sendonly';
    if (!media || !target || !allowed) {
      this.#talking = false;
      // A prompt goes on in time though nobody can hear it; what was not sent is not counted as played.
      this.#compose(packet, frame);
      packet.fill(silenceByte[this.codec], rtpHeaderBytes);
      this.#onFrame(frame, packet);
      return { packet, sent: false };
    }
    if (media.telephoneEventPayloadType !== undefined && this.events.busy) {
      const length = this.events.writeEvent(packet, rtpHeaderBytes, this.timestamp);
      if (length > 0) {
        const { marker, timestamp } = this.events;
        this.#send(packet, length, media.telephoneEventPayloadType, marker, timestamp, target);
        packet.fill(silenceByte[this.codec], rtpHeaderBytes);
        this.#onFrame(frame, packet);
        return { packet, sent: true };
      }
    }
    const played = this.#compose(packet, frame);
    this.#onFrame(frame, packet);
    this.#send(packet, frameSamples, media.payloadType, !this.#talking, this.timestamp, target);
    this.#talking = true;
    if (this.playback) this.playback.sentSamples += played;
    return { packet, sent: true };
  }

  #trickles(frame: number, target: Endpoint | undefined): boolean {
    const name = target ? `${target.address} ${target.port}` : '';
    if (name !== this.#target) this.#trickle.restart();
    this.#target = name;
    return name !== '' && this.#trickle.allows(frame);
  }

  /** Puts this frame's audio into the packet: key tones, else what plays, else the other leg, else silence. */
  #compose(packet: Buffer, frame: number): number {
    const { codec } = this;
    const inBand = this.#media?.telephoneEventPayloadType === undefined && this.events.busy;
    if (inBand && this.events.writeTone(packet, rtpHeaderBytes, codec)) return 0;
    if (this.playback) {
      const played = this.playback.fill(packet, rtpHeaderBytes, packetBytes);
      transcode(this.playback.codec, codec, packet, rtpHeaderBytes, packetBytes);
      return played;
    }
    if (this.source) {
      this.source.frame(frame).copy(packet, rtpHeaderBytes, 0, frameSamples);
      transcode(this.source.codec, codec, packet, rtpHeaderBytes, packetBytes);
      return 0;
    }
    packet.fill(silenceByte[codec], rtpHeaderBytes);
    return 0;
  }

  #send(packet: Buffer, length: number, type: number, marker: boolean, timestamp: number, target: Endpoint): void {
    if (!this.#mayFlow) return;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    writeRtpHeader(packet, type, marker, this.#sequence, timestamp, this.ssrc);
    this.#sockets.sendRtp(packet, rtpHeaderBytes + length, target);
    this.packetsSent++;
    this.octetsSent += length;
  }
}
