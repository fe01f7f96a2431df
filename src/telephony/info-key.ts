/** A key as a phone's INFO tells it. */
export interface InfoKey {
  key: string;
  durationMs: number;
}

const keys = '0123456789*#ABCD';
const words: Record<string, string> = { star: '*', asterisk: '*', pound: '#', hash: '#' };
const usualMs = 250;
const longestMs = 24_000;

/**
 * Reads a key in the forms that phones send: `Signal=5` with or without spaces, the key alone, 10 and 11 for star and hash
 * as in RFC 4733, in any case and with any line ends. Undefined for every other INFO.
 */
export function readInfoKey(contentType: string, body: string): InfoKey | undefined {
  const type = contentType.split(';')[0]?.trim().toLowerCase();
  if (type === 'application/dtmf') return keyOf(body, undefined);
  if (type !== 'application/dtmf-relay' && type !== 'application/vnd.nortelnetworks.digits') return undefined;
  const fields = new Map(
    body.split(/[\r\n]+/).map((line) => {
      const [name = '', ...value] = line.split(/[=:]/);
      return [name.trim().toLowerCase(), value.join('=').trim()] as const;
    }),
  );
  return keyOf(fields.get('signal') ?? fields.get('d') ?? body, fields.get('duration'));
}

/** The same as every switch understands it. */
export function writeInfoKey({ key, durationMs }: InfoKey): { headers: Record<string, string>; body: string } {
  const body = `Signal=${key}\r\nDuration=${durationMs}\r\n`;
  return { headers: { 'Content-Type': 'application/dtmf-relay' }, body };
}

function keyOf(text: string, duration: string | undefined): InfoKey | undefined {
  const signal = text.trim().replace(/^"(.*)"$/, '$1');
  const key = words[signal.toLowerCase()] ?? (/^\d{2}$/.test(signal) ? keys[Number(signal)] : signal.toUpperCase());
  if (key === undefined || key.length !== 1 || !keys.includes(key)) return undefined;
  const durationMs = /^\d{1,6}$/.test(duration ?? '') ? Number(duration) : 0;
  return { key, durationMs: durationMs > 0 ? Math.min(durationMs, longestMs) : usualMs };
}
