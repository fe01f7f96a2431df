import { z } from 'zod';
import { isTimezone, isWithin, timeWindow } from '../kernel/time-window.ts';

/** When somebody is there. */
export const openingHoursSchema = z.strictObject({
  timezone: z.string().max(60).refine(isTimezone, 'a time zone such as Asia/Tokyo').default('Asia/Tokyo'),
  /** Open in any of these windows; empty = always. */
  open: z.array(timeWindow).max(50).default([]),
  /** Closed on these days (`2026-12-31`), whatever stands above. */
  closedDays: z.array(z.iso.date()).max(400).default([]),
});
export type OpeningHours = z.infer<typeof openingHoursSchema>;

/** Whether it is open at a moment (ms since the epoch). */
export function isOpen(hours: OpeningHours, atMs: number): boolean {
  const { timezone, open, closedDays } = hours;
  if (closedDays.length > 0 && isWithin({ dates: closedDays }, atMs, timezone)) return false;
  return open.length === 0 || open.some((window) => isWithin(window, atMs, timezone));
}
