/** What `/health` said at a moment; `parts` by name, empty while nobody answered. */
export interface HealthSample {
  atMs: number;
  answered: boolean;
  ready: boolean;
  parts: Record<string, string>;
}

interface HealthAnswer {
  ready: boolean;
  parts?: Record<string, { state: string; why?: string }>;
}

/** Asks `/health` four times a second, as a load balancer does, and keeps what it said. */
export class HealthWatch {
  readonly #url: string;
  readonly samples: HealthSample[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(httpUrl: string) {
    this.#url = `${httpUrl}/health`;
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), 250);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get last(): HealthSample | undefined {
    return this.samples.at(-1);
  }

  /** One look now. */
  async look(): Promise<HealthSample> {
    const sample = await this.#ask();
    this.samples.push(sample);
    return sample;
  }

  async #ask(): Promise<HealthSample> {
    const atMs = performance.now();
    try {
      const response = await fetch(this.#url, { signal: AbortSignal.timeout(2_000) });
      const { ready, parts = {} } = (await response.json()) as HealthAnswer;
      const states = Object.entries(parts).map(([name, { state }]) => [name, state]);
      return { atMs, answered: true, ready, parts: Object.fromEntries(states) };
    } catch {
      return { atMs, answered: false, ready: false, parts: {} };
    }
  }
}
