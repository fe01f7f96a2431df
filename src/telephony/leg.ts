import type {
  CallRecordRequest,
  Leg,
  LegEvent,
  LegSnapshot,
  ListenMode,
  PlayRequest,
  RecordingOrder,
  RecordRequest,
} from '../call/telephony.ts';
import type { EndCause, LegKind } from '../kernel/call-fact.ts';
import { type Clock, withDeadline } from '../kernel/clock.ts';
import { causeOfHangup } from './causes.ts';
import type { Channel } from './channel.ts';
import type { ChannelHandlers } from './channel-commands.ts';
import type { DescriptionReader } from './description-reader.ts';
import { answerInDialog, type OtherSide } from './in-dialog.ts';
import { LifeSigns } from './life-signs.ts';
import type { MediaServer } from './media-server.ts';
import { Renegotiation } from './renegotiation.ts';
import { isDialogGone, isSessionExpiry } from './session-timers.ts';
import { type InDialogAnswer, isForgotten, noAnswer, type SipDialog } from './sip-dialog.ts';

export interface SwitchLegOptions {
  legId: string;
  kind: LegKind;
  /** Call-ID on the network side. */
  sipCallId: string;
  server: MediaServer;
  /** Uuid of its channel there. */
  uuid: string;
  clock: Clock;
  byeDeadlineMs: number;
  reader: DescriptionReader;
  onEvent(event: LegEvent): void;
  /** The leg is over: whoever keeps a list of legs drops it. */
  onOver(leg: SwitchLeg): void;
}

/** The two dialogs of a leg: towards the caller or phone, and towards FreeSWITCH. */
export interface LegDialogs {
  network: SipDialog;
  media: SipDialog;
  /** What FreeSWITCH was told of the phone's session; '' where another controller told it. */
  remoteSdp: string;
}

/** A party on the line: a dialog with its phone, a dialog with FreeSWITCH, and the channel there. */
export class SwitchLeg implements Leg {
  readonly legId: string;
  readonly kind: LegKind;
  readonly channel: Channel;
  readonly #options: SwitchLegOptions;
  #dialogs: LegDialogs | undefined;
  #lifeSigns: LifeSigns | undefined;
  #ending: Promise<void> | undefined;
  #ended = false;
  /** A hang-up seen before the dialogs were given. */
  #endedEarly: EndCause | undefined;

  constructor(options: SwitchLegOptions) {
    this.#options = options;
    this.legId = options.legId;
    this.kind = options.kind;
    this.channel = options.server.addChannel(options.uuid, this.#channelHandlers());
  }

  get server(): MediaServer {
    return this.#options.server;
  }

  get over(): boolean {
    return this.#ended || this.#ending !== undefined;
  }

  /** The dialog with the caller or phone, once there is one. */
  get network(): SipDialog | undefined {
    return this.#dialogs?.network;
  }

  /**
   * Asks the phone by OPTIONS whether the dialog stands. drachtio refuses that by itself where it knows no such dialog:
   * then the phone has hung up, unless drachtio knows nothing of our dialog with FreeSWITCH either. Then it was restarted,
   * and the phone is asked past it.
   */
  async ask(): Promise<InDialogAnswer> {
    const { network, media } = this.#dialogs ?? {};
    if (!network) return { ok: false, reason: noAnswer };
    const answer = await network.request('OPTIONS');
    if (!isForgotten(answer) || !media || !isForgotten(await media.request('OPTIONS'))) return answer;
    return (await network.askByHand()) ?? answer;
  }

  /** The leg is complete: from now on either dialog's end ends it. */
  connect(dialogs: LegDialogs): void {
    this.#dialogs = dialogs;
    const { network, media } = dialogs;
    const { clock, reader } = this.#options;
    const session = new Renegotiation({ ...dialogs, reader, clock });
    this.#lifeSigns = new LifeSigns({
      clock,
      packetsReceived: () => this.packetsReceived(),
      refreshMedia: () => session.refreshMedia(),
    });
    const fromPhone: OtherSide = {
      other: media,
      isPhone: true,
      renegotiate: (req, res) => session.fromPhone(req, res),
    };
    const fromMedia: OtherSide = {
      other: network,
      isPhone: false,
      renegotiate: (req, res) => session.fromMedia(req, res),
    };
    network.listen({
      onBye: (reason) => this.#lost(this.#causeOfBye(reason)),
      onRequest: (req, res) => {
        this.isThere();
        answerInDialog(req, res, fromPhone);
      },
    });
    media.listen({
      onBye: (reason) => this.#lost(causeOfHangup(reason)),
      onRequest: (req, res) => answerInDialog(req, res, fromMedia),
    });
    if (this.#endedEarly) this.#lost(this.#endedEarly);
  }

  /** The phone has shown that it is there, whether or not audio comes from it. */
  isThere(): void {
    if (!this.over) this.#lifeSigns?.seen();
  }

  packetsReceived(): Promise<number | undefined> {
    return this.#counted('rtp_audio_in_packet_count');
  }

  /** A phone sends a packet every 20 to 50 ms while a key is held down; FreeSWITCH tells the key when it is let go. */
  keySigns(): Promise<number | undefined> {
    return this.#counted('rtp_audio_in_dtmf_packet_count');
  }

