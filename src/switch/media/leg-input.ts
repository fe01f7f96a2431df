import type { Codec, LegMedia } from './api.ts';
import { Concealment } from './concealment.ts';
import { frameSamples, silenceByte, transcode } from './g711.ts';
import { JitterBuffer } from './jitter-buffer.ts';
import { Latch } from './latch.ts';
import { Reception } from './reception.ts';
import { emptyRtpFields, parseRtp } from './rtp.ts';
import { type ReceivedKey, TelephoneEventReceiver } from './telephone-event.ts';

/** Concealment works on 10 ms, so that a lost 10 ms packet spoils no more than itself. */
const blockSamples = frameSamples / 2;

const staticCodecs: Record<number, Codec> = { 0: 'PCMU', 8: 'PCMA' };

/** Shared by all legs of the thread: a packet is dealt with before the next is read. */
const fields = emptyRtpFields();

/** What a peer sends us: believed or not, counted, its keys told, its audio put into an even flow of frames. */
export class LegInput {
  readonly latch = new Latch();
  readonly reception = new Reception();
  readonly #events = new TelephoneEventReceiver();
  readonly #onKey: (key: ReceivedKey) => void;
  readonly #onFirstPacket: () => void;
  #media: LegMedia | undefined;
  #jitter: JitterBuffer | undefined;
  readonly #concealment = new Concealment();
  #frame = -1;
  #silent = true;
  /** Nothing came in the current frame. */
  isGap = true;
  /** The current frame as it came, silence where nothing came: for recordings. */
  readonly raw = Buffer.alloc(frameSamples);
  /** The current frame with losses concealed: for ears. */
  readonly smooth = Buffer.alloc(frameSamples);
  #lastHeardMs: number;

  constructor(nowMs: number, onKey: (key: ReceivedKey) => void, onFirstPacket: () => void) {
    this.#onKey = onKey;
    this.#onFirstPacket = onFirstPacket;
    this.#lastHeardMs = nowMs;
  }

  get codec(): Codec {
    return this.#media?.codec ?? 'PCMU';
  }

  /** Monotonic time of the newest packet, or of when the leg was told to listen for one. */
  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  /**
   * Something came to the leg's ports that is no audio of a kind we know: comfort noise by any number, STUN, RTCP. It
   * says that the peer is there, where it comes from the peer's address.
   */
  signOfLife(address: string, nowMs: number): void {
    if (address === this.latch.target?.address || address === this.#media?.remote.address) this.#lastHeardMs = nowMs;
  }

  setMedia(media: LegMedia, nowMs: number): void {
    if (this.#media && this.#media.codec !== media.codec) this.#jitter?.reset();
    if (this.#media && this.#media.direction !== media.direction) this.#lastHeardMs = nowMs;
    this.#media = media;
    this.latch.announce(media.remote);
  }

  /** Starts the time without packets anew. */
  restartTimeout(nowMs: number): void {
    this.#lastHeardMs = nowMs;
  }

  /** Whether somebody wants the frames; while nobody does, audio is only counted. */
  listen(wanted: boolean): void {
    if (wanted && !this.#jitter) this.#jitter = new JitterBuffer();
    if (!wanted) this.#jitter = undefined;
  }

  receive(message: Buffer, address: string, port: number, nowMs: number): void {
    const media = this.#media;
    if (!media || !parseRtp(message, fields)) return;
    const type = fields.payloadType;
    const isEvent = type === media.telephoneEventPayloadType;
    const codec = type === media.payloadType ? media.codec : staticCodecs[type];
    // Comfort noise (13) keeps the leg alive, other types are not ours.
    if (!isEvent && codec === undefined && type !== 13) return;
    if (!this.latch.accept(address, port, fields.ssrc, nowMs)) return;
    const first = this.reception.packets === 0;
    this.#lastHeardMs = nowMs;
    if (this.reception.count(fields, nowMs, Date.now(), !isEvent)) this.#jitter?.reset();
    if (first) this.#onFirstPacket();
    if (isEvent) {
      const payload = message.subarray(fields.payloadStart, fields.payloadEnd);
      const key = this.#events.receive(fields, payload);
      if (key) this.#onKey(key);
    } else if (codec && this.#jitter && !this.#isHeld) {
      transcode(codec, media.codec, message, fields.payloadStart, fields.payloadEnd);
      this.#jitter.put(fields.timestamp, message, fields.payloadStart, fields.payloadEnd);
    }
  }

  /** Makes `raw` and `smooth` hold this frame; asking twice for one frame is harmless. */
  advance(frame: number): void {
    if (frame === this.#frame) return;
    const skipped = this.#frame < 0 ? 0 : frame - this.#frame - 1;
    this.#frame = frame;
    const filler = silenceByte[this.codec];
    this.isGap = true;
    if (!this.#jitter || this.#isHeld) {
      if (!this.#silent || this.raw[0] !== filler) {
        this.raw.fill(filler);
        this.smooth.fill(filler);
      }
      this.#silent = true;
      return;
    }
    this.#silent = false;
    if (skipped > 0) this.#jitter.skip(skipped * frameSamples);
    for (let start = 0; start < frameSamples; start += blockSamples) {
      const missing = this.#jitter.pull(this.raw, start, blockSamples, filler);
      if (missing < blockSamples) this.isGap = false;
      this.raw.copy(this.smooth, start, start, start + blockSamples);
      this.#concealment.process(this.codec, this.smooth, start, start + blockSamples, missing > blockSamples / 2);
    }
  }

  get #isHeld(): boolean {
    return this.#media !== undefined && isHeld(this.#media);
  }
}

/** True when the peer is to send nothing (RFC 3264 §8.4). */
const isHeld = (media: LegMedia): boolean => media.direction === 'sendonly' || media.direction === 'inactive';
