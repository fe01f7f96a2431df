import { connect, type Socket } from 'node:net';
import type { ChannelRecord } from '../kernel/channel-record.ts';
import type { Clock, TimerHandle } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { MediaServerAddress } from './media-server.ts';

/** A frame is some 12 KB; what is longer than this is not one. */
const maxFrameBytes = 1_048_576;
/** A connection that is silent for this long although it was asked something is dead. */
const pingEveryMs = 2_000;
const firstRetryMs = 200;
const maxRetryMs = 1_000;
/** On a stop: the channels that ended last are reported a moment after their BYE. */
const quietMs = 150;
const lastWordsMs = 1_000;

export interface ChannelRecordLinkOptions {
  address: MediaServerAddress;
  clock: Clock;
  logger: Logger;
  onRecord(record: ChannelRecord): void;
}

/**
 * A connection of its own to one FreeSWITCH that hears of every channel that has ended, whoever drove it; kept up for
 * ever. It reads the event socket's frames itself: of the 250 headers of an event it needs six, and looking for these
 * in the bytes costs 11 µs where parsing the event (modesl) costs 119.
 */
export class ChannelRecordLink {
  readonly #options: ChannelRecordLinkOptions;
  #socket: Socket | undefined;
  #buffered: Buffer = Buffer.alloc(0);
  #timer: TimerHandle | undefined;
  #retryMs = firstRetryMs;
  #heardAtMs = 0;
  #ready = false;
  /** Why it fails, as the log was told last: it is tried every second, and may be away for long. */
  #told = '';
  #stopped = false;

  constructor(options: ChannelRecordLinkOptions) {
    this.#options = options;
  }

  /** Connects, and connects again whenever the connection is lost, until `stop`. */
  start(): void {
    const { address, clock } = this.#options;
    const socket = connect(address.port, address.host);
    this.#socket = socket;
    this.#buffered = Buffer.alloc(0);
    this.#ready = false;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 10_000);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    // 'close' follows.
    socket.on('error', (error) => this.#failed(error.message));
    socket.on('close', () => this.#onClosed(socket));
    this.#heardAtMs = clock.monotonicMs();
    this.#ping();
  }

  /** Waits a moment for what has just ended, then closes. */
  async stop(): Promise<void> {
    const { clock } = this.#options;
    const sinceMs = clock.monotonicMs();
    const quiet = () => clock.monotonicMs() - Math.max(sinceMs, this.#heardAtMs) >= quietMs;
    while (this.#ready && !quiet() && clock.monotonicMs() - sinceMs < lastWordsMs) {
      await new Promise<void>((resolve) => clock.setTimeout(resolve, quietMs / 5));
    }
    this.#stopped = true;
    clock.clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #ping(): void {
    const { clock } = this.#options;
    const askedAtMs = clock.monotonicMs();
    this.#timer = clock.setTimeout(() => {
      if (this.#heardAtMs < askedAtMs) {
        this.#failed('it does not answer');
        this.#socket?.destroy();
        return;
      }
      if (this.#ready) this.#socket?.write('api uuid_exists ping\n\n');
      this.#ping();
    }, pingEveryMs);
  }

  #onData(chunk: Buffer): void {
    this.#heardAtMs = this.#options.clock.monotonicMs();
    const bytes = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk]);
    let start = 0;
    for (;;) {
      const frame = readFrame(bytes, start);
      if (!frame) break;
      start = frame.end;
      this.#onFrame(frame.head, frame.body);
    }
    this.#buffered = bytes.subarray(start);
    if (this.#buffered.length <= maxFrameBytes) return;
    this.#failed('it sends what is no event');
    this.#socket?.destroy();
  }

  #onFrame(head: string, body: Buffer): void {
    if (head.includes('text/event-plain')) {
      const record = readChannelRecord(body, this.#options.address.name);
      if (record) this.#options.onRecord(record);
    } else if (head.includes('auth/request')) {
      this.#socket?.write(`auth ${this.#options.address.password}\n\nevent plain CHANNEL_HANGUP_COMPLETE\n\n`);
    } else if (head.includes('event listener enabled')) {
      this.#ready = true;
      this.#told = '';
      this.#retryMs = firstRetryMs;
    } else if (head.includes('-ERR') || head.includes('rude-rejection')) {
      this.#failed('it refuses the password or this address');
      this.#socket?.destroy();
    }
  }

  #failed(why: string): void {
    if (this.#stopped || why === this.#told) return;
    this.#told = why;
    this.#options.logger.warn({ server: this.#options.address.name, why }, 'channel records are not being received');
  }

  #onClosed(socket: Socket): void {
    const { clock } = this.#options;
    if (this.#stopped || socket !== this.#socket) return;
    this.#ready = false;
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => this.start(), this.#retryMs);
    this.#retryMs = Math.min(maxRetryMs, this.#retryMs * 1.7);
  }
}

interface Frame {
  head: string;
  body: Buffer;
  end: number;
}

/** The frame that begins at `start`; undefined where it is not complete. */
function readFrame(bytes: Buffer, start: number): Frame | undefined {
  const headEnd = bytes.indexOf('\n\n', start, 'latin1');
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', start, headEnd);
  const bodyStart = headEnd + 2;
  const end = bodyStart + Number(/^Content-Length: (\d+)/m.exec(head)?.[1] ?? 0);
  return end > bytes.length ? undefined : { head, body: bytes.subarray(bodyStart, end), end };
}

const needles = {
  uuid: Buffer.from('\nUnique-ID: '),
  cause: Buffer.from('\nHangup-Cause: '),
  created: Buffer.from('\nCaller-Channel-Created-Time: '),
  answered: Buffer.from('\nCaller-Channel-Answered-Time: '),
  ended: Buffer.from('\nCaller-Channel-Hangup-Time: '),
};

/**
 * The record in a CHANNEL_HANGUP_COMPLETE event as `event plain` sends it: a header a line, its value percent-encoded,
 * so that no value can pretend to be a header. Undefined where it is another event or something is missing.
 */
export function readChannelRecord(body: Buffer, server: string): ChannelRecord | undefined {
  const text = (needle: Buffer): string | undefined => {
    const at = body.indexOf(needle);
    if (at < 0) return undefined;
    const start = at + needle.length;
    const end = body.indexOf(10, start);
    return body.toString('latin1', start, end < 0 ? body.length : end);
  };
  /** FreeSWITCH counts in µs; 0 has not happened. */
  const timeMs = (needle: Buffer): number | null => Math.round(Number(text(needle) ?? 0) / 1000) || null;
  const uuid = text(needles.uuid);
  const createdAtMs = timeMs(needles.created);
  const endedAtMs = timeMs(needles.ended);
  if (!uuid || createdAtMs === null || endedAtMs === null) return undefined;
  return {
    legId: decoded(uuid),
    server,
    createdAtMs,
    answeredAtMs: timeMs(needles.answered),
    endedAtMs,
    hangupCause: text(needles.cause) ?? '',
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // Not percent-encoded after all: a uuid is what was asked for.
  }
}
