import { randomUUID } from 'node:crypto';
import esl, { type Connection, type Event } from 'modesl';
import { type Clock, deadlinePassed, withDeadline } from '../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { LinkWatch } from './link-watch.ts';

/** Events of a channel that this room needs; each costs FreeSWITCH and us some kilobytes, so no more than these. */
const channelEvents = [
  'CHANNEL_EXECUTE_COMPLETE',
  'DTMF',
  'CHANNEL_HANGUP',
  'CHANNEL_BRIDGE',
  'CHANNEL_UNBRIDGE',
  'RECORD_STOP',
  'MEDIA_BUG_START',
  'CHANNEL_HOLD',
  'CHANNEL_UNHOLD',
] as const;
/** Applications whose completion says nothing to us: those of the dialplan, and our own waiting. */
const uninteresting = ['multiset', 'set', 'answer', 'park', 'eval'];
export type ChannelEventName = (typeof channelEvents)[number];

export interface ChannelEvent {
  name: ChannelEventName;
  uuid: string;
  header(name: string): string | undefined;
}

export interface EventLinkOptions {
  host: string;
  port: number;
  password: string;
  clock: Clock;
  logger: Logger;
  connectDeadlineMs: number;
  commandDeadlineMs: number;
  onEvent(event: ChannelEvent): void;
  /** The connection is gone; nothing follows. */
  onClosed(): void;
}

/** So many seconds without a sign of life: it gets no new calls; and so many: the connection is given up. */
const silentAfter = 3;
const goneAfter = 6;

/** An event socket that could not be had. `isAbsent`: nothing listens there, so that FreeSWITCH itself is gone. */
export class EventSocketError extends DenwabanError {
  readonly isAbsent: boolean;
  constructor(message: string, isAbsent: boolean) {
    super('EVENT_SOCKET', message);
    this.isAbsent = isAbsent;
  }
}

const linkLost = '-ERR link lost';
/** The answer where FreeSWITCH gave none in time. */
export const deadlineReply = '-ERR deadline';

/**
 * One event-socket connection that carries the commands and events of all channels of one FreeSWITCH. Every command
 * gets an answer: FreeSWITCH's, or `-ERR …` when the link is lost or the deadline has passed. Nothing here rejects.
 */
export class EventLink {
  readonly #connection: Connection;
  readonly #options: EventLinkOptions;
  readonly #unanswered = new Set<(reply: string) => void>();
  readonly #jobs = new Map<string, (result: string) => void>();
  readonly #watch: LinkWatch;
  #closed = false;
  #corked = false;
  #sentSinceNudge = false;

