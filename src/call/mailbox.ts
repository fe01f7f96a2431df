/**
 * One thing after another: whatever enters while something runs waits for its turn. All that happens to a call
 * enters its mailbox, so no two events ever see each other half done.
 */
export class Mailbox {
  readonly #waiting: (() => void)[] = [];
  readonly #onError: (error: unknown) => void;
  #running = false;
  #closed = false;

  /** `onError` gets what an entry threw; the mailbox goes on with the next. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Runs the entry now, or after all that came before it. Dropped once closed. */
  post(entry: () => void): void {
    if (this.#closed) return;
    this.#waiting.push(entry);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
        try {
          next();
        } catch (error) {
          this.#onError(error);
        }
      }
    } finally {
      this.#running = false;
    }
  }

  /** Forgets what waits and takes nothing more. */
  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
  }
}
