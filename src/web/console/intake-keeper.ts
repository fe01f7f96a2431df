import { ApiFailure } from './api.ts';
import type { IntakeForm, IntakeHints } from './intake-types.ts';

/** `typing`: not yet sent; `failed`: the server cannot be reached, and it is tried again; `closed`: nothing more is kept. */
export type KeepState = 'kept' | 'typing' | 'saving' | 'failed' | 'reporting' | 'reported' | 'closed';

export interface KeeperState {
  form: IntakeForm;
  state: KeepState;
  hints: IntakeHints;
  /** The field that keeps the report from being made, after an attempt. */
  fault: keyof IntakeForm | undefined;
  /** Grows with each time something was kept: what was made of the form before may be old. */
  version: number;
}

/** What the keeper needs of the API. */
export interface KeeperServer {
  keep(version: number, change: Partial<IntakeForm>): Promise<{ version: number; hints: IntakeHints }>;
  /** How it stands there. */
  read(): Promise<{ version: number; form: IntakeForm; state: string }>;
  report(version: number): Promise<unknown>;
}

const pauseMs = 300;
const retryMs = 2_000;

/**
 * Keeps a form as it is typed: what was typed within 0.3 s goes to the server together, one request at a time, in
 * order, and again until it has arrived. Where another window has typed, each field's latest typing holds.
 */
export class IntakeKeeper {
  readonly #server: KeeperServer;
  readonly #listeners = new Set<() => void>();
  #state: KeeperState;
  #pending: Partial<IntakeForm> = {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #work: Promise<void> | undefined;

  constructor(given: { version: number; form: IntakeForm; hints: IntakeHints; state: string }, server: KeeperServer) {
    const { version, form, hints } = given;
    this.#state = { form, hints, version, fault: undefined, state: given.state === 'saved' ? 'reported' : 'kept' };
    this.#server = server;
  }

  /** Told of every change of {@link state}. Gives what ends it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get state(): KeeperState {
    return this.#state;
  }

  type(change: Partial<IntakeForm>): void {
    const { state, form, fault } = this.#state;
    if (state === 'reported' || state === 'reporting' || state === 'closed') return;
    this.#pending = { ...this.#pending, ...change };
    const isMended = fault !== undefined && fault in change;
    this.#set({ form: { ...form, ...change }, state: 'typing', ...(isMended ? { fault: undefined } : {}) });
    this.#arm(pauseMs);
  }

  /** Sends at once what has not been sent. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#work ??= this.#send().finally(() => {
      this.#work = undefined;
    });
    return this.#work;
  }

  /** Keeps the rest, then reports. What is wrong stands in `fault`. */
  async report(): Promise<void> {
    if (this.#state.state === 'reported' || this.#state.state === 'closed') return;
    await this.flush();
    if (this.#hasPending) await this.flush();
    if (this.#state.state !== 'kept') return;
    this.#set({ state: 'reporting', fault: undefined });
    try {
      await this.#server.report(this.#state.version);
      this.#set({ state: 'reported' });
    } catch (error) {
      this.#set({ state: 'kept' });
      if (!(error instanceof ApiFailure)) throw error;
      if (error.status === 409) await this.#catchUp();
      else if (error.path?.startsWith('form.'))
        this.#set({ fault: error.path.slice('form.'.length) as keyof IntakeForm });
      else this.#set({ state: 'failed' });
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    if (this.#hasPending) void this.flush();
  }

  get #hasPending(): boolean {
    return Object.keys(this.#pending).length > 0;
  }

  #arm(inMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), inMs);
  }

  async #send(): Promise<void> {
    while (this.#hasPending) {
      const change = this.#pending;
      this.#pending = {};
      this.#set({ state: 'saving' });
      try {
        const { version, hints } = await this.#server.keep(this.#state.version, change);
        this.#set({ version, hints });
      } catch (error) {
        // What was typed meanwhile is newer.
        this.#pending = { ...change, ...this.#pending };
        if (!(await this.#recover(error))) return;
      }
    }
    if (this.#state.state !== 'closed') this.#set({ state: 'kept' });
  }

  /** True: it can go on at once. */
  async #recover(error: unknown): Promise<boolean> {
    const status = error instanceof ApiFailure ? error.status : 0;
    if (status === 409) return this.#catchUp();
    if (status === 404 || status === 403 || status === 401) {
      this.#pending = {};
      this.#set({ state: 'closed' });
      return false;
    }
    this.#set({ state: 'failed' });
    this.#arm(retryMs);
    return false;
  }

  async #catchUp(): Promise<boolean> {
    try {
      const { version, form, state } = await this.#server.read();
      if (state === 'saved') {
        this.#pending = {};
        this.#set({ version, form, state: 'reported' });
        return false;
      }
      this.#set({ version, form: { ...form, ...this.#pending } });
      return true;
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      this.#set({ state: 'failed' });
      this.#arm(retryMs);
      return false;
    }
  }

  #set(change: Partial<KeeperState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
