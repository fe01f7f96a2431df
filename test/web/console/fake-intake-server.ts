import { emptyForm } from '../../../src/desk/intake.ts';
import { ApiFailure } from '../../../src/web/console/api.ts';
import type { KeeperServer } from '../../../src/web/console/intake-keeper.ts';
import type { IntakeForm } from '../../../src/web/console/intake-types.ts';

export const hints = { directTransferRequests: 0, complaints: 0, accountComplaints: 0, warnings: [] };
export const offline = () => new ApiFailure(0, { code: 'OFFLINE' });
const changed = () => new ApiFailure(409, { code: 'INTAKE_CHANGED' });

/** The API's side of one intake: versions as it counts them. */
export class FakeIntakeServer implements KeeperServer {
  version = 1;
  form: IntakeForm = { ...emptyForm };
  state = 'open';
  readonly changes: Partial<IntakeForm>[] = [];
  reports = 0;
  requests = 0;
  /** Thrown by the next requests, which change nothing. */
  readonly failures: ApiFailure[] = [];
  /** Thrown by every request until it is undefined again. */
  away: ApiFailure | undefined;
  /** The next so many requests are done, and their answers lost. */
  lostAnswers = 0;
  /** Requests wait for this. */
  gate: Promise<void> | undefined;

  async keep(version: number, change: Partial<IntakeForm>) {
    await this.#arrive();
    const form = { ...this.form, ...change };
    if (JSON.stringify(form) !== JSON.stringify(this.form)) {
      if (this.state === 'saved') throw new ApiFailure(409, { code: 'INTAKE_SAVED' });
      if (version !== this.version) throw changed();
      this.changes.push(change);
      this.form = form;
      this.version += 1;
    }
    this.#answer();
    return { version: this.version, hints };
  }

  async read() {
    await this.#arrive();
    this.#answer();
    return { version: this.version, form: this.form, hints, state: this.state };
  }

  async report(version: number) {
    await this.#arrive();
    if (this.state !== 'saved') {
      if (version !== this.version) throw changed();
      if (this.form.outcome === null) throw new ApiFailure(400, { code: 'INTAKE_UNFIT', path: 'form.outcome' });
      this.state = 'saved';
      this.version += 1;
      this.reports += 1;
    }
    this.#answer();
    return {};
  }

  /** Another window types. */
  typedElsewhere(change: Partial<IntakeForm>): void {
    this.form = { ...this.form, ...change };
    this.version += 1;
  }

  async #arrive(): Promise<void> {
    this.requests += 1;
    await this.gate;
    const failure = this.failures.shift() ?? this.away;
    if (failure) throw failure;
  }

  #answer(): void {
    if (this.lostAnswers === 0) return;
    this.lostAnswers -= 1;
    throw offline();
  }
}
