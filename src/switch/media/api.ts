import type { EventEmitter } from 'node:events';

/**
 * The face of the media engine towards `switch/freeswitch`. Media runs in worker threads (design.md, "The embedded
 * switch"); everything here is a message to or from one, in order per leg.
 */

export type Codec = 'PCMU' | 'PCMA';
export type MediaDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface MediaEngineOptions {
  /** Address RTP sockets bind to. */
  bindAddress: string;
  /** Even RTP port range, inclusive; RTCP takes the odd port above. */
  portMin: number;
  portMax: number;
  workers?: number;
}

export interface OpenLegOptions {
  /** A leg that this one is to talk with: both in one worker, so that a call depends on no other. */
  beside?: string | undefined;
}

/** What was negotiated for a leg. */
export interface LegMedia {
  codec: Codec;
  /** Payload type of the codec as negotiated (0 or 8). */
  payloadType: number;
  /** Payload type of telephone-event, if negotiated. */
  telephoneEventPayloadType?: number;
  /** The peer's address from its SDP; audio follows where packets really come from (symmetric RTP). */
  remote: { address: string; port: number };
  remoteRtcp?: { address: string; port: number };
  /** Seen from us: `sendonly` = the peer is on hold. */
  direction: MediaDirection;
}

/** Who hears one who listens at a leg: nobody, the leg itself, whoever is bridged with it, or both. */
export type ListenMode = 'listen' | 'whisper' | 'other' | 'join';

/** Something to play. Strings are FreeSWITCH's notation: a WAV path, `tone_stream://…`, `silence_stream://ms`. */
export interface PlayCommand {
  playId: string;
  sources: string[];
  loop: boolean;
  /** Keys that stop it; 'any', or '' for none. */
  terminators: string;
  /** Gap between sources in ms. */
  gapMs?: number;
}

export interface RecordCommand {
  recordingId: string;
  file: string;
  maxDurationMs: number;
  /** Ends after this much audio below the threshold; 0 = never. */
  silenceMs: number;
  /** Mean absolute sample below which audio counts as silence (of 32,768). */
  silenceThreshold: number;
  terminators: string;
  /** `leg`: what the peer says. `stereo`: what it says left, what it hears right. `mixed`: both in one. */
  channels: 'leg' | 'stereo' | 'mixed';
  append?: boolean;
  /** Frames in which nothing came are left out, and not taken for silence. */
  skipsGaps?: boolean;
}

export interface MediaStats {
  packetsSent: number;
  packetsReceived: number;
  /** Of telephone events (RFC 4733), among those received. */
  keyPacketsReceived: number;
  packetsLost: number;
  jitterMs: number;
  /** ms since the epoch, of the newest packet; 0 = none ever. */
  lastPacketAtMs: number;
  /** What the peer's RTCP says of the audio we send; missing until it said something. */
  remote?: { packetsLost: number; jitterMs: number; roundTripMs: number };
}

export interface MediaEngine extends EventEmitter<MediaEngineEvents> {
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly legCount: number;
  /** Its workers; one that does not answer, or is being started again, is not up. */
  readonly workers: { total: number; up: number };
  /** Opens a leg's RTP and RTCP sockets. @throws Error when no port is free. */
  openLeg(legId: string, options?: OpenLegOptions): Promise<{ address: string; rtpPort: number }>;
  /** Starts, or changes, the exchange of audio. Until something is played or bridged, silence is sent. */
  setMedia(legId: string, media: LegMedia): void;
  /** Replaces what is playing. Ends with one `play-done`. */
  play(legId: string, command: PlayCommand): void;
  stopPlay(legId: string): void;
  record(legId: string, command: RecordCommand): void;
  stopRecord(legId: string, recordingId?: string): void;
  /** While masked, a recording takes silence for what is said and heard. */
  maskRecord(legId: string, recordingId: string, masked: boolean): void;
  /** Two-way audio; ends any bridge either had. What is playing on either stops. */
  bridge(legA: string, legB: string): void;
  /** Ends a leg's bridge, or its listening. */
  unbridge(leg: string): void;
  /** Lets one leg hear what another says and hears, until either goes or `unbridge`. What the listener plays stops. */
  listen(listener: string, target: string, mode: ListenMode): void;
  setListenMode(listener: string, target: string, mode: ListenMode): void;
  /** Sends keys as RFC 4733 events. */
  sendDigits(legId: string, digits: string, durationMs: number): void;
  /** A key that came by SIP INFO: handled as one from RTP. */
  injectDigit(legId: string, digit: string, durationMs: number): void;
  /** Ends the leg and frees its ports; recordings are finished first. */
  closeLeg(legId: string): Promise<MediaStats>;
  stats(legId: string): Promise<MediaStats>;
  /**
   * `media-timeout` is reported once when no RTP has come for so long, or for the second time while the peer holds; 0 =
   * never. A peer that only listens has none.
   */
  setMediaTimeout(legId: string, timeoutMs: number, holdTimeoutMs?: number): void;
  /** Share of outgoing packets over 10 ms late since the last reading, and how many were sent. */
  lateness(): Promise<{ sent: number; late: number }>;
}

export interface MediaEngineEvents {
  digit: [legId: string, digit: { digit: string; durationMs: number; source: 'rtp' | 'info'; atMs: number }];
  /** `playedMs` is what was really sent. */
  'play-done': [
    legId: string,
    done: {
      playId: string;
      outcome: 'finished' | 'stopped' | 'terminator' | 'not-found';
      playedMs: number;
      terminator?: string;
    },
  ];
  'record-done': [
    legId: string,
    done: {
      recordingId: string;
      /** `cut-short`: what came in the end could not be written. `failed`: nothing could be. */
      outcome: 'stopped' | 'silence' | 'terminator' | 'limit' | 'closed' | 'cut-short' | 'failed';
      /** Of what is in the file. */
      durationMs: number;
      terminator?: string;
    },
  ];
  'media-timeout': [legId: string];
  /** The leg's worker has died or hangs: the leg is gone. */
  'media-lost': [legId: string];
  /** An error in a leg's work was caught; told at most every ten seconds by each worker. */
  fault: [fault: { legId: string; during: string; error: string; count: number }];
  /** A worker was lost, or is back. */
  workers: [change: { lost?: string; legs: number }];
  /** First RTP packet of the leg. */
  'first-packet': [legId: string];
}
