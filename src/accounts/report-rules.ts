import { isWithin } from '../kernel/time-window.ts';
import type { AccountCard, Destination, intakeOutcomes, ReportRule, urgencies } from './cards.ts';

/** What a rule looks at. */
export interface ReportedIntake {
  outcome: (typeof intakeOutcomes)[number];
  urgency: (typeof urgencies)[number];
  /** `personId` of whom the caller wanted; undefined: nobody in particular. */
  forPerson: string | undefined;
  /** When the call was answered, ms since the epoch. */
  atMs: number;
}

/** Where the report of an intake goes: to each destination of every rule that fits, once, in the order of the card. */
export function destinationsFor(card: AccountCard, intake: ReportedIntake): Destination[] {
  const timezone = card.answers.hours?.timezone ?? 'Asia/Tokyo';
  const wanted = new Set(card.reports.filter((rule) => fits(rule, intake, timezone)).flatMap(({ send }) => send));
  return card.destinations.filter(({ destinationId }) => wanted.has(destinationId));
}

/** The emergency number, once the caller has asked so often to be put straight through (service-rules.md, Calls 5). */
export function emergencyNumberFor(card: AccountCard, requests: number): string | undefined {
  return card.emergency && requests >= card.emergency.afterRequests ? card.emergency.number : undefined;
}

function fits(rule: ReportRule, intake: ReportedIntake, timezone: string): boolean {
  const { outcome, urgency, forPerson, atMs } = intake;
  return (
    (rule.outcomes?.includes(outcome) ?? true) &&
    (rule.urgencies?.includes(urgency) ?? true) &&
    (rule.forPersons === undefined || (forPerson !== undefined && rule.forPersons.includes(forPerson))) &&
    (rule.when === undefined || isWithin(rule.when, atMs, timezone))
  );
}
