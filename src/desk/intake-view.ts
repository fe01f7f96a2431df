import type { Account } from '../accounts/accounts.ts';
import { type AccountCard, type DeskCard, deskCard } from '../accounts/cards.ts';
import { emergencyNumberFor } from '../accounts/report-rules.ts';
import { type Intake, requestsIn } from './intake.ts';
import type { IntakeStores } from './intake-store.ts';
import { callableNumber } from './intake-words.ts';

export const intakeWarnings = [
  /** The line gives no number: ask for one. Requests and complaints cannot be counted by caller. */
  'number-withheld',
  /** What stands in `phoneNumber` cannot be called. */
  'phone-number-doubtful',
  /** The caller called before with complaints. */
  'caller-complained-before',
  /** Complaints to this account have reached what its plan allows. */
  'complaints-reached',
  'account-suspended',
] as const;
export type IntakeWarning = (typeof intakeWarnings)[number];

/** What the agent must know now (service-rules.md, Calls 5 to 7). Counts include what stands in the form. */
export interface IntakeHints {
  /** Of this caller, to this account. */
  directTransferRequests: number;
  complaints: number;
  /** Of all callers to this account. */
  accountComplaints: number;
  /** Only when it may be told. */
  emergencyNumber: string | undefined;
  warnings: IntakeWarning[];
}

/** An earlier case of the same caller with the same account. */
export interface EarlierCall {
  intakeId: string;
  atMs: number;
  callerName: string;
  company: string;
  forWhom: string;
  business: string;
  callBack: Intake['form']['callBack'];
  outcome: Intake['form']['outcome'];
}

/** An intake with all that the agent needs beside it. */
export interface IntakeView {
  intake: Intake;
  account: Account | undefined;
  card: DeskCard | undefined;
  /** What the caller was called the last time. */
  callerName: string | undefined;
  earlierCalls: EarlierCall[];
  /** To how many places its last report is sent. Undefined: not reported, or before that was kept. */
  deliveries: number | undefined;
  hints: IntakeHints;
}

const earlierMax = 10;

/** Reads what belongs to an intake. */
export async function viewIntake(stores: IntakeStores, intake: Intake): Promise<IntakeView> {
  const { accountId, callerNumber, openedAtMs } = intake;
  const account = await stores.accounts.findAccount(accountId);
  const card = await stores.cards.find(accountId);
  const earlier =
    callerNumber === undefined
      ? []
      : await stores.intakes.earlier({ accountId, callerNumber, beforeMs: openedAtMs, limit: earlierMax });
  const hints = await hintsFor(stores, intake, { account, card });
  const reports = await stores.reports.ofIntake(intake.intakeId);
  const callerName = earlier.map(({ form }) => form.callerName).find((name) => name !== '');
  return {
    ...{ intake, account, callerName, hints },
    card: card && deskCard(card),
    earlierCalls: earlier.map(toEarlierCall),
    deliveries: reports.at(-1)?.destinations?.length,
  };
}

/** The counters of a caller and an account as they stand with this intake. */
export async function hintsFor(
  stores: IntakeStores,
  intake: Intake,
  known: { account: Account | undefined; card: AccountCard | undefined },
): Promise<IntakeHints> {
  const { accountId, callerNumber, form } = intake;
  const before =
    callerNumber === undefined
      ? { directTransferRequests: 0, complaints: 0 }
      : await stores.intakes.callerCounts({ accountId, callerNumber });
  const rules = await stores.cards.rules(accountId);
  const counted = await stores.intakes.complaints({ accountId, sinceMs: rules.complaintsSinceMs });
  // A reported intake is among those counted.
  const isCounted = intake.state !== 'open';
  const complainsNow = !isCounted && form.outcome === 'complaint' ? 1 : 0;
  const requests = before.directTransferRequests + (isCounted && callerNumber !== undefined ? 0 : requestsIn(form));
  const accountComplaints = (counted.get(accountId) ?? 0) + complainsNow;
  const number = form.phoneNumber.trim();
  const warnings: [IntakeWarning, boolean][] = [
    ['number-withheld', callerNumber === undefined],
    ['phone-number-doubtful', number !== '' && callableNumber(number) === undefined],
    ['caller-complained-before', before.complaints > 0],
    ['complaints-reached', accountComplaints >= rules.complaintsBeforeWarning],
    ['account-suspended', isSuspended(known.account)],
  ];
  return {
    directTransferRequests: requests,
    complaints: before.complaints + complainsNow,
    accountComplaints,
    emergencyNumber: known.card && emergencyNumberFor(known.card, requests),
    warnings: warnings.filter(([, holds]) => holds).map(([warning]) => warning),
  };
}

/** Accounts that complaints have made a matter for operators, with their counts. */
export async function complainedAccounts(
  stores: Pick<IntakeStores, 'intakes' | 'cards' | 'accounts'>,
): Promise<{ accountId: string; complaints: number; limit: number; suspended: boolean }[]> {
  const counts = await stores.intakes.complaints({ sinceMs: 0 });
  const found = [];
  for (const [accountId, ever] of counts) {
    const rules = await stores.cards.rules(accountId);
    const limit = rules.complaintsBeforeWarning;
    if (ever < limit) continue;
    const since = await stores.intakes.complaints({ accountId, sinceMs: rules.complaintsSinceMs });
    const complaints = since.get(accountId) ?? 0;
    if (complaints < limit) continue;
    const account = await stores.accounts.findAccount(accountId);
    found.push({ accountId, complaints, limit, suspended: isSuspended(account) });
  }
  return found;
}

/** Nobody is put through to people any more. */
function isSuspended(account: Account | undefined): boolean {
  return account?.status === 'suspended' || account?.answeringService === 'suspended';
}

function toEarlierCall({ intakeId, openedAtMs, form }: Intake): EarlierCall {
  const { callerName, company, forWhom, business, callBack, outcome } = form;
  return { intakeId, atMs: openedAtMs, callerName, company, forWhom, business, callBack, outcome };
}
