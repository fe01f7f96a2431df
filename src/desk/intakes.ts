import type { Actor } from '../accounts/audit.ts';
import { assert } from '../kernel/assert.ts';
import type { Clock } from '../kernel/clock.ts';
import { DenwabanError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { emptyForm, type Intake, type IntakeFormChange, type IntakeOpening } from './intake.ts';
import { closeIntake } from './intake-closing.ts';
import type { IntakeData, IntakeStores } from './intake-store.ts';
import { callableNumber, callerNumberOf } from './intake-words.ts';

export interface IntakesOptions {
  data: IntakeData;
  clock: Clock;
  logger: Logger;
  /** A report and its deliveries are in the database. */
  onReported(): void;
}

/** Why an intake cannot be saved as it is: which field, and what is wrong with it. */
export interface FormFault {
  field: keyof Intake['form'];
  message: string;
}

export type TypeResult =
  | { outcome: 'kept'; intake: Intake }
  /** Somebody else (another window) has changed it: this is how it stands. */
  | { outcome: 'changed'; intake: Intake }
  | { outcome: 'closed' };

export type SaveResult =
  /** `deliveries`: of the last report, 0 where the account's card sends it nowhere; undefined: not kept at that time. */
  | { outcome: 'saved'; reportIds: string[]; deliveries: number | undefined }
  | { outcome: 'changed'; intake: Intake }
  | { outcome: 'unfit'; faults: FormFault[] };

const attemptsMax = 5;

/** Intakes, from the moment an agent answers until the account has its report. */
export class Intakes {
  readonly #options: IntakesOptions;
  readonly #logger: Logger;

  constructor(options: IntakesOptions) {
    this.#options = options;
    this.#logger = options.logger.child({ room: 'desk' });
  }

  /**
   * An agent has answered. A repeat changes nothing. One case a call: whoever has the caller next goes on with its
   * form, also where it has been reported; what is then changed in it is reported in place of that.
   */
  async open(opening: IntakeOpening): Promise<Intake> {
    const intakeId = newId('intake');
    return this.#inSnapshot(async ({ intakes }) => {
      const known = await intakes.ofCall(opening.callId);
      const { agentId, queueId, offerId, atMs } = opening;
      const same = known.find((intake) => intake.offerId === offerId);
      if (same) return same;
      const last = known.find(({ state }) => state === 'open') ?? known[0];
      if (!last) {
        const intake = newIntake(opening, intakeId);
        await intakes.add(intake);
        return intake;
      }
      // Heard of late: another agent has had the caller since.
      if (last.answeredAtMs > atMs) return last;
      const moved: Intake = {
        ...{ ...last, agentId, queueId, offerId, state: 'open', version: last.version + 1 },
        ...{ answeredAtMs: atMs, leftAtMs: undefined },
      };
      assert(await intakes.replace(moved, last.version), 'not a snapshot');
      return moved;
    });
  }

  /** For reading. */
  get stores(): IntakeStores {
    return this.#options.data;
  }

  find(intakeId: string): Promise<Intake | undefined> {
    return this.#options.data.intakes.find(intakeId);
  }

  /**
   * What the agent has to fill in. `busyWith`: the call that the agent talks on, or wraps up: then that call's, so that
   * nothing is ever written into another caller's form; otherwise the newest unfinished one.
   */
  async currentOf(agentId: string, busyWith: string | undefined): Promise<Intake | undefined> {
    const { intakes } = this.#options.data;
    if (busyWith === undefined) return (await intakes.ofAgent(agentId, { limit: 1, state: 'open' }))[0];
    return (await intakes.ofCall(busyWith)).find((intake) => intake.agentId === agentId);
  }

  /**
   * Keeps what was typed. The same again after a lost answer is harmless. What is typed into one that was reported as
   * incomplete makes it a case to be reported again: `open`, still left by its agent, so that it is listed and watched.
   */
  async type(intakeId: string, version: number, change: IntakeFormChange): Promise<TypeResult> {
    const { intakes } = this.#options.data;
    for (let attempt = 1; ; attempt++) {
      const intake = await intakes.find(intakeId);
      assert(intake, 'an intake was typed into that does not exist');
      const form = { ...intake.form, ...withoutGaps(change) };
      if (JSON.stringify(form) === JSON.stringify(intake.form)) return { outcome: 'kept', intake };
      if (intake.state === 'saved') return { outcome: 'closed' };
      if (intake.version !== version) return { outcome: 'changed', intake };
      const changedAtMs = this.#options.clock.nowMs();
      const typed: Intake = { ...intake, form, version: version + 1, state: 'open', changedAtMs };
      if (await intakes.replace(typed, version)) return { outcome: 'kept', intake: typed };
      assert(attempt < attemptsMax, 'a version was there and was not');
    }
  }

  /** Reports the intake, once, however often this is asked for. */
  async save(intakeId: string, version: number, actor: Actor): Promise<SaveResult> {
    const reportId = newId('report');
    let warnOf: string | undefined;
    const result = await this.#inSnapshot(async (stores): Promise<SaveResult> => {
      warnOf = undefined;
      const intake = await stores.intakes.find(intakeId);
      assert(intake, 'an intake was saved that does not exist');
      if (intake.state === 'saved') return savedAs(stores, intakeId);
      if (intake.version !== version) return { outcome: 'changed', intake };
      const faults = formFaults(intake);
      if (faults.length > 0) return { outcome: 'unfit', faults };
      const change = { stores, actor, atMs: this.#options.clock.nowMs() };
      const closed = await closeIntake(change, intake, { reportId, complete: true });
      warnOf = closed.complaintsReached ? intake.accountId : undefined;
      return savedAs(stores, intakeId);
    });
    if (result.outcome === 'saved') this.#reported(intakeId, true);
    if (warnOf !== undefined) {
      this.#logger.warn({ accountId: warnOf }, 'complaints have reached what the plan of an account allows');
    }
    return result;
  }

  /** Reports what there is of an intake that nobody has touched since `quietSinceMs`. False: somebody has. */
  async reportIncomplete(intakeId: string, quietSinceMs: number): Promise<boolean> {
    const reportId = newId('report');
    const done = await this.#inSnapshot(async (stores) => {
      const intake = await stores.intakes.find(intakeId);
      const isQuiet =
        intake?.state === 'open' &&
        intake.leftAtMs !== undefined &&
        Math.max(intake.leftAtMs, intake.changedAtMs) <= quietSinceMs;
      if (!isQuiet) return false;
      const actor: Actor = { kind: 'program', name: 'unfinished intakes' };
      const change = { stores, actor, atMs: this.#options.clock.nowMs() };
      await closeIntake(change, intake, { reportId, complete: false });
      return true;
    });
    if (done) this.#reported(intakeId, false);
    return done;
  }

  /**
   * All agents save at the end of the same hour: no more isolation than it takes. Each of these changes the intake's
   * row, and those that depend on an account's count of complaints the account's (`intake-closing.ts`).
   */
  async #inSnapshot<T>(work: (stores: IntakeStores) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#options.data.inTransaction(work, { snapshot: true });
      } catch (error) {
        // Somebody else has opened one for the call: the next look finds it. Many at one row: one of them gets on each time.
        const isPassing = error instanceof DenwabanError && ['INTAKE_EXISTS', 'TOO_BUSY'].includes(error.code);
        if (!isPassing || attempt === attemptsMax) throw error;
      }
    }
  }

  #reported(intakeId: string, complete: boolean): void {
    this.#logger.info({ intakeId, complete }, 'an intake was reported');
    this.#options.onReported();
  }
}

