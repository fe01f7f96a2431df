/** A command as a client sends it: a first line, headers, and a body where `content-length` announces one. */
export interface SocketCommand {
  /** First line, without its line end. */
  line: string;
  /** By lower-case name. */
  headers: Map<string, string>;
  body: string;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Cuts the bytes of an event-socket connection into commands, however they were fragmented or merged. A command ends
 * with an empty line; what a client may make us hold is bounded.
 */
export class CommandReader {
  readonly #maxHeaderBytes: number;
  readonly #maxBodyBytes: number;
  #pending: Buffer = Buffer.alloc(0);
  /** Up to here there is no empty line: a client that sends byte by byte must not make us scan it all again. */
  #scanned = 0;
  #awaitingBody: { command: SocketCommand; bytes: number } | undefined;

  constructor(limits: { maxHeaderBytes?: number; maxBodyBytes?: number } = {}) {
    this.#maxHeaderBytes = limits.maxHeaderBytes ?? 64 * 1024;
    this.#maxBodyBytes = limits.maxBodyBytes ?? 1024 * 1024;
  }

  /** Bytes that wait for the rest of their command, or to be read by `next`. */
  get pendingBytes(): number {
    return this.#pending.length;
  }

  push(bytes: Buffer): void {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
  }

  /**
   * The next complete command, undefined when there is none yet.
   * @throws RangeError when a command is longer than allowed: the connection must be closed.
   */
  next(): SocketCommand | undefined {
    if (!this.#awaitingBody) {
      this.#skipEmptyLines();
      const end = this.#endOfHeaders();
      if (!end) {
        if (this.#pending.length > this.#maxHeaderBytes) throw new RangeError('command too long');
        return undefined;
      }
      const command = parseCommand(this.#pending.subarray(0, end.textLength).toString('utf8'));
      this.#consume(end.totalLength);
      const bytes = Number.parseInt(command.headers.get('content-length') ?? '0', 10);
      if (!(bytes > 0)) return command;
      if (bytes > this.#maxBodyBytes) throw new RangeError('body too long');
      this.#awaitingBody = { command, bytes };
    }
    const { command, bytes } = this.#awaitingBody;
    if (this.#pending.length < bytes) return undefined;
    command.body = this.#pending.subarray(0, bytes).toString('utf8');
    this.#awaitingBody = undefined;
    this.#consume(bytes);
    return command;
  }

  #consume(bytes: number): void {
    this.#pending = this.#pending.subarray(bytes);
    this.#scanned = 0;
  }

  #skipEmptyLines(): void {
    let start = 0;
    while (this.#pending[start] === LINE_FEED || this.#pending[start] === CARRIAGE_RETURN) start += 1;
    if (start > 0) this.#consume(start);
  }

  #endOfHeaders(): { textLength: number; totalLength: number } | undefined {
    for (let at = this.#scanned; at < this.#pending.length; at += 1) {
      if (this.#pending[at] !== LINE_FEED) continue;
      const next = this.#pending[at + 1] === CARRIAGE_RETURN ? at + 2 : at + 1;
      if (this.#pending[next] === LINE_FEED) return { textLength: at, totalLength: next + 1 };
    }
    this.#scanned = Math.max(0, this.#pending.length - 2);
    return undefined;
  }
}

function parseCommand(text: string): SocketCommand {
  const [first = '', ...rest] = text.split('\n').map((line) => line.replace(/\r$/, ''));
  const headers = new Map<string, string>();
  for (const line of rest) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trimStart());
  }
  return { line: first, headers, body: '' };
}
