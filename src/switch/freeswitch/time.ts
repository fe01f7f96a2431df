const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const LONG_DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Now, in microseconds since the epoch: the unit of FreeSWITCH's times. */
export function nowMicros(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}

const pad = (value: number, width = 2) => String(value).padStart(width, '0');

/** `2026-11-22 16:18:28`, in local time. */
export function localTime(micros: number): string {
  return strftime('%Y-%m-%d %H:%M:%S', new Date(micros / 1000));
}

/** `Sun, 22 Nov 2026 16:18:28 GMT`. */
export function gmtTime(micros: number): string {
  return new Date(micros / 1000).toUTCString();
}

/** The C function of this name, for the conversions that are in use; others are left as they are. */
export function strftime(format: string, date: Date): string {
  const hour12 = date.getHours() % 12 === 0 ? 12 : date.getHours() % 12;
  const conversions: Record<string, () => string> = {
    Y: () => String(date.getFullYear()),
    y: () => pad(date.getFullYear() % 100),
    m: () => pad(date.getMonth() + 1),
    d: () => pad(date.getDate()),
    e: () => String(date.getDate()).padStart(2),
    H: () => pad(date.getHours()),
    I: () => pad(hour12),
    M: () => pad(date.getMinutes()),
    S: () => pad(date.getSeconds()),
    p: () => (date.getHours() < 12 ? 'AM' : 'PM'),
    a: () => DAYS[date.getDay()] ?? '',
    A: () => LONG_DAYS[date.getDay()] ?? '',
    b: () => MONTHS[date.getMonth()] ?? '',
    s: () => String(Math.floor(date.getTime() / 1000)),
    u: () => String(date.getDay() === 0 ? 7 : date.getDay()),
    w: () => String(date.getDay()),
    F: () => strftime('%Y-%m-%d', date),
    T: () => strftime('%H:%M:%S', date),
    R: () => strftime('%H:%M', date),
    '%': () => '%',
  };
  return format.replace(/%(.)/g, (whole, letter: string) => conversions[letter]?.() ?? whole);
}

/** `0 years, 0 days, 0 hours, 1 minute, 20 seconds, 765 milliseconds, 434 microseconds`. */
export function durationText(micros: number): string {
  const total = Math.floor(micros);
  const seconds = Math.floor(total / 1_000_000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 31_536_000), 'year'],
    [Math.floor(seconds / 86_400) % 365, 'day'],
    [Math.floor(seconds / 3600) % 24, 'hour'],
    [Math.floor(seconds / 60) % 60, 'minute'],
    [seconds % 60, 'second'],
    [Math.floor(total / 1000) % 1000, 'millisecond'],
    [total % 1000, 'microsecond'],
  ];
  return parts.map(([count, unit]) => `${count} ${unit}${count === 1 ? '' : 's'}`).join(', ');
}
