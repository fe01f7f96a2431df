import { randomUUID } from 'node:crypto';
import { scopedVariables } from './app-arguments.ts';
import { type Channel, expandVariables } from './channel.ts';
import type { SocketCommand } from './command-reader.ts';
import type { Player } from './player.ts';
import { type Digit, Frame, type StopReason, type StopWait } from './session-frame.ts';

/** An application and its argument. */
export interface Step {
  app: string;
  arg: string;
}

/** What a session does next, once what runs has stopped. */
export interface Job {
  /** Runs until done, or until the session is interrupted. What it gives is what follows; nothing = hang up. */
  run(session: Session): Promise<Job | undefined>;
}

/** What an application is given. */
export interface AppCall {
  session: Session;
  channel: Channel;
  frame: Frame;
  arg: string;
}

export type App = (call: AppCall) => void | Promise<void>;

export interface SessionServices {
  app(name: string): App | undefined;
  hangup(session: Session, cause: string): void;
  warn(message: string, fields: Record<string, unknown>): void;
}

const MAX_QUEUED_COMMANDS = 1000;
const MAX_STACKED_FRAMES = 32;
const MAX_QUEUED_DIGITS = 100;
/** FreeSWITCH repeats an application by `loops` only when a round took this long. */
const SHORTEST_LOOP_MS = 500;
/** From the end of what a channel did to its bridge, park or transfer: FreeSWITCH's thread takes two frames. */
const MOVE_MS = 40;

/**
 * A channel's thread of work, as FreeSWITCH's is: one application after the other; `sendmsg` that comes meanwhile runs
 * on top of what runs, which waits below and then goes on.
 */
export class Session {
  readonly channel: Channel;
  readonly player: Player;
  readonly #services: SessionServices;
  readonly #frames: Frame[] = [];
  readonly #commands: SocketCommand[] = [];
  readonly #digits: Digit[] = [];
  readonly #whenTop = new Map<Frame, () => void>();
  #next: Job | undefined;
  #interrupted: 'transfer' | 'hangup' | undefined;
  #stopBroadcast = false;
  #moving = false;
  /** The command that was begun last, to its end. */
  #ordered: Promise<void> | undefined;
  #running = false;
  readonly #endListeners: (() => void)[] = [];
  #ended: Promise<void> | undefined;

  constructor(channel: Channel, player: Player, services: SessionServices) {
    this.channel = channel;
    this.player = player;
    this.#services = services;
  }

  /** True while applications may go on. */
  get ready(): boolean {
    return this.#interrupted === undefined;
  }

  get hungUp(): boolean {
    return this.#interrupted === 'hangup';
  }

