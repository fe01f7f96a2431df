/**
 * Framing of drachtio's control protocol: `<bytes>#<text>`, where `<bytes>` counts bytes of UTF-8. Frames come split
 * and merged as TCP pleases.
 */

/** Longest frame taken: the length has at most five digits, as in drachtio-server's reader. */
export const MAX_FRAME_BYTES = 99_999;

const MAX_LENGTH_DIGITS = 5;
const HASH = 0x23;
const ZERO = 0x30;
const NINE = 0x39;

/** The stream is not drachtio's protocol; nothing after this can be trusted. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Gives the bytes to send for one frame. */
export function encodeFrame(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text)}#${text}`);
}

/** What came of some bytes: the frames that are complete, and the fault that stopped the reading, if one did. */
export interface Decoded {
  frames: string[];
  fault?: FrameError;
}

/** Cuts a byte stream into frames. Holds at most one incomplete frame of `maxBytes`. */
export class FrameDecoder {
  /** Longest frame taken from now on; more is a fault. */
  maxBytes: number;
  #pending: Buffer = Buffer.alloc(0);

  constructor(maxBytes = MAX_FRAME_BYTES) {
    this.maxBytes = maxBytes;
  }

  /** Takes what was read. After a fault the stream can't be trusted any more. */
  push(chunk: Buffer): Decoded {
    const frames: string[] = [];
    let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    try {
      for (;;) {
        const header = readLength(rest, this.maxBytes);
        if (!header || rest.length < header.start + header.length) break;
        const end = header.start + header.length;
        frames.push(rest.toString('utf8', header.start, end));
        rest = rest.subarray(end);
      }
    } catch (error) {
      if (error instanceof FrameError) return { frames, fault: error };
      throw error;
    }
    this.#pending = rest;
    return { frames };
  }
}

/** Reads `<bytes>#`; undefined when it has not arrived in full. */
function readLength(bytes: Buffer, maxBytes: number): { start: number; length: number } | undefined {
  let length = 0;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    if (byte === HASH && length > 0 && length <= maxBytes) return { start: index + 1, length };
    if (byte < ZERO || byte > NINE || index === MAX_LENGTH_DIGITS) throw new FrameError('invalid message length');
    length = length * 10 + (byte - ZERO);
  }
  return undefined;
}
