import { errorMessage } from './errors.ts';

/**
 * How one part of the machine is: `ok`; `degraded`: it works, but not as it should; `away`: it does not.
 * `why` is for people and has no personal data.
 */
export interface PartHealth {
  state: 'ok' | 'degraded' | 'away';
  why?: string;
  /** More to tell, such as counts and ages (names with their units). */
  details?: Record<string, unknown>;
}

/** All that `/health` tells of the parts. */
export interface BoardHealth {
  /** True while every part that calls need is there. */
  ready: boolean;
  parts: Record<string, PartHealth>;
}

/**
 * The parts of the running program and how each is, asked anew at each reading, so that what is told is never older
 * than what the part itself knows.
 */
export class HealthBoard {
  readonly #parts = new Map<string, { look: () => PartHealth; isNeeded: boolean }>();

  /**
   * Adds a part under its name (`redis`, `database`, `disk`, `drachtio`, `switch` …). `look` is called at each reading:
   * it answers at once from what is known and asks nobody. `isNeeded`: while it is away no call can be answered.
   */
  add(name: string, look: () => PartHealth, { isNeeded = false }: { isNeeded?: boolean } = {}): void {
    this.#parts.set(name, { look, isNeeded });
  }

  read(): BoardHealth {
    let ready = true;
    const parts: Record<string, PartHealth> = {};
    for (const [name, { look, isNeeded }] of this.#parts) {
      const health = lookSafely(look);
      parts[name] = health;
      if (isNeeded && health.state === 'away') ready = false;
    }
    return { ready, parts };
  }
}

function lookSafely(look: () => PartHealth): PartHealth {
  try {
    return look();
  } catch (error) {
    return { state: 'away', why: `cannot be told: ${errorMessage(error)}` };
  }
}
