import { isDeepStrictEqual } from 'node:util';
import type { Account } from '../accounts/accounts.ts';
import type { AccountCard } from '../accounts/cards.ts';
import { destinationsFor } from '../accounts/report-rules.ts';
import { toRfc3339 } from '../kernel/clock.ts';
import type { NewOutboxEntry } from '../outbox/entry.ts';
import type { Intake } from './intake.ts';
import type { Report } from './intake-store.ts';
import { callableNumber, personWanted, reportLanguage } from './intake-words.ts';
import { reportSubject, reportText } from './report-text.ts';

const defaultTimezone = 'Asia/Tokyo';

/** What a report is made of. */
export interface ReportSource {
  reportId: string;
  intake: Intake;
  account: Account;
  card: AccountCard | undefined;
  /** False: nobody finished the intake. */
  complete: boolean;
  /** The report of the same intake that this one replaces. */
  replaces: Pick<Report, 'reportId' | 'createdAtMs' | 'complete'> | undefined;
  atMs: number;
}

/** The report of an intake in the account's language: words for people, fields for machines. */
export function makeReport(source: ReportSource): Report {
  const { reportId, intake, account, card, complete, replaces, atMs } = source;
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
    ...{ reportId, complete, language, createdAtMs: atMs },
    ...{ intakeId: intake.intakeId, accountId: intake.accountId, callId: intake.callId },
    outcome: form.outcome,
    urgency: form.urgency,
    subject: reportSubject(words, language),
    text: reportText(words, language),
    fields: fieldsOf(source),
    destinations: chosen(source).map(({ destinationId }) => destinationId),
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

/** The deliveries of a report, chosen by the account's rules. Their ids are the same whenever they are made again. */
export function deliveriesOf(report: Report, source: ReportSource): NewOutboxEntry[] {
  const { subject, text, reportId, accountId, createdAtMs } = report;
  // The outbox takes JSON: what a newer program may have put in is dropped to what can be written.
  const payload = { subject, text, fields: JSON.parse(JSON.stringify(report.fields)) };
  return chosen(source).map((destination, index) => ({
    outboxId: `${reportId}.${index + 1}`,
    ...{ accountId, kind: 'report', channel: destination.type, payload, createdAtMs },
    target: targetOf(destination),
  }));
}

/** Where the account's rules send it. What an unfinished form leaves blank is not known, rather than nothing. */
function chosen({ intake, card, complete }: ReportSource): AccountCard['destinations'] {
  if (!card) return [];
  const { form, openedAtMs: atMs } = intake;
  const person = personWanted(card, form.forWhom);
  return destinationsFor(card, {
    outcome: form.outcome ?? undefined,
    urgency: complete || form.urgency !== 'normal' ? form.urgency : undefined,
    forPerson: complete || person ? (person?.personId ?? null) : undefined,
    atMs,
  });
}

function targetOf(destination: AccountCard['destinations'][number]): string {
  if (destination.type === 'mail') return destination.address;
  return destination.type === 'slack' ? destination.webhookUrl : destination.url;
}

/** What a webhook finds in `data.fields`. Names and shapes here are a promise: add, never change. */
function fieldsOf({ reportId, intake, card, complete, replaces, atMs }: ReportSource): Report['fields'] {
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
