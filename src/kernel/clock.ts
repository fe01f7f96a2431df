import { readFileSync } from 'node:fs';

/** A running timer; hand it back to {@link Clock.clearTimeout}. */
export interface TimerHandle {
  readonly timer: unknown;
}

/**
 * The only source of time in the program (design.md, rule 2): injected everywhere so that tests move it by hand.
 * `nowMs` is wall-clock time (ms since the epoch) for what is recorded; `monotonicMs` never jumps and is for durations.
 */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
  /**
   * Whose monotonic clock it is, since when: times of `monotonicMs` may be compared between processes where this is the
   * same. Left out: with none.
   */
  readonly machine?: string;
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
  clearTimeout(handle: TimerHandle | undefined): void;
}

/** The machine's clock. Timers do not keep the process alive on their own account. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  machine: bootId(),
  setTimeout: (callback, delayMs) => ({ timer: setTimeout(callback, delayMs) }),
  clearTimeout: (handle) => {
    if (handle) clearTimeout(handle.timer as NodeJS.Timeout);
  },
};

/** Changes with every start of the machine; '' where it does not tell. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** Resolves after `delayMs` on the given clock. */
export function delay(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimeout(resolve, delayMs);
  });
}

/** Marks that a deadline passed before the awaited work ended. */
export const deadlinePassed: unique symbol = Symbol('deadline passed');

/**
 * Awaits `work` for at most `deadlineMs`; gives {@link deadlinePassed} when that is over first.
 * The work itself is not stopped: its later failure is swallowed on purpose, since nobody waits for it any more.
 */
export async function withDeadline<T>(
  clock: Clock,
  work: Promise<T>,
  deadlineMs: number,
): Promise<T | typeof deadlinePassed> {
  let handle: TimerHandle | undefined;
  const deadline = new Promise<typeof deadlinePassed>((resolve) => {
    handle = clock.setTimeout(() => resolve(deadlinePassed), deadlineMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clock.clearTimeout(handle);
    work.catch(() => undefined);
  }
}

/** Time in RFC 3339 with milliseconds and `Z`, from ms since the epoch. */
export function toRfc3339(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
