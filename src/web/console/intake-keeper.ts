import type { Clock, TimerHandle } from '../../kernel/clock.ts';
import { ApiFailure } from './api.ts';
import type { Draft } from './drafts.ts';
import type { IntakeForm, IntakeHints } from './intake-types.ts';

/**
 * `typing`: not yet sent; `failed`: the server cannot be reached, and it is tried again; `reporting`: the agent has asked
 * for the report; `report-failed`: so it is, and it is tried again; `closed`: nothing more is kept.
 */
export type KeepState = 'kept' | 'typing' | 'saving' | 'failed' | 'reporting' | 'report-failed' | 'reported' | 'closed';

/** Why the report was not made. `changed`: not as the agent saw it; `gone`: the form is another agent's now. */
export type Refusal = 'changed' | 'gone' | 'other';

export interface KeeperState {
  form: IntakeForm;
  state: KeepState;
  hints: IntakeHints;
  /** The field that keeps the report from being made, after an attempt. */
  fault: keyof IntakeForm | undefined;
  /** Asked for, and not done: until the agent asks again. */
  refusal: Refusal | undefined;
  /** Typed here, and not kept: for the agent to copy. */
  lost: Partial<IntakeForm> | undefined;
  /** Grows with each time something was kept: what was made of the form before may be old. */
  version: number;
}

/** What the keeper needs of the API. */
export interface KeeperServer {
  keep(version: number, change: Partial<IntakeForm>): Promise<{ version: number; hints: IntakeHints }>;
  /** How it stands there. */
  read(): Promise<{ version: number; form: IntakeForm; hints: IntakeHints; state: string }>;
  report(version: number): Promise<unknown>;
}

export interface KeeperParts {
  server: KeeperServer;
  clock: Clock;
  /** Keeps on this machine what the server does not have; undefined: it has all. */
  keepDraft(draft: Draft | undefined): void;
}

/** What the page knows of a form when the keeper begins. */
export interface KeeperStart {
  intakeId: string;
  accountName: string;
  answeredAtMs: number;
  version: number;
  form: IntakeForm;
  hints: IntakeHints;
  state: string;
}

const pauseMs = 300;
/** With the way to the server it is a second at most for who never pauses. */
const longestMs = 700;
const retryMs = 2_000;

const noHints: IntakeHints = { directTransferRequests: 0, complaints: 0, accountComplaints: 0, warnings: [] };

/**
 * Keeps a form as it is typed: what was typed within 0.3 s (0.7 s at most) goes to the server together, one request at a
 * time, in order, and again until it has arrived. Where another window has typed, each field's latest typing holds. Who
 * asks for the report asks once: it is tried until it is made or refused. It goes on when no page shows the form.
 */
export class IntakeKeeper {
  readonly intakeId: string;
  readonly accountName: string;
  readonly answeredAtMs: number;
  readonly #parts: KeeperParts;
  readonly #listeners = new Set<() => void>();
  #state: KeeperState;
  /** As the server has it, as far as is known. */
  #confirmed: IntakeForm;
  #pending: Partial<IntakeForm> = {};
  /** Under way, or failed underway: may have arrived. */
  #sent: Partial<IntakeForm> = {};
  #wantsReport = false;
  /** How it stands at the server has to be read before anything else. */
  #isStale = false;
  #isOfDraft = false;
  #isTroubled = false;
  #isStopped = false;
  #ended: 'reported' | 'closed' | undefined;
  #typedSinceMs: number | undefined;
  #timer: TimerHandle | undefined;
  #work: Promise<void> | undefined;

  constructor(start: KeeperStart, parts: KeeperParts) {
    const { version, form, hints, state, intakeId, accountName, answeredAtMs } = start;
    this.intakeId = intakeId;
    this.accountName = accountName;
    this.answeredAtMs = answeredAtMs;
    this.#parts = parts;
    this.#confirmed = form;
    this.#ended = state === 'saved' ? 'reported' : undefined;
    const nothing = { fault: undefined, refusal: undefined, lost: undefined };
    this.#state = { ...nothing, form, hints, version, state: this.#ended ?? 'kept' };
  }

  /** Goes on where the page was when it was closed, or its user signed out. Call {@link flush} to begin. */
  static ofDraft(draft: Draft, parts: KeeperParts): IntakeKeeper {
    const keeper = new IntakeKeeper({ ...draft, hints: noHints, state: 'open' }, parts);
    keeper.#confirmed = draft.confirmed;
    keeper.#pending = draft.change;
    keeper.#sent = draft.sent;
    keeper.#wantsReport = draft.wantsReport;
    keeper.#ended = draft.ended;
    keeper.#isStale = keeper.#isOfDraft = true;
    keeper.#show({ lost: draft.lost });
    return keeper;
  }