  private constructor(connection: Connection, options: EventLinkOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#watch = new LinkWatch({
      ...{ clock: options.clock, silentAfter, goneAfter },
      ask: () => this.api('uuid_exists ping'),
      onGone: () => this.close(),
    });
  }

  /** Connects, authenticates and subscribes. @throws DenwabanError `EVENT_SOCKET` when that does not work in time. */
  static async open(options: EventLinkOptions): Promise<EventLink> {
    const { host, port, password, clock, connectDeadlineMs } = options;
    let connection: Connection | undefined;
    const ready = new Promise<EventLink>((resolve, reject) => {
      const opened = new esl.Connection(host, port, password, () => resolve(link));
      connection = opened;
      const link = new EventLink(opened, options);
      link.#listen((reason, code) => {
        const isAbsent = code === 'ECONNREFUSED';
        reject(new EventSocketError(`FreeSWITCH at ${host}:${port}: ${reason}`, isAbsent));
      });
    });
    const link = await withDeadline(clock, ready, connectDeadlineMs);
    if (link !== deadlinePassed) {
      await link.#subscribe();
      link.#watch.start();
      return link;
    }
    connection?.socket?.destroy();
    throw new EventSocketError(`FreeSWITCH at ${host}:${port} does not answer on its event socket`, false);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** False while FreeSWITCH leaves questions unanswered. */
  get answers(): boolean {
    return !this.#closed && this.#watch.answers;
  }

  /** For how long it has been silent, as far as is known. */
  get silentForMs(): number {
    return this.#watch.silentForMs;
  }

  /** Runs an API command in FreeSWITCH's event-socket thread; resolves with what it printed. */
  api(command: string): Promise<string> {
    return this.#exchange((answer) => this.#connection.api(command, (reply) => answer(reply.getBody())));
  }

  /** Tells a channel to execute an application; resolves with `+OK` once the order is queued. */
  execute(uuid: string, order: { app: string; argument: string; eventUuid?: string; lock?: boolean }): Promise<string> {
    const lines = [
      `sendmsg ${uuid}`,
      'call-command: execute',
      `execute-app-name: ${order.app}`,
      `execute-app-arg: ${order.argument}`,
    ];
    if (order.eventUuid) lines.push(`Event-UUID: ${order.eventUuid}`);
    if (order.lock) lines.push('event-lock: true');
    return this.#command(lines.join('\n'));
  }

  /** Sends an event to a channel alone; resolves with `+OK …`, whether or not anything there wants it. */
  tell(uuid: string, headers: Readonly<Record<string, string>>): Promise<string> {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    return this.#command(['sendevent COMMAND', `unique-id: ${uuid}`, ...lines].join('\n'));
  }

  /** Runs an API command in a thread of its own; `result` is what it printed when it was done, however late. */
  background(command: string): { accepted: Promise<string>; result: Promise<string> } {
    const jobId = randomUUID();
    const result = new Promise<string>((resolve) => this.#jobs.set(jobId, resolve));
    const accepted = this.#command(`bgapi ${command}\nJob-UUID: ${jobId}`);
    accepted.then((reply) => {
      if (reply.startsWith('-ERR')) this.#finishJob(jobId, reply);
    });
    return { accepted, result };
  }

  /**
   * Makes FreeSWITCH look for events to send: an event-socket thread without input does so every 20 ms only, and a
   * lone line end, which it ignores, wakes it.
   */
  nudge(): void {
    if (!this.#sentSinceNudge) this.#connection.socket?.write('\n');
    this.#sentSinceNudge = false;
  }

  close(): void {
    const { socket } = this.#connection;
    this.#onClosed();
    socket?.destroy();
  }

  #command(text: string): Promise<string> {
    return this.#exchange((answer) =>
      this.#connection.sendRecv(text, (reply) => answer(reply.getHeader('Reply-Text') ?? '')),
    );
  }

  async #exchange(send: (answer: (reply: string) => void) => void): Promise<string> {
    if (this.#closed) return linkLost;
    let forget: (reply: string) => void = () => undefined;
    const answered = new Promise<string>((resolve) => {
      forget = resolve;
      this.#unanswered.add(resolve);
      this.#corkUntilIdle();
      send(resolve);
    });
    const reply = await withDeadline(this.#options.clock, answered, this.#options.commandDeadlineMs);
    this.#unanswered.delete(forget);
    return reply === deadlinePassed ? deadlineReply : reply;
  }

  /** modesl writes line by line; what is sent in one go leaves in one packet. */
  #corkUntilIdle(): void {
    this.#sentSinceNudge = true;
    const { socket } = this.#connection;
    if (this.#corked || !socket) return;
    this.#corked = true;
    socket.cork();
    queueMicrotask(() => {
      this.#corked = false;
      socket.uncork();
    });
  }

  #listen(onFailed: (reason: string, code?: string) => void): void {
    const connection = this.#connection;
    const { socket } = connection;
    socket?.setNoDelay(true);
    socket?.setKeepAlive(true, 10_000);
    socket?.on('data', () => this.#watch.heard());
    connection.on('error', (error: NodeJS.ErrnoException) => {
      onFailed(errorMessage(error), error.code);
      this.#onClosed();
    });
    socket?.on('close', () => {
      onFailed('the connection was closed');
      this.#onClosed();
    });
    connection.on('esl::event::auth::fail', () => {
      onFailed('the password was refused');
      socket?.destroy();
    });
    connection.on('esl::event::raw::text/rude-rejection', () => {
      onFailed('its access list refuses this address');
      socket?.destroy();
    });
    for (const name of channelEvents) {
      connection.on(`esl::event::${name}::*`, (event: Event) => this.#onChannelEvent(name, event));
    }
    connection.on('esl::event::BACKGROUND_JOB::*', (event: Event) => {
      this.#finishJob(event.getHeader('Job-UUID') ?? '', event.getBody());
    });
  }

  async #subscribe(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#unanswered.add(() => resolve());
      this.#connection.events('json', [...channelEvents], () => resolve());
    });
    const wanted = [...channelEvents, 'BACKGROUND_JOB'].map((name) => `filter Event-Name ${name}`);
    const unwanted = uninteresting.map((app) => `filter Application -${app}`);
    await Promise.all([...wanted, ...unwanted].map((command) => this.#command(command)));
  }

  #onChannelEvent(name: ChannelEventName, event: Event): void {
    const uuid = event.getHeader('Unique-ID');
    if (!uuid || this.#closed) return;
    try {
      this.#options.onEvent({ name, uuid, header: (header) => event.getHeader(header) ?? undefined });
    } catch (error) {
      this.#options.logger.error({ event: name, err: errorMessage(error) }, 'a media event could not be handled');
    }
  }

  #finishJob(jobId: string, result: string): void {
    this.#jobs.get(jobId)?.(result);
    this.#jobs.delete(jobId);
  }

  #onClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.stop();
    for (const answer of this.#unanswered) answer(linkLost);
    for (const jobId of [...this.#jobs.keys()]) this.#finishJob(jobId, linkLost);
    this.#unanswered.clear();
    this.#options.onClosed();
  }
}
