import { useEffect, useRef, useState } from 'react';

/** The time by the server's clock, ms since the epoch; the component is drawn again each second. */
export function useNow(offsetMs: number): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNowMs(Date.now()), 1_000);
    return () => window.clearInterval(timer);
  }, []);
  return Math.max(nowMs, Date.now() - 1_000) + offsetMs;
}

/** For how long something has been so, ms, as this page has seen it. */
export function useSince(isSo: boolean, nowMs: number): number {
  const since = useRef<number | undefined>(undefined);
  since.current = isSo ? (since.current ?? nowMs) : undefined;
  return nowMs - (since.current ?? nowMs);
}

/** `0:07`, `12:34`, `1:02:03`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** `14:05`. */
export function timeOfDay(atMs: number): string {
  return new Intl.DateTimeFormat('ja', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(atMs);
}

/** `11/24 14:05`. */
export function dateAndTime(atMs: number): string {
  const date = new Intl.DateTimeFormat('ja', { month: 'numeric', day: 'numeric' }).format(atMs);
  return `${date} ${timeOfDay(atMs)}`;
}

/** Japanese numbers as they are written there, others as they are. */
export function writtenNumber(number: string): string {
  const national = number.replace(/^\+81/, '0');
  const groups =
    /^(0[5789]0)(\d{4})(\d{4})$/.exec(national) ??
    /^(0120)(\d{3})(\d{3})$/.exec(national) ??
    /^(0[36])(\d{4})(\d{4})$/.exec(national) ??
    /^(0\d{2})(\d{3})(\d{4})$/.exec(national);
  return groups ? groups.slice(1).join('-') : national;
}
