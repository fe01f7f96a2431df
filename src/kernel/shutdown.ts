import { errorMessage } from './errors.ts';
import type { Logger } from './logger.ts';

/** What has been started, so that it can be stopped in the opposite order, also when a later part fails to start. */
export class Shutdown {
  readonly #steps: { name: string; stop: () => Promise<void> | void }[] = [];
  readonly #logger: Logger;
  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(name: string, stop: () => Promise<void> | void): void {
    this.#steps.push({ name, stop });
  }

  /** Runs every step; one that fails is reported and keeps none of the others from running. */
  async run(): Promise<boolean> {
    let clean = true;
    for (const { name, stop } of this.#steps.splice(0).reverse()) {
      try {
        await stop();
      } catch (error) {
        clean = false;
        this.#logger.error({ err: errorMessage(error), part: name }, 'a part did not stop cleanly');
      }
    }
    return clean;
  }
}