  /** Told of every change of {@link state}. Gives what ends it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get state(): KeeperState {
    return this.#state;
  }

  /** What would be lost, or left undone, with the page. */
  get isUnsafe(): boolean {
    return this.#ended === undefined && (this.#wantsReport || this.#hasUnkept);
  }

  /** Not while the report is being made: {@link takeBack} first. */
  type(change: Partial<IntakeForm>): void {
    if (this.#ended || this.#wantsReport) return;
    this.#pending = { ...this.#pending, ...change };
    const { form, fault } = this.#state;
    const isMended = fault !== undefined && fault in change;
    this.#show({ form: { ...form, ...change }, ...(isMended ? { fault: undefined } : {}) });
    const nowMs = this.#parts.clock.monotonicMs();
    this.#typedSinceMs ??= nowMs;
    this.#arm(Math.min(pauseMs, this.#typedSinceMs + longestMs - nowMs));
  }

  /** Sends at once what has not been sent. */
  flush(): Promise<void> {
    this.#parts.clock.clearTimeout(this.#timer);
    this.#work ??= this.#run();
    return this.#work;
  }

  /** Keeps the rest, then reports, however long it takes. What is wrong stands in `fault` or `refusal`. */
  async report(): Promise<void> {
    if (this.#ended) return;
    this.#wantsReport = true;
    this.#show({ fault: undefined, refusal: undefined });
    await this.flush();
  }

  /** The agent wants to write on: no report until it is asked for again. */
  takeBack(): void {
    this.#wantsReport = false;
    this.#show({});
  }

  /** The agent has seen what was refused or lost. */
  dismiss(): void {
    this.#show({ refusal: undefined, lost: undefined, fault: undefined });
  }

  /** What came of an earlier keeper of the same form is told here. */
  inherit({ lost }: Pick<KeeperState, 'lost'>): void {
    this.#show({ lost });
  }

  /**
   * The page is about to be gone: what waits for the answer to the request under way is sent beside it. Whichever
   * arrives first, all of it is kept.
   */
  leave(): void {
    if (this.#isStopped || this.#ended || !this.#hasPending) return;
    if (!this.#work) {
      void this.flush();
      return;
    }
    const { version } = this.#state;
    const send = (base: number, change: Partial<IntakeForm>) =>
      void this.#parts.server.keep(base, change).catch(() => undefined);
    send(version, { ...this.#sent, ...this.#pending });
    send(version + 1, this.#pending);
  }

  /** Sends nothing more; its draft stays as it is. */
  stop(): void {
    this.#isStopped = true;
    this.#parts.clock.clearTimeout(this.#timer);
  }

  get #hasPending(): boolean {
    return Object.keys(this.#pending).length > 0;
  }

  get #hasUnkept(): boolean {
    return this.#hasPending || Object.keys(this.#sent).length > 0;
  }

  #arm(inMs: number): void {
    const { clock } = this.#parts;
    clock.clearTimeout(this.#timer);
    if (!this.#isStopped) this.#timer = clock.setTimeout(() => void this.flush(), Math.max(0, inMs));
  }

  async #run(): Promise<void> {
    // Not before this run is noted as the one under way.
    await undefined;
    while (!this.#isStopped && !this.#ended) {
      const step = this.#nextStep();
      if (!step) break;
      try {
        await step();
        this.#isTroubled = false;
      } catch (error) {
        if (!this.#recover(error, step)) break;
      }
    }
    // Whoever is told of the end may ask for more at once.
    this.#work = undefined;
    this.#show({});
  }

  #nextStep(): (() => Promise<void>) | undefined {
    if (this.#isStale) return this.#catchUp;
    if (this.#hasPending) return this.#send;
    return this.#wantsReport ? this.#makeReport : undefined;
  }

  readonly #send = async (): Promise<void> => {
    const change = this.#pending;
    this.#sent = change;
    this.#pending = {};
    this.#typedSinceMs = undefined;
    this.#show({});
    try {
      const { version, hints } = await this.#parts.server.keep(this.#state.version, change);
      this.#sent = {};
      this.#confirmed = { ...this.#confirmed, ...change };
      this.#show({ version, hints });
    } catch (error) {
      // What was typed meanwhile is newer.
      this.#pending = { ...change, ...this.#pending };
      throw error;
    }
  };

  readonly #makeReport = async (): Promise<void> => {
    await this.#parts.server.report(this.#state.version);
    this.#end('reported', this.#state.form);
  };

  readonly #catchUp = async (): Promise<void> => {
    const { version, form, hints, state } = await this.#parts.server.read();
    this.#isStale = false;
    if (state === 'saved') {
      this.#end('reported', form);
      this.#show({ version, form, hints });
      return;
    }
    const lost = this.#isOfDraft ? this.#yieldTo(form) : undefined;
    this.#isOfDraft = false;
    const now = { ...form, ...this.#pending };
    const isAsSeen = same(now, this.#state.form);
    const isRefused = this.#wantsReport && !isAsSeen;
    if (isRefused) this.#wantsReport = false;
    this.#confirmed = form;
    if (!this.#hasPending) this.#sent = {};
    this.#show({ version, hints, form: now, ...(isRefused ? { refusal: 'changed' } : {}), ...(lost ? { lost } : {}) });
  };

  /** A draft may be older than what was typed elsewhere since: then that holds, and the draft's words are shown. */
  #yieldTo(form: IntakeForm): Partial<IntakeForm> | undefined {
    const fields = Object.keys(this.#pending) as (keyof IntakeForm)[];
    const isForeign = (field: keyof IntakeForm) =>
      ![this.#confirmed[field], this.#sent[field], this.#pending[field]].includes(form[field]);
    const foreign = fields.filter(isForeign);
    if (foreign.length === 0) return undefined;
    const lost = only(this.#pending, foreign);
    this.#pending = only(
      this.#pending,
      fields.filter((field) => !foreign.includes(field)),
    );
    return { ...this.#state.lost, ...lost };
  }

  /** True: it can go on at once. */
  #recover(error: unknown, step: () => Promise<void>): boolean {
    const failure = error instanceof ApiFailure ? error : undefined;
    const { status, code, path } = failure ?? { status: 0, code: '', path: undefined };
    if (code === 'INTAKE_CHANGED' || code === 'INTAKE_SAVED') {
      this.#isStale = true;
      return true;
    }
    if (status === 404 || status === 403) {
      const refusal = this.#wantsReport ? ({ refusal: 'gone' } as const) : {};
      this.#end('closed', this.#confirmed);
      this.#show(refusal);
      return false;
    }
    const isPassing = status === 0 || status === 401 || status === 408 || status === 429 || status >= 500;
    if (isPassing || step === this.#catchUp) {
      this.#isTroubled = true;
      this.#arm((failure?.retryAfterSeconds ?? 0) * 1_000 || retryMs);
      return false;
    }
    this.#refuse(step, path);
    return true;
  }

  /** It will never be taken as it is. */
  #refuse(step: () => Promise<void>, path: string | undefined): void {
    const wanted = this.#wantsReport;
    this.#wantsReport = false;
    if (step === this.#makeReport && path?.startsWith('form.')) {
      this.#show({ fault: path.slice('form.'.length) as keyof IntakeForm });
      return;
    }
    if (step === this.#send) {
      const lost = { ...this.#state.lost, ...this.#pending };
      this.#pending = this.#sent = {};
      this.#isStale = true;
      this.#show({ lost });
    }
    if (wanted) this.#show({ refusal: 'other' });
  }

  /** Nothing more will be kept. What the form there does not say, the agent is shown. */
  #end(how: 'reported' | 'closed', form: IntakeForm): void {
    const fields = Object.keys(this.#pending) as (keyof IntakeForm)[];
    const missing = fields.filter((field) => this.#pending[field] !== form[field]);
    const lost = missing.length > 0 ? { lost: { ...this.#state.lost, ...only(this.#pending, missing) } } : {};
    this.#ended = how;
    this.#wantsReport = false;
    this.#isTroubled = false;
    this.#pending = this.#sent = {};
    this.#show(lost);
  }

  #show(change: Partial<KeeperState>): void {
    this.#state = { ...this.#state, ...change };
    this.#state.state = this.#stateNow();
    if (!this.#isStopped) this.#parts.keepDraft(this.#draft());
    for (const listener of this.#listeners) listener();
  }

  #stateNow(): KeepState {
    if (this.#ended) return this.#ended;
    if (this.#wantsReport) return this.#isTroubled ? 'report-failed' : 'reporting';
    if (!this.#hasUnkept) return 'kept';
    if (this.#isTroubled) return 'failed';
    return this.#hasPending ? 'typing' : 'saving';
  }

  #draft(): Draft | undefined {
    const { form, version, lost } = this.#state;
    if (!this.isUnsafe && lost === undefined) return undefined;
    const { intakeId, accountName, answeredAtMs } = this;
    return {
      ...{
        intakeId,
        accountName,
        answeredAtMs,
        version,
        form,
        confirmed: this.#confirmed,
        wantsReport: this.#wantsReport,
      },
      ...{ sent: this.#sent, change: { ...this.#sent, ...this.#pending } },
      ...(lost === undefined ? {} : { lost }),
      ...(this.#ended ? { ended: this.#ended } : {}),
    };
  }
}

function only(form: Partial<IntakeForm>, fields: (keyof IntakeForm)[]): Partial<IntakeForm> {
  return Object.fromEntries(fields.map((field) => [field, form[field]]));
}

function same(one: IntakeForm, other: IntakeForm): boolean {
  return (Object.keys(one) as (keyof IntakeForm)[]).every((field) => one[field] === other[field]);
}
