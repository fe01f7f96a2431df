import { endOfHead, header, readMessage } from '../../../kernel/sip/message.ts';

/** What comes out of a byte stream (RFC 3261 18.3, RFC 5626 3.5.1). */
export type Frame =
  | { kind: 'message'; bytes: Buffer }
  /** Double CRLF: the peer wants a single one back. */
  | { kind: 'ping' }
  /** The stream can't be followed any further: close it. */
  | { kind: 'broken'; why: string };

const cr = 13;
const lf = 10;

/** Cuts a TCP stream into SIP messages by Content-Length. Holds at most one message of `maxMessageBytes`. */
export class StreamFramer {
  readonly #maxMessageBytes: number;
  #held: Buffer = Buffer.alloc(0);
  /** Up to here the end of the headers has been looked for. */
  #searched = 0;
  #broken = false;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Bytes held back until the rest of their message comes. */
  get heldBytes(): number {
    return this.#held.length;
  }

  /** Takes the next bytes of the stream, gives what they complete. After `broken` it gives nothing any more. */
  push(chunk: Buffer): Frame[] {
    if (this.#broken) return [];
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const frames: Frame[] = [];
    for (;;) {
      const frame = this.#next();
      if (!frame) return frames;
      frames.push(frame);
      if (frame.kind === 'broken') {
        this.#broken = true;
        this.#held = Buffer.alloc(0);
        return frames;
      }
    }
  }

  #next(): Frame | undefined {
    const held = this.#held;
    if (held.length === 0) return undefined;
    if (held[0] === cr || held[0] === lf) return this.#skipLineEnds();
    const headEnd = endOfHead(held, Math.max(0, this.#searched - 3));
    if (headEnd === undefined) {
      this.#searched = held.length;
      return held.length > this.#maxMessageBytes ? { kind: 'broken', why: 'headers too long' } : undefined;
    }
    const bodyLength = bodyLengthOf(held.toString('latin1', 0, headEnd));
    if (typeof bodyLength === 'string') return { kind: 'broken', why: bodyLength };
    const total = headEnd + bodyLength;
    if (total > this.#maxMessageBytes) return { kind: 'broken', why: 'message too long' };
    if (held.length < total) return undefined;
    this.#drop(total);
    return { kind: 'message', bytes: held.subarray(0, total) };
  }

  #skipLineEnds(): Frame | undefined {
    const held = this.#held;
    let count = 0;
    while (count < 4 && (held[count] === cr || held[count] === lf)) count++;
    if (count === 4) {
      this.#drop(4);
      return { kind: 'ping' };
    }
    if (count === held.length) return undefined;
    this.#drop(count);
    return this.#next();
  }

  #drop(bytes: number): void {
    this.#held = this.#held.subarray(bytes);
    this.#searched = 0;
  }
}

/** Content-Length as the reader of messages will see it; 0 where it is missing; else why the stream ends here. */
function bodyLengthOf(head: string): number | string {
  const read = readMessage(head);
  if (!read) return 'no SIP';
  const value = header(read.message, 'Content-Length') ?? '0';
  return /^\d{1,9}$/.test(value) ? Number(value) : 'Content-Length is no number';
}
