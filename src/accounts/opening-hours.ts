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
