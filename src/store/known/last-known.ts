import type { AccountStore, AssignedNumber } from '../../accounts/accounts.ts';
import type { AgentSettingsStore } from '../../accounts/agents.ts';
import type { CardStore } from '../../accounts/cards.ts';
import type { PhoneCredentialStore } from '../../accounts/phone-credentials.ts';
import type { QueueSettingsStore } from '../../accounts/queues.ts';
import type { FlowStore } from '../../flow/flow-store.ts';
import { type Clock, deadlinePassed, type TimerHandle, withDeadline } from '../../kernel/clock.ts';
import { databaseAway, errorMessage, isDatabaseAway } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { normalizePhoneNumber } from '../../kernel/phone-number.ts';
import type { KnownCopy, KnownFlow, KnownSettings, SettingsSource } from './known-copy.ts';
import { indexOf, type KnownIndex } from './known-index.ts';

/** What calls ask of the database. */
export interface AskedStores {
  accounts: Pick<AccountStore, 'findNumber' | 'findAccount' | 'listNumbers'>;
  flows: Pick<FlowStore, 'findFlow'>;
  cards: Pick<CardStore, 'find'>;
  phones: Pick<PhoneCredentialStore, 'findForDigest'>;
  queues: Pick<QueueSettingsStore, 'list'>;
  agents: Pick<AgentSettingsStore, 'list'>;
}

export interface LastKnownOptions {
  stores: AskedStores;
  source: SettingsSource;
  /** Of an earlier run. */
  copy: KnownCopy | undefined;
  file: { save(copy: KnownCopy): Promise<void> };
  clock: Clock;
  logger: Logger;
  limits?: Partial<typeof knownLimits>;
}

export const knownLimits = {
  /** The copy is made new this often, and soon after a change by this process. */
  everyMs: 5_000,
  soonMs: 500,
  /** The file says at most this much too late when it was read. */
  saveEveryMs: 60_000,
  /** A caller does not wait longer for the database than this, and others not at all for some time after that. */
  patienceMs: 700,
  impatientMs: 2_000,
  /** An older copy is not used: numbers may have gone to other accounts. */
  usableMs: 7 * 24 * 3_600_000,
  /** A number that a copy this young does not have is nobody's; an older one does not know. */
  completeMs: 600_000,
  /** A flow's version is kept so long after the next one: no call lasts longer. */
  keepVersionsMs: 5 * 3_600_000,
};

/**
 * What calls need of the database, also while it is away: it is asked first, and where it does not answer the copy that was
 * last made of it does. The copy is kept in memory and in the data folder.
 */
export class LastKnown implements AskedStores {
  readonly #options: LastKnownOptions;
  readonly #limits: typeof knownLimits;
  #copy: KnownCopy | undefined;
  #index: KnownIndex | undefined;
  #timer: TimerHandle | undefined;
  #dueAtMs = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #impatientUntilMs = Number.NEGATIVE_INFINITY;
  #savedAtMs = Number.NEGATIVE_INFINITY;
  #isUnsaved = false;
  #hasFailed = false;
  #isStopped = false;

  readonly accounts: AskedStores['accounts'];
  readonly flows: AskedStores['flows'];
  readonly cards: AskedStores['cards'];
  readonly phones: AskedStores['phones'];
  readonly queues: AskedStores['queues'];
  readonly agents: AskedStores['agents'];

