import { randomUUID } from 'node:crypto';
import type {
  CallRecordRequest,
  ListenMode,
  PlayOutcome,
  PlayRequest,
  RecordingOrder,
  RecordRequest,
} from '../call/telephony.ts';
import type { Clock, TimerHandle } from '../kernel/clock.ts';
import { Bridging } from './bridging.ts';
import { CallRecordings } from './call-recording.ts';
import type { ChannelCommands, ChannelHandlers } from './channel-commands.ts';
import { peerOf, pressOf } from './channel-events.ts';
import type { Playing } from './channel-work.ts';
import { type ChannelEvent, deadlineReply } from './event-link.ts';
import { KeyPresses } from './key-presses.ts';
import { MessageRecording } from './message-recording.ts';
import { Monitoring } from './monitoring.ts';
import { playbackArgument } from './sounds.ts';

/**
 * After a prompt that a key may end, the channel waits this long before it goes back to the 20 ms rhythm of `park`:
 * time enough for the flow to order what comes next, which then starts a frame earlier.
 */
const lingerMs = 8;
/** Silence that waits for a key: as with `lingerMs`, what comes after the key starts a frame earlier than from `park`. */
const listenMs = 600_000;
/** A prompt that fails this soon was ordered while FreeSWITCH moved the channel (to `park`, out of a bridge). */
const unsettledMs = 500;
/** It is ordered again this much later, then twice as much: 300 ms in all. */
const retryMs = 20;
const triesMax = 5;
/**
 * A key that FreeSWITCH had read just before the prompt began does not end it. Its completion not seen after this long,
 * the prompt is broken off from here.
 */
const keyedDeadlineMs = 80;
/** A looped prompt that ends sooner than this would only spin. */
const shortestLoopMs = 100;

/** One parked channel of a FreeSWITCH, driven by its uuid. */
export class Channel {
  readonly uuid: string;
  readonly #commands: ChannelCommands;
  readonly #clock: Clock;
  readonly #handlers: ChannelHandlers;
  #playing: Playing | undefined;
  /** The silence that waits for a key; `keyed`: the key has come and ended it. */
  #listening: { eventUuid: string; keyed: boolean } | undefined;
  /** What a key should have ended; broken off where that does not show soon. */
  #ending: { eventUuid: string; timer: TimerHandle } | undefined;
  readonly #presses = new KeyPresses();
  readonly #bridging: Bridging;
  readonly #callRecordings: CallRecordings;
  readonly #message: MessageRecording;
  readonly #monitoring: Monitoring;
  /** Keys that end an application now, as far as we have said; undefined when unknown. */
  #terminators: string | undefined = 'none';
  /** Another controller has driven it: what it executes is not known, and may never end by itself (hold music). */
  #inherited = false;
  #closed = false;
  #linkUp = true;

