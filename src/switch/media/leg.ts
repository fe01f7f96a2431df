import type { LegMedia, MediaEngineEvents, MediaStats, PlayCommand, RecordCommand } from './api.ts';
import type { Faults } from './faults.ts';
import { LegInput } from './leg-input.ts';
import { type AudioSource, LegOutput } from './leg-output.ts';
import { Playback } from './playback.ts';
import type { PromptStore } from './prompt-store.ts';
import { Recorder } from './recorder.ts';
import { RtcpSession } from './rtcp-session.ts';
import { looksLikeRtcp, rtpHeaderBytes } from './rtp.ts';
import type { MediaSockets } from './sockets.ts';
import { Taps } from './taps.ts';
import type { WheelMember } from './wheel.ts';

const maxRecordings = 8;
const maxDigitMs = 60_000;

/** What a leg needs of its surroundings. */
export interface LegServices {
  readonly store: PromptStore;
  nowMs(): number;
  emit<Name extends keyof MediaEngineEvents>(name: Name, ...args: MediaEngineEvents[Name]): void;
  /** A packet went out; `dueMs` is when it should have. */
  sent(dueMs: number): void;
  readonly faults: Faults;
}

/** The other end of a bridge, in this worker or another. */
export interface BridgePeer extends AudioSource {
  /** A key of this leg, to be passed on. */
  digit(digit: string, durationMs: number): void;
  /** Called each frame with what this leg says, where the peer can't fetch it by itself. */
  offer?(frame: number): void;
  /** Ends the bridge on the peer's side; must not call back. */
  release(): void;
}

/** One leg: its input and output, what plays, what is recorded, whom it is bridged with. */
export class Leg implements WheelMember {
  readonly legId: string;
  readonly #services: LegServices;
  readonly #sockets: MediaSockets;
  readonly input: LegInput;
  readonly output: LegOutput;
  readonly #rtcp: RtcpSession;
  readonly taps = new Taps(
    () => this.#listen(),
    (work) => this.guard('listening', work),
  );
  readonly #recorders = new Map<string, Recorder>();
  readonly #endings = new Set<Promise<void>>();
  #media: LegMedia | undefined;
  #peer: BridgePeer | undefined;
  #timeoutMs = 0;
  /** Instead, while the peer holds. */
  #holdTimeoutMs = 0;
  #timeoutTold = false;
  #closed = false;

