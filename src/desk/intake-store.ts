import type { AccountsStores, Transactions } from '../accounts/accounts-data.ts';
import type { intakeOutcomes, urgencies } from '../accounts/cards.ts';
import type { OutboxStore } from '../outbox/outbox-store.ts';
import type { Intake, IntakeState } from './intake.ts';

export type IntakeOutcome = (typeof intakeOutcomes)[number];
export type Urgency = (typeof urgencies)[number];

/** What a caller has been counted for with one account. */
export interface CallerCounts {
  directTransferRequests: number;
  complaints: number;
}

/** Where intakes are kept. Counts are of reported ones. */
export interface IntakeStore {
  /** @throws DenwabanError `INTAKE_EXISTS` where the call has an open one, or the offer has one. */
  add(intake: Intake): Promise<void>;
  /**
   * Replaces it where it still has this version. False: somebody else has changed it.
   * @throws DenwabanError `INTAKE_EXISTS` where it becomes open, and the call has another open one.
   */
  replace(intake: Intake, version: number): Promise<boolean>;
  /** Notes since when nobody is at it, without a new version, where it is still open and the same agent's. */
  markLeft(intake: Pick<Intake, 'intakeId' | 'offerId'>, atMs: number | undefined): Promise<void>;
  find(intakeId: string): Promise<Intake | undefined>;
  /** Those of a call, newest first. */
  ofCall(callId: string): Promise<Intake[]>;
  /** The newest by the time the agent answered; of this state where given. */
  ofAgent(agentId: string, options: { limit: number; state?: IntakeState }): Promise<Intake[]>;
  /** State `open`, oldest first. `left`: those nobody is at. */
  open(options: { limit: number; left?: boolean }): Promise<Intake[]>;
  /** What this caller had with this account before, newest first. */
  earlier(caller: { accountId: string; callerNumber: string; beforeMs: number; limit: number }): Promise<Intake[]>;
  callerCounts(caller: { accountId: string; callerNumber: string }): Promise<CallerCounts>;
  /** Complaints by account (or of this one), reported since the time. */
  complaints(options: { sinceMs: number; accountId?: string }): Promise<Map<string, number>>;
  /** How often each outcome was reported from `fromMs` until before `toMs`. */
  outcomes(options: {
    accountId: string;
    fromMs: number;
    toMs: number;
  }): Promise<Partial<Record<IntakeOutcome, number>>>;
}

/** What an account is told of an intake (対応結果の報告). Never changed; a correction is another one. */
export interface Report {
  readonly reportId: string;
  readonly intakeId: string;
  readonly accountId: string;
  readonly callId: string;
  /** ms since the epoch */
  readonly createdAtMs: number;
  /** False: nobody finished the intake. */
  readonly complete: boolean;
  /** Null: nobody chose one. */
  readonly outcome: IntakeOutcome | null;
  readonly urgency: Urgency;
  readonly language: 'ja' | 'en';
  /** As sent. Personal data, as are `text` and `fields`. */
  readonly subject: string;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** `destinationId`s of the account's card to which it was sent. Left out: reported before that was kept. */
  readonly destinations?: readonly string[];
}

/** As it is kept; `seq` grows. */
export type KeptReport = Report & { readonly seq: number };

/** Where reports are kept. */
export interface ReportStore {
  add(report: Report): Promise<void>;
  ofIntake(intakeId: string): Promise<KeptReport[]>;
  /** Newest first, of one account where given; `beforeSeq` for the next page. */
  list(options: { limit: number; beforeSeq?: number; accountId?: string }): Promise<KeptReport[]>;
  /** How many went nowhere since then, by account and outcome. */
  nowhere(options: {
    sinceMs: number;
  }): Promise<{ accountId: string; outcome: IntakeOutcome | null; count: number; newestAtMs: number }[]>;
}

export interface IntakeStores extends AccountsStores {
  intakes: IntakeStore;
  reports: ReportStore;
  outbox: Pick<OutboxStore, 'add'>;
}

/** The stores, and changes to several of them as one: a report, its deliveries, and what it counts for. */
export interface IntakeData extends IntakeStores, Transactions<IntakeStores> {}
