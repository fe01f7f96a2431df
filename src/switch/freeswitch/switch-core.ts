import type { MediaEngine, MediaStats } from '../media/api.ts';
import type { SipEndpoint } from '../sip/api.ts';
import { RecordingsInProgress } from './app-record.ts';
import { createApplications } from './applications.ts';
import { causeOf, q850Of } from './causes.ts';
import type { Channel } from './channel.ts';
import type { Core, Leg, Settings, SipLeg } from './core.ts';
import { infoOfDigit } from './dtmf.ts';
import { EventBus } from './events.ts';
import { mediaVariables } from './media-variables.ts';
import type { FreeSwitchOptions, Logger } from './options.ts';
import { silentLogger } from './options.ts';
import { Player } from './player.ts';
import { type App, Session } from './session.ts';
import { SessionCounters } from './session-counters.ts';
import { localTime, nowMicros } from './time.ts';

/** A leg's end waits this long for its applications and its media; then it is over without them. */
const END_DEADLINE_MS = 3_000;

/** The legs, their lives, and what the media engine tells of them. */
export class SwitchCore implements Core {
  readonly bus: EventBus;
  readonly media: MediaEngine;
  readonly sip: SipEndpoint;
  readonly settings: Settings;
  readonly legs = new Map<string, Leg>();
  readonly counters: SessionCounters;
  readonly logger: Logger;
  readonly recordings = new RecordingsInProgress();
  readonly #applications: ReadonlyMap<string, App>;
  readonly #unlisten: () => void;
  #onEmpty: (() => void) | undefined;

  constructor(options: FreeSwitchOptions) {
    this.media = options.media;
    this.sip = options.sip;
    this.logger = options.logger ?? silentLogger;
    this.counters = new SessionCounters(options.maxSessions ?? 1000, options.sessionsPerSecond ?? 100);
    this.settings = {
      profileName: options.profileName ?? 'drachtio_mrf',
      soundsFolder: options.soundsFolder ?? process.cwd(),
      mediaTimeoutMs: options.mediaTimeoutMs ?? 60_000,
      publicAddress: options.publicAddress,
      sipAddress: options.sipAddress,
    };
    this.bus = new EventBus(options.publicAddress ?? options.eventSocket.address);
    for (const [name, value] of initialGlobals(this.bus, this.settings)) this.globals.set(name, value);
    this.#applications = createApplications(this, this.recordings);
    this.#unlisten = this.#listenToMedia();
  }

  get globals(): Map<string, string> {
    return this.bus.globals;
  }

  addLeg(channel: Channel, sip: SipLeg): Leg {
    if (this.legs.has(channel.uuid)) throw new Error(`uuid ${channel.uuid} is taken`);
    const player = new Player(this.media, channel.uuid);
    const session = new Session(channel, player, {
      app: (name) => this.#applications.get(name),
      hangup: (_session, cause) => this.hangup(leg, cause),
      warn: (message, fields) => this.logger.warn(fields, message),
    });
    const leg: Leg = { channel, session, sip, bridge: undefined, recordings: new Map() };
    this.legs.set(channel.uuid, leg);
    return leg;
  }

