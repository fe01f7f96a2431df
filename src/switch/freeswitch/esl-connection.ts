import { randomUUID, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { CommandReader, type SocketCommand } from './command-reader.ts';
import { EVENT_NAMES } from './event-names.ts';
import { type EventListener, type Headers, jsonText, plainText, type SwitchEvent } from './events.ts';
import type { Logger } from './options.ts';
import { Subscriptions } from './subscriptions.ts';

/** What the connections need of the switch behind them. */
export interface EslBackend {
  readonly password: string;
  /** Answers an api command: text, as `api/response` carries it. */
  api(name: string, args: string): string | Promise<string>;
  /** Gives a channel a `sendmsg`; false when there is no such channel. */
  sendMessage(uuid: string, command: SocketCommand): boolean;
  /** Gives a channel an event; false when there is no such channel. */
  sendEvent(uuid: string, headers: ReadonlyMap<string, string>): boolean;
  fire(name: string, build: () => Headers, options?: { subclass?: string; body?: string }): void;
  readonly logger: Logger;
}

const GOODBYE = 'Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n';
/** A client that does not read its events is cut off before it eats our memory. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024;
/** Beyond this many unread bytes of commands, reading pauses until they are answered. */
const MAX_UNANSWERED_BYTES = 2 * 1024 * 1024;
const AUTH_TIMEOUT_MS = 25_000;

type Answer = string | undefined;

/** One client of the event socket (mod_event_socket's inbound mode). */
export class EslConnection implements EventListener {
  readonly #socket: Socket;
  readonly #backend: EslBackend;
  readonly #reader = new CommandReader();
  readonly #subscriptions = new Subscriptions();
  readonly #authTimer: NodeJS.Timeout;
  readonly #onClose: (connection: EslConnection) => void;
  #authenticated = false;
  #busy = false;
  #closing = false;
  /** Events fired while a command is being answered: they follow its reply. */
  #held: string[] | undefined;

  constructor(socket: Socket, backend: EslBackend, onClose: (connection: EslConnection) => void) {
    this.#socket = socket;
    this.#backend = backend;
    this.#onClose = onClose;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#received(bytes));
    socket.on('error', (error) => this.#backend.logger.debug({ error: error.message }, 'event socket client'));
    socket.on('close', () => this.#closed());
    socket.on('end', () => socket.end());
    this.#authTimer = setTimeout(() => this.close(), AUTH_TIMEOUT_MS);
    this.#write('Content-Type: auth/request\n\n');
  }

  wants(name: string, subclass: string | undefined): boolean {
    return this.#authenticated && !this.#closing && this.#subscriptions.wants(name, subclass);
  }

  take(event: SwitchEvent): void {
    if (!this.#subscriptions.passes(event)) return;
    const { format } = this.#subscriptions;
    const body = format === 'json' ? jsonText(event) : plainText(event);
    const type = format === 'json' ? 'text/event-json' : 'text/event-plain';
    const frame = `Content-Length: ${Buffer.byteLength(body)}\nContent-Type: ${type}\n\n${body}`;
    if (this.#held) this.#held.push(frame);
    else this.#write(frame);
  }

  /** Says good-bye and closes. */
  close(): void {
    if (this.#closing) return;
    this.#write(`Content-Type: text/disconnect-notice\nContent-Length: ${GOODBYE.length}\n\n${GOODBYE}`);
    this.#closing = true;
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }

  #closed(): void {
    clearTimeout(this.#authTimer);
    this.#closing = true;
    this.#onClose(this);
  }

  #write(text: string): void {
    if (this.#closing || !this.#socket.writable) return;
    this.#socket.write(text);
    if (this.#socket.writableLength <= MAX_UNREAD_BYTES) return;
    this.#backend.logger.warn({ bytes: this.#socket.writableLength }, 'event socket client does not read: cut off');
    this.#closing = true;
    this.#socket.destroy();
  }

  #received(bytes: Buffer): void {
    this.#reader.push(bytes);
    if (this.#reader.pendingBytes > MAX_UNANSWERED_BYTES) this.#socket.pause();
    if (!this.#busy) this.#work();
  }

  /** Commands are answered one after the other, in the order in which they came. */
  #work(): void {
    try {
      while (!this.#closing) {
        const command = this.#reader.next();
        if (!command) break;
        if (!this.#answer(command)) return;
      }
    } catch (error) {
      this.#backend.logger.warn({ error: String(error) }, 'event socket command refused');
      this.close();
    }
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** False when the answer takes time: `#work` goes on by itself afterwards. */
  #answer(command: SocketCommand): boolean {
    this.#held = [];
    const answer = this.#dispatch(command);
    if (!(answer instanceof Promise)) {
      this.#finish(answer);
      return true;
    }
    this.#busy = true;
    this.#release();
    answer
      .catch((error: unknown) => {
        this.#backend.logger.warn({ error: String(error) }, 'api command failed');
        return apiResponse('-ERR no reply\n');
      })
      .then((text) => {
        this.#busy = false;
        this.#finish(text);
        this.#work();
      });
    return false;
  }

  #finish(answer: Answer): void {
    if (answer !== undefined) this.#write(answer);
    this.#release();
  }

  #release(): void {
    const frames = this.#held ?? [];
    this.#held = undefined;
    for (const frame of frames) this.#write(frame);
  }

  #dispatch(command: SocketCommand): Answer | Promise<Answer> {
    const line = command.line.replace(/\s+$/, '');
    const is = (word: string) => line.toLowerCase().startsWith(word);
    if (is('exit')) return this.#exit();
    if (!this.#authenticated) return is('auth ') ? this.#authenticate(line.slice(5)) : reply('-ERR command not found');
    if (is('api ')) return this.#api(line.slice(4));
    if (is('bgapi ')) return this.#backgroundApi(line.slice(6), command);
    if (is('sendmsg')) return this.#sendMessage(line, command);
    if (is('sendevent')) return this.#sendEvent(line, command);
    if (is('event')) return this.#subscribe(line);
    if (is('nixevent')) {
      const known = this.#subscriptions.remove(wordsAfterFirst(line));
      return reply(known ? '+OK events nixed' : '-ERR no keywords supplied');
    }
    if (is('noevents')) {
      this.#subscriptions.clear();
      return reply('+OK no longer listening for events');
    }
    if (is('filter ')) return this.#filter(line.slice(7));
    if (is('myevents ')) return this.#myEvents(line.slice(9).trim());
    if (is('linger') || is('nolinger')) return reply('-ERR not controlling a session');
    if (is('divert_events')) return reply('-ERR not controlling a session.');
    if (is('nolog')) return reply('+OK no longer logging');
    if (is('log')) return reply(logAnswer(line));
    return reply('-ERR command not found');
  }

  #exit(): Answer {
    this.#write(reply('+OK bye'));
    this.close();
    return undefined;
  }

  #authenticate(password: string): Answer {
    const expected = Buffer.from(this.#backend.password);
    const given = Buffer.from(password);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      this.#write(reply('-ERR invalid'));
      this.close();
      return undefined;
    }
    this.#authenticated = true;
    clearTimeout(this.#authTimer);
    return reply('+OK accepted');
  }

  #subscribe(line: string): Answer {
    const known = this.#subscriptions.add(wordsAfterFirst(line));
    return reply(known ? `+OK event listener enabled ${this.#subscriptions.format}` : '-ERR no keywords supplied');
  }

  #filter(text: string): Answer {
    const [first = '', second, ...rest] = text.trim().split(' ');
    if (second === undefined) return reply('-ERR invalid syntax');
    if (first.toLowerCase() === 'delete') {
      this.#subscriptions.deleteFilter(second, rest.length > 0 ? rest.join(' ') : undefined);
      return reply(`+OK filter deleted. [${second}][${rest.join(' ')}]`);
    }
    const value = [second, ...rest].join(' ');
    this.#subscriptions.addFilter(first, value);
    return reply(`+OK filter added. [${first}]=[${value}]`);
  }

  #myEvents(uuid: string): Answer {
    if (this.#subscriptions.onlyChannel !== undefined) return reply('-ERR aready enabled.');
    this.#subscriptions.only(uuid);
    return reply('+OK Events Enabled');
  }

  #api(text: string): Answer | Promise<Answer> {
    const [name, args] = splitApi(text);
    const result = this.#backend.api(name, args);
    return typeof result === 'string' ? apiResponse(result) : result.then(apiResponse);
  }

  /** The reply comes at once, the result as a BACKGROUND_JOB event. */
  #backgroundApi(text: string, command: SocketCommand): Answer {
    const jobUuid = command.headers.get('job-uuid') ?? randomUUID();
    const [name, args] = splitApi(text);
    const report = (result: string) => {
      const headers: Headers = [
        ['Job-UUID', jobUuid],
        ['Job-Command', name],
      ];
      if (args !== '') headers.push(['Job-Command-Arg', args]);
      this.#backend.fire('BACKGROUND_JOB', () => headers, { body: result === '' ? '-ERR no reply\n' : result });
    };
    setImmediate(() => {
      Promise.resolve()
        .then(() => this.#backend.api(name, args))
        .catch((error: unknown) => {
          this.#backend.logger.warn({ error: String(error) }, 'background api command failed');
          return '-ERR no reply\n';
        })
        .then(report);
    });
    return `Content-Type: command/reply\nReply-Text: +OK Job-UUID: ${jobUuid}\nJob-UUID: ${jobUuid}\n\n`;
  }

  #sendMessage(line: string, command: SocketCommand): Answer {
    const uuid = line.slice('sendmsg'.length).trim();
    const sent = uuid !== '' && this.#backend.sendMessage(uuid, command);
    return reply(sent ? '+OK' : `-ERR invalid session id [${uuid}]`);
  }

  #sendEvent(line: string, command: SocketCommand): Answer {
    const name = line.slice('sendevent'.length).trim().toUpperCase();
    const eventUuid = randomUUID();
    // One that names a channel goes to that alone.
    if (this.#backend.sendEvent(command.headers.get('unique-id') ?? '', command.headers))
      return reply(`+OK ${eventUuid}`);
    const subclass = command.headers.get('event-subclass');
    const headers: Headers = [...command.headers].filter(
      ([key]) => key !== 'content-length' && key !== 'event-subclass' && key !== 'event-name',
    );
    this.#backend.fire(EVENT_NAMES.has(name) ? name : 'CUSTOM', () => [...headers, ['Event-UUID', eventUuid]], {
      ...(subclass === undefined ? {} : { subclass }),
      ...(command.body === '' ? {} : { body: command.body }),
    });
    return reply(`+OK ${eventUuid}`);
  }
}

function reply(text: string): string {
  return `Content-Type: command/reply\nReply-Text: ${text}\n\n`;
}

function apiResponse(text: string): string {
  const body = text === '' ? '-ERR no reply\n' : text;
  return `Content-Type: api/response\nContent-Length: ${Buffer.byteLength(body)}\n\n${body}`;
}

/** Name and argument text; only one space parts them, as FreeSWITCH has it. */
function splitApi(text: string): [name: string, args: string] {
  const space = text.indexOf(' ');
  return space === -1 ? [text, ''] : [text.slice(0, space), text.slice(space + 1)];
}

function wordsAfterFirst(line: string): string[] {
  return line.split(/\s+/).slice(1);
}

const LOG_LEVELS = ['console', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];

/** Log lines are not sent; the command is answered so that a client that asks for them goes on. */
function logAnswer(line: string): string {
  const level = line.slice(3).trim();
  if (level === '') return '+OK log level  [7]';
  const number = /^\d+$/.test(level) ? Number.parseInt(level, 10) : LOG_LEVELS.indexOf(level.toLowerCase());
  return number < 0 ? '-ERR invalid log level' : `+OK log level ${level} [${number}]`;
}
