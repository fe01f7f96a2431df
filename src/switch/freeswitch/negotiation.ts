import type { Channel } from './channel.ts';
import type { Core } from './core.ts';
import { LocalSdp, mediaOf, parseSdp, type RemoteAudio } from './sdp.ts';
import { setMediaVariables } from './sip-variables.ts';
import { nowMicros } from './time.ts';

/** The media of one leg, from its first offer to its last re-INVITE. */
export class Negotiation {
  readonly #core: Core;
  readonly #channel: Channel;
  readonly #local: LocalSdp;
  readonly localPort: number;
  readonly localAddress: string;
  #localText = '';
  #held = false;

  private constructor(core: Core, channel: Channel, address: string, port: number) {
    this.#core = core;
    this.#channel = channel;
    this.localAddress = address;
    this.localPort = port;
    this.#local = new LocalSdp(address, port);
  }

  /** Opens the leg's sockets. @throws Error when no port is free. */
  static async open(core: Core, channel: Channel): Promise<Negotiation> {
    const { address, rtpPort } = await core.media.openLeg(channel.uuid, { beside: channel.get('denwaban_beside') });
    const told = core.settings.publicAddress ?? address;
    channel.setAll({
      local_media_ip: told,
      local_media_port: rtpPort,
      advertised_media_ip: told,
    });
    return new Negotiation(core, channel, told, rtpPort);
  }

  /** Our offer. */
  offer(): string {
    this.#localText = this.#local.offer();
    this.#channel.set('rtp_local_sdp_str', this.#localText);
    return this.#localText;
  }

  /** Takes an offer and gives the answer; undefined when there is nothing in it that we can do: nothing changes. */
  answer(offer: string): string | undefined {
    const remote = parseSdp(offer);
    if (!remote) return undefined;
    this.#localText = this.#local.answer(remote);
    this.#use(remote, offer);
    return this.#localText;
  }

  /** Takes the answer to our offer; false when there is nothing in it that we can do. */
  accept(answer: string): boolean {
    const remote = parseSdp(answer);
    if (!remote) return false;
    this.#use(remote, answer);
    return true;
  }

  #use(remote: RemoteAudio, text: string): void {
    setMediaVariables(this.#channel, remote, { remote: text, local: this.#localText });
    this.#core.media.setMedia(this.#channel.uuid, mediaOf(remote));
    this.restartTimeout();
    this.#hold(remote.direction === 'sendonly' || remote.direction === 'inactive');
  }

  /** Applies the variables `media_timeout`, or the profile's time, and `media_hold_timeout`, or ten times that. */
  restartTimeout(): void {
    const variable = Number.parseInt(this.#channel.get('media_timeout') ?? '', 10);
    const timeoutMs = variable >= 0 ? variable : this.#core.settings.mediaTimeoutMs;
    const holdVariable = Number.parseInt(this.#channel.get('media_hold_timeout') ?? '', 10);
    const holdTimeoutMs = timeoutMs > 0 ? holdVariable || timeoutMs * 10 : 0;
    this.#core.media.setMediaTimeout(this.#channel.uuid, timeoutMs, holdTimeoutMs);
  }

  #hold(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    const { times } = this.#channel;
    if (held) times.lastHold = nowMicros();
    else times.holdAccumulated += nowMicros() - times.lastHold;
    if (!this.#channel.answered) return;
    this.#channel.setCallState(held ? 'HELD' : 'ACTIVE');
    this.#channel.fire(held ? 'CHANNEL_HOLD' : 'CHANNEL_UNHOLD');
    this.#playToOther(held);
  }

  /** Whoever the held phone talks to hears `hold_music` until it is back. */
  #playToOther(held: boolean): void {
    const leg = this.#core.legs.get(this.#channel.uuid);
    const other = leg?.bridge?.otherOf(leg);
    const music = this.#channel.get('hold_music') ?? '';
    if (!other || music === '' || music === 'silence') return;
    if (!held) {
      other.session.break();
      return;
    }
    const headers = new Map([
      ['call-command', 'execute'],
      ['execute-app-name', 'playback'],
      ['execute-app-arg', music],
      ['loops', '-1'],
    ]);
    other.session.enqueue({ line: 'sendmsg', headers, body: '' });
  }
}
