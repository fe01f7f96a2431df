import type { Clock } from '../../kernel/clock.ts';
import type { Draft, Drafts } from './drafts.ts';
import { IntakeKeeper, type KeeperServer } from './intake-keeper.ts';
import type { IntakeView } from './intake-types.ts';

export interface KeepersParts {
  drafts: Pick<Drafts, 'keep' | 'all' | 'clear'>;
  clock: Clock;
  serverOf(intakeId: string): KeeperServer;
  /** A form that no page shows has been reported, or what was typed into it has been kept. */
  onDone(keeper: IntakeKeeper): void;
}

/**
 * The forms that one user has had on this page. One that is not shown any more goes on by itself until all of it is kept,
 * and reported where that was asked for; and after the page was loaded again, or its user signed in again, from its draft.
 */
export class Keepers {
  readonly #parts: KeepersParts;
  readonly #all = new Map<string, IntakeKeeper>();
  readonly #shown = new Set<IntakeKeeper>();
  readonly #busy = new Set<IntakeKeeper>();
  readonly #listeners = new Set<() => void>();
  #others: readonly IntakeKeeper[] = [];

  constructor(parts: KeepersParts) {
    this.#parts = parts;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Those not shown of which the agent has to know: not kept yet, to be reported, refused, or with words lost. */
  get others(): readonly IntakeKeeper[] {
    return this.#others;
  }

  get isUnsafe(): boolean {
    return [...this.#all.values()].some((keeper) => keeper.isUnsafe);
  }

  /** Takes up what was left when the page was closed, or its user's session ended. */
  start(): void {
    for (const draft of this.#parts.drafts.all()) {
      const { intakeId } = draft;
      if (this.#all.has(intakeId)) continue;
      const keeper = IntakeKeeper.ofDraft(draft, this.#partsOf(intakeId));
      this.#add(intakeId, keeper);
      this.#look(keeper);
      void keeper.flush();
    }
  }

  /** The keeper of a form; where there is one already that knows more than the view, that one. */
  of(view: IntakeView): IntakeKeeper {
    const known = this.#all.get(view.intakeId);
    if (known && (known.isUnsafe || known.state.version >= view.version)) return known;
    const start = { ...view, accountName: view.account?.name ?? '' };
    const keeper = new IntakeKeeper(start, this.#partsOf(view.intakeId));
    // What the agent has not seen yet of the time before.
    if (known?.state.lost) keeper.inherit(known.state);
    this.#add(view.intakeId, keeper);
    return keeper;
  }

  /** A page shows it, until what is given is called. */
  show(keeper: IntakeKeeper): () => void {
    this.#shown.add(keeper);
    this.#look(keeper);
    return () => {
      this.#shown.delete(keeper);
      void keeper.flush();
      this.#look(keeper);
    };
  }

  leave(): void {
    for (const keeper of this.#all.values()) keeper.leave();
  }

  /** Waits until everything is kept and reported, at most so long. False: it is not. */
  async settle(deadlineMs: number): Promise<boolean> {
    for (const keeper of this.#all.values()) if (keeper.isUnsafe) void keeper.flush();
    if (!this.isUnsafe) return true;
    const { clock } = this.#parts;
    await new Promise<void>((resolve) => {
      const end = () => {
        clock.clearTimeout(timer);
        unsubscribe();
        resolve();
      };
      const unsubscribe = this.subscribe(() => {
        if (!this.isUnsafe) end();
      });
      const timer = clock.setTimeout(end, deadlineMs);
    });
    return !this.isUnsafe;
  }

  /** The session is over. What is not kept stays as drafts for the same user. */
  stop(): void {
    for (const keeper of this.#all.values()) keeper.stop();
    this.#all.clear();
  }

  /** Signed out on purpose: nothing stays on this machine. */
  forget(): void {
    this.stop();
    this.#parts.drafts.clear();
  }

  #partsOf(intakeId: string) {
    const { clock, drafts, serverOf } = this.#parts;
    const keepDraft = (draft: Draft | undefined) => drafts.keep(intakeId, draft);
    return { clock, keepDraft, server: serverOf(intakeId) };
  }

  #add(intakeId: string, keeper: IntakeKeeper): void {
    this.#all.get(intakeId)?.stop();
    this.#all.set(intakeId, keeper);
    keeper.subscribe(() => {
      if (this.#all.get(intakeId) === keeper) this.#look(keeper);
    });
  }

  #look(keeper: IntakeKeeper): void {
    const wasBusy = this.#busy.has(keeper);
    if (keeper.isUnsafe) this.#busy.add(keeper);
    else this.#busy.delete(keeper);
    const isOther = (one: IntakeKeeper) => !this.#shown.has(one) && (one.isUnsafe || hasNews(one));
    this.#others = [...this.#all.values()].filter(isOther);
    for (const listener of this.#listeners) listener();
    if (wasBusy && !keeper.isUnsafe && !this.#shown.has(keeper)) this.#parts.onDone(keeper);
  }
}

function hasNews({ state }: IntakeKeeper): boolean {
  return state.refusal !== undefined || state.fault !== undefined || state.lost !== undefined;
}
