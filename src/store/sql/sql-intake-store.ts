import type { Kysely, Selectable } from 'kysely';
import { emptyForm, type Intake, type IntakeState, intakeFormSchema, requestsIn } from '../../desk/intake.ts';
import type { CallerCounts, IntakeOutcome, IntakeStore } from '../../desk/intake-store.ts';
import { DenwabanError } from '../../kernel/errors.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';
import { isUniqueViolation } from './sql-errors.ts';

/** Intakes in SQL. */
export class SqlIntakeStore implements IntakeStore {
  readonly #db: Kysely<Schema>;

  constructor(database: Pick<SqlDatabase, 'db'>) {
    this.#db = database.db;
  }

  async add(intake: Intake): Promise<void> {
    const row = { intake_id: intake.intakeId, call_id: intake.callId, ...fixed(intake), ...changing(intake) };
    try {
      await this.#db.insertInto('intakes').values(row).execute();
    } catch (error) {
      throw isUniqueViolation(error) ? existsAlready(intake, error) : error;
    }
  }

  async replace(intake: Intake, version: number): Promise<boolean> {
    const change = this.#db
      .updateTable('intakes')
      .set(changing(intake))
      .where('intake_id', '=', intake.intakeId)
      .where('version', '=', version);
    try {
      return (await change.executeTakeFirst()).numUpdatedRows > 0n;
    } catch (error) {
      throw isUniqueViolation(error) ? existsAlready(intake, error) : error;
    }
  }

  async markLeft({ intakeId, offerId }: Pick<Intake, 'intakeId' | 'offerId'>, atMs: number | undefined): Promise<void> {
    await this.#db
      .updateTable('intakes')
      .set({ left_at_ms: atMs ?? null })
      .where('intake_id', '=', intakeId)
      .where('offer_id', '=', offerId)
      .where('state', '=', 'open')
      .where('left_at_ms', atMs === undefined ? 'is not' : 'is', null)
      .execute();
  }

  async find(intakeId: string): Promise<Intake | undefined> {
    const row = await this.#all().where('intake_id', '=', intakeId).executeTakeFirst();
    return row && toIntake(row);
  }

  async ofCall(callId: string): Promise<Intake[]> {
    const rows = await this.#all().where('call_id', '=', callId).orderBy('answered_at_ms', 'desc').execute();
    return rows.map(toIntake);
  }

  async ofAgent(agentId: string, options: Parameters<IntakeStore['ofAgent']>[1]): Promise<Intake[]> {
    const { limit, state } = options;
    const newest = this.#all().where('agent_id', '=', agentId).orderBy('answered_at_ms', 'desc').limit(limit);
    const rows = await (state === undefined ? newest : newest.where('state', '=', state)).execute();
    return rows.map(toIntake);
  }

  async open({ limit, left = false }: { limit: number; left?: boolean }): Promise<Intake[]> {
    const open = this.#all().where('state', '=', 'open').orderBy('opened_at_ms').limit(limit);
    const rows = await (left ? open.where('left_at_ms', 'is not', null) : open).execute();
    return rows.map(toIntake);
  }

  async earlier(caller: Parameters<IntakeStore['earlier']>[0]): Promise<Intake[]> {
    const rows = await this.#all()
      .where('account_id', '=', caller.accountId)
      .where('caller_number', '=', caller.callerNumber)
      .where('opened_at_ms', '<', caller.beforeMs)
      .orderBy('opened_at_ms', 'desc')
      .limit(caller.limit)
      .execute();
    return rows.map(toIntake);
  }

  async callerCounts(caller: { accountId: string; callerNumber: string }): Promise<CallerCounts> {
    const rows = await this.#db
      .selectFrom('intakes')
      .select((eb) => ['outcome', eb.fn.countAll().as('cases'), eb.fn.sum('direct_requests').as('requests')])
      .where('account_id', '=', caller.accountId)
      .where('caller_number', '=', caller.callerNumber)
      .where('state', '<>', 'open')
      .groupBy('outcome')
      .execute();
    return {
      directTransferRequests: rows.reduce((sum, { requests }) => sum + Number(requests ?? 0), 0),
      complaints: Number(rows.find(({ outcome }) => outcome === 'complaint')?.cases ?? 0),
    };
  }

  async complaints(options: { sinceMs: number; accountId?: string }): Promise<Map<string, number>> {
    const query = this.#db
      .selectFrom('intakes')
      .select((eb) => ['account_id', eb.fn.countAll().as('cases')])
      .where('outcome', '=', 'complaint')
      .where('closed_at_ms', '>=', options.sinceMs)
      .groupBy('account_id')
      .orderBy('account_id');
    const { accountId } = options;
    const rows = await (accountId === undefined ? query : query.where('account_id', '=', accountId)).execute();
    return new Map(rows.map(({ account_id, cases }) => [account_id, Number(cases)]));
  }

  async outcomes(options: { accountId: string; fromMs: number; toMs: number }) {
    const rows = await this.#db
      .selectFrom('intakes')
      .select((eb) => ['outcome', eb.fn.countAll().as('cases')])
      .where('account_id', '=', options.accountId)
      .where('closed_at_ms', '>=', options.fromMs)
      .where('closed_at_ms', '<', options.toMs)
      .where('outcome', 'is not', null)
      .groupBy('outcome')
      .execute();
    return Object.fromEntries(rows.map(({ outcome, cases }) => [outcome as IntakeOutcome, Number(cases)]));
  }

  #all() {
    return this.#db.selectFrom('intakes').selectAll();
  }
}

function existsAlready({ callId }: Intake, cause: unknown): DenwabanError {
  return new DenwabanError('INTAKE_EXISTS', `call ${callId} has an intake already`, { cause });
}

function fixed({ accountId, callerNumber, learned, openedAtMs }: Intake) {
  return {
    account_id: accountId,
    caller_number: callerNumber ?? null,
    learned_json: JSON.stringify(learned),
    opened_at_ms: openedAtMs,
  };
}

function changing(intake: Intake) {
  const { agentId, queueId, offerId, form, version, state } = intake;
  const isOpen = state === 'open';
  return {
    ...{ agent_id: agentId, queue_id: queueId, offer_id: offerId, version, state },
    form_json: JSON.stringify(intakeFormSchema.parse(form)),
    answered_at_ms: intake.answeredAtMs,
    changed_at_ms: intake.changedAtMs,
    left_at_ms: intake.leftAtMs ?? null,
    closed_at_ms: intake.closedAtMs ?? null,
    outcome: isOpen ? null : form.outcome,
    direct_requests: isOpen ? null : requestsIn(form),
  };
}

function toIntake(row: Selectable<Schema['intakes']>): Intake {
  return {
    intakeId: row.intake_id,
    callId: row.call_id,
    accountId: row.account_id,
    agentId: row.agent_id,
    queueId: row.queue_id,
    offerId: row.offer_id,
    callerNumber: row.caller_number ?? undefined,
    learned: JSON.parse(row.learned_json),
    // An older program did not know every field.
    form: intakeFormSchema.parse({ ...emptyForm, ...JSON.parse(row.form_json) }),
    version: row.version,
    state: row.state as IntakeState,
    openedAtMs: row.opened_at_ms,
    answeredAtMs: row.answered_at_ms,
    changedAtMs: row.changed_at_ms,
    leftAtMs: row.left_at_ms ?? undefined,
    closedAtMs: row.closed_at_ms ?? undefined,
  };
}
