import type { DeskCard } from '../../accounts/cards.ts';
import type { TimeWindow } from '../../kernel/time-window.ts';

type Answers = DeskCard['answers'];
export type Hours = NonNullable<Answers['hours']>;

/** As people read a week here. */
export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

/** From when until when; `to` before or at `from` is of the next day. Undefined: the whole day. */
export type Span = { from: string; to: string } | undefined;

export interface Opening {
  /** In the account's time zone: which day it is there, and what time. */
  today: Weekday;
  date: string;
  time: string;
  isOpen: boolean;
  /** Today is one of the closed days; what it is called, where it is. */
  closedToday: { note: string } | undefined;
  week: { day: Weekday; spans: Span[] }[];
  /** Only on these days, apart from the week: from today on. */
  special: { dates: string[]; span: Span }[];
  /** From today on, apart from the card's holidays. */
  closedDays: string[];
}

const dayLengthMs = 86_400_000;
const formatters = new Map<string, Intl.DateTimeFormat>();

/** An account's opening hours as they are at a moment (ms since the epoch), in its own time zone. */
export function openingAt(hours: Hours, holidays: Answers['holidays'], atMs: number): Opening {
  const { date, minute } = localTime(hours.timezone, atMs);
  const windows: TimeWindow[] = hours.open.length === 0 ? [{}] : hours.open;
  const holidayOf = (day: string) => holidays.find(({ from, to }) => from <= day && day <= to);
  const isClosed = (day: string) => hours.closedDays.includes(day) || holidayOf(day) !== undefined;
  // A night shift is of the day on which it began.
  const began = windows.map((window) => beganOn(window, date, minute));
  const weekly = windows.filter(({ dates }) => dates === undefined);
  const isOn = (window: TimeWindow, day: Weekday) => window.days === undefined || window.days.includes(day);
  return {
    today: weekdayOf(date),
    date,
    time: `${Math.floor(minute / 60)}:${String(minute % 60).padStart(2, '0')}`,
    isOpen: began.some((day) => day !== undefined && !isClosed(day)),
    closedToday: isClosed(date) ? { note: holidayOf(date)?.note ?? '' } : undefined,
    week: weekdays.map((day) => ({ day, spans: sorted(weekly.filter((window) => isOn(window, day)).map(spanOf)) })),
    special: windows.flatMap((window) => {
      const dates = (window.dates ?? []).filter((day) => day >= date && isOn(window, weekdayOf(day)));
      return dates.length > 0 ? [{ dates, span: spanOf(window) }] : [];
    }),
    closedDays: hours.closedDays.filter((day) => day >= date).toSorted(),
  };
}

/** `9:30` */
export function shortTime(time: string): string {
  return time.replace(/^0(\d)/, '$1');
}

function spanOf({ from = '00:00', to = '24:00' }: TimeWindow): Span {
  return from === '00:00' && to === '24:00' ? undefined : { from, to };
}

function sorted(spans: Span[]): Span[] {
  return spans.toSorted((one, other) => (one?.from ?? '').localeCompare(other?.from ?? ''));
}

function beganOn(window: TimeWindow, date: string, minute: number): string | undefined {
  const from = minutes(window.from ?? '00:00');
  const to = minutes(window.to ?? '24:00');
  const isToday = from < to ? from <= minute && minute < to : from <= minute;
  const isSinceYesterday = from >= to && minute < to;
  const day = isToday ? date : isSinceYesterday ? dayBefore(date) : undefined;
  const isMeant =
    day !== undefined && (window.days?.includes(weekdayOf(day)) ?? true) && (window.dates?.includes(day) ?? true);
  return isMeant ? day : undefined;
}

function weekdayOf(date: string): Weekday {
  return weekdays[(new Date(date).getUTCDay() + 6) % 7] ?? 'mon';
}

function dayBefore(date: string): string {
  return new Date(Date.parse(date) - dayLengthMs).toISOString().slice(0, 10);
}

function minutes(time: string): number {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return hour * 60 + minute;
}

function localTime(timeZone: string, atMs: number): { date: string; minute: number } {
  const known = formatters.get(timeZone);
  // Of `sv` both are written as here: 2026-12-31 09:30.
  const format = known ?? new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  formatters.set(timeZone, format);
  const [date = '', time = ''] = format.format(atMs).split(' ');
  return { date, minute: minutes(time) };
}
