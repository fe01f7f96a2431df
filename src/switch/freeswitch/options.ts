import type { MediaEngine } from '../media/api.ts';
import type { SipEndpoint } from '../sip/api.ts';

export interface Logger {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
}

export const silentLogger: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined };

export interface FreeSwitchOptions {
  /** Where event-socket clients connect; port 0 picks a free one. */
  eventSocket: { address: string; port: number; password: string };
  /** Its own SIP endpoint, which nobody else listens to. Started before this, stopped after it. */
  sip: SipEndpoint;
  /** Started before this, stopped after it. */
  media: MediaEngine;
  /** Name of the SIP profile, as in `sofia/<name>/…`; `drachtio_mrf`. */
  profileName?: string;
  /** What peers are told to send audio to, where it differs from the address the media engine binds. */
  publicAddress?: string;
  /** The address in our own SIP URI (`sofia status`), where it differs from the one that the endpoint bound. */
  sipAddress?: string;
  /** Calls beyond this are refused with 503; 1,000. */
  maxSessions?: number;
  /** New calls beyond this many a second are refused with 503; 100. */
  sessionsPerSecond?: number;
  /** A leg that sends no audio for so long is ended with MEDIA_TIMEOUT; 0 = never. 60,000. */
  mediaTimeoutMs?: number;
  /** Where relative file names start. */
  soundsFolder?: string;
  /** 20,000. */
  heartbeatIntervalMs?: number;
  logger?: Logger;
}

export interface FreeSwitch {
  /** @throws Error when the event socket's port is taken. */
  start(): Promise<void>;
  /** Closes the event socket. Calls are not ended: see `hangupAll`. */
  stop(): Promise<void>;
  /** Ends every call with BYE (or CANCEL); resolves when all are gone or the deadline has passed. */
  hangupAll(cause: string, deadlineMs: number): Promise<void>;
  /** Where event-socket clients connect, with the port actually chosen. */
  readonly eventSocketAddress: { address: string; port: number };
  readonly channelCount: number;
}
