import { cpus } from 'node:os';
import { nowMicros } from './time.ts';

const FIVE_MINUTES_MS = 5 * 60_000;

/** Sessions now, at most, and a second: what `status` and HEARTBEAT tell, and what new calls are refused by. */
export class SessionCounters {
  readonly maxSessions: number;
  readonly sessionsPerSecond: number;
  readonly startedAtMicros = nowMicros();
  callsIn = 0;
  failedCallsIn = 0;
  callsOut = 0;
  failedCallsOut = 0;
  sinceStartup = 0;
  peak = 0;
  peakPerSecond = 0;
  #current = 0;
  /** Begin of each session within the last second. */
  #recent: number[] = [];
  #history: { atMs: number; sessions: number; perSecond: number }[] = [];
  #lastCpu = cpuTimes();
  #idleCpu = 100;

  constructor(maxSessions: number, sessionsPerSecond: number) {
    this.maxSessions = maxSessions;
    this.sessionsPerSecond = sessionsPerSecond;
  }

  get current(): number {
    return this.#current;
  }

  get lastPerSecond(): number {
    this.#forget(performance.now());
    return this.#recent.length;
  }

  get uptimeMicros(): number {
    return nowMicros() - this.startedAtMicros;
  }

  /** Counts a new session; false when it is one too many. */
  begin(): boolean {
    const nowMs = performance.now();
    this.#forget(nowMs);
    if (this.#current >= this.maxSessions || this.#recent.length >= this.sessionsPerSecond) return false;
    this.#recent.push(nowMs);
    this.#current += 1;
    this.sinceStartup += 1;
    this.peak = Math.max(this.peak, this.#current);
    this.peakPerSecond = Math.max(this.peakPerSecond, this.#recent.length);
    return true;
  }

  /** A session is over. */
  end(direction: 'inbound' | 'outbound', answered: boolean): void {
    this.#current -= 1;
    if (direction === 'inbound') this.callsIn += 1;
    else this.callsOut += 1;
    if (answered) return;
    if (direction === 'inbound') this.failedCallsIn += 1;
    else this.failedCallsOut += 1;
  }

  /** Call now and then: looks at the processor, and keeps the five-minute peaks. */
  sample(): void {
    const nowMs = performance.now();
    const cpu = cpuTimes();
    const total = cpu.total - this.#lastCpu.total;
    // Less than a second of processor time says nothing yet.
    if (total >= 1000) {
      this.#idleCpu = ((cpu.idle - this.#lastCpu.idle) / total) * 100;
      this.#lastCpu = cpu;
    }
    this.#history.push({ atMs: nowMs, sessions: this.#current, perSecond: this.lastPerSecond });
    this.#history = this.#history.filter((entry) => nowMs - entry.atMs < FIVE_MINUTES_MS);
  }

  /** Percent of all processors that was idle between the last two samples. */
  get idleCpu(): number {
    return this.#idleCpu;
  }

  get peakFiveMinutes(): number {
    return Math.max(this.#current, ...this.#history.map((entry) => entry.sessions));
  }

  get peakPerSecondFiveMinutes(): number {
    return Math.max(this.lastPerSecond, ...this.#history.map((entry) => entry.perSecond));
  }

  #forget(nowMs: number): void {
    while (this.#recent[0] !== undefined && nowMs - this.#recent[0] >= 1000) this.#recent.shift();
  }
}

function cpuTimes(): { idle: number; total: number } {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    total += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { idle, total };
}
