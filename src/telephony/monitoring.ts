import { randomUUID } from 'node:crypto';
import type { ListenMode } from '../call/telephony.ts';
import type { Clock, TimerHandle } from '../kernel/clock.ts';
import type { ChannelCommands } from './channel-commands.ts';

const deadlineMs = 3_000;

/** The keys of FreeSWITCH's `eavesdrop`, which can be sent as commands. */
const commandOf: Readonly<Record<ListenMode, string>> = { listen: '0', whisper: '2', join: '3' };
const endCommand = '*';

export interface MonitoringOptions {
  uuid: string;
  clock: Clock;
  commands: ChannelCommands;
  onDone(targetUuid: string): void;
}

interface Listening {
  target: Monitoring;
  eventUuid: string;
  /** Resolves `begun`; undefined once that is decided. */
  decide: ((begun: boolean) => void) | undefined;
  timer: TimerHandle;
  begun: boolean;
  /** Told to end: what is ordered next waits until it has. */
  ending: boolean;
}

/**
 * A channel that listens at another (FreeSWITCH's `eavesdrop`). The application hears both sides of its target and is
 * mixed into what the target hears, or into what it says, as its mode has it.
 */
export class Monitoring {
  readonly #options: MonitoringOptions;
  #listening: Listening | undefined;
  /** Those who have ordered to listen here and have not heard that it began. */
  readonly #arriving = new Set<Monitoring>();
  #closed = false;

  constructor(options: MonitoringOptions) {
    this.#options = options;
  }

  get active(): boolean {
    return this.#listening !== undefined;
  }

  /** Resolves once it listens in that mode; false where either has gone. */
  async listen(target: Monitoring, mode: ListenMode): Promise<boolean> {
    const { uuid, commands, clock } = this.#options;
    if (this.#closed || target.#closed) return false;
    const before = this.#listening;
    if (before?.target === target && before.begun && !before.ending) {
      const reply = await this.#command(commandOf[mode]);
      return reply.startsWith('+OK') && this.#listening === before && !before.ending;
    }
    this.stop();
    const eventUuid = randomUUID();
    const decided = new Promise<boolean>((decide) => {
      const timer = clock.setTimeout(() => this.stop(), deadlineMs);
      this.#listening = { target, eventUuid, decide, timer, begun: false, ending: false };
    });
    target.#arriving.add(this);
    const isWhisper = mode !== 'listen';
    commands.api(
      `uuid_setvar_multi ${uuid} eavesdrop_enable_dtmf=false;eavesdrop_whisper_bleg=${isWhisper};` +
        `eavesdrop_whisper_aleg=${mode === 'join'}`,
    );
    const argument = target.#options.uuid;
    commands.execute(uuid, { app: 'eavesdrop', argument, eventUuid, lock: true }).then((reply) => {
      if (reply.startsWith('-ERR')) this.onExecuted(eventUuid);
    });
    return decided;
  }

  stop(): void {
    const listening = this.#listening;
    if (!listening || listening.ending) return;
    listening.ending = true;
    // One that has not begun is ended when it does.
    if (listening.begun) this.#command(endCommand);
    else this.#decide(listening, false);
  }

  /** MEDIA_BUG_START on this channel: somebody hears it now. */
  onTapped(): void {
    for (const listener of this.#arriving) listener.#onBegun();
    this.#arriving.clear();
  }

  /** CHANNEL_EXECUTE_COMPLETE of one of the channel's applications. */
  onExecuted(eventUuid: string): void {
    if (this.#listening?.eventUuid === eventUuid) this.#over(this.#listening);
  }

  /** What FreeSWITCH said meanwhile is lost: the listening is ended, so that it is known to be. */
  onLinkRestored(): void {
    const listening = this.#listening;
    if (!listening) return;
    this.#command(endCommand);
    this.#over(listening);
  }

  close(): void {
    this.#closed = true;
    if (this.#listening) this.#over(this.#listening);
  }

  #onBegun(): void {
    const listening = this.#listening;
    if (listening?.ending) this.#command(endCommand);
    if (!listening || listening.ending || listening.begun) return;
    listening.begun = true;
    this.#decide(listening, true);
  }

  #decide(listening: Listening, begun: boolean): void {
    this.#options.clock.clearTimeout(listening.timer);
    listening.decide?.(begun);
    listening.decide = undefined;
  }

  #over(listening: Listening): void {
    this.#listening = undefined;
    listening.target.#arriving.delete(this);
    this.#decide(listening, false);
    if (listening.begun) this.#options.onDone(listening.target.#options.uuid);
  }

  #command(keys: string): Promise<string> {
    return this.#options.commands.tell(this.#options.uuid, { 'eavesdrop-command': keys });
  }
}
