import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallFact } from '../kernel/call-fact.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';

/** Something that cannot go on to the store. `raw` is what stood in the journal. */
export type Quarantined =
  | { reason: 'torn' | 'corrupt'; segment: number; offset: number; raw: Uint8Array }
  | { reason: 'refused'; fact: CallFact; why: string };

/** A file of what could not be shipped, for a person to look into: nothing is ever dropped silently. */
export class Quarantine {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(dir: string, clock: Clock, logger: Logger) {
    this.#path = join(dir, 'quarantine.jsonl');
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Resolves once all of it is on the disk, and has been logged (without personal data). */
  async add(items: readonly Quarantined[]): Promise<void> {
    if (items.length === 0) return;
    const atMs = this.#clock.nowMs();
    const lines = items.map((item) =>
      JSON.stringify(
        'raw' in item ? { atMs, ...item, raw: Buffer.from(item.raw).toString('base64') } : { atMs, ...item },
      ),
    );
    const file = await open(this.#path, 'a', 0o600);
    try {
      await file.write(`${lines.join('\n')}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
    for (const item of items) this.#report(item);
  }

  #report(item: Quarantined): void {
    if (item.reason === 'refused') {
      const { factId, callId, seq, type } = item.fact;
      this.#logger.error(
        { factId, callId, seq, factType: type, err: item.why },
        'the store refused a fact: quarantined',
      );
    } else {
      const { reason, segment, offset, raw } = item;
      this.#logger.error({ segment, offset, bytes: raw.length }, `${reason} line in the journal: quarantined`);
    }
  }
}
