import { z } from 'zod';
import { beganOn, isTimezone, timeWindow } from '../kernel/time-window.ts';

/** When somebody is there. */
export const openingHoursSchema = z.strictObject({
  timezone: z.string().max(60).refine(isTimezone, 'a time zone such as Asia/Tokyo').default('Asia/Tokyo'),
  /** Open in any of these windows; empty = always. */
  open: z.array(timeWindow).max(50).default([]),
  /** Closed on these days (`2026-12-31`), whatever stands above; a night shift is of the day on which it begins. */
  closedDays: z.array(z.iso.date()).max(400).default([]),
});
export type OpeningHours = z.infer<typeof openingHoursSchema>;

/**
 * Whether it is open at a moment (ms since the epoch). A night shift belongs to the day on which it began: it runs to its
 * end where the next day is closed, and that of a closed day does not reach into the morning after.
 */
export function isOpen({ timezone, open, closedDays }: OpeningHours, atMs: number): boolean {
  const windows = open.length === 0 ? [{}] : open;
  return windows.some((window) => {
    const day = beganOn(window, atMs, timezone);
    return day !== undefined && !closedDays.includes(day);
  });
}

const quarterMs = 15 * 60_000;
const minuteMs = 60_000;

/** When it opens and closes from a moment on (ms since the epoch), for those who cannot reckon with time zones. */
export interface OpeningChanges {
  /** At that moment. */
  isOpen: boolean;
  /** Later, each of these. */
  changesAtMs: number[];
}

/** After `fromMs`, up to and including `toMs`. */
export function openingChanges(hours: OpeningHours, fromMs: number, toMs: number): OpeningChanges {
  const first = isOpen(hours, fromMs);
  const changesAtMs: number[] = [];
  const always = hours.open.length === 0 && hours.closedDays.length === 0;
  // Time zones differ by quarters of an hour, and change at one: nothing else changes between the minutes written.
  const minutes = [...new Set([0, ...hours.open.flatMap(({ from, to }) => [from, to].map(minuteInQuarter))])];
  minutes.sort((one, other) => one - other);
  let now = first;
  for (let quarter = Math.floor(fromMs / quarterMs); !always && quarter * quarterMs <= toMs; quarter++) {
    for (const minute of minutes) {
      const atMs = quarter * quarterMs + minute * minuteMs;
      if (atMs <= fromMs || atMs > toMs || isOpen(hours, atMs) === now) continue;
      now = !now;
      changesAtMs.push(atMs);
    }
  }
  return { isOpen: first, changesAtMs };
}

function minuteInQuarter(time = '00:00'): number {
  return Number(time.slice(3)) % 15;
}
