/** An error in the work of a leg, as it is told: the newest, and how many there were since the one told before. */
export interface Fault {
  legId: string;
  /** What was being done: `frame`, `rtp`, `rtcp`, `order setMedia`, … */
  during: string;
  error: string;
  count: number;
}

/** A storm of errors is told once in this time, with its number. */
const tellEveryMs = 10_000;

/**
 * Keeps an error in one leg's work from ending the worker, and with it the calls of all its legs: the piece of work
 * that failed is given up, and the error is counted and told. Told by name and place alone: what came from the network
 * is in no message.
 */
export class Faults {
  readonly #tell: (fault: Fault) => void;
  readonly #nowMs: () => number;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #untold = 0;
  /** All there ever were. */
  total = 0;

  constructor(tell: (fault: Fault) => void, nowMs: () => number) {
    this.#tell = tell;
    this.#nowMs = nowMs;
  }

  /** Does a piece of a leg's work, or as much of it as can be done. */
  guard(legId: string, during: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.caught(legId, during, error);
    }
  }

  caught(legId: string, during: string, error: unknown): void {
    this.total++;
    this.#untold++;
    const nowMs = this.#nowMs();
    if (nowMs - this.#toldAtMs < tellEveryMs) return;
    this.#toldAtMs = nowMs;
    this.#tell({ legId, during, error: placeOf(error), count: this.#untold });
    this.#untold = 0;
  }
}

/** What happened and where, on one line. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const at = /\n\s+at (?:.*\()?(?:file:\/\/)?[^\n]*?([^/\n]+:\d+:\d+)\)?/.exec(error.stack ?? '')?.[1];
  return `${error.name}: ${error.message}${at ? ` at ${at}` : ''}`;
}
