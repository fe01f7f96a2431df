/** How a key came: in the audio stream (RFC 4733), or as INFO. */
export type KeySource = 'rtp' | 'info';

interface Press {
  digit: string;
  source: KeySource;
  atMs: number;
  /** The same press has come the other way, too. */
  isPaired: boolean;
}

/** The two ways of one press are at most so far apart. */
const pairMs = 500;
/** No finger is that fast. */
const againMs = 50;
const remembered = 16;

/**
 * Tells presses from repeats. A phone may send each key both ways; and where its timestamps drift, FreeSWITCH takes each
 * packet that ends a key for one of its own: a key that would have begun before the one before it was over.
 */
export class KeyPresses {
  readonly #presses: Press[] = [];

  /** Whether it is a press of its own; `durationMs`: for how long it was held. */
  isNew(digit: string, source: KeySource, durationMs: number, nowMs: number): boolean {
    const last = this.#presses.findLast((press) => press.source === source);
    const agoMs = last && last.digit === digit ? nowMs - last.atMs : Number.POSITIVE_INFINITY;
    if (source === 'rtp' && agoMs < againMs && agoMs < durationMs) return false;
    // Told when it is let go, while INFO may come when it is pressed.
    const longestMs = pairMs + (source === 'rtp' ? durationMs : 0);
    const other = this.#presses.find(
      (press) => press.source !== source && press.digit === digit && !press.isPaired && nowMs - press.atMs <= longestMs,
    );
    if (other) other.isPaired = true;
    this.#presses.push({ digit, source, atMs: nowMs, isPaired: other !== undefined });
    if (this.#presses.length > remembered) this.#presses.shift();
    return other === undefined;
  }
}