  hangup(leg: Leg, causeText: string): void {
    const { channel } = leg;
    if (channel.hangupCause !== undefined) return;
    const cause = causeOf(causeText);
    channel.times.hangup = nowMicros();
    channel.hangupCause = cause === 'NONE' ? 'NORMAL_CLEARING' : cause;
    channel.answerState = 'hangup';
    channel.fire('CHANNEL_HANGUP');
    leg.sip.hangup(channel.hangupCause);
    const ended = leg.session.end();
    leg.bridge?.leave(leg);
    this.#finish(leg, ended).catch((error: unknown) => {
      this.logger.warn({ error: String(error), uuid: channel.uuid }, 'leg did not end cleanly');
      this.#forget(leg);
    });
  }

  /** Ends every leg; resolves when all are gone or the deadline has passed. */
  async hangupAll(cause: string, deadlineMs: number): Promise<void> {
    for (const leg of [...this.legs.values()]) this.hangup(leg, cause);
    if (this.legs.size === 0) return;
    await within(deadlineMs, new Promise<void>((resolve) => (this.#onEmpty = resolve)));
  }

  /** Lets go of the media engine. */
  close(): void {
    this.#unlisten();
  }

  async #finish(leg: Leg, ended: Promise<void>): Promise<void> {
    const { channel, session } = leg;
    await within(END_DEADLINE_MS, ended);
    session.player.close();
    channel.setState('CS_HANGUP');
    channel.setCallState('HANGUP');
    const stats = await within(END_DEADLINE_MS, this.#closeMedia(channel.uuid));
    channel.setState('CS_REPORTING');
    setReport(channel, stats);
    channel.fire('CHANNEL_HANGUP_COMPLETE');
    channel.callUuid = channel.uuid;
    channel.fire('CHANNEL_DESTROY');
    channel.setState('CS_DESTROY');
    this.#forget(leg);
  }

  /** A leg that was refused never had media. */
  async #closeMedia(uuid: string): Promise<MediaStats | undefined> {
    try {
      return await this.media.closeLeg(uuid);
    } catch (error) {
      this.logger.debug({ error: String(error), uuid }, 'no media to close');
      return undefined;
    }
  }

  #forget(leg: Leg): void {
    if (!this.legs.delete(leg.channel.uuid)) return;
    const { direction, answered } = leg.channel;
    this.counters.end(direction, answered);
    if (this.legs.size === 0) this.#onEmpty?.();
  }

  #listenToMedia(): () => void {
    const { media } = this;
    const onDigit: Parameters<typeof media.on<'digit'>>[1] = (legId, { digit, durationMs, source }) => {
      const leg = this.legs.get(legId);
      leg?.session.queueDigit({ digit, durationMs, source });
      const peer = leg?.bridge?.otherOf(leg);
      // Whoever takes no telephone events is told the key by INFO; the media worker does not pass it on then.
      if (peer?.channel.get('dtmf_type') === 'info') peer.sip.sendInfo(infoOfDigit(digit, durationMs));
    };
    const onPlayDone: Parameters<typeof media.on<'play-done'>>[1] = (legId, done) =>
      this.legs.get(legId)?.session.player.done(done);
    const onRecordDone: Parameters<typeof media.on<'record-done'>>[1] = (_legId, done) => this.recordings.done(done);
    const onTimeout = (legId: string) => {
      const leg = this.legs.get(legId);
      if (leg) this.hangup(leg, 'MEDIA_TIMEOUT');
    };
    const onLost = (legId: string) => {
      const leg = this.legs.get(legId);
      if (leg) this.hangup(leg, 'NORMAL_TEMPORARY_FAILURE');
    };
    media.on('digit', onDigit);
    media.on('play-done', onPlayDone);
    media.on('record-done', onRecordDone);
    media.on('media-timeout', onTimeout);
    media.on('media-lost', onLost);
    return () => {
      media.off('digit', onDigit);
      media.off('play-done', onPlayDone);
      media.off('record-done', onRecordDone);
      media.off('media-timeout', onTimeout);
      media.off('media-lost', onLost);
    };
  }
}

/** Those of `freeswitch-conf/environment.xml`, as far as they mean something here. */
function initialGlobals(bus: EventBus, settings: Settings): [string, string][] {
  return [
    ['hostname', bus.hostname],
    ['core_uuid', bus.coreUuid],
    ['media_timeout', String(settings.mediaTimeoutMs)],
    ['media_hold_timeout', '1800000'],
    ['hold_music', 'tone_stream://%(250,9750,425);loops=-1'],
    ['park_after_bridge', 'true'],
    ['hangup_after_bridge', 'false'],
    ['playback_terminators', 'none'],
  ];
}

/** The value, or undefined when it takes longer. */
async function within<T>(deadlineMs: number, value: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), deadlineMs);
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The variables that only CHANNEL_HANGUP_COMPLETE has: cause, stamps, durations, counts of packets. */
function setReport(channel: Channel, stats: MediaStats | undefined): void {
  const cause = channel.hangupCause ?? 'NORMAL_CLEARING';
  const { times } = channel;
  channel.setAll({ hangup_cause: cause, hangup_cause_q850: q850Of(cause) });
  const stamp = (name: string, micros: number) => {
    if (micros > 0) channel.set(`${name}_stamp`, localTime(micros));
    channel.setAll({ [`${name}_epoch`]: Math.floor(micros / 1_000_000), [`${name}_uepoch`]: micros });
  };
  stamp('start', times.created);
  stamp('profile_start', times.created);
  stamp('answer', times.answered);
  stamp('bridge', times.bridged);
  stamp('progress', times.progress);
  stamp('progress_media', times.progressMedia);
  stamp('end', times.hangup);
  const total = times.hangup - times.created;
  const billed = times.answered > 0 ? times.hangup - times.answered : 0;
  channel.setAll({
    last_app: channel.get('current_application'),
    last_arg: channel.get('current_application_data'),
    caller_id: `"${channel.profile.callerName}" <${channel.profile.callerNumber}>`,
    duration: Math.floor(total / 1_000_000),
    billsec: Math.floor(billed / 1_000_000),
    answersec: times.answered > 0 ? Math.floor((times.answered - times.created) / 1_000_000) : 0,
    mduration: Math.floor(total / 1000),
    billmsec: Math.floor(billed / 1000),
    uduration: total,
    billusec: billed,
  });
  if (stats) channel.setAll(mediaVariables(stats));
}
