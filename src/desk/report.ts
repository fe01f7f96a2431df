import { isDeepStrictEqual } from 'node:util';
import type { Account } from '../accounts/accounts.ts';
import { type AccountCard, type Destination, targetOf } from '../accounts/cards.ts';
import { destinationsFor } from '../accounts/report-rules.ts';
import { toRfc3339 } from '../kernel/clock.ts';
import type { NewOutboxEntry } from '../outbox/entry.ts';
import type { Intake } from './intake.ts';
import type { Report } from './intake-store.ts';
import { callableNumber, personWanted, reportLanguage } from './intake-words.ts';
import { reportSubject, reportText } from './report-text.ts';

const defaultTimezone = 'Asia/Tokyo';

type EarlierReport = Pick<Report, 'reportId' | 'createdAtMs' | 'complete' | 'destinations'>;

/** What a report is made of. */
export interface ReportSource {
  reportId: string;
  intake: Intake;
  account: Account;
  card: AccountCard | undefined;
  /** False: nobody finished the intake. */
  complete: boolean;
  /** Reports of the same intake that were made before, oldest first: this one replaces the last. */
  earlier: readonly EarlierReport[];
  atMs: number;
}

/** The report of an intake in the account's language: words for people, fields for machines. */
export function makeReport(source: ReportSource): Report {
  const { reportId, intake, account, complete, atMs } = source;
  return {
    ...{ reportId, complete, createdAtMs: atMs, language: reportLanguage(account.language) },
    ...{ intakeId: intake.intakeId, accountId: intake.accountId, callId: intake.callId },
    outcome: intake.form.outcome,
    urgency: intake.form.urgency,
    ...contentOf(source, source.earlier.at(-1)),
    destinations: chosen(source).map(({ destinationId }) => destinationId),
  };
}

/** What it says to whoever has had `replaces` before, or nothing of the case. */
function contentOf(
  source: ReportSource,
  replaces: EarlierReport | undefined,
): Pick<Report, 'subject' | 'text' | 'fields'> {
  const { reportId, intake, account, card, complete } = source;
  const { form } = intake;
  const language = reportLanguage(account.language);
  const words = {
    reportId,
    form,
    complete,
    // Of one that said that more was to come nobody need be told that it is no longer true.
    correctsAtMs: replaces?.complete ? replaces.createdAtMs : undefined,
    accountName: account.name,
    lineNumber: intake.callerNumber,
    person: personWanted(card, form.forWhom)?.name,
    learned: intake.learned,
    atMs: intake.openedAtMs,
    timezone: card?.answers.hours?.timezone ?? defaultTimezone,
  };
  return {
    subject: reportSubject(words, language),
    text: reportText(words, language),
    fields: fieldsOf(source, replaces),
  };
}

/** The account learns nothing from the second that the first did not say. */
export function saysTheSame(one: Pick<Report, 'fields'>, other: Pick<Report, 'fields'>): boolean {
  const said = ({ fields }: Pick<Report, 'fields'>) => {
    const { reportId, replacesReportId, reportedAt, complete, ...rest } = JSON.parse(JSON.stringify(fields));
    return rest;
  };
  return isDeepStrictEqual(said(one), said(other));
}

/**
 * The deliveries of a report. Their ids are the same whenever they are made again. Who has had no report of the case
 * before is told of no correction.
 */
export function deliveriesOf(report: Report, source: ReportSource): NewOutboxEntry[] {
  const { reportId, accountId, createdAtMs } = report;
  return chosen(source).map((destination, index) => {
    const replaces = source.earlier.findLast((earlier) => wasSentTo(earlier, destination));
    const { fields, ...words } = contentOf(source, replaces);
    return {
      outboxId: `${reportId}.${index + 1}`,
      ...{ accountId, kind: 'report', channel: destination.type, createdAtMs },
      // The outbox takes JSON: what a newer program may have put in is dropped to what can be written.
      payload: { ...words, fields: JSON.parse(JSON.stringify(fields)) },
      target: targetOf(destination).target,
    };
  });
}

/**
 * Where the account's rules send it, and wherever a report of the case went before: nobody goes on with what has been
 * replaced. Not where the account's card has taken the destination away since.
 */
function chosen({ intake, card, complete, earlier }: ReportSource): Destination[] {
  if (!card) return [];
  const { form, openedAtMs: atMs } = intake;
  const person = personWanted(card, form.forWhom);
  // What an unfinished form leaves blank is not known, rather than nothing.
  const byRules = destinationsFor(card, {
    outcome: form.outcome ?? undefined,
    urgency: complete || form.urgency !== 'normal' ? form.urgency : undefined,
    forPerson: complete || person ? (person?.personId ?? null) : undefined,
    atMs,
  });
  const before = new Set(earlier.flatMap(({ destinations = [] }) => destinations));
  return card.destinations.filter((one) => byRules.includes(one) || before.has(one.destinationId));
}

/** Of a report made before that was kept it is not known: then it was. */
function wasSentTo({ destinations }: EarlierReport, { destinationId }: Destination): boolean {
  return destinations?.includes(destinationId) ?? true;
}

/** What a webhook finds in `data.fields`. Names and shapes here are a promise: add, never change. */
function fieldsOf(
  { reportId, intake, card, complete, atMs }: ReportSource,
  replaces: EarlierReport | undefined,
): Report['fields'] {
  const { form } = intake;
  const person = personWanted(card, form.forWhom);
  return {
    reportId,
    ...(replaces === undefined ? {} : { replacesReportId: replaces.reportId }),
    ...{ intakeId: intake.intakeId, callId: intake.callId, accountId: intake.accountId },
    complete,
    answeredAt: toRfc3339(intake.openedAtMs),
    reportedAt: toRfc3339(atMs),
    caller: {
      name: form.callerName,
      nameKana: form.callerNameKana,
      company: form.company,
      phoneNumber: callableNumber(form.phoneNumber) ?? form.phoneNumber,
      lineNumber: intake.callerNumber ?? null,
    },
    forWhom: person ? { personId: person.personId ?? null, name: person.name } : null,
    business: form.business,
    callBack: { wanted: form.callBack === 'wanted', when: form.callBackWhen },
    urgency: form.urgency,
    outcome: form.outcome,
    directTransferRequests: form.directTransferRequests,
    learned: intake.learned,
  };
}