  constructor(options: LastKnownOptions) {
    this.#options = options;
    this.#limits = { ...knownLimits, ...options.limits };
    if (options.copy) this.#know(options.copy);
    const { accounts, flows, cards, phones, queues, agents } = options.stores;
    this.accounts = {
      findNumber: (number) =>
        this.#ask(
          () => accounts.findNumber(number),
          (known) => this.#number(known, number),
        ),
      findAccount: (id) =>
        this.#ask(
          () => accounts.findAccount(id),
          ({ accounts: all }) => all.get(id),
        ),
      listNumbers: (id) =>
        this.#ask(
          () => accounts.listNumbers(id),
          ({ numbersOf }) => numbersOf(id),
        ),
    };
    this.flows = {
      findFlow: (id, v) =>
        this.#ask(
          () => flows.findFlow(id, v),
          ({ flow }) => flow(id, v),
        ),
    };
    this.cards = {
      find: (id) =>
        this.#ask(
          () => cards.find(id),
          (known) => known.cards.get(id),
        ),
    };
    this.phones = {
      findForDigest: (id) =>
        this.#ask(
          () => phones.findForDigest(id),
          (known) => known.phones.get(id),
        ),
    };
    this.queues = {
      list: () =>
        this.#ask(
          () => queues.list(),
          () => this.#copy?.settings.queues ?? [],
        ),
    };
    this.agents = {
      list: () =>
        this.#ask(
          () => agents.list(),
          () => this.#copy?.settings.agents ?? [],
        ),
    };
  }

  /** When the copy was read from the database (ms since the epoch); undefined where there is none, or it is too old. */
  get readAtMs(): number | undefined {
    return this.#isUsable() ? this.#copy?.readAtMs : undefined;
  }

  /** Makes the first copy where the database is there, and then again and again. */
  async start(): Promise<void> {
    await this.#refresh();
    this.#wakeIn(this.#limits.everyMs);
  }

  /** Something may have changed in the database: the copy is made new soon. */
  changed(): void {
    this.#wakeIn(this.#limits.soonMs);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#options.clock.clearTimeout(this.#timer);
    await this.#running;
  }

  #wakeIn(inMs: number): void {
    const { clock } = this.#options;
    const atMs = clock.monotonicMs() + inMs;
    if (this.#isStopped || atMs >= this.#dueAtMs) return;
    clock.clearTimeout(this.#timer);
    this.#dueAtMs = atMs;
    this.#timer = clock.setTimeout(() => {
      this.#dueAtMs = Number.POSITIVE_INFINITY;
      this.#running = this.#refresh().then(() => this.#wakeIn(this.#limits.everyMs));
    }, inMs);
  }

  /** Never rejects: that the database is away is told by others. */
  async #refresh(): Promise<void> {
    const { source, clock, logger } = this.#options;
    const readAtMs = clock.nowMs();
    try {
      const settings = await source.read();
      const before = this.#copy;
      const flows = this.#keepVersions(settings.flows, before?.settings.flows ?? [], readAtMs);
      this.#isUnsaved ||= !before || hasChanged(before.settings, { ...settings, flows });
      this.#know({ readAtMs, settings: { ...settings, flows } });
    } catch (error) {
      if (!isDatabaseAway(error))
        logger.error({ err: errorMessage(error) }, 'what calls need of the database cannot be read');
      return;
    }
    await this.#save();
  }

  async #save(): Promise<void> {
    const { file, clock, logger } = this.#options;
    const nowMs = clock.monotonicMs();
    if (!this.#copy || (!this.#isUnsaved && nowMs < this.#savedAtMs + this.#limits.saveEveryMs)) return;
    try {
      await file.save(this.#copy);
      this.#isUnsaved = false;
      this.#savedAtMs = nowMs;
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) logger.warn({ err: errorMessage(error) }, 'the copy of what calls need cannot be written');
      this.#hasFailed = true;
    }
  }

  #know(copy: KnownCopy): void {
    this.#copy = copy;
    this.#index = indexOf(copy.settings);
  }

  /** The versions that there are now, and those that calls may still run on. */
  #keepVersions(now: readonly KnownFlow[], before: readonly KnownFlow[], atMs: number): KnownFlow[] {
    const current = new Set(now.map(keyOf));
    const old = before
      .filter((flow) => !current.has(keyOf(flow)))
      .map((flow) => (flow.supersededAtMs === undefined ? { ...flow, supersededAtMs: atMs } : flow));
    return [...now, ...old.filter(({ supersededAtMs = 0 }) => supersededAtMs > atMs - this.#limits.keepVersionsMs)];
  }

  async #ask<T>(database: () => Promise<T>, copy: (known: KnownIndex) => T): Promise<T> {
    const { clock } = this.#options;
    const { patienceMs, impatientMs } = this.#limits;
    const known = this.#isUsable() ? this.#index : undefined;
    // Without a copy there is nothing but the database: who asks says how long.
    if (!known) return database();
    if (clock.monotonicMs() < this.#impatientUntilMs) return copy(known);
    try {
      const answer = await withDeadline(clock, database(), patienceMs);
      if (answer !== deadlinePassed) return answer;
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
      return copy(known);
    }
    this.#impatientUntilMs = clock.monotonicMs() + impatientMs;
    return copy(known);
  }

  #isUsable(): boolean {
    return isUsable(this.#copy, this.#options.clock, this.#limits.usableMs);
  }

  /** @throws DenwabanError `DATABASE_AWAY` where a number may have been given to somebody since the copy was made. */
  #number({ numbers }: KnownIndex, written: string): AssignedNumber | undefined {
    const number = tryNormalize(written);
    const found = number === undefined ? undefined : numbers.get(number);
    const ageMs = this.#options.clock.nowMs() - (this.#copy?.readAtMs ?? 0);
    if (found || number === undefined || ageMs <= this.#limits.completeMs) return found;
    throw databaseAway('a number that was not known when it was last there');
  }
}

/** Not so old that calls are better refused than answered from it. */
export function isUsable(
  copy: KnownCopy | undefined,
  clock: Pick<Clock, 'nowMs'>,
  usableMs: number = knownLimits.usableMs,
): copy is KnownCopy {
  return copy !== undefined && clock.nowMs() - copy.readAtMs <= usableMs;
}

function keyOf({ flowId, version }: KnownFlow): string {
  return `${flowId}@${version}`;
}

/** Unchanged rows are the same objects as before. */
function hasChanged(before: KnownSettings, now: KnownSettings): boolean {
  return (Object.keys(now) as (keyof KnownSettings)[]).some((kind) => {
    const [old, young]: readonly (readonly object[])[] = [before[kind], now[kind]];
    return old?.length !== young?.length || (young ?? []).some((one, index) => one !== old?.[index]);
  });
}

function tryNormalize(number: string): string | undefined {
  try {
    return normalizePhoneNumber(number);
  } catch {
    return undefined; // Characters that no assigned number can have.
  }
}
