import type { MediaEngine } from '../media/api.ts';
import type { SipEndpoint } from '../sip/api.ts';
import type { Channel } from './channel.ts';
import type { EventBus } from './events.ts';
import type { Logger } from './options.ts';
import type { Session } from './session.ts';
import type { SessionCounters } from './session-counters.ts';

/** The SIP side of a leg. */
export interface SipLeg {
  /** Answers an INVITE that has no final answer yet; false when that failed and the leg is being hung up. */
  answer(): boolean;
  /** Ends the dialog: BYE, CANCEL or a failure answer, whichever fits; `cause` goes into Reason. */
  hangup(cause: string): void;
  /** Sends INFO in the dialog; nothing where there is none. */
  sendInfo(request: InfoRequest): void;
}

export interface InfoRequest {
  contentType: string;
  body: string;
}

/** All that belongs to one call leg. */
export interface Leg {
  channel: Channel;
  session: Session;
  sip: SipLeg;
  bridge: BridgeLink | undefined;
  /** Recordings in the background (`record_session`, `uuid_record`) by file. */
  recordings: Map<string, BackgroundRecording>;
}

/** The bridge a leg is on. */
export interface BridgeLink {
  /** The leg goes away from it, to hang up or to do something else. */
  leave(leg: Leg): void;
  otherOf(leg: Leg): Leg;
}

export interface BackgroundRecording {
  recordingId: string;
  /** Resolves when the file is complete. */
  complete: Promise<void>;
}

export interface Settings {
  profileName: string;
  soundsFolder: string;
  mediaTimeoutMs: number;
  /** What peers are told to send audio to; without it, the address the media engine bound. */
  publicAddress: string | undefined;
  /** The address of our SIP URI; without it, the one the endpoint bound. */
  sipAddress: string | undefined;
}

/** What the parts of this switch share. */
export interface Core {
  readonly bus: EventBus;
  readonly media: MediaEngine;
  readonly sip: SipEndpoint;
  readonly settings: Settings;
  readonly legs: Map<string, Leg>;
  readonly globals: Map<string, string>;
  readonly counters: SessionCounters;
  readonly logger: Logger;
  /** Makes a leg out of a channel. @throws Error when the uuid is taken. */
  addLeg(channel: Channel, sip: SipLeg): Leg;
  /** Hangs a leg up; a second time does nothing. */
  hangup(leg: Leg, cause: string): void;
}
