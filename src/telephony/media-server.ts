import type { Clock, TimerHandle } from '../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import type { PartHealth } from '../kernel/health.ts';
import type { Logger } from '../kernel/logger.ts';
import { Channel } from './channel.ts';
import type { ChannelCommands, ChannelHandlers } from './channel-commands.ts';
import { type ChannelEvent, EventLink, EventSocketError } from './event-link.ts';
import { MediaWatch } from './media-watch.ts';
import type { SrfClient } from './types/srf.ts';

const firstRetryMs = 200;
const maxRetryMs = 1_000;
/** While a channel waits for a key, its events may wait this long in FreeSWITCH; unasked it would be up to 20 ms. */
const nudgeEveryMs = 3;
/** A link that was given up for its silence has this much time left at least to be made again. */
const leastGraceMs = 1_000;
const profileRetryMs = 250;
const profileTries = 40;

/** Name of the SIP profile that belongs to us (freeswitch-conf/). */
export const sipProfile = 'drachtio_mrf';

export interface MediaServerAddress {
  name: string;
  host: string;
  port: number;
  password: string;
}

export interface MediaServerOptions {
  address: MediaServerAddress;
  srf: SrfClient;
  clock: Clock;
  logger: Logger;
  connectDeadlineMs: number;
  commandDeadlineMs: number;
  /** A link that stays away for this long has taken the legs with it. */
  linkGraceMs: number;
  onReady(): void;
  /** The channel is gone, or nobody can tell. */
  onChannelLost(uuid: string): void;
}

/** One FreeSWITCH: its event link, kept up for ever, and the channels on it. */
export class MediaServer implements ChannelCommands {
  readonly name: string;
  readonly #options: MediaServerOptions;
  readonly #channels = new Map<string, Channel>();
  /** Uuids of the channels that wait for a key. */
  readonly #awaitingKeys = new Set<string>();
  readonly #watch: MediaWatch;
  #link: EventLink | undefined;
  #sipAddress: string | undefined;
  #grace: TimerHandle | undefined;
  #wake: (() => void) | undefined;
  #stopped = false;
  #nudging = false;
  #canLinger = false;
  /** Set while INVITEs to it fail: another is preferred until then. */
  #sickUntilMs = 0;

  constructor(options: MediaServerOptions) {
    this.#options = options;
    this.name = options.address.name;
    this.#watch = new MediaWatch(options.srf, options.address, options.logger);
  }

  /** True when a call sent there now would be answered, as far as one can know. */
  get ready(): boolean {
    return this.#link?.answers === true && !this.#watch.full;
  }