  /** Undefined where FreeSWITCH does not say. The two commands are done in the order in which they are sent. */
  async #counted(variable: string): Promise<number | undefined> {
    if (this.over) return undefined;
    const { server, uuid } = this.#options;
    const [, count] = await Promise.all([
      server.api(`uuid_set_media_stats ${uuid}`),
      server.api(`uuid_getvar ${uuid} ${variable}`),
    ]);
    return /^\d+\s*$/.test(count) ? Number(count) : undefined;
  }

  /** The channel of now is a new one under the same uuid: what became of those before does not count. */
  startAfresh(): void {
    this.#endedEarly = undefined;
  }

  play(request: PlayRequest): void {
    this.channel.play(request);
  }

  stopPlay(): void {
    this.channel.stopPlay();
  }

  record(request: RecordRequest): void {
    this.channel.record(request);
  }

  stopRecord(): void {
    this.channel.stopRecord();
  }

  recordCall(request: CallRecordRequest): void {
    this.channel.recordCall(request);
  }

  adoptRecording(request: CallRecordRequest, startedAgoMs: number): void {
    this.channel.adoptRecording(request, startedAgoMs);
  }

  orderRecording(recordingId: string, order: RecordingOrder): void {
    this.channel.orderRecording(recordingId, order);
  }

  async bridge(peer: Leg): Promise<boolean> {
    if (!(peer instanceof SwitchLeg) || this.over || peer.over || peer.server !== this.server) return false;
    return (await this.channel.bridge(peer.channel)) && !this.over && !peer.over;
  }

  async unbridge(): Promise<boolean> {
    return !this.over && (await this.channel.unbridge());
  }

  async listen(target: Leg, mode: ListenMode): Promise<boolean> {
    if (!(target instanceof SwitchLeg) || this.over || target.over || target.server !== this.server) return false;
    return (await this.channel.listen(target.channel, mode)) && !this.over && !target.over;
  }

  stopListening(): void {
    this.channel.stopListening();
  }

  end(cause: EndCause): Promise<void> {
    this.#ending ??= this.#end(cause);
    return this.#ending;
  }

  /** The other side, FreeSWITCH or the network has ended the leg; what is left of it is taken down. */
  lost(cause: EndCause): void {
    this.#lost(cause);
  }

  /** Gives up a leg that never became complete: no event, only its channel is forgotten. */
  abandon(): void {
    this.#ended = true;
    this.#options.server.removeChannel(this.#options.uuid);
    this.#options.onOver(this);
  }

  snapshot(): LegSnapshot {
    const { legId, kind, server, uuid, sipCallId } = this.#options;
    const { network } = this.#dialogs ?? {};
    return {
      legId,
      kind,
      adapter: {
        server: server.name,
        uuid,
        sipCallId,
        network: network?.id ?? null,
        dialog: network?.identity ? JSON.stringify(network.identity) : null,
        media: this.#dialogs?.media.id ?? null,
      },
    };
  }

  get #hangupCause(): EndCause {
    return this.kind === 'caller' ? 'caller-hangup' : 'peer-hangup';
  }

  #causeOfBye(reason: string): EndCause {
    if (isSessionExpiry(reason)) return 'media-timeout';
    return this.kind !== 'caller' && isDialogGone(reason) ? 'media-lost' : this.#hangupCause;
  }

  #lost(cause: EndCause): void {
    if (this.over) return;
    if (!this.#dialogs) {
      this.#endedEarly ??= cause;
      return;
    }
    this.#ending = this.#takeDown();
    this.#report(cause);
  }

  async #end(cause: EndCause): Promise<void> {
    if (this.#ended) return;
    // It is over when BYE goes out, whenever that is answered.
    const atMonotonicMs = this.#nowMs;
    await this.#takeDown();
    this.#report(cause, atMonotonicMs);
  }

  /** BYE to whoever still has a dialog; FreeSWITCH is told by its event socket too where BYE does not reach it. */
  async #takeDown(): Promise<void> {
    const { clock, byeDeadlineMs } = this.#options;
    const { network, media } = this.#dialogs ?? {};
    const mediaEnds = media?.over && media.id !== '' ? Promise.resolve() : this.#endMedia(media);
    await withDeadline(clock, Promise.all([network?.bye(), mediaEnds]), byeDeadlineMs);
  }

  async #endMedia(media: SipDialog | undefined): Promise<void> {
    const answer = await media?.bye();
    if (!answer?.ok) await this.channel.kill('NORMAL_CLEARING');
  }

  #report(cause: EndCause, atMonotonicMs = this.#nowMs): void {
    if (this.#ended) return;
    this.#options.server.removeChannel(this.#options.uuid);
    this.#ended = true;
    this.#options.onOver(this);
    this.#tell({ type: 'ended', cause, atMonotonicMs });
  }

  #channelHandlers(): ChannelHandlers {
    return {
      onDigit: (digit, durationMs) => this.#tell({ type: 'digit', digit, durationMs, atMonotonicMs: this.#nowMs }),
      onPlayDone: (playId, outcome) => this.#tell({ type: 'play-done', playId, outcome, atMonotonicMs: this.#nowMs }),
      onRecordDone: (recordingId, outcome, durationMs) =>
        this.#tell({ type: 'record-done', recordingId, outcome, durationMs, atMonotonicMs: this.#nowMs }),
      onUnbridged: (peerLegId) => this.#tell({ type: 'unbridged', peerLegId, atMonotonicMs: this.#nowMs }),
      onListenDone: (targetLegId) => this.#tell({ type: 'listen-done', targetLegId, atMonotonicMs: this.#nowMs }),
      onHeld: (held) => this.#tell({ type: 'held', held, atMonotonicMs: this.#nowMs }),
      onHangup: (cause) => this.#lost(causeOfHangup(cause)),
    };
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #tell(event: LegEvent): void {
    this.#options.onEvent(event);
  }
}
