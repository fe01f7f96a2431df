import { z } from 'zod';
import { toRfc3339 } from './clock.ts';

const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const timeOfDay = z.string().regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$/, 'HH:MM');
const date = z.string().regex(/^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$/, 'YYYY-MM-DD');

/**
 * When, in the time zone of the flow or queue that it stands in. All parts given must hold. `from` after `to` goes on
 * past midnight.
 */
export const timeWindow = z.strictObject({
  days: z.array(z.enum(days)).min(1).max(7).optional(),
  dates: z.array(date).min(1).max(400).optional().meta({ description: 'Calendar days, such as holidays' }),
  from: timeOfDay.optional().meta({ description: 'From this minute on' }),
  to: timeOfDay.optional().meta({ description: 'Until before this minute' }),
});
export type TimeWindow = z.output<typeof timeWindow>;

/** Making a formatter takes longer than a whole step: one per time zone is kept. */
const formatters = new Map<string, Intl.DateTimeFormat>();
const formattersMax = 50;

function formatter(timezone: string): Intl.DateTimeFormat {
  const known = formatters.get(timezone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-CA', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  });
  if (formatters.size >= formattersMax) formatters.clear();
  formatters.set(timezone, made);
  return made;
}

/** Whether the program knows the time zone. */
export function isTimezone(timezone: string): boolean {
  try {
    formatter(timezone);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Whether the moment (ms since the epoch) lies in the window. `days` and `dates` mean the day on which it began. */
export function isWithin(window: TimeWindow, atMs: number, timezone: string): boolean {
  return beganOn(window, atMs, timezone) !== undefined;
}

/** The local calendar day (`2026-12-31`) on which the window that holds the moment began; undefined: none does. */
export function beganOn(window: TimeWindow, atMs: number, timezone: string): string | undefined {
  const local = localTime(atMs, timezone);
  const from = minutes(window.from ?? '00:00');
  const to = minutes(window.to ?? '24:00');
  const today = from < to ? local.minute >= from && local.minute < to : local.minute >= from;
  if (today) return dayOf(window, local.dayMs);
  return from >= to && local.minute < to ? dayOf(window, local.dayMs - 86_400_000) : undefined;
}

/** The day, where it is one of the window's. */
function dayOf(window: TimeWindow, dayMs: number): string | undefined {
  const day = toRfc3339(dayMs).slice(0, 10);
  return isDay(window, dayMs, day) ? day : undefined;
}

function isDay(window: TimeWindow, dayMs: number, day: string): boolean {
  const weekday = days[(((Math.floor(dayMs / 86_400_000) + 4) % 7) + 7) % 7];
  return (
    (window.days === undefined || (weekday !== undefined && window.days.includes(weekday))) &&
    (window.dates === undefined || window.dates.includes(day))
  );
}

/** The local calendar day (as the UTC midnight of the same name) and the minute of that day. */
function localTime(atMs: number, timezone: string): { dayMs: number; minute: number } {
  const parts = new Map(
    formatter(timezone)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  return { dayMs: Date.UTC(part('year'), part('month') - 1, part('day')), minute: part('hour') * 60 + part('minute') };
}

function minutes(time: string): number {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return hour * 60 + minute;
}
