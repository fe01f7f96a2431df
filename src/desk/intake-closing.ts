import type { Change } from '../accounts/change.ts';
import { onRecord } from '../accounts/change.ts';
import { saveAccount } from '../accounts/manage-accounts.ts';
import { assert } from '../kernel/assert.ts';
import { DenwabanError } from '../kernel/errors.ts';
import type { Intake } from './intake.ts';
import type { IntakeStores } from './intake-store.ts';
import { deliveriesOf, makeReport, type ReportSource, saysTheSame } from './report.ts';

/**
 * Ends an intake within a transaction: the report, its deliveries, what it counts for, and the record of it, or none of
 * them. `complete` false: nobody finished it; it can still be saved later, and is then reported once more. Where the
 * account has been told all of it before (by the agent who had the caller first), nothing is sent again.
 * Says whether complaints have become a matter for operators.
 */
export async function closeIntake(
  change: Change<IntakeStores>,
  intake: Intake,
  { reportId, complete }: { reportId: string; complete: boolean },
): Promise<{ complaintsReached: boolean }> {
  const { stores, atMs } = change;
  const { intakeId, accountId } = intake;
  const account = await stores.accounts.findAccount(accountId);
  if (!account) throw new DenwabanError('ACCOUNT_UNKNOWN', `there is no account "${accountId}"`);
  const card = await stores.cards.find(accountId);
  const earlier = await stores.reports.ofIntake(intakeId);
  const before = earlier.at(-1);
  const source: ReportSource = { reportId, intake, account, card, complete, earlier, atMs };
  const report = makeReport(source);
  const isKnown = before?.complete === true && saysTheSame(before, report);
  if (!isKnown) await stores.reports.add(report);
  for (const delivery of isKnown ? [] : deliveriesOf(report, source)) await stores.outbox.add(delivery);
  const closed: Intake = {
    ...{ ...intake, version: intake.version + 1, state: complete || isKnown ? 'saved' : 'incomplete' },
    closedAtMs: isKnown ? before.createdAtMs : atMs,
  };
  assert(await stores.intakes.replace(closed, intake.version), 'an intake changed within a transaction');
  // No personal data: who did it, to which case, and how it ended.
  const deliveries = report.destinations?.length;
  const after = { callId: intake.callId, reportId, complete, outcome: intake.form.outcome, deliveries };
  if (!isKnown) await onRecord(change, 'intake.report', { kind: 'case', id: intakeId, accountId }, { after });
  // Also one that was weighed before: while it was open again it did not count with others.
  return { complaintsReached: intake.form.outcome === 'complaint' && (await weighComplaints(change, account)) };
}

/**
 * Service-rules.md, Calls 6: the system counts and warns; it suspends by itself only where the account's plan says so,
 * otherwise an operator does. True: the account's complaints have reached the number that its plan allows.
 */
async function weighComplaints(
  change: Change<IntakeStores>,
  account: NonNullable<Awaited<ReturnType<IntakeStores['accounts']['findAccount']>>>,
): Promise<boolean> {
  const { stores, atMs } = change;
  const { accountId } = account;
  // Of two complaints at the same moment one waits here for the other, and counts it.
  await stores.accounts.saveAccount(account);
  const rules = await stores.cards.rules(accountId);
  const counted = await stores.intakes.complaints({ accountId, sinceMs: rules.complaintsSinceMs });
  const complaints = counted.get(accountId) ?? 0;
  if (complaints < rules.complaintsBeforeWarning) return false;
  const program: Change = { stores, atMs, actor: { kind: 'program', name: 'complaints' } };
  const after = { complaints, limit: rules.complaintsBeforeWarning, suspension: rules.suspension };
  await onRecord(program, 'account.complaints', { kind: 'account', id: accountId, accountId }, { after });
  if (rules.suspension === 'automatic' && account.answeringService === 'active') {
    await saveAccount(program, { ...account, answeringService: 'suspended' });
  }
  return true;
}
