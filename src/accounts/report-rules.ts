import { isWithin } from '../kernel/time-window.ts';
import type { AccountCard, Destination, intakeOutcomes, ReportRule, urgencies } from './cards.ts';

/** What a rule looks at. Undefined: nobody has filled it in, and no rule holds the report back for that. */
export interface ReportedIntake {
  outcome: (typeof intakeOutcomes)[number] | undefined;
  urgency: (typeof urgencies)[number] | undefined;
  /** `personId` of whom the caller wanted; null: nobody of the card. */
  forPerson: string | null | undefined;
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
    admits(rule.outcomes, outcome) &&
    admits(rule.urgencies, urgency) &&
    admits(rule.forPersons, forPerson) &&
    (rule.when === undefined || isWithin(rule.when, atMs, timezone))
  );
}

function admits<T>(wanted: readonly T[] | undefined, given: T | null | undefined): boolean {
  return wanted === undefined || given === undefined || (given !== null && wanted.includes(given));
}
