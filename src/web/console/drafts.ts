import type { IntakeForm } from './intake-types.ts';

/** What of a form only this page knows: typed and not kept, asked for and not done, not kept and to be copied. */
export interface Draft {
  intakeId: string;
  accountName: string;
  answeredAtMs: number;
  version: number;
  /** As the agent saw it. */
  form: IntakeForm;
  /** As the server had it. */
  confirmed: IntakeForm;
  /** Not known to be kept. */
  change: Partial<IntakeForm>;
  /** Of that: has been sent, and may have arrived. */
  sent: Partial<IntakeForm>;
  wantsReport: boolean;
  lost?: Partial<IntakeForm>;
  ended?: 'reported' | 'closed';
}

type Box = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

/** One user's drafts on this machine, until the tab is closed (`sessionStorage`). Another user's are not looked at. */
export class Drafts {
  readonly #box: Box;
  readonly #prefix: string;

  constructor(box: Box, userId: string) {
    this.#box = box;
    this.#prefix = `denwaban-draft-1 ${userId} `;
  }

  /** Undefined: there is none any more. */
  keep(intakeId: string, draft: Draft | undefined): void {
    const key = `${this.#prefix}${intakeId}`;
    try {
      if (draft) this.#box.setItem(key, JSON.stringify(draft));
      else this.#box.removeItem(key);
    } catch {
      // Full or forbidden: the page itself still has it, and goes on sending.
    }
  }

  all(): Draft[] {
    return this.#keys().map((key) => JSON.parse(this.#box.getItem(key) ?? 'null') as Draft);
  }

  clear(): void {
    for (const key of this.#keys()) this.#box.removeItem(key);
  }

  #keys(): string[] {
    const keys = Array.from({ length: this.#box.length }, (_, index) => this.#box.key(index) ?? '');
    return keys.filter((key) => key.startsWith(this.#prefix));
  }
}
