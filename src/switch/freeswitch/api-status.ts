import type { Headers } from './events.ts';
import type { SessionCounters } from './session-counters.ts';
import type { SwitchCore } from './switch-core.ts';
import { durationText } from './time.ts';

/** The FreeSWITCH whose event socket is spoken here. */
export const FREESWITCH_VERSION = '1.11.1-release~64bit';

/** `status`. */
export function statusText(core: SwitchCore): string {
  const { counters } = core;
  return [
    `UP ${durationText(counters.uptimeMicros)}`,
    'FreeSWITCH (Version 1.11.1-release  64bit) is ready',
    `${counters.sinceStartup} session(s) since startup`,
    `${counters.current} session(s) - peak ${counters.peak}, last 5min ${counters.peakFiveMinutes} `,
    `${counters.lastPerSecond} session(s) per Sec out of max ${counters.sessionsPerSecond}, peak ${counters.peakPerSecond}, last 5min ${counters.peakPerSecondFiveMinutes} `,
    `${counters.maxSessions} session(s) max`,
    `min idle cpu 0.00/${counters.idleCpu.toFixed(2)}`,
    'Current Stack Size/Max 240K/8192K',
    '',
  ].join('\n');
}

/** The headers of a HEARTBEAT: load and limits, by which clients choose among servers. */
export function heartbeatHeaders(counters: SessionCounters): Headers {
  return [
    ['Event-Info', 'System Ready'],
    ['Up-Time', durationText(counters.uptimeMicros)],
    ['FreeSWITCH-Version', FREESWITCH_VERSION],
    ['Uptime-msec', String(Math.floor(counters.uptimeMicros / 1000))],
    ['Session-Count', String(counters.current)],
    ['Max-Sessions', String(counters.maxSessions)],
    ['Session-Per-Sec', String(counters.sessionsPerSecond)],
    ['Session-Per-Sec-Last', String(counters.lastPerSecond)],
    ['Session-Per-Sec-Max', String(counters.peakPerSecond)],
    ['Session-Per-Sec-FiveMin', String(counters.peakPerSecondFiveMinutes)],
    ['Session-Since-Startup', String(counters.sinceStartup)],
    ['Session-Peak-Max', String(counters.peak)],
    ['Session-Peak-FiveMin', String(counters.peakFiveMinutes)],
    ['Idle-CPU', counters.idleCpu.toFixed(6)],
  ];
}
