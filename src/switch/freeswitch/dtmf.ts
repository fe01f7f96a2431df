import type { Channel } from './channel.ts';
import type { Core, InfoRequest } from './core.ts';

/** 2,000 samples, the profile's `dtmf-duration`. */
const DEFAULT_DURATION_MS = 250;
const MAX_DURATION_MS = 24_000;
const MAX_DIGITS = 128;

/** Sends keys to the peer: `123#@200` = each for 200 ms. False when there is none in it. */
export function sendDigits(core: Core, channel: Channel, text: string): boolean {
  const [keys = '', duration] = text.split('@');
  const digits = keys
    .toUpperCase()
    .replace(/[^0-9*#A-D]/g, '')
    .slice(0, MAX_DIGITS);
  if (digits === '') return false;
  const durationMs = Number.parseInt(duration ?? '', 10);
  core.media.sendDigits(
    channel.uuid,
    digits,
    durationMs > 0 ? Math.min(durationMs, MAX_DURATION_MS) : DEFAULT_DURATION_MS,
  );
  return true;
}

/** The INFO request that tells a key. */
export function infoOfDigit(digit: string, durationMs: number): InfoRequest {
  return { contentType: 'application/dtmf-relay', body: `Signal=${digit}\r\nDuration=${durationMs}\r\n` };
}

const KEYS = '0123456789*#ABCD';

/** A key in the body of an INFO request; undefined when there is none in it. */
export function infoDigit(contentType: string, body: string): { digit: string; durationMs: number } | undefined {
  const type = contentType.split(';')[0]?.trim().toLowerCase();
  if (type === 'application/dtmf') return keyOf(body, undefined);
  if (type !== 'application/dtmf-relay') return undefined;
  const signal = /^\s*Signal\s*=\s*([^\r\n]*)/im.exec(body)?.[1];
  const duration = /^\s*Duration\s*=\s*(\d+)/im.exec(body)?.[1];
  return signal === undefined ? undefined : keyOf(signal, duration);
}

/** `10` and `11` are the star and the hash of the event numbers of RFC 4733. */
function keyOf(signal: string, duration: string | undefined): { digit: string; durationMs: number } | undefined {
  const text = signal.trim().toUpperCase();
  const digit = text.length > 1 ? KEYS[Number.parseInt(text, 10)] : text;
  if (digit === undefined || digit === '' || !KEYS.includes(digit)) return undefined;
  const durationMs = Number.parseInt(duration ?? '', 10);
  return { digit, durationMs: durationMs > 0 ? Math.min(durationMs, MAX_DURATION_MS) : DEFAULT_DURATION_MS };
}