  constructor(legId: string, sockets: MediaSockets, services: LegServices) {
    this.legId = legId;
    this.#services = services;
    this.#sockets = sockets;
    const nowMs = services.nowMs();
    this.input = new LegInput(
      nowMs,
      (key) => this.key(key.digit, key.durationMs, 'rtp'),
      () => services.emit('first-packet', legId),
    );
    this.output = new LegOutput(sockets, (frame, bytes) => this.#pass(frame, bytes));
    this.#rtcp = new RtcpSession(sockets, this.input, this.output, nowMs);
    sockets.onRtp((message, address, port) => {
      try {
        const atMs = services.nowMs();
        this.input.signOfLife(address, atMs);
        if (looksLikeRtcp(message)) this.#rtcp.receive(message, address, port, atMs, true);
        else this.input.receive(message, address, port, atMs);
      } catch (error) {
        services.faults.caught(legId, 'rtp', error);
      }
    });
    sockets.onRtcp((message, address, port) =>
      this.guard('rtcp', () => {
        const atMs = services.nowMs();
        if (this.#rtcp.receive(message, address, port, atMs)) this.input.signOfLife(address, atMs);
      }),
    );
  }

  /** Does a piece of this leg's work: an error in it costs no more than that piece. */
  guard(during: string, work: () => void): void {
    this.#services.faults.guard(this.legId, during, work);
  }

  failed(error: unknown): void {
    this.#services.faults.caught(this.legId, 'frame', error);
    // It may be what is played that cannot be sent: whoever waits for its end is told, and the next can be heard.
    this.#endPlay('not-found');
  }

  get bridged(): boolean {
    return this.#peer !== undefined;
  }

  setMedia(media: LegMedia): void {
    const nowMs = this.#services.nowMs();
    if (!this.#media) this.input.restartTimeout(nowMs);
    this.#media = media;
    this.input.setMedia(media, nowMs);
    this.output.setMedia(media);
    this.#rtcp.setMedia(media);
  }

  tick(frame: number, dueMs: number): void {
    const nowMs = this.#services.nowMs();
    this.#checkTimeout(nowMs);
    this.#rtcp.tick(nowMs);
    const recording = this.#recorders.size > 0;
    if (recording || this.#peer || this.taps.some) this.input.advance(frame);
    const { latch } = this.input;
    const { packet, sent } = this.output.tick(frame, latch.target, latch.isAsked);
    if (sent) this.#services.sent(dueMs);
    this.#peer?.offer?.(frame);
    if (recording) this.#record(frame, packet);
    const { playback } = this.output;
    if (playback?.ended) this.#endPlay(playback.notFound ? 'not-found' : 'finished');
  }

  play(command: PlayCommand): void {
    this.stopPlay();
    this.output.playback = new Playback(command, this.output.codec, this.#services.store);
  }

  stopPlay(): void {
    this.#endPlay('stopped');
  }

  record(command: RecordCommand): void {
    if (this.#recorders.size >= maxRecordings || this.#recorders.has(command.recordingId)) {
      const { recordingId } = command;
      this.#services.emit('record-done', this.legId, { recordingId, outcome: 'failed', durationMs: 0 });
      return;
    }
    const recorder = new Recorder(command, (done) => this.#services.emit('record-done', this.legId, done));
    this.#recorders.set(command.recordingId, recorder);
    this.#listen();
  }

  stopRecord(recordingId: string | undefined): void {
    for (const recorder of this.#recorders.values()) {
      if (recordingId === undefined || recorder.command.recordingId === recordingId) recorder.end('stopped');
    }
    this.#forgetEnded();
  }

  maskRecord(recordingId: string, masked: boolean): void {
    const recorder = this.#recorders.get(recordingId);
    if (recorder) recorder.masked = masked;
  }

  /** A key of the peer: told, passed over the bridge, and it stops what it is a terminator of. */
  key(digit: string, durationMs: number, source: 'rtp' | 'info'): void {
    const shownMs = Math.max(0, Math.min(maxDigitMs, durationMs));
    this.#services.emit('digit', this.legId, { digit, durationMs: shownMs, source, atMs: Date.now() });
    if (this.output.playback?.stoppedBy(digit)) this.#endPlay('terminator', digit);
    for (const recorder of this.#recorders.values()) {
      if (recorder.stoppedBy(digit)) recorder.end('terminator', digit);
    }
    this.#forgetEnded();
    this.#peer?.digit(digit, shownMs);
  }

  /** Sends the peer a key of the other side of the bridge; who takes no telephone events is told it by INFO instead. */
  passKey(digit: string, durationMs: number): void {
    if (this.#media?.telephoneEventPayloadType !== undefined) this.output.events.push(digit, durationMs);
  }

  /** Puts the leg on a bridge, ending the one it had. */
  join(peer: BridgePeer): void {
    this.leave();
    this.stopPlay();
    this.#peer = peer;
    this.output.source = peer;
    this.#listen();
  }

  /** What this leg says in a frame, as the other side of a bridge hears it. */
  voiced(frame: number): Buffer {
    this.input.advance(frame);
    const { codec, smooth } = this.input;
    return this.taps.some ? this.taps.voiced(frame, codec, smooth) : smooth;
  }

  /** Ends this leg's bridge on both sides. */
  leave(): void {
    const peer = this.#peer;
    this.detach();
    peer?.release();
  }

  /** Ends this side of a bridge. */
  detach(): void {
    this.#peer = undefined;
    this.output.source = undefined;
    this.#listen();
  }

  /** Ends this side of the bridge with `peer`, if that is still the one. */
  detachFrom(peer: BridgePeer): void {
    if (this.#peer === peer) this.detach();
  }

  setMediaTimeout(timeoutMs: number, holdTimeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#holdTimeoutMs = holdTimeoutMs;
    this.#timeoutTold = false;
    this.input.restartTimeout(this.#services.nowMs());
  }

  stats(): MediaStats {
    const { reception } = this.input;
    const { remote } = this.#rtcp;
    return {
      packetsSent: this.output.packetsSent,
      packetsReceived: reception.packets,
      keyPacketsReceived: reception.keyPackets,
      packetsLost: reception.lost,
      jitterMs: reception.jitterMs,
      lastPacketAtMs: reception.lastPacketAtMs,
      ...(remote && { remote }),
    };
  }

  /** Ends all that goes on, finishes the recordings, says BYE and frees the sockets. */
  async close(): Promise<MediaStats> {
    if (!this.#closed) {
      this.#closed = true;
      this.leave();
      this.taps.releaseAll();
      this.stopPlay();
      for (const recorder of this.#recorders.values()) recorder.end('closed');
      this.#forgetEnded();
      if (this.#media) this.#rtcp.bye(this.#services.nowMs());
      await Promise.all([...this.#endings, this.#sockets.close()]);
    }
    return this.stats();
  }

  /** Lets those who listen hear this frame, and be heard in it. */
  #pass(frame: number, packet: Buffer): void {
    if (!this.taps.some) return;
    const { codec, smooth } = this.input;
    this.taps.pass(frame, { codec, bytes: smooth }, { codec: this.output.codec, bytes: packet, start: rtpHeaderBytes });
  }

  #record(frame: number, packet: Buffer): void {
    const { raw, codec, isGap } = this.input;
    const fromLeg = { bytes: raw, start: 0, codec, isGap };
    const toLeg = { bytes: packet, start: rtpHeaderBytes, codec: this.output.codec };
    for (const recorder of this.#recorders.values()) recorder.write(frame, fromLeg, toLeg);
    this.#forgetEnded();
  }

  /** Lets go of recorders that are over; `close` still waits for their files. */
  #forgetEnded(): void {
    for (const [recordingId, recorder] of this.#recorders) {
      if (!recorder.ended) continue;
      this.#recorders.delete(recordingId);
      const ending: Promise<void> = recorder
        .end('stopped')
        .catch((error: unknown) => this.#services.faults.caught(this.legId, 'recording', error))
        .finally(() => this.#endings.delete(ending));
      this.#endings.add(ending);
    }
    this.#listen();
  }

  #listen(): void {
    this.input.listen(this.#peer !== undefined || this.taps.some || this.#recorders.size > 0);
  }

  #endPlay(outcome: 'finished' | 'stopped' | 'terminator' | 'not-found', terminator?: string): void {
    const { playback } = this.output;
    if (!playback) return;
    this.output.playback = undefined;
    this.#services.emit('play-done', this.legId, {
      playId: playback.command.playId,
      outcome,
      playedMs: playback.playedMs,
      ...(terminator !== undefined && { terminator }),
    });
  }

  #checkTimeout(nowMs: number): void {
    if (this.#timeoutTold || !this.#media) return;
    const { direction } = this.#media;
    const timeoutMs = direction === 'sendrecv' ? this.#timeoutMs : this.#holdTimeoutMs;
    if (timeoutMs <= 0 || direction === 'sendonly') return;
    if (nowMs - this.input.lastHeardMs < timeoutMs) return;
    this.#timeoutTold = true;
    this.#services.emit('media-timeout', this.legId);
  }
}