/** What keeps an intake from being saved: an outcome is always there, and a message says something. */
export function formFaults({ form }: Pick<Intake, 'form'>): FormFault[] {
  const { outcome, phoneNumber, callBack, business } = form;
  const faults: FormFault[] = [];
  if (outcome === null) faults.push({ field: 'outcome', message: 'choose how it ended' });
  const number = phoneNumber.trim();
  if (number !== '' && callableNumber(number) === undefined) {
    faults.push({ field: 'phoneNumber', message: 'not a number that can be called' });
  }
  if (callBack === 'wanted' && number === '') {
    faults.push({ field: 'phoneNumber', message: 'needed to call back' });
  }
  if (outcome === 'message' && callBack === 'none' && business.trim() === '') {
    faults.push({ field: 'business', message: 'a message says something, or asks to be called back' });
  }
  return faults;
}

function newIntake(opening: IntakeOpening, intakeId: string): Intake {
  const { atMs, callerNumber, ...rest } = opening;
  const number = callerNumberOf(callerNumber);
  return {
    ...rest,
    intakeId,
    callerNumber: number,
    // An extension of the account's own house, say, is nothing to call back.
    form: { ...emptyForm, phoneNumber: callableNumber(number ?? '') ?? '' },
    ...{ version: 1, state: 'open', openedAtMs: atMs, answeredAtMs: atMs, changedAtMs: atMs },
    ...{ leftAtMs: undefined, closedAtMs: undefined },
  };
}

async function savedAs(stores: Pick<IntakeStores, 'reports'>, intakeId: string): Promise<SaveResult> {
  const reports = await stores.reports.ofIntake(intakeId);
  const reportIds = reports.filter(({ complete }) => complete).map(({ reportId }) => reportId);
  return { outcome: 'saved', reportIds, deliveries: reports.at(-1)?.destinations?.length };
}

/** Only what was given. */
function withoutGaps(change: IntakeFormChange): Partial<Intake['form']> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}
