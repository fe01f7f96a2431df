import type { RecordOutcome } from '../call/telephony.ts';
import type { ChannelEvent } from './event-link.ts';
import type { KeySource } from './key-presses.ts';

/** The other channel of the bridge that an event tells of. */
export function peerOf(event: ChannelEvent, uuid: string): string {
  const [a, b] = [event.header('Bridge-A-Unique-ID'), event.header('Bridge-B-Unique-ID')];
  return (a === uuid ? b : a) ?? '';
}

/**
 * Why the application `record` ended, by its completion. Where neither key, silence nor the caller's going ended it, and
 * nobody ordered it to end, a piece could not be written, which FreeSWITCH says in no other way.
 */
export function recordOutcome(event: ChannelEvent): RecordOutcome {
  if (event.header('Answer-State') === 'hangup') return 'leg-ended';
  if (event.header('variable_playback_terminator_used')) return 'key';
  if (event.header('variable_silence_hits_exhausted') === 'true') return 'silence';
  return 'failed';
}

/** How much was recorded, where the event says so. */
export function durationOf(event: ChannelEvent): number | undefined {
  const recordedMs = Number(event.header('variable_record_ms'));
  return Number.isFinite(recordedMs) && recordedMs > 0 ? recordedMs : undefined;
}

const samplesPerMs = 8;

/** How the key of a DTMF event came, and for how long it was held. */
export function pressOf(event: ChannelEvent): { source: KeySource; durationMs: number } {
  const source = event.header('DTMF-Source') === 'RTP' ? 'rtp' : 'info';
  return { source, durationMs: Math.round(Number(event.header('DTMF-Duration') ?? 0) / samplesPerMs) };
}