  constructor(uuid: string, commands: ChannelCommands, clock: Clock, handlers: ChannelHandlers) {
    this.uuid = uuid;
    this.#commands = commands;
    this.#clock = clock;
    this.#handlers = handlers;
    const api = (text: string) => commands.api(text);
    this.#bridging = new Bridging({ uuid, clock, api, onUnbridged: (peerUuid) => handlers.onUnbridged(peerUuid) });
    this.#monitoring = new Monitoring({ uuid, clock, commands, onDone: (target) => handlers.onListenDone(target) });
    const onDone: ChannelHandlers['onRecordDone'] = (...done) => handlers.onRecordDone(...done);
    this.#callRecordings = new CallRecordings({ uuid, clock, api, onDone });
    this.#message = new MessageRecording({
      ...{ clock, onDone },
      execute: (argument, eventUuid, onRefused) => this.#execute('record', argument, eventUuid, onRefused),
      breakOff: () => this.#break(),
    });
  }

  /** Taken over from another controller. What it executes goes on until the first order. */
  inherit(): void {
    this.#inherited = true;
    this.#terminators = undefined;
  }

  play(request: PlayRequest): void {
    if (this.#closed) return;
    if (this.#inherited) this.#break();
    this.#monitoring.stop();
    const before = this.#playing;
    const listening = this.#listening;
    this.#listening = undefined;
    if ((listening && !listening.keyed) || (before && !before.keyed)) this.#break();
    if (before) {
      this.#playing = undefined;
      this.#handlers.onPlayDone(before.request.playId, 'stopped');
    }
    this.#playing = { request, eventUuid: '', startedAtMs: 0, tries: 0, keyed: false };
    this.#startPlaying(this.#playing);
  }

  stopPlay(): void {
    const playing = this.#playing;
    if (!playing || playing.keyed) return;
    this.#playing = undefined;
    this.#break();
    this.#handlers.onPlayDone(playing.request.playId, 'stopped');
  }

  record(request: RecordRequest): void {
    if (this.#closed) return;
    this.#clear();
    this.#message.finish('stopped');
    this.#setTerminators(request.stopKeys || 'none');
    // A phone that suppresses silence sends nothing while nobody speaks: without this the pauses are left out, and the
    // recording is as much shorter than what was said.
    this.#set('record_fill_cng', 'true');
    // Else the last four seconds are in FreeSWITCH's memory alone, and lost where the disk fills or it dies.
    this.#set('enable_file_write_buffering', 'false');
    this.#message.start(request);
  }

  stopRecord(): void {
    this.#message.stop('stopped');
  }

  recordCall(request: CallRecordRequest): void {
    if (!this.#closed) this.#callRecordings.start(request);
  }

  adoptRecording(request: CallRecordRequest, startedAgoMs: number): void {
    if (!this.#closed) this.#callRecordings.adopt(request, startedAgoMs);
  }

  orderRecording(recordingId: string, order: RecordingOrder): void {
    this.#callRecordings.order(recordingId, order);
  }

  /** Two-way audio with a channel of the same FreeSWITCH; resolves when it says so, false when it does not. */
  bridge(peer: Channel): Promise<boolean> {
    if (this.#closed || peer.#closed) return Promise.resolve(false);
    this.#clear();
    peer.#clear();
    return this.#bridging.make(peer.#bridging);
  }

  /** Hears what the other channel says and hears, and is heard as the mode has it; false where either has gone. */
  listen(target: Channel, mode: ListenMode): Promise<boolean> {
    if (this.#closed || target.#closed || this.#bridging.busy) return Promise.resolve(false);
    this.stopPlay();
    if (this.#listening) this.#break();
    return this.#monitoring.listen(target.#monitoring, mode);
  }

  stopListening(): void {
    this.#monitoring.stop();
  }

  /** Parks both sides of the bridge; resolves once both are, false where there is none or either has gone. */
  unbridge(): Promise<boolean> {
    return this.#bridging.part();
  }

  /** Ends the channel from FreeSWITCH's side. */
  async kill(cause: string): Promise<void> {
    await this.#commands.api(`uuid_kill ${this.uuid} ${cause}`);
  }

  handle(event: ChannelEvent): void {
    if (this.#closed) return;
    switch (event.name) {
      case 'DTMF':
        this.#onDigit(event);
        break;
      case 'CHANNEL_EXECUTE_COMPLETE':
        this.#onExecuted(event);
        break;
      case 'CHANNEL_BRIDGE':
        this.#bridging.onBridged();
        break;
      case 'CHANNEL_UNBRIDGE':
        this.#bridging.onUnbridged(peerOf(event, this.uuid));
        break;
      case 'RECORD_STOP':
        this.#callRecordings.onStopped(event);
        break;
      case 'CHANNEL_HOLD':
      case 'CHANNEL_UNHOLD':
        this.#bridging.held = event.name === 'CHANNEL_HOLD';
        this.#handlers.onHeld(this.#bridging.held);
        break;
      case 'MEDIA_BUG_START':
        if (event.header('Media-Bug-Function') === 'eavesdrop') this.#monitoring.onTapped();
        break;
      case 'CHANNEL_HANGUP':
        this.#handlers.onHangup(event.header('Hangup-Cause') ?? 'NORMAL_CLEARING');
        break;
    }
  }

  /** The link is gone: orders wait until it is back, since FreeSWITCH goes on with what it does. */
  onLinkLost(): void {
    this.#linkUp = false;
    this.#bridging.giveUp();
  }

  /** The link is back and the channel still exists; what happened in between is unknown, so the prompt begins again. */
  onLinkRestored(): void {
    this.#linkUp = true;
    this.#terminators = undefined;
    this.#monitoring.onLinkRestored();
    this.#break();
    this.#message.finish('failed');
    if (this.#playing) this.#startPlaying(this.#playing);
  }

  /** Nothing more is ordered or reported, except that what was under way has ended. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const playing = this.#playing;
    this.#playing = undefined;
    this.#forgetEnding();
    this.#tellAwaitsKeys();
    this.#message.finish('leg-ended');
    this.#callRecordings.close();
    this.#monitoring.close();
    if (playing) this.#handlers.onPlayDone(playing.request.playId, 'leg-ended');
    this.#bridging.close();
  }

  #startPlaying(playing: Playing): void {
    const { sounds, stopOnDigit, loop } = playing.request;
    playing.eventUuid = randomUUID();
    playing.startedAtMs = this.#clock.monotonicMs();
    playing.keyed = false;
    const { eventUuid } = playing;
    const argument = playbackArgument(sounds, loop ?? false);
    this.#setTerminators(stopOnDigit ? 'any' : 'none');
    this.#execute('playback', argument, eventUuid, () => this.#finishPlaying(eventUuid, 'failed'));
    if (stopOnDigit) this.#linger();
    this.#tellAwaitsKeys();
  }

  /** A key may end what the channel does now, and the flow's answer is to be heard soon after it. */
  #tellAwaitsKeys(): void {
    const waits = !this.#closed && (this.#listening !== undefined || this.#playing?.request.stopOnDigit === true);
    this.#commands.awaitKeys(this.uuid, waits);
  }

  #linger(): void {
    if (!this.#linkUp || !this.#commands.canLinger) return;
    this.#commands.execute(this.uuid, { app: 'eval', argument: `\${msleep(${lingerMs})}`, lock: true });
  }

  /** Nothing is ordered after a prompt that a key may end: the caller is expected to press one. */
  #listen(): void {
    if (this.#closed || !this.#linkUp || !this.#commands.canLinger) return;
    if (this.#playing || this.#message.isActive || this.#bridging.busy || this.#monitoring.active) return;
    const eventUuid = randomUUID();
    this.#listening = { eventUuid, keyed: false };
    this.#setTerminators('any');
    this.#execute('playback', `silence_stream://${listenMs}`, eventUuid, () => undefined);
    this.#linger();
    this.#tellAwaitsKeys();
  }

  /** Makes the channel free for something else than a prompt. */
  #clear(): void {
    this.#monitoring.stop();
    this.stopPlay();
    if (this.#listening) this.#break();
  }

  #execute(app: string, argument: string, eventUuid: string, onRefused: () => void): void {
    if (!this.#linkUp) return;
    this.#commands.execute(this.uuid, { app, argument, eventUuid, lock: true }).then((reply) => {
      // A link that is lost comes back or takes the leg with it, and a busy FreeSWITCH answers late, but does it.
      if (reply.startsWith('-ERR') && reply !== deadlineReply && this.#linkUp) onRefused();
    });
  }

  /** Takes effect at once, in the order of what is sent. */
  #setTerminators(keys: string): void {
    if (!this.#linkUp || this.#terminators === keys) return;
    this.#terminators = keys;
    this.#set('playback_terminators', keys);
  }

  #set(variable: string, value: string): void {
    if (this.#linkUp) this.#commands.api(`uuid_setvar ${this.uuid} ${variable} ${value}`);
  }

  /** Stops what the channel executes and forgets what waits behind it. */
  #break(): void {
    this.#inherited = false;
    this.#listening = undefined;
    this.#forgetEnding();
    this.#tellAwaitsKeys();
    if (this.#linkUp && !this.#closed) this.#commands.api(`uuid_break ${this.uuid} all`);
  }

  #onDigit(event: ChannelEvent): void {
    const digit = event.header('DTMF-Digit');
    if (!digit) return;
    const stopped = this.#playing?.request.stopOnDigit ? this.#playing : this.#listening;
    if (stopped && !stopped.keyed) {
      stopped.keyed = true;
      this.#expectEnd(stopped.eventUuid);
    }
    const { source, durationMs } = pressOf(event);
    const isNew = this.#presses.isNew(digit, source, durationMs, this.#clock.monotonicMs());
    if (isNew) this.#handlers.onDigit(digit, durationMs);
  }

  #onExecuted(event: ChannelEvent): void {
    if (event.header('Application') === 'log') this.#bridging.onMark(event.header('Application-Data') ?? '');
    const eventUuid = event.header('Application-UUID');
    if (!eventUuid) return;
    this.#monitoring.onExecuted(eventUuid);
    if (eventUuid === this.#ending?.eventUuid) this.#forgetEnding();
    if (eventUuid === this.#listening?.eventUuid) {
      this.#listening = undefined;
      // One that failed would do so again and again while FreeSWITCH moves the channel.
      if (event.header('Application-Response') === 'FILE PLAYED') this.#listen();
      else this.#tellAwaitsKeys();
    } else if (eventUuid === this.#playing?.eventUuid) {
      this.#onPlayed(this.#playing, event);
    } else this.#message.onExecuted(event);
  }

  #expectEnd(eventUuid: string): void {
    this.#forgetEnding();
    const timer = this.#clock.setTimeout(() => {
      this.#ending = undefined;
      // Without `all`: what waits behind it is to follow.
      if (this.#linkUp && !this.#closed) this.#commands.api(`uuid_break ${this.uuid}`);
    }, keyedDeadlineMs);
    this.#ending = { eventUuid, timer };
  }

  #forgetEnding(): void {
    this.#clock.clearTimeout(this.#ending?.timer);
    this.#ending = undefined;
  }

  #onPlayed(playing: Playing, event: ChannelEvent): void {
    const response = event.header('Application-Response') ?? '';
    const playedMs = this.#clock.monotonicMs() - playing.startedAtMs;
    if (playing.keyed) this.#finishPlaying(playing.eventUuid, 'stopped');
    else if (response === 'FILE NOT FOUND') this.#finishPlaying(playing.eventUuid, 'not-found');
    else if (response !== 'FILE PLAYED') this.#onPlaybackError(playing, playedMs);
    else if (!playing.request.loop) this.#finishPlaying(playing.eventUuid, 'finished');
    else if (playedMs < shortestLoopMs) this.#finishPlaying(playing.eventUuid, 'failed');
    else this.#startPlaying(playing);
  }

  #onPlaybackError(playing: Playing, playedMs: number): void {
    const { eventUuid, tries } = playing;
    playing.tries += 1;
    const again = () => {
      if (this.#playing?.eventUuid === eventUuid) this.#startPlaying(playing);
    };
    if (playedMs >= unsettledMs || playing.tries >= triesMax) this.#finishPlaying(eventUuid, 'failed');
    else this.#clock.setTimeout(again, retryMs * 2 ** tries);
  }

  #finishPlaying(eventUuid: string, outcome: PlayOutcome): void {
    const playing = this.#playing;
    if (playing?.eventUuid !== eventUuid) return;
    this.#playing = undefined;
    this.#tellAwaitsKeys();
    this.#handlers.onPlayDone(playing.request.playId, outcome);
    if (playing.request.stopOnDigit && outcome !== 'failed') this.#listen();
  }
}