  /** How it is, for people. */
  get health(): PartHealth {
    const details = { legs: this.legs, sessions: this.#watch.sessions };
    if (!this.#link) return { state: 'away', why: 'it cannot be reached', details };
    if (!this.#link.answers) return { state: 'away', why: 'it does not answer', details };
    if (this.#watch.full) return { state: 'degraded', why: 'it takes no more sessions', details };
    if (this.sick) return { state: 'degraded', why: 'it failed a call', details };
    return { state: 'ok', details };
  }

  /** True for a while after it failed a call. It is not left out for that: it may be the only one there is. */
  get sick(): boolean {
    return this.#options.clock.monotonicMs() < this.#sickUntilMs;
  }

  get canLinger(): boolean {
    return this.#canLinger;
  }

  get legs(): number {
    return this.#channels.size;
  }

  /** Sessions it has, ours or another controller's. */
  get load(): number {
    return Math.max(this.#channels.size, this.#watch.sessions);
  }

  /** `ip:port` of its SIP profile, once known. */
  get sipAddress(): string | undefined {
    return this.#sipAddress;
  }

  /** Connects, and connects again whenever the link is lost, until `stop`. */
  start(): void {
    this.#keepConnected().catch((error: unknown) => {
      this.#options.logger.error({ server: this.name, err: errorMessage(error) }, 'the media link was given up');
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#grace);
    this.#wake?.();
    this.#watch.stop();
    this.#link?.close();
  }

  /** It did not do what it should have: others are preferred for a while. */
  markSick(forMs: number): void {
    this.#sickUntilMs = this.#options.clock.monotonicMs() + forMs;
  }

  /** It has taken a call. */
  markWell(): void {
    this.#sickUntilMs = 0;
  }

  addChannel(uuid: string, handlers: ChannelHandlers): Channel {
    const channel = new Channel(uuid, this, this.#options.clock, handlers);
    this.#channels.set(uuid, channel);
    return channel;
  }

  removeChannel(uuid: string): void {
    this.#channels.get(uuid)?.close();
    this.#channels.delete(uuid);
  }

  awaitKeys(uuid: string, waits: boolean): void {
    if (waits) this.#awaitingKeys.add(uuid);
    else this.#awaitingKeys.delete(uuid);
    this.#nudge();
  }

  api(command: string): Promise<string> {
    return this.#link ? this.#link.api(command) : Promise.resolve('-ERR link lost');
  }

  execute(uuid: string, order: { app: string; argument: string; eventUuid?: string; lock?: boolean }): Promise<string> {
    return this.#link ? this.#link.execute(uuid, order) : Promise.resolve('-ERR link lost');
  }

  tell(uuid: string, headers: Readonly<Record<string, string>>): Promise<string> {
    return this.#link ? this.#link.tell(uuid, headers) : Promise.resolve('-ERR link lost');
  }

  background(command: string): { accepted: Promise<string>; result: Promise<string> } {
    if (this.#link) return this.#link.background(command);
    const lost = Promise.resolve('-ERR link lost');
    return { accepted: lost, result: lost };
  }

  /** Does the channel exist? Undefined where FreeSWITCH cannot be asked. */
  async exists(uuid: string): Promise<boolean | undefined> {
    const reply = await this.api(`uuid_exists ${uuid}`);
    return reply.startsWith('-ERR') ? undefined : reply.trim() === 'true';
  }

  #nudge(): void {
    if (this.#nudging || this.#awaitingKeys.size === 0 || !this.#link) return;
    this.#nudging = true;
    this.#options.clock.setTimeout(() => {
      this.#nudging = false;
      this.#link?.nudge();
      this.#nudge();
    }, nudgeEveryMs);
  }

  async #keepConnected(): Promise<void> {
    const { logger } = this.#options;
    let retryMs = firstRetryMs;
    let told = '';
    while (!this.#stopped) {
      try {
        const link = await this.#connect();
        retryMs = firstRetryMs;
        told = '';
        await link.closed;
        if (!this.#stopped) logger.warn({ server: this.name }, 'the link to a media server was lost');
      } catch (error) {
        // It is tried every second, and may be away for long: told once for each reason.
        const err = errorMessage(error);
        if (err !== told) logger.warn({ server: this.name, err }, 'a media server cannot be reached');
        told = err;
        if (error instanceof EventSocketError && error.isAbsent) this.#onGone();
      }
      if (!this.#stopped) await this.#pause(retryMs);
      retryMs = Math.min(maxRetryMs, retryMs * 1.7);
    }
  }

  /** Waits, unless `stop` comes first. */
  #pause(forMs: number): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.setTimeout(resolve, forMs);
      this.#wake = () => {
        clock.clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Resolves once calls can be answered there, with a promise for the end of the link. */
  async #connect(): Promise<{ closed: Promise<void> }> {
    const { address, clock, logger, connectDeadlineMs, commandDeadlineMs } = this.#options;
    let onClosed: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => {
      onClosed = resolve;
    });
    let opened: EventLink | undefined;
    const link = await EventLink.open({
      ...address,
      clock,
      logger,
      connectDeadlineMs,
      commandDeadlineMs,
      onEvent: (event) => this.#onEvent(event),
      onClosed: () => {
        if (opened && this.#link === opened) this.#onLinkLost(opened.silentForMs);
        onClosed();
      },
    });
    opened = link;
    try {
      await this.#waitForProfile(link);
      this.#canLinger = (await link.api('msleep 0')).startsWith('+OK');
      this.#sipAddress = await this.#watch.start();
    } catch (error) {
      link.close();
      throw error;
    }
    if (this.#stopped || link.closed) {
      link.close();
      return { closed };
    }
    this.#link = link;
    this.#nudge();
    await this.#onLinkUp();
    this.#options.onReady();
    return { closed };
  }

  /** FreeSWITCH answers on its event socket a while before its SIP profile is there. */
  async #waitForProfile(link: EventLink): Promise<void> {
    for (let tries = 0; tries < profileTries && !this.#stopped; tries++) {
      const status = await link.api('sofia status');
      if (new RegExp(`^\\s*${sipProfile}\\s.*sip:mod_sofia@`, 'm').test(status)) return;
      await this.#pause(profileRetryMs);
    }
    throw new DenwabanError('MEDIA_PROFILE', `FreeSWITCH ${this.name} has no SIP profile "${sipProfile}"`);
  }

  #onEvent(event: ChannelEvent): void {
    this.#channels.get(event.uuid)?.handle(event);
  }

  #onLinkLost(silentForMs: number): void {
    this.#link = undefined;
    this.#watch.stop();
    for (const channel of this.#channels.values()) channel.onLinkLost();
    if (this.#stopped) return;
    const { clock, linkGraceMs } = this.#options;
    clock.clearTimeout(this.#grace);
    const graceMs = silentForMs === 0 ? linkGraceMs : Math.max(leastGraceMs, linkGraceMs - silentForMs);
    this.#grace = clock.setTimeout(() => this.#onGone(), graceMs);
  }

  /** FreeSWITCH has ended, or hangs for good: its channels are dead. */
  #onGone(): void {
    this.#options.clock.clearTimeout(this.#grace);
    for (const uuid of [...this.#channels.keys()]) this.#options.onChannelLost(uuid);
  }

  async #onLinkUp(): Promise<void> {
    this.#options.clock.clearTimeout(this.#grace);
    await Promise.all([...this.#channels].map(([uuid, channel]) => this.#recheck(uuid, channel)));
  }

  /** FreeSWITCH may have been restarted, or have ended the channel while nobody listened. */
  async #recheck(uuid: string, channel: Channel): Promise<void> {
    const exists = await this.exists(uuid);
    if (this.#channels.get(uuid) !== channel) return;
    if (exists === false) this.#options.onChannelLost(uuid);
    else if (exists) channel.onLinkRestored();
  }
}