  /** Runs jobs until the channel is hung up. */
  start(first: Job): void {
    if (this.#running) return;
    this.#running = true;
    this.#ended = this.#work(first).catch((error: unknown) => {
      this.#services.warn('session failed', { error: String(error), uuid: this.channel.uuid });
      this.#services.hangup(this, 'DESTINATION_OUT_OF_ORDER');
    });
  }

  async #work(first: Job): Promise<void> {
    let job: Job | undefined = this.#next ?? first;
    this.#next = undefined;
    while (!this.hungUp) {
      this.#interrupted = undefined;
      const following: Job | undefined = await job.run(this);
      if (this.#interrupted === 'transfer') await this.#move();
      job = this.#next ?? following;
      this.#next = undefined;
      if (job) continue;
      if (!this.hungUp) this.#services.hangup(this, 'NORMAL_CLEARING');
      return;
    }
  }

  /** On the way to the next job: what is ordered meanwhile is begun at once, and fails. */
  async #move(): Promise<void> {
    this.#moving = true;
    this.#pump();
    await new Promise<void>((resolve) => setTimeout(resolve, MOVE_MS));
    this.#moving = false;
    await this.#ordered;
  }

  /** Stops what runs and does this instead. */
  interrupt(next: Job): void {
    if (this.hungUp) return;
    this.#next = next;
    this.#interrupted = 'transfer';
    this.#stopFrames('transfer');
  }

  /** Calls back at the hang-up, started or not. */
  onEnd(callback: () => void): void {
    this.#endListeners.push(callback);
  }

  /** Stops all for ever; resolves when every application has ended. */
  async end(): Promise<void> {
    this.#interrupted = 'hangup';
    this.#commands.length = 0;
    for (const callback of this.#endListeners.splice(0)) callback();
    this.#stopFrames('hangup');
    await this.#ended;
  }

  /** `uuid_break`: ends what is being played, recorded or waited for. */
  break(): void {
    this.#stopBroadcast = true;
    this.#stopFrames('break');
  }

  flushCommands(): void {
    this.#commands.length = 0;
  }

  flushDigits(): void {
    this.#digits.length = 0;
  }

  /** Queues a `sendmsg`. False when too many wait. */
  enqueue(command: SocketCommand): boolean {
    if (this.hungUp || this.#commands.length >= MAX_QUEUED_COMMANDS) return false;
    this.#commands.push(command);
    this.#pump();
    return true;
  }

  /** An event that was sent to the channel: for an application that wants one, or for nobody. */
  receiveEvent(headers: ReadonlyMap<string, string>): void {
    this.#frames.findLast((frame) => frame.onEvent)?.onEvent?.(headers);
  }

  queueDigit(digit: Digit): void {
    if (this.hungUp || this.#digits.length >= MAX_QUEUED_DIGITS) return;
    this.#digits.push(digit);
    this.#drainDigits();
  }

  /** Runs steps in order, stopping when interrupted. */
  async runSteps(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (!this.ready) return;
      await this.execute(step.app, step.arg);
    }
  }

  /** Runs one application, with CHANNEL_EXECUTE before and CHANNEL_EXECUTE_COMPLETE after it. */
  async execute(name: string, text: string, options: { uuid?: string; locked?: boolean } = {}): Promise<void> {
    const app = this.#services.app(name);
    if (!app || this.#frames.length >= MAX_STACKED_FRAMES) {
      this.#services.warn('invalid application', { app: name, uuid: this.channel.uuid });
      this.#services.hangup(this, 'DESTINATION_OUT_OF_ORDER');
      return;
    }
    const { variables, rest } = scopedVariables(text);
    const arg = expandVariables(this.channel, rest);
    const before = Object.keys(variables).map((variable) => [variable, this.channel.get(variable)] as const);
    this.channel.setAll(variables);
    const frame = new Frame(name, options.uuid ?? randomUUID(), options.locked ?? false);
    this.#frames.push(frame);
    this.channel.set('current_application_response', undefined);
    this.channel.set('current_application_data', arg);
    this.channel.set('current_application', name);
    const told: [string, string][] = [['Application', name]];
    if (arg !== '') told.push(['Application-Data', arg]);
    this.channel.fire('CHANNEL_EXECUTE', [...told, ['Application-UUID', frame.uuid]]);
    try {
      const work = app({ session: this, channel: this.channel, frame, arg });
      // A plain `set` is over here: nothing may come between it and its end.
      if (work) await work;
      await this.#untilTop(frame);
    } finally {
      this.#pop(frame);
      for (const [variable, value] of before) this.channel.set(variable, value);
    }
    const response = this.channel.get('current_application_response') ?? '_none_';
    this.channel.fire('CHANNEL_EXECUTE_COMPLETE', [
      ...told,
      ['Application-Response', response],
      ['Application-UUID', frame.uuid],
    ]);
    this.#settle();
  }

  /** Holds a place for work that is no application (a bridge, a park by itself), on which commands can run. */
  async hold(
    name: string,
    wait: (settle: () => void) => StopWait,
    onDigit: (digit: Digit) => void = () => undefined,
  ): Promise<void> {
    const frame = new Frame(name, '', false);
    this.#frames.push(frame);
    frame.onDigit = onDigit;
    await this.wait<void>(frame, (settle) => wait(() => settle(undefined)));
    this.#pop(frame);
  }

  /**
   * Lets an application wait. `begin` starts what is waited for and gives the function that ends it early; both must
   * lead to `settle`. While it waits, commands may run on top of it; it goes on when they are done.
   */
  async wait<T>(frame: Frame, begin: (settle: (value: T) => void) => StopWait): Promise<T> {
    const value = await new Promise<T>((resolve) => {
      let settled = false;
      frame.stopping = false;
      const stop = begin((result) => {
        settled = true;
        frame.stop = undefined;
        resolve(result);
      });
      if (settled) return;
      frame.stop = (why) => {
        const stops = stop(why) !== false;
        frame.stopping ||= stops;
        if (why === 'break') frame.breakPending = !stops;
      };
      if (this.#interrupted) frame.stop(this.#interrupted);
      else this.#settle();
    });
    await this.#untilTop(frame);
    return value;
  }

  #stopFrames(why: StopReason): void {
    for (const frame of [...this.#frames].reverse()) frame.stop?.(why);
  }

  #untilTop(frame: Frame): Promise<void> | undefined {
    if (this.#frames.at(-1) === frame) return undefined;
    return new Promise((resolve) => this.#whenTop.set(frame, resolve));
  }

  #pop(frame: Frame): void {
    const at = this.#frames.lastIndexOf(frame);
    if (at !== -1) this.#frames.splice(at, 1);
    const top = this.#frames.at(-1);
    const goOn = top && this.#whenTop.get(top);
    if (!top || !goOn) return;
    this.#whenTop.delete(top);
    goOn();
  }

  /** Whoever is on top now may take keys and be interrupted by commands. */
  #settle(): void {
    this.#drainDigits();
    this.#pump();
  }

  #drainDigits(): void {
    for (;;) {
      const take = this.#frames.at(-1)?.onDigit;
      const digit = take && this.#digits.shift();
      if (!take || !digit) return;
      this.channel.fire('DTMF', [
        ['DTMF-Digit', digit.digit],
        ['DTMF-Duration', String(digit.durationMs * 8)],
        ['DTMF-Source', digit.source === 'rtp' ? 'RTP' : 'ENDPOINT'],
      ]);
      this.channel.set('digits_dialed', `${this.channel.get('digits_dialed') ?? ''}${digit.digit}`);
      take(digit);
    }
  }

  /** Starts the next command when what is on top waits and is not locked. */
  #pump(): void {
    const top = this.#frames.at(-1);
    const takes = this.#moving ? !top : top?.stop && !top.stopping && this.ready;
    if (!takes || this.#frames.some((frame) => frame.locked)) return;
    const command = this.#commands.shift();
    if (!command) return;
    this.#ordered = this.#runCommand(command)
      .catch((error: unknown) => {
        this.#services.warn('application failed', { error: String(error), uuid: this.channel.uuid });
        this.#services.hangup(this, 'DESTINATION_OUT_OF_ORDER');
      })
      .finally(() => this.#pump());
  }

  async #runCommand(command: SocketCommand): Promise<void> {
    const { headers } = command;
    const call = headers.get('call-command')?.toLowerCase();
    if (call === 'hangup') {
      this.#services.hangup(this, headers.get('hangup-cause') ?? 'NORMAL_CLEARING');
      return;
    }
    const app = headers.get('execute-app-name') ?? '';
    if (call !== 'execute' || app === '') return;
    const inBody = headers.get('content-type')?.toLowerCase() === 'text/plain' ? command.body : '';
    const arg = headers.get('execute-app-arg') || inBody;
    const uuid = headers.get('event-uuid');
    const loops = Number.parseInt(headers.get('loops') ?? '1', 10);
    const locked = /^(true|yes|on|1)$/i.test(headers.get('event-lock') ?? '');
    this.#stopBroadcast = false;
    for (let round = 0; (round < loops || loops < 0) && (round === 0 || this.ready); round += 1) {
      const startedAtMs = performance.now();
      await this.execute(app, arg, { locked, ...(uuid === undefined ? {} : { uuid }) });
      if (this.#stopBroadcast || performance.now() - startedAtMs < SHORTEST_LOOP_MS) return;
    }
  }
}
